"""Gates of the feed-forward part."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from studio.training.kernels.numbers import exp, kernel, put, wide

_ROOT_2_OVER_PI: Final = np.float32(0.7978845608028654)
_GELU: Final = np.float32(0.044715)


@kernel
def silu_gate(g: Any, u: Any, y: Any) -> None:
    """``y = g sigmoid(g) u``, all ``(T, I)``."""
    for t in range(g.shape[0]):
        gate, up, out = g[t], u[t], y[t]
        for i in range(gate.shape[0]):
            value = wide(gate[i])
            put(out, i, value / (np.float32(1.0) + exp(-value)) * wide(up[i]))


@kernel
def silu_gate_backward(dy: Any, g: Any, u: Any) -> None:
    """Derivatives of :func:`silu_gate`: by ``g`` left in ``dy``, by ``u`` in ``u``."""
    for t in range(g.shape[0]):
        slope, gate, up = dy[t], g[t], u[t]
        for i in range(gate.shape[0]):
            value, given = wide(gate[i]), wide(slope[i])
            opened = np.float32(1.0) / (np.float32(1.0) + exp(-value))
            turned = opened * (np.float32(1.0) + value * (np.float32(1.0) - opened))
            put(slope, i, given * wide(up[i]) * turned)
            put(up, i, given * value * opened)


@kernel
def gelu_gate(g: Any, u: Any, y: Any) -> None:
    """``y = gelu(g) u`` with the tangent's approximation (Hendrycks and Gimpel, 2016), all ``(T, I)``."""
    for t in range(g.shape[0]):
        gate, up, out = g[t], u[t], y[t]
        for i in range(gate.shape[0]):
            value = wide(gate[i])
            inner = np.float32(2.0) * _ROOT_2_OVER_PI * (value + _GELU * value * value * value)
            put(out, i, value / (np.float32(1.0) + exp(-inner)) * wide(up[i]))  # (1 + tanh z) / 2 = sigmoid(2 z)


@kernel
def gelu_gate_backward(dy: Any, g: Any, u: Any) -> None:
    """Derivatives of :func:`gelu_gate`: by ``g`` left in ``dy``, by ``u`` in ``u``."""
    for t in range(g.shape[0]):
        slope, gate, up = dy[t], g[t], u[t]
        for i in range(gate.shape[0]):
            value, given = wide(gate[i]), wide(slope[i])
            inner = np.float32(2.0) * _ROOT_2_OVER_PI * (value + _GELU * value * value * value)
            opened = np.float32(1.0) / (np.float32(1.0) + exp(-inner))
            steep = np.float32(2.0) * _ROOT_2_OVER_PI * (np.float32(1.0) + np.float32(3.0) * _GELU * value * value)
            put(slope, i, given * wide(up[i]) * opened * (np.float32(1.0) + value * (np.float32(1.0) - opened) * steep))
            put(up, i, given * value * opened)
