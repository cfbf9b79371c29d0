"""Gates of the feed-forward part: SiLU (Elfwing et al., 2017), and GELU in its tanh form (Hendrycks and Gimpel, 2016).

Both are ``g sigmoid(g (slope + bend g^2))``: SiLU with slope 1 and bend 0; GELU with slope ``2 sqrt(2 / pi)`` and
0.044715 of that as bend, since ``(1 + tanh z) / 2 = sigmoid(2 z)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from studio.training.engines.fused.kernels.bf16 import exp, kernel, put, wide


@kernel
def gate(g: Any, u: Any, slope: Any, bend: Any, y: Any) -> None:
    """``y = g sigmoid(g (slope + bend g^2)) u``, all ``(T, I)``; ``slope`` and ``bend`` are fp32."""
    for t in range(g.shape[0]):
        gated, up, out = g[t], u[t], y[t]
        for i in range(gated.shape[0]):
            value = wide(gated[i])
            inner = value * (slope + bend * value * value)
            put(out, i, value / (np.float32(1.0) + exp(-inner)) * wide(up[i]))


@kernel
def gate_backward(dy: Any, g: Any, u: Any, slope: Any, bend: Any, dg: Any, du: Any) -> None:
    """Derivatives of :func:`gate`, by ``g`` into ``dg`` and by ``u`` into ``du``."""
    for t in range(g.shape[0]):
        given, gated, up, by_gated, by_up = dy[t], g[t], u[t], dg[t], du[t]
        for i in range(gated.shape[0]):
            value, above = wide(gated[i]), wide(given[i])
            square = bend * value * value
            opened = np.float32(1.0) / (np.float32(1.0) + exp(-value * (slope + square)))
            steep = value * (np.float32(1.0) - opened) * (slope + np.float32(3.0) * square)
            put(by_gated, i, above * wide(up[i]) * opened * (np.float32(1.0) + steep))
            put(by_up, i, above * value * opened)
