"""One decoder layer with adapters: what it computes, and its derivative written out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.training.fused_linear import Linear, Passed
from studio.training.fused_ops import (
    Attended,
    Packed,
    Turns,
    attention,
    attention_backward,
    gate,
    gate_backward,
    norm,
    norm_backward,
)
from studio.training.fused_shape import Shape


@dataclass(frozen=True)
class Positions:
    """Of a batch: rotations by theta and the causal mask."""

    turns: dict[float, Turns]
    mask: Tensor


@dataclass(frozen=True)
class Kept:
    """What one layer's derivative needs."""

    x: Tensor
    root: Tensor
    qkv_in: Passed
    heads: tuple[Tensor, Tensor] | None
    attended: Attended
    out_in: Passed
    mixed: tuple[Tensor, Tensor] | None
    middle: Tensor
    middle_root: Tensor
    gate_in: Passed
    up_in: Passed
    g: Tensor
    u: Tensor
    opened: Tensor
    down_in: Passed
    fed: tuple[Tensor, Tensor] | None


@dataclass
class Layer:
    """One decoder layer.

    Args:
        shape: of the model.
        theta: base of its rotary frequencies.
        norms: fp32 weights by name: ``in``, ``middle``, and where the model has them ``q``, ``k``, ``mixed``, ``fed``.
        linears: of :data:`studio.training.fused_linear.GROUPS`, in that order.
    """

    shape: Shape
    theta: float
    norms: dict[str, Tensor]
    linears: tuple[Linear, Linear, Linear, Linear, Linear]

    def forward(
        self, x: Tensor, packed: Packed, positions: Positions, *, tuned: bool = True, training: bool = False
    ) -> tuple[Tensor, Kept]:
        """``x`` is the fp32 stream ``(T, H)``; returns the new stream and what the derivative needs."""
        shape, epsilon = self.shape, self.shape.epsilon
        dtype = self.linears[0].weight.dtype
        seen, root = norm(x, self.norms["in"], epsilon)
        qkv, qkv_in = self.linears[0].forward(seen.to(dtype), tuned=tuned, training=training)
        heads = self._norm_heads(qkv)
        y, attended = attention(qkv, shape, packed, positions.turns[self.theta], positions.mask)
        y, out_in = self.linears[1].forward(y, tuned=tuned, training=training)
        y, mixed = self._norm_after(y, "mixed")
        middle = y.float().add_(x)
        seen, middle_root = norm(middle, self.norms["middle"], epsilon)
        seen = seen.to(dtype)
        g, gate_in = self.linears[2].forward(seen, tuned=tuned, training=training)
        u, up_in = self.linears[3].forward(seen, tuned=tuned, training=training)
        opened, y = gate(g, u, shape.gelu)
        y, down_in = self.linears[4].forward(y, tuned=tuned, training=training)
        y, fed = self._norm_after(y, "fed")
        first, second = (x, root, qkv_in, heads, attended, out_in, mixed), (middle, middle_root, gate_in, up_in)
        return y.float().add_(middle), Kept(*first, *second, g, u, opened, down_in, fed)

    def backward(self, dx: Tensor, kept: Kept, packed: Packed, positions: Positions, *, first: bool) -> Tensor:
        """Derivative of :meth:`forward` by ``x``, in fp32; ``dx`` is overwritten. The ``first`` tuned layer stops."""
        dtype = self.linears[0].weight.dtype
        dy = self._norm_after_backward(dx, kept.fed, "fed")
        dy = _given(self.linears[4].backward(dy, kept.down_in, packed.lane))
        dg, du = gate_backward(dy, kept.g, kept.u, kept.opened, self.shape.gelu)
        dy = _given(self.linears[3].backward(du, kept.up_in, packed.lane)).float()
        dy.add_(_given(self.linears[2].backward(dg, kept.gate_in, packed.lane)).float())
        norm_backward(dy, kept.middle, kept.middle_root, self.norms["middle"], into=dx)
        dy = self._norm_after_backward(dx, kept.mixed, "mixed")
        dy = _given(self.linears[1].backward(dy, kept.out_in, packed.lane))
        dy = attention_backward(dy, kept.attended, self.shape, packed, positions.turns[self.theta])
        self._norm_heads_backward(dy, kept.heads)
        inner = self.linears[0].backward(dy.to(dtype), kept.qkv_in, packed.lane, first=first)
        if inner is None:
            return dx
        return norm_backward(inner.float(), kept.x, kept.root, self.norms["in"], into=dx)

    def _norm_heads(self, qkv: Tensor) -> tuple[Tensor, Tensor] | None:
        """Norms queries and keys in place, a head at a time; returns what was there and the roots."""
        if not self.shape.head_norms:
            return None
        view = self._turned(qkv)
        before = view.to(torch.float32, copy=True)
        normed, root = norm(before, self._head_weights(), self.shape.epsilon)
        view.copy_(normed)
        return before, root

    def _norm_heads_backward(self, dy: Tensor, heads: tuple[Tensor, Tensor] | None) -> None:
        if heads is None:
            return
        view = self._turned(dy)
        view.copy_(norm_backward(view.float(), *heads, self._head_weights()))

    def _turned(self, qkv: Tensor) -> Tensor:
        """Queries and keys as ``(T, h + k, D)``."""
        heads = self.shape.heads + self.shape.kv_heads
        return qkv[:, : heads * self.shape.head_dim].view(-1, heads, self.shape.head_dim)

    def _head_weights(self) -> Tensor:
        """``(h + k, D)``."""
        q = self.norms["q"].expand(self.shape.heads, -1)
        return torch.cat((q, self.norms["k"].expand(self.shape.kv_heads, -1)))

    def _norm_after(self, y: Tensor, name: str) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        if not self.shape.sandwich:
            return y, None
        before = y.float()
        normed, root = norm(before, self.norms[name], self.shape.epsilon)
        return normed, (before, root)

    def _norm_after_backward(self, dx: Tensor, kept: tuple[Tensor, Tensor] | None, name: str) -> Tensor:
        dtype = self.linears[0].weight.dtype
        if kept is None:
            return dx.to(dtype)
        return norm_backward(dx.clone(), *kept, self.norms[name]).to(dtype)


@dataclass(frozen=True)
class Again:
    """What is enough to compute a layer a second time (Chen et al., 2016): its input, and the state of the dice.

    Args:
        x: stream that went in, ``(T, H)``.
        dice: of torch, so that dropout leaves out the same.
    """

    x: Tensor
    dice: Tensor

    def computed(self, layer: Layer, packed: Packed, positions: Positions) -> Kept:
        """What the derivative of the layer needs."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.dice)
            return layer.forward(self.x, packed, positions, training=True)[1]


def _given(found: Tensor | None) -> Tensor:
    assert found is not None  # only the first group of the first layer stops
    return found
