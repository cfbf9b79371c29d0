"""Linear layers with their weights in the order, and the format, in which the processor multiplies them fastest.

bf16: oneDNN reorders a plain weight at every product; at one row a step that takes as long as the product itself. Reordered
once, a decode step takes about 0.6 of the time, with the very same results.

fp32: the weights are kept in 16 bits, as FBGEMM multiplies them with fp32 sums: half the memory is read, which is what a
product of few rows waits for, and they too are laid out once. Weights of bf16, which is what models come in, lose nothing.

The plain weight is let go.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from studio.models import processor

_LARGEST: Final = 65504.0  # that fp16 holds


class PackedLinear(nn.Module):
    """A frozen linear layer on the CPU.

    Args:
        inner: the layer to replace, in bf16.
    """

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = inner.in_features, inner.out_features, inner.bias
        self._weight = processor.pack(inner.weight.detach())

    def forward(self, x: Tensor, update: Tensor | None = None) -> Tensor:
        """``x`` of shape ``(…, inputs)`` to ``(…, outputs)``, to which an ``update`` of that shape is added before rounding."""
        return processor.multiply(x, self._weight, self.bias, update)


class HalfLinear(nn.Module):
    """A frozen linear layer on the CPU, its weight in fp16, all else in fp32.

    Args:
        inner: the layer to replace, in fp32.
    """

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features, self.bias = inner.in_features, inner.out_features, inner.bias
        self._weight = processor.pack_half(inner.weight.detach(), inner.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape ``(…, inputs)`` to ``(…, outputs)``."""
        return processor.multiply_half(x, self._weight)


def packed(layer: nn.Linear, dtype: torch.dtype, device: str) -> nn.Module:
    """The layer as it is multiplied fastest here; itself where there is nothing better.

    Args:
        layer: frozen.
    """
    if processor.can_pack(dtype, device):
        return PackedLinear(layer)
    if processor.can_pack_half(dtype, device) and float(layer.weight.detach().abs().amax()) <= _LARGEST:
        return HalfLinear(layer)
    return layer
