"""Pure values: what the studio speaks of. No input, no output, no torch."""
