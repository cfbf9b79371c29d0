"""The adapters of all layers as the products read them, and their derivatives as the products write them.

The optimizer wants one flat fp32 vector; a product wants matrices in the format of the base. Between the two there is one
pass a step, not one a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from studio.training.engines.fused import kernels
from studio.training.engines.fused.linear import Linear, Part
from studio.training.engines.fused.ops import run
from studio.training.engines.fused.worker_threads import WorkerThreads


class Adapters:
    """All adapters of a model.

    Args:
        linears: with their parts, frozen; get ``down``, ``ups`` and ``grads``.
        weights: flat fp32 ``(n,)``, of which the parts are views.
    """

    def __init__(self, linears: Sequence[Linear], weights: Tensor, threads: WorkerThreads) -> None:
        tuned = [linear for linear in linears if linear.parts]
        self._weights, self._threads = weights, threads
        self._scale = tuned[0].scale if tuned else 1.0
        sizes = [linear.rank * sum(linear.weight.shape) for linear in tuned]
        dtype = tuned[0].weight.dtype if tuned else torch.float32
        self._matrices = torch.zeros(sum(sizes), dtype=dtype)
        self._slopes = torch.empty(threads.count, sum(sizes), dtype=dtype)
        rows = []
        for linear, start in zip(tuned, accumulate(sizes, initial=0), strict=False):
            _give(linear, start, self._matrices, self._slopes)
            rows += [_row(linear, part, start) for part in linear.parts]
        self._table = np.array(rows, kernels.ADAPTER)

    def refresh(self) -> None:
        """Takes over the weights as the optimizer left them."""

        def take_over(table: NDArray[np.void]) -> float:
            run(kernels.copy_adapters, self._weights, table, self._scale, self._matrices)
            return 0.0

        self._threads.run(take_over, np.array_split(self._table, self._threads.count))

    def collect(self, thread: int, gradients: Tensor) -> None:
        """Adds what a thread's products wrote to its gradients, fp32 ``(n,)``."""
        run(kernels.collect_gradients, self._slopes[thread], self._table, self._scale, gradients)


def _give(linear: Linear, start: int, matrices: Tensor, grads: Tensor) -> None:
    """Gives a linear layer its matrices, and each thread room for their derivatives, from ``start`` on."""
    rank, blocks = linear.rank, linear.blocks
    middle = start + rank * linear.width
    linear.down = matrices[start:middle].view(rank, linear.width)
    linear.ups = list(matrices[middle:][: rank * linear.height * blocks].view(blocks, linear.height, rank))
    linear.grads = [
        (
            thread[start:][: rank * linear.width].view(rank, linear.width),
            list(thread[middle:][: rank * linear.height * blocks].view(blocks, rank, linear.height)),
        )
        for thread in grads
    ]


def _row(linear: Linear, part: Part, start: int) -> tuple[int, ...]:
    """The record of an adapter, in the order of :data:`studio.training.engines.fused.kernels.ADAPTER`."""
    rank, height, width = linear.rank, linear.height, linear.width
    middle = start + rank * width
    block, out = divmod(part.out.start, height)
    matrices = (
        start + part.inner.start * width,
        middle + part.out.start * rank + part.inner.start,
        rank,
        middle + block * height * rank + part.inner.start * height + out,
        height,
    )
    return int(part.a.storage_offset()), *part.a.shape, len(part.b), *matrices
