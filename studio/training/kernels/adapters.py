"""Adapters between the flat vectors of the optimizer and the matrices that the products read and write.

A table has a row an adapter: where A begins in the flat vector, r, I, O, where A stands among the matrices, where B does
and the length of the rows it is part of, and the same for the derivative by B^T.
"""

from __future__ import annotations

from typing import Any

from studio.training.kernels.numbers import kernel, put, wide


@kernel
def lay_out(flat: Any, table: Any, scale: Any, matrices: Any) -> None:
    """Copies A, and B times ``scale``, from ``flat``, fp32 ``(n,)``, into ``matrices``, ``(m,)``."""
    for p in range(table.shape[0]):
        start, rank, width, height = table[p, 0], table[p, 1], table[p, 2], table[p, 3]
        middle = start + rank * width
        a, to = flat[start:middle], matrices[table[p, 4] : table[p, 4] + rank * width]
        for i in range(rank * width):
            put(to, i, a[i])
        for o in range(height):
            b = flat[middle + o * rank : middle + (o + 1) * rank]
            row = matrices[table[p, 5] + o * table[p, 6] : table[p, 5] + o * table[p, 6] + rank]
            for j in range(rank):
                put(row, j, scale * b[j])


@kernel
def collect(slopes: Any, table: Any, scale: Any, flat: Any) -> None:
    """Adds the derivatives by A, and by B through ``scale`` B^T, of ``slopes``, ``(m,)``, to ``flat``, fp32 ``(n,)``."""
    for p in range(table.shape[0]):
        start, rank, width, height = table[p, 0], table[p, 1], table[p, 2], table[p, 3]
        middle = start + rank * width
        a, by_a = flat[start:middle], slopes[table[p, 4] : table[p, 4] + rank * width]
        for i in range(rank * width):
            a[i] += wide(by_a[i])
        for j in range(rank):
            row = slopes[table[p, 7] + j * table[p, 8] : table[p, 7] + j * table[p, 8] + height]
            for o in range(height):
                flat[middle + o * rank + j] += scale * wide(row[o])
