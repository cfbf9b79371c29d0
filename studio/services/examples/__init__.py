"""Use cases of the Examples step: imports, versions, table, check-up, split, insights."""
