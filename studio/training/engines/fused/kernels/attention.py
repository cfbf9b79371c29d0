"""From tokens to heads and back, and the weights of attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.training.engines.fused.kernels.bf16 import exp, kernel, put, rank, ranked, wide


@kernel
def split_heads(qkv: Any, shared: Any, rows: Any, unused: Any, cos: Any, sin: Any, q: Any, k: Any, v: Any) -> None:
    """Turns queries and keys by their positions (Su et al., 2021) and sorts all three by example and head.

    Args:
        qkv: ``(T, (h + 2 k) D)``.
        shared: how many tokens at the start stand at the start of every example.
        rows: padded place of each token, ``(T,)``; the last ones may repeat a place of padding.
        unused: places of padding; 0 is written there.
        cos, sin: fp32 ``(L, D / 2)``.
        q: takes ``(B, h, L, D)``.
        k, v: take ``(B, k, L, D)``.
    """
    heads, keys, width, half = q.shape[1], k.shape[1], q.shape[2], q.shape[3] // 2
    for u in range(unused.shape[0]):
        example, place = unused[u] // width, unused[u] % width
        q[example, :, place] = 0
        k[example, :, place] = 0
        v[example, :, place] = 0
    for t in range(qkv.shape[0]):
        place = rows[t] % width
        c, s = cos[place], sin[place]
        for example in range(q.shape[0]) if t < shared else range(rows[t] // width, rows[t] // width + 1):
            for head in range(heads + keys):
                source = qkv[t, 2 * head * half : 2 * (head + 1) * half]
                out = q[example, head, place] if head < heads else k[example, head - heads, place]
                for i in range(half):
                    first, second = wide(source[i]), wide(source[half + i])
                    put(out, i, first * c[i] - second * s[i])
                    put(out, half + i, second * c[i] + first * s[i])
            for head in range(keys):
                begin = 2 * (heads + keys + head) * half
                out = v[example, head, place]
                for i in range(2 * half):
                    out[i] = qkv[t, begin + i]


@kernel
def join_heads(q: Any, k: Any, v: Any, shared: Any, rows: Any, cos: Any, sin: Any, scale: Any, qkv: Any) -> None:
    """The derivative of :func:`split_heads` by ``qkv``; queries and keys times ``scale``, the factor of the scores."""
    heads, keys, width, dim = q.shape[1], k.shape[1], q.shape[2], q.shape[3]
    half = dim // 2
    sums = np.empty(dim, np.float32)
    for t in range(qkv.shape[0]):
        place = rows[t] % width
        c, s = cos[place], sin[place]
        begin, end = (0, q.shape[0]) if t < shared else (rows[t] // width, rows[t] // width + 1)
        for head in range(heads + 2 * keys):
            out = qkv[t, head * dim : (head + 1) * dim]
            sums[:] = 0
            for example in range(begin, end):
                if head < heads:
                    source = q[example, head, place]
                elif head < heads + keys:
                    source = k[example, head - heads, place]
                else:
                    source = v[example, head - heads - keys, place]
                for i in range(dim):
                    sums[i] += wide(source[i])
            if head < heads + keys:
                for i in range(half):
                    first, second = sums[i] * scale, sums[half + i] * scale
                    put(out, i, first * c[i] + second * s[i])
                    put(out, half + i, second * c[i] - first * s[i])
            else:
                for i in range(dim):
                    put(out, i, sums[i])


@kernel
def by_token(heads: Any, rows: Any, out: Any) -> None:
    """``(B, h, L, D)`` to ``(T, h D)``."""
    count, width, dim = heads.shape[1], heads.shape[2], heads.shape[3]
    for t in range(out.shape[0]):
        example, place = rows[t] // width, rows[t] % width
        for head in range(count):
            source, begin = heads[example, head, place], head * dim
            for i in range(dim):
                out[t, begin + i] = source[i]


@kernel
def by_head(x: Any, tokens: Any, rows: Any, unused: Any, out: Any) -> None:
    """The first ``tokens`` rows of ``(T, h D)`` to ``(B, h, L, D)``; 0 in places of padding."""
    count, width, dim = out.shape[1], out.shape[2], out.shape[3]
    for u in range(unused.shape[0]):
        out[unused[u] // width, :, unused[u] % width] = 0
    for t in range(tokens):
        example, place = rows[t] // width, rows[t] % width
        for head in range(count):
            target, begin = out[example, head, place], head * dim
            for i in range(dim):
                target[i] = x[t, begin + i]


@kernel
def causal_softmax(scores: Any, width: Any, scale: Any) -> None:
    """Softmax of ``scale`` times each row over the places up to its own, in place; 0 after it.

    Args:
        scores: ``(B k, G, L)``; row r of the G stands at place r modulo L.
        scale: fp32.
    """
    line = np.empty(scores.shape[2], np.float32)
    for b in range(scores.shape[0]):
        for r in range(scores.shape[1]):
            row = scores[b, r]
            seen = r % width + 1
            best = rank(row[0])
            for i in range(seen):
                best = max(best, rank(row[i]))
            top = ranked(best)
            total = np.float32(0.0)
            for i in range(seen):
                line[i] = exp((wide(row[i]) - top) * scale)
                total += line[i]
            share = np.float32(1.0) / total
            for i in range(seen):
                put(row, i, line[i] * share)
            for i in range(seen, row.shape[0]):
                row[i] = 0


@kernel
def causal_softmax_backward(grads: Any, weights: Any, width: Any) -> None:
    """Derivative of the softmax by its argument, in place of ``grads``, the one by ``weights``; both ``(B k, G, L)``."""
    for b in range(grads.shape[0]):
        for r in range(grads.shape[1]):
            slope, weight = grads[b, r], weights[b, r]
            seen = r % width + 1
            along = np.float32(0.0)
            for i in range(seen):
                along += wide(slope[i]) * wide(weight[i])
            for i in range(seen):
                put(slope, i, (wide(slope[i]) - along) * wide(weight[i]))
            for i in range(seen, slope.shape[0]):
                slope[i] = 0
