"""Which texts are near-identical: MinHash with banding."""
