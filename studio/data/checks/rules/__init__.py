"""One file a check: what it finds, and how it is put right. Registered in `studio.data.checks.registry`."""
