"""Which texts are near-identical: MinHash with banding, and its compiled kernels for large sets."""
