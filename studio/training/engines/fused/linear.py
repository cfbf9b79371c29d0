"""Linear layers of the fused engine: a frozen weight, laid out once for its products, and what is tuned on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor

from studio.models.processor import can_pack, multiply, pack
from studio.training.engines.fused.ops import product

ATTENTION_IN: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
ATTENTION_OUT: Final = ("self_attn.o_proj",)
GATE_AND_UP: Final = ("mlp.gate_proj", "mlp.up_proj")
DOWN: Final = ("mlp.down_proj",)
GROUPS: Final = (ATTENTION_IN, ATTENTION_OUT, GATE_AND_UP, DOWN)
_ROWS: Final = 512  # usual tokens of a product; the layout hardly depends on it
BLOCKS: Final = (1, 1, 2, 1)  # of the groups; gate and up as one product would make long sums and strided halves


@dataclass
class Part:
    """The adapter of one linear layer within a group: where it is in the group and in the flat vectors.

    Args:
        a: fp32 matrix A ``(r, I)``, a view of the flat weights.
        b: fp32 matrix B ``(O, r)``, a view of the flat weights.
    """

    name: str
    out: slice
    inner: slice
    a: Tensor
    b: Tensor


@dataclass
class FullUpdate:
    """A linear layer that is tuned as a whole: what is added to its weight.

    Args:
        change: fp32 ``(O, I)``, a view of the flat weights; zero at first.
        gradient: of the same shape, a view of the flat gradients.
    """

    name: str
    out: slice
    change: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class SavedActivations:
    """What the derivative of a :class:`Linear` needs: input, inner product, dropout mask."""

    x: Tensor
    inner: Tensor | None
    kept: Tensor | None


@dataclass
class Linear:
    """Linear layers that share their input, with adapters: ``y = x W^T + s (x A^T) B^T`` (Hu et al., 2021).

    Args:
        weight: of all layers one below the other, ``(O, I)``; an empty stand-in of that shape once it is frozen.
        blocks: of rows, alike in size, each with a product and a result of its own.
        parts: adapters; none where this group is not tuned, or tuned as a whole.
        scale: ``s``.
        dropout: chance with which an input of the adapters is left out in training.
    """

    weight: Tensor
    blocks: int = 1
    parts: list[Part] = field(default_factory=list)
    full_updates: list[FullUpdate] = field(default_factory=list)
    scale: float = 1.0
    dropout: float = 0.0
    ahead: list[Tensor] = field(default_factory=list)  # blocks of the weight as oneDNN wants them for ``x W^T``
    back: list[Tensor] = field(default_factory=list)  # and for ``dy W``
    changed: Tensor | None = None  # the weight with its changes, where it is tuned as a whole
    down: Tensor | None = None  # A of all parts in the format of the base, (R, I)
    ups: Sequence[Tensor] = ()  # s B of the parts of each block, on a block diagonal, (O / blocks, R)
    grads: Sequence[tuple[Tensor, Sequence[Tensor]]] = ()  # a thread: derivatives by `down`, and by `ups` transposed

    @property
    def rank(self) -> int:
        """R, the ranks of all parts together."""
        return int(self.parts[-1].inner.stop)

    @property
    def height(self) -> int:
        """Rows of a block."""
        return int(self.weight.shape[0]) // self.blocks

    @property
    def width(self) -> int:
        """Columns of a block: the input features."""
        return int(self.weight.shape[1])

    def freeze(self) -> None:
        """Lays a weight that stays as it is out for its products; otherwise each of them would do that anew."""
        if self.full_updates or not can_pack(self.weight.dtype, self.weight.device.type):
            return
        blocks = self.weight.chunk(self.blocks)
        self.ahead = [pack(w, _ROWS) for w in blocks]
        self.back = [pack(w.t().contiguous(), _ROWS) for w in blocks]
        self.weight = self.weight.new_empty(1).expand(self.weight.shape)

    def pack(self, *, tuned: bool) -> None:
        """Prepares a weight that is tuned as a whole for the many small products of an answer."""
        if self.full_updates and can_pack(self.weight.dtype, self.weight.device.type):
            self.ahead = [pack(weight, _ROWS) for weight in self._weights(tuned)]

    def unpack(self) -> None:
        """Gives the memory of :meth:`pack` back."""
        if self.full_updates:
            self.ahead = []

    def refresh(self) -> None:
        """Takes over what is tuned as a whole as the optimizer left it."""
        if self.full_updates and self.changed is None:
            self.changed = self.weight.clone()
        for whole in self.full_updates:
            assert self.changed is not None
            self.changed[whole.out] = self.weight[whole.out] + whole.change  # summed in fp32

    def forward(self, x: Tensor, *, tuned: bool, training: bool) -> tuple[list[Tensor], SavedActivations]:
        """Computes the layers.

        Args:
            x: ``(T, I)``.
            training: whether dropout does.

        Returns:
            ``(T, O / blocks)`` of each block, and what the derivative needs.
        """
        if not tuned or self.down is None:
            return [*self._products(x, tuned)], SavedActivations(x, None, None)
        kept, seen = None, x
        if training and self.dropout:
            kept = torch.empty_like(seen).bernoulli_(1 - self.dropout).div_(1 - self.dropout)
            seen = seen * kept
        inner = seen @ self.down.t()  # before the large products, while x is still near the core
        if self.ahead:
            ys = [multiply(x, weight, update=inner @ up.t()) for weight, up in zip(self.ahead, self.ups, strict=True)]
        else:
            ys = [y.addmm_(inner, up.t()) for y, up in zip(self._products(x, tuned), self.ups, strict=True)]
        return ys, SavedActivations(x, inner, kept)

    def backward(
        self, dys: Sequence[Tensor], saved: SavedActivations, thread: int, *, first: bool = False
    ) -> list[Tensor]:
        """Adds the tuned values' gradients.

        Args:
            dys: derivatives by the results, ``(T, O / blocks)`` each.
            saved: of :meth:`forward`.
            first: whether nothing below is tuned.

        Returns:
            The derivative by ``x`` as a sum of ``(T, I)``, one of each block; nothing for the ``first``.
        """
        if self.full_updates:
            changes = [dy.t() @ saved.x for dy in dys]
            for whole in self.full_updates:
                block, start = divmod(whole.out.start, len(changes[0]))
                whole.gradient.add_(changes[block][start : start + len(whole.change)])
        if self.down is None or saved.inner is None:
            return [] if first else self._products_back(dys)
        by_down, by_ups = self.grads[thread]
        parts = []
        for dy, up, by_up in zip(dys, self.ups, by_ups, strict=True):
            parts.append(dy @ up)
            torch.mm(saved.inner.t(), dy, out=by_up)
        d_inner = parts[0] if len(parts) == 1 else torch.stack(parts).sum(0)
        torch.mm(d_inner.t(), saved.x if saved.kept is None else saved.x * saved.kept, out=by_down)
        if first:
            return []
        update = d_inner @ self.down
        return self._products_back(dys, update if saved.kept is None else update.mul_(saved.kept))

    def _products(self, x: Tensor, tuned: bool) -> Iterator[Tensor]:
        if self.ahead:
            return (multiply(x, weight) for weight in self.ahead)
        return (product(x, weight.t()) for weight in self._weights(tuned))

    def _products_back(self, dys: Sequence[Tensor], update: Tensor | None = None) -> list[Tensor]:
        """``dy W`` of each block, the first with ``update`` added."""
        updates = [update, *[None] * (len(dys) - 1)]
        if self.back:
            return [multiply(dy, weight, update=more) for dy, weight, more in zip(dys, self.back, updates, strict=True)]
        dxs = [product(dy, weight) for dy, weight in zip(dys, self._weights(True), strict=True)]
        if update is not None:
            dxs[0].add_(update)
        return dxs

    def _weights(self, tuned: bool) -> tuple[Tensor, ...]:
        return (self.changed if tuned and self.changed is not None else self.weight).chunk(self.blocks)
