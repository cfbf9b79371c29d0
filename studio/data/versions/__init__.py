"""Versions of a project's examples on disk: rows, edits, queries, differences, exports."""
