"""The files of a run that both server and worker read: events, status, adjustments, disk space."""
