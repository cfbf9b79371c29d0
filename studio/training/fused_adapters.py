"""The adapters of all layers as the products read them, and their derivatives as the products write them.

The optimizer wants one flat fp32 vector; a product wants matrices in the format of the base. Between the two there is one
pass a step, not one a matrix.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.training import kernels
from studio.training.fused_linear import Linear
from studio.training.fused_ops import run


class Adapters:
    """All adapters of a model.

    Args:
        linears: with their parts; get ``down``, ``up`` and ``slopes``.
        weights: flat fp32 ``(n,)``, of which the parts are views.
        lanes: threads that write derivatives.
    """

    def __init__(self, linears: Sequence[Linear], weights: Tensor, lanes: int) -> None:
        tuned = [linear for linear in linears if linear.parts]
        self._weights = weights
        self._scale = tuned[0].scale if tuned else 1.0
        sizes = [linear.parts[-1].inner.stop * sum(linear.weight.shape) for linear in tuned]
        dtype = tuned[0].weight.dtype if tuned else torch.float32
        self._matrices = torch.zeros(sum(sizes), dtype=dtype)
        self._slopes = torch.empty(lanes, sum(sizes), dtype=dtype)
        rows = []
        for linear, size, end in zip(tuned, sizes, torch.tensor(sizes).cumsum(0).tolist(), strict=True):
            rows += _place(linear, end - size, weights, self._matrices, self._slopes)
        self._table = torch.tensor(rows, dtype=torch.long).view(-1, 9)

    def refresh(self) -> None:
        """Takes over the weights as the optimizer left them."""
        run(kernels.lay_out, self._weights, self._table, self._scale, self._matrices)

    def collect(self, lane: int, gradients: Tensor) -> None:
        """Adds what a lane's products wrote to its gradients, fp32 ``(n,)``."""
        run(kernels.collect, self._slopes[lane], self._table, self._scale, gradients)


def _place(linear: Linear, start: int, weights: Tensor, matrices: Tensor, slopes: Tensor) -> list[list[int]]:
    """Gives a linear layer its matrices from ``start`` on; returns its rows of the table."""
    height, width = map(int, linear.weight.shape)
    inner = linear.parts[-1].inner.stop
    middle, end, block = start + inner * width, start + inner * (width + height), height // linear.blocks
    linear.down = matrices[start:middle].view(inner, width)
    linear.ups = list(matrices[middle:end].view(linear.blocks, block, inner))
    linear.slopes = [
        (lane[start:middle].view(inner, width), list(lane[middle:end].view(linear.blocks, inner, block)))
        for lane in slopes
    ]
    return [
        [
            int(part.a.storage_offset() - weights.storage_offset()),
            *part.a.shape,
            len(part.b),
            start + part.inner.start * width,
            middle + part.out.start * inner + part.inner.start,
            inner,
            middle + part.out.start // block * block * inner + part.inner.start * block + part.out.start % block,
            block,
        ]
        for part in linear.parts
    ]
