"""Recipes: presets by the size of the data, and settings that contradict each other."""
