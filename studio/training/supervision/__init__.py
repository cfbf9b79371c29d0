"""Who starts, watches, adopts and ends training workers: queue, supervisor, processes, diagnosis."""
