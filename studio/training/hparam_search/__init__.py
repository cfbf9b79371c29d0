"""A search for the best settings, and cross-validation: trials in one folder, by successive halving."""
