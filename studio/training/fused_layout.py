"""Weights in oneDNN's own layout: multiplied without being reordered first, and with columns that change at every step.

The product of an adapter, ``s (x A^T) B^T``, is a few more terms of the sums of ``x W^T``: with ``x A^T`` behind x and ``s B``
behind W, one product does both, and its result is not read and written again. A frozen weight is laid out once, so the
last columns have to be written where the layout keeps them; it is not documented, but marks show it.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from studio.models import processor
from studio.training.fused_ops import rounded

_TERMS: Final = 32  # of a sum that a matrix unit takes at once
_ROWS: Final = 512  # usual tokens of a product; the layout hardly depends on it


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN has a layout of its own for a weight on this processor."""
    return processor.can_pack(weight.dtype, weight.device.type)


def packed(weight: Tensor) -> Tensor:
    """A bf16 weight ``(O, I)`` in the layout that oneDNN multiplies without reordering it first."""
    return processor.pack(weight, _ROWS)


def times(x: Tensor, weight: Tensor) -> Tensor:
    """``x W^T`` for a weight of :func:`packed`."""
    return processor.multiply(x, weight)


def annex_of(inner: int, height: int, width: int) -> int:
    """How many columns to put behind a weight ``(O, I)`` for an inner product of this size, and behind its transpose.

    0 where it is not known where they are kept.
    """
    annex = rounded(inner, _TERMS)
    known = (places(height, width, annex), places(width, height, annex))
    return annex if all(found is not None for found in known) else 0


@cache
def places(height: int, width: int, annex: int) -> Tensor | None:
    """Where a weight of :func:`packed` keeps its last columns, found by looking for marks in them.

    Args:
        height: rows.
        width: columns before the last ones.
        annex: last columns.

    Returns:
        The place of each in memory, counted in numbers, int32 ``(height, annex)``; None where not each has one place.
    """
    marks = torch.arange(1, height * annex + 1).view(height, annex)
    found = torch.zeros(height * (width + annex), dtype=torch.long)
    for shift in (0, 8, 16):  # bf16 holds whole numbers up to 256
        weight = packed(pad((marks >> shift) & 255, (width, 0)).bfloat16())
        memory = _memory(weight)
        if len(memory) != len(found):  # filled up to whole blocks
            return None
        found += memory.long() << shift
    where = found.nonzero()[:, 0]
    seen, order = found[where].sort()
    return where[order].view(height, annex).int() if torch.equal(seen, marks.flatten()) else None


def address(weight: Tensor) -> int:
    """Where the numbers of a weight of :func:`packed` begin."""
    begin: int = torch.ops.mkldnn.data_ptr(weight)
    return begin


def _memory(weight: Tensor) -> Tensor:
    """A copy of the memory of a weight of :func:`packed`, bf16 ``(n,)``."""
    size: int = torch.ops.mkldnn._nbytes(weight)
    return torch.frombuffer((ctypes.c_char * size).from_address(address(weight)), dtype=torch.bfloat16).clone()
