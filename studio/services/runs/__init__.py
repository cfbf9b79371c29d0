"""Use cases of runs: estimates, start, control, views, comparison."""
