"""One decoder layer with adapters: what it computes, and its derivative written out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from studio.training.fused_ops import (
    Attended,
    Packed,
    attention,
    attention_backward,
    gate,
    gate_backward,
    norm,
    norm_backward,
    product,
)
from studio.training.fused_shape import Shape

ATTENTION_IN: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
ATTENTION_OUT: Final = ("self_attn.o_proj",)
GATE_IN: Final = ("mlp.gate_proj", "mlp.up_proj")
GATE_OUT: Final = ("mlp.down_proj",)
_FEW_ROWS: Final = 16
GROUPS: Final = (ATTENTION_IN, ATTENTION_OUT, GATE_IN, GATE_OUT)


@dataclass
class Part:
    """The adapter of one linear layer within a group: where it is in the group and in the flat vectors.

    Args:
        name: of the linear layer within its decoder layer.
        out: rows of the group's output.
        inner: columns of the group's inner product.
        a: fp32 matrix A ``(r, I)``, a view of the flat weights.
        b: fp32 matrix B ``(O, r)``, a view of the flat weights.
        a_gradient: of the shape of ``a``, a view of the flat gradients.
        b_gradient: of the shape of ``b``, a view of the flat gradients.
    """

    name: str
    out: slice
    inner: slice
    a: Tensor
    b: Tensor
    a_gradient: Tensor
    b_gradient: Tensor


@dataclass
class Whole:
    """A linear layer that is tuned as a whole: what is added to its weight.

    Args:
        name: of the linear layer within its decoder layer.
        out: rows of the group's output.
        change: fp32 ``(O, I)``, a view of the flat weights; zero at first.
        gradient: of the same shape, a view of the flat gradients.
    """

    name: str
    out: slice
    change: Tensor
    gradient: Tensor


@dataclass
class Linear:
    """Linear layers that share their input, with adapters: ``y = x W^T + s (x A^T) B^T`` (Hu et al., 2021).

    Args:
        weight: frozen, of all layers one below the other, ``(O, I)``.
        parts: adapters; none where this group is not tuned, or tuned as a whole.
        wholes: layers tuned as a whole.
        scale: ``s``.
        dropout: chance with which an input of the adapters is left out in training.
    """

    weight: Tensor
    parts: list[Part] = field(default_factory=list)
    wholes: list[Whole] = field(default_factory=list)
    scale: float = 1.0
    dropout: float = 0.0
    packed: Tensor | None = None  # the weight as oneDNN wants it for a few rows; while answering only
    changed: Tensor | None = None  # the weight with its changes, where it is tuned as a whole
    down: Tensor | None = None  # A of all parts in the format of the base, (R, I)
    up: Tensor | None = None  # s B of all parts on a block diagonal, (O, R)

    def pack(self, *, tuned: bool) -> None:
        """Prepares for products of a few rows: otherwise each one reorders the whole weight first."""
        if self.weight.dtype is torch.bfloat16 and torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
            self.packed = torch.ops.mkldnn._reorder_linear_weight(self._weight(tuned), _FEW_ROWS)

    def unpack(self) -> None:
        """Gives the memory of :meth:`pack` back."""
        self.packed = None

    def _weight(self, tuned: bool) -> Tensor:
        return self.changed if tuned and self.changed is not None else self.weight

    def _base(self, x: Tensor, tuned: bool) -> Tensor:
        if self.packed is None:
            return product(x, self._weight(tuned).t())
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.packed, None, "none", [], "")
        return y

    def refresh(self) -> None:
        """Takes over the tuned values as the optimizer left them."""
        if self.wholes and self.changed is None:
            self.changed = self.weight.clone()
        for whole in self.wholes:
            _given(self.changed)[whole.out] = self.weight[whole.out] + whole.change  # summed in fp32
        if not self.parts:
            return
        inner = self.parts[-1].inner.stop
        if self.down is None or self.up is None:
            self.down = self.weight.new_empty(inner, self.weight.shape[1])
            self.up = self.weight.new_zeros(self.weight.shape[0], inner)
        for part in self.parts:
            self.down[part.inner] = part.a
            self.up[part.out, part.inner] = part.b * self.scale

    def forward(self, x: Tensor, *, tuned: bool, training: bool) -> tuple[Tensor, Passed]:
        """``x`` is ``(T, I)``; returns ``(T, O)`` and what the derivative needs."""
        y = self._base(x, tuned)
        if not tuned or self.down is None or self.up is None:
            return y, Passed(x, None, None)
        kept = None
        seen = x
        if training and self.dropout:
            kept = torch.empty_like(x).bernoulli_(1 - self.dropout).div_(1 - self.dropout)
            seen = x * kept
        inner = product(seen, self.down.t())
        return y.addmm_(inner, self.up.t()), Passed(x, inner, kept)

    def backward(self, dy: Tensor, passed: Passed, *, first: bool = False) -> Tensor | None:
        """Adds the tuned values' gradients; returns the derivative by ``x``, unless ``first`` in line needs none."""
        dx = None if first else product(dy, self._weight(True))
        if self.wholes:
            change = dy.t() @ passed.x
            for whole in self.wholes:
                whole.gradient.add_(change[whole.out])
        if self.down is None or self.up is None or passed.inner is None:
            return dx
        d_inner = product(dy, self.up)
        seen = passed.x if passed.kept is None else passed.x * passed.kept
        d_down = d_inner.t() @ seen
        d_up = dy.t() @ passed.inner
        for part in self.parts:
            part.a_gradient.add_(d_down[part.inner])
            part.b_gradient.add_(d_up[part.out, part.inner], alpha=self.scale)
        if dx is None:
            return None
        if passed.kept is None:
            return dx.addmm_(d_inner, self.down)
        return dx.addcmul_(d_inner @ self.down, passed.kept)


