"""The check-up of examples: the scanner makes facts of them, rules read the facts, the registry knows every rule."""
