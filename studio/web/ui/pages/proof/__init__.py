"""The Proof screen: the final exam, its verdict, every question, other tests, the blind vote, all versions."""