@dataclass(frozen=True)
class Passed:
    """What the derivative of a :class:`Linear` needs: input, inner product, dropout mask."""

    x: Tensor
    inner: Tensor | None
    kept: Tensor | None


@dataclass(frozen=True)
class Positions:
    """Of one width of a batch: rotations by theta and the causal mask."""

    tables: dict[float, tuple[Tensor, Tensor]]
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
    both_in: Passed
    both: Tensor
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
        linears: of :data:`GROUPS`, in that order.
    """

    shape: Shape
    theta: float
    norms: dict[str, Tensor]
    linears: tuple[Linear, Linear, Linear, Linear]

    def forward(
        self, x: Tensor, packed: Packed, positions: Positions, *, tuned: bool = True, training: bool = False
    ) -> tuple[Tensor, Kept]:
        """``x`` is the fp32 stream ``(T, H)``; returns the new stream and what the derivative needs."""
        shape, epsilon = self.shape, self.shape.epsilon
        dtype = self.linears[0].weight.dtype
        cos, sin = positions.tables[self.theta]
        seen, root = norm(x, self.norms["in"], epsilon)
        qkv, qkv_in = self.linears[0].forward(seen.to(dtype), tuned=tuned, training=training)
        heads = self._norm_heads(qkv)
        y, attended = attention(qkv, shape, packed, cos, sin, positions.mask)
        y, out_in = self.linears[1].forward(y, tuned=tuned, training=training)
        y, mixed = self._norm_after(y, "mixed")
        middle = x + y
        seen, middle_root = norm(middle, self.norms["middle"], epsilon)
        both, both_in = self.linears[2].forward(seen.to(dtype), tuned=tuned, training=training)
        opened, y = gate(both, shape.gelu)
        y, down_in = self.linears[3].forward(y, tuned=tuned, training=training)
        y, fed = self._norm_after(y, "fed")
        kept = Kept(
            x, root, qkv_in, heads, attended, out_in, mixed, middle, middle_root, both_in, both, opened, down_in, fed
        )
        return middle + y, kept

    def backward(self, dx: Tensor, kept: Kept, packed: Packed, positions: Positions, *, first: bool) -> Tensor:
        """Derivative of :meth:`forward` by ``x``, in fp32; ``dx`` is overwritten. The ``first`` tuned layer stops."""
        dtype = self.linears[0].weight.dtype
        cos, sin = positions.tables[self.theta]
        dy = self._norm_after_backward(dx, kept.fed, "fed")
        dy = _given(self.linears[3].backward(dy, kept.down_in))
        dy = gate_backward(dy, kept.both, kept.opened, self.shape.gelu)
        dy = _given(self.linears[2].backward(dy, kept.both_in)).float()
        dx.add_(norm_backward(dy, kept.middle, kept.middle_root, self.norms["middle"]))
        dy = self._norm_after_backward(dx, kept.mixed, "mixed")
        dy = _given(self.linears[1].backward(dy, kept.out_in))
        dy = attention_backward(dy, kept.attended, self.shape, packed, cos, sin)
        self._norm_heads_backward(dy, kept.heads)
        inner = self.linears[0].backward(dy.to(dtype), kept.qkv_in, first=first)
        if inner is None:
            return dx
        return dx.add_(norm_backward(inner.float(), kept.x, kept.root, self.norms["in"]))

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
