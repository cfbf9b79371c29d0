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
        gradients: of A and of B for each thread, views of its flat gradients.
    """

    name: str
    out: slice
    inner: slice
    a: Tensor
    b: Tensor
    gradients: Sequence[tuple[Tensor, Tensor]]


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
    ups: Tensor | None = None  # s B of the parts of each block, on a block diagonal, (blocks, O / blocks, R)

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
        """Takes over what is tuned as the optimizer left it, in the format of the base."""
        for part in self.parts:
            down, ups = self._matrices()
            down[part.inner] = part.a
            block, rows = self._place(part)
            ups[block, rows, part.inner] = self.scale * part.b
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
        if not tuned or not self.parts:
            return [*self._products(x, tuned)], SavedActivations(x, None, None)
        kept, seen = None, x
        if training and self.dropout:
            kept = torch.empty_like(seen).bernoulli_(1 - self.dropout).div_(1 - self.dropout)
            seen = seen * kept
        down, ups = self._matrices()
        inner = seen @ down.t()  # before the large products, while x is still near the core
        if self.ahead:
            ys = [multiply(x, weight, update=inner @ up.t()) for weight, up in zip(self.ahead, ups, strict=True)]
        else:
            ys = [y.addmm_(inner, up.t()) for y, up in zip(self._products(x, tuned), ups, strict=True)]
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
        if saved.inner is None:
            return [] if first else self._products_back(dys)
        down, ups = self._matrices()
        inners = [dy @ up for dy, up in zip(dys, ups, strict=True)]
        d_inner = inners[0] if len(inners) == 1 else torch.stack(inners).sum(0)
        by_down = d_inner.t() @ (saved.x if saved.kept is None else saved.x * saved.kept)
        by_ups = [saved.inner.t() @ dy for dy in dys]  # transposed: the few rows first
        for part in self.parts:
            by_a, by_b = part.gradients[thread]
            block, rows = self._place(part)
            by_a.add_(by_down[part.inner])
            by_b.add_(by_ups[block][part.inner, rows].t(), alpha=self.scale)
        if first:
            return []
        update = d_inner @ down
        return self._products_back(dys, update if saved.kept is None else update.mul_(saved.kept))

    def _matrices(self) -> tuple[Tensor, Tensor]:
        """``down`` and ``ups``, made when they are first asked for."""
        if self.down is None or self.ups is None:
            rank, (height, width) = self.parts[-1].inner.stop, self.weight.shape
            self.down = self.weight.new_zeros(rank, width)
            self.ups = self.weight.new_zeros(self.blocks, height // self.blocks, rank)
        return self.down, self.ups

    def _place(self, part: Part) -> tuple[int, slice]:
        """The block that an adapter's results are in, and its rows there."""
        block, start = divmod(part.out.start, len(self.weight) // self.blocks)
        return block, slice(start, start + len(part.b))

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
