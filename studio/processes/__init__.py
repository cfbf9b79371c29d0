"""Child processes: their environment, their limits, how they are waited for, and how they end with their parent."""
