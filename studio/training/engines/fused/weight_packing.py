"""Frozen weights in oneDNN's own layout: multiplied without being reordered first, where the processor has such a layout."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from studio.models import processor

_ROWS: Final = 512  # usual tokens of a product; the layout hardly depends on it


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN has a layout of its own for a weight on this processor."""
    return processor.can_pack(weight.dtype, weight.device.type)


def packed(weight: Tensor) -> Tensor:
    """A bf16 weight ``(O, I)`` in the layout that oneDNN multiplies without reordering it first."""
    return processor.pack(weight, _ROWS)


def times(x: Tensor, weight: Tensor, update: Tensor | None = None) -> Tensor:
    """``x W^T + update`` for a weight of :func:`packed`."""
    return processor.multiply(x, weight, update=update)
