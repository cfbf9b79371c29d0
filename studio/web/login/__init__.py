"""The password page: its HTML and its style."""
