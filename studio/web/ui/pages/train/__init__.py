"""Step 3: choose how much time to give, start, watch it learn, lay runs over each other, search for better settings."""
