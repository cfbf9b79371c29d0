"""Linear layers of the fused engine: a frozen weight, laid out once for its products, and what is tuned on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from studio.training import kernels
from studio.training.fused_ops import product, run

ATTENTION_IN: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
ATTENTION_OUT: Final = ("self_attn.o_proj",)
GATE: Final = ("mlp.gate_proj",)
UP: Final = ("mlp.up_proj",)
DOWN: Final = ("mlp.down_proj",)
GROUPS: Final = (ATTENTION_IN, ATTENTION_OUT, GATE, UP, DOWN)
_ROWS: Final = 512  # usual tokens of a product; oneDNN's layout hardly depends on it


@dataclass
class Part:
    """The adapter of one linear layer within a group: where it is in the group and in the flat vectors.

    Args:
        name: of the linear layer within its decoder layer.
        out: rows of the group's output.
        inner: columns of the group's inner product.
        a: fp32 matrix A ``(r, I)``, a view of the flat weights.
        b: fp32 matrix B ``(O, r)``, a view of the flat weights.
        slopes: gradients of ``a`` and of ``b`` a lane, views of the lanes' flat gradients.
    """

    name: str
    out: slice
    inner: slice
    a: Tensor
    b: Tensor
    slopes: list[tuple[Tensor, Tensor]]


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


@dataclass(frozen=True)
class Passed:
    """What the derivative of a :class:`Linear` needs: input, inner product, dropout mask."""

    x: Tensor
    inner: Tensor | None
    kept: Tensor | None


@dataclass
class Linear:
    """Linear layers that share their input, with adapters: ``y = x W^T + s (x A^T) B^T`` (Hu et al., 2021).

    Args:
        weight: of all layers one below the other, ``(O, I)``; an empty stand-in of that shape once it is frozen.
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
    ahead: Tensor | None = None  # the weight as oneDNN wants it for ``x W^T``
    back: Tensor | None = None  # and for ``dy W``
    changed: Tensor | None = None  # the weight with its changes, where it is tuned as a whole
    down: Tensor | None = None  # A of all parts in the format of the base, (R, I)
    up: Tensor | None = None  # s B of all parts on a block diagonal, (O, R)

    def freeze(self) -> None:
        """Lays a weight that stays as it is out for its products; otherwise each of them would do that anew."""
        if not self.wholes and _can_pack(self.weight):
            self.ahead, self.back = packed(self.weight), packed(self.weight.t().contiguous())
            self.weight = self.weight.new_empty(1).expand(self.weight.shape)

    def pack(self, *, tuned: bool) -> None:
        """Prepares a weight that is tuned as a whole for the many small products of an answer."""
        if self.wholes and _can_pack(self.weight):
            self.ahead = packed(self._weight(tuned))

    def unpack(self) -> None:
        """Gives the memory of :meth:`pack` back."""
        if self.wholes:
            self.ahead = None

    def refresh(self) -> None:
        """Takes over the tuned values as the optimizer left them."""
        if self.wholes and self.changed is None:
            self.changed = self.weight.clone()
        for whole in self.wholes:
            assert self.changed is not None
            self.changed[whole.out] = self.weight[whole.out] + whole.change  # summed in fp32
        if not self.parts:
            return
        inner = self.parts[-1].inner.stop
        if self.down is None or self.up is None:
            self.down = torch.empty(inner, self.weight.shape[1], dtype=self.weight.dtype)
            self.up = torch.zeros(self.weight.shape[0], inner, dtype=self.weight.dtype)
        for part in self.parts:
            self.down[part.inner] = part.a
            self.up[part.out, part.inner] = part.b * self.scale

    def forward(self, x: Tensor, *, tuned: bool, training: bool) -> tuple[Tensor, Passed]:
        """``x`` is ``(T, I)``; returns ``(T, O)`` and what the derivative needs."""
        y = product(x, self._weight(tuned).t()) if self.ahead is None else times(x, self.ahead)
        if not tuned or self.down is None or self.up is None:
            return y, Passed(x, None, None)
        kept = None
        seen = x
        if training and self.dropout:
            kept = torch.empty_like(x).bernoulli_(1 - self.dropout).div_(1 - self.dropout)
            seen = x * kept
        inner = product(seen, self.down.t())
        return y.addmm_(inner, self.up.t()), Passed(x, inner, kept)

    def backward(self, dy: Tensor, passed: Passed, lane: int, *, first: bool = False) -> Tensor | None:
        """Adds the tuned values' gradients; returns the derivative by ``x``, unless ``first`` in line needs none."""
        dx = None
        if not first:
            dx = product(dy, self._weight(True)) if self.back is None else times(dy, self.back)
        if self.wholes:
            change = dy.t() @ passed.x
            for whole in self.wholes:
                whole.gradient.add_(change[whole.out])
        if self.down is None or self.up is None or passed.inner is None:
            return dx
        d_inner = product(dy, self.up)
        seen = passed.x if passed.kept is None else passed.x * passed.kept
        d_down = d_inner.t() @ seen
        d_up = passed.inner.t() @ dy
        for part in self.parts:
            a, b = part.slopes[lane]
            run(kernels.accumulate, a, d_down[part.inner], 1.0)
            run(kernels.accumulate, b, d_up[part.inner, part.out].t(), self.scale)
        if dx is None:
            return None
        if passed.kept is None:
            return dx.addmm_(d_inner, self.down)
        return dx.addcmul_(d_inner @ self.down, passed.kept)

    def _weight(self, tuned: bool) -> Tensor:
        return self.changed if tuned and self.changed is not None else self.weight


def packed(weight: Tensor) -> Tensor:
    """A bf16 weight ``(O, I)`` in the layout that oneDNN multiplies without reordering it first."""
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, _ROWS)
    return laid_out


def times(x: Tensor, weight: Tensor) -> Tensor:
    """``x W^T`` for a weight of :func:`packed`."""
    y: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return y


def _can_pack(weight: Tensor) -> bool:
    return weight.dtype is torch.bfloat16 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
