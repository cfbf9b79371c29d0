"""What computes a training step: PEFT on any device, full fine-tuning, and the fused engine for processors."""
