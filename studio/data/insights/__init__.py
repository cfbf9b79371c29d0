"""Counts and a map of the questions, for the plots of the Examples step."""
