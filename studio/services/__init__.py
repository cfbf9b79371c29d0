"""Use cases: what a button, a command or an API route calls. They know nothing of screens."""
