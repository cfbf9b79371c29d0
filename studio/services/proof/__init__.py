"""The final exam of a run: started, watched, stopped, read."""
