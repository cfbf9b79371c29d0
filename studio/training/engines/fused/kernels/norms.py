"""Norms, and the sum of two streams."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.training.engines.fused.kernels.bf16 import kernel, put, wide


@kernel
def norm(x: Any, weight: Any, epsilon: Any, seen: Any, rstd: Any) -> None:
    """Root-mean-square norm (Zhang and Sennrich, 2019) of each row.

    Args:
        x: ``(T, H)``.
        weight: fp32 ``(H,)``.
        epsilon: fp32, added to the mean square.
        seen: takes the normed rows, ``(T, H)``.
        rstd: takes the reciprocal roots, fp32 ``(T,)``.
    """
    for t in range(x.shape[0]):
        row, out = x[t], seen[t]
        squares = np.float32(0.0)
        for i in range(row.shape[0]):
            squares += wide(row[i]) * wide(row[i])
        scale = np.float32(1.0) / np.sqrt(squares / np.float32(row.shape[0]) + epsilon)
        rstd[t] = scale
        for i in range(row.shape[0]):
            put(out, i, wide(row[i]) * scale * weight[i])


@kernel
def add(x: Any, y: Any, into: Any) -> None:
    """``into = x + y``; ``x`` and ``into`` fp32, all ``(T, H)``."""
    for t in range(x.shape[0]):
        left, right, out = x[t], y[t], into[t]
        for i in range(left.shape[0]):
            out[i] = left[i] + wide(right[i])


@kernel
def norm_backward(dy: Any, x: Any, rstd: Any, weight: Any, dx: Any) -> None:
    """Derivative of :func:`norm` by ``x``.

    Args:
        dy: derivative by the normed rows, ``(T, H)``.
        x, rstd, weight: as in :func:`norm`.
        dx: takes the derivative, ``(T, H)``.
    """
    for t in range(x.shape[0]):
        row, slope, out, scale = x[t], dy[t], dx[t], rstd[t]
        along = np.float32(0.0)
        for i in range(row.shape[0]):
            along += wide(slope[i]) * weight[i] * wide(row[i])
        along *= -scale * scale * scale / np.float32(row.shape[0])
        for i in range(row.shape[0]):
            put(out, i, wide(slope[i]) * weight[i] * scale + wide(row[i]) * along)


@kernel
def norm_backward_onto(dy: Any, more: Any, x: Any, rstd: Any, weight: Any, into: Any, copy: Any) -> None:
    """Adds the derivative of :func:`norm` by ``x`` to ``into``, and writes the sum into ``copy`` as well.

    Args:
        dy: derivative by the normed rows, ``(T, H)``.
        more: a second part of it, ``(T, H)``, or ``(0, H)`` where there is none.
        x: fp32 ``(T, H)``.
        rstd, weight: as in :func:`norm`.
        into: fp32 ``(T, H)``.
        copy: ``(T, H)``.
    """
    both = more.shape[0] > 0
    sums = np.empty(x.shape[1], np.float32)
    for t in range(x.shape[0]):
        row, left, out, short, scale = x[t], dy[t], into[t], copy[t], rstd[t]
        if both:
            right = more[t]
            for i in range(row.shape[0]):
                sums[i] = (wide(left[i]) + wide(right[i])) * weight[i]
        else:
            for i in range(row.shape[0]):
                sums[i] = wide(left[i]) * weight[i]
        along = np.float32(0.0)
        for i in range(row.shape[0]):
            along += sums[i] * row[i]
        along *= -scale * scale * scale / np.float32(row.shape[0])
        for i in range(row.shape[0]):
            value = out[i] + sums[i] * scale + row[i] * along
            out[i] = value
            put(short, i, value)


@kernel
def norm_heads(qkv: Any, weight: Any, epsilon: Any, before: Any, rstd: Any) -> None:
    """Norms queries and keys in place, each head for itself.

    Args:
        qkv: ``(T, (h + 2 k) D)``.
        weight: fp32 ``(h + k, D)``.
        epsilon: fp32, added to the mean square.
        before: takes what was there, ``(T, (h + k) D)``.
        rstd: takes the reciprocal roots, fp32 ``(T, h + k)``.
    """
    heads, dim = weight.shape
    for t in range(qkv.shape[0]):
        for head in range(heads):
            row, kept, w = qkv[t, head * dim : (head + 1) * dim], before[t, head * dim : (head + 1) * dim], weight[head]
            squares = np.float32(0.0)
            for i in range(dim):
                kept[i] = row[i]
                squares += wide(row[i]) * wide(row[i])
            scale = np.float32(1.0) / np.sqrt(squares / np.float32(dim) + epsilon)
            rstd[t, head] = scale
            for i in range(dim):
                put(row, i, wide(kept[i]) * scale * w[i])


@kernel
def norm_heads_backward(grads: Any, before: Any, rstd: Any, weight: Any) -> None:
    """Derivative of :func:`norm_heads` by ``qkv``, in place of ``grads``, ``(T, (h + 2 k) D)``."""
    heads, dim = weight.shape
    for t in range(grads.shape[0]):
        for head in range(heads):
            slope, row = grads[t, head * dim : (head + 1) * dim], before[t, head * dim : (head + 1) * dim]
            w, scale, along = weight[head], rstd[t, head], np.float32(0.0)
            for i in range(dim):
                along += wide(slope[i]) * w[i] * wide(row[i])
            along *= -scale * scale * scale / np.float32(dim)
            for i in range(dim):
                put(slope, i, wide(slope[i]) * w[i] * scale + wide(row[i]) * along)
