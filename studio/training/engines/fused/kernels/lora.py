"""Adapters between the flat vectors of the optimizer, the matrices that products read and write."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from studio.training.engines.fused.kernels.bf16 import kernel, put, wide

# Of each adapter; what begins somewhere is counted in numbers.
ADAPTER: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "flat",  # where A begins in the flat vectors; B follows
            "rank",
            "width",  # of A, (rank, width)
            "height",  # of B, (height, rank)
            "down",  # where A stands among the matrices, and the derivative by it among the derivatives
            "up",  # where B stands among the matrices
            "up_row",  # numbers from one row of it to the next
            "by_up",  # where the derivative by B^T stands among the derivatives
            "by_up_row",
        )
    ]
)


@kernel
def copy_adapters(flat: Any, table: Any, scale: Any, matrices: Any) -> None:
    """Copies adapters to where the products read them.

    Args:
        flat: fp32 ``(n,)``.
        table: records of :data:`ADAPTER`.
        scale: factor of B, fp32.
        matrices: ``(m,)``.
    """
    for p in range(table.shape[0]):
        part = table[p]
        rank, width = part.rank, part.width
        middle = part.flat + rank * width
        a, down = flat[part.flat : middle], matrices[part.down : part.down + rank * width]
        for i in range(rank * width):
            put(down, i, a[i])
        for o in range(part.height):
            b = flat[middle + o * rank : middle + (o + 1) * rank]
            up = matrices[part.up + o * part.up_row : part.up + o * part.up_row + rank]
            for j in range(rank):
                put(up, j, scale * b[j])


@kernel
def collect_gradients(grads: Any, table: Any, scale: Any, flat: Any) -> None:
    """Adds derivatives by A, and by ``scale`` B^T, to the flat gradients.

    Args:
        grads: as the products wrote them, ``(m,)``.
        table: records of :data:`ADAPTER`.
        scale: factor of B, fp32.
        flat: fp32 ``(n,)``.
    """
    for p in range(table.shape[0]):
        part = table[p]
        rank, width, height = part.rank, part.width, part.height
        middle = part.flat + rank * width
        a, by_a = flat[part.flat : middle], grads[part.down : part.down + rank * width]
        for i in range(rank * width):
            a[i] += wide(by_a[i])
        for j in range(rank):
            row = grads[part.by_up + j * part.by_up_row : part.by_up + j * part.by_up_row + height]
            for o in range(height):
                flat[middle + o * rank + j] += scale * wide(row[o])
