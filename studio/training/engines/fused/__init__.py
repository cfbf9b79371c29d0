"""The training engine for processors: each layer's forward and backward pass with LoRA, fused by hand."""
