"""Keys and values of the rows that are being answered: one slot a row, each row at its own position.

Row ``i`` keeps position ``p`` at index ``p`` of its slot, so nothing is padded on the left and nothing is copied when
a token is added. What lies beyond a row's position is never seen: the mask of :meth:`SlotCache.mask` ends there.
"""

from __future__ import annotations

from typing import Any, Final

import torch

_STEP: Final = 256  # positions by which the slots grow
_SEEN_STEP: Final = (
    64  # keys by which the view of a pass grows: sums over them are then taken in one order for every row
)


class SlotCache:
    """Stands in for a transformers ``Cache``: the model's attention layers call :meth:`update`.

    Args:
        dtype: of the additive masks; the same as the model's.
        device: where the model lives.
    """

    def __init__(self, dtype: torch.dtype, device: str) -> None:
        self._dtype, self._device = dtype, device
        self._keys: list[torch.Tensor] = []  # one a layer, each (slots, heads, capacity, head size)
        self._values: list[torch.Tensor] = []
        self._slots = self._capacity = 0
        self._first = self._count = self._start = self._length = self._end = 0
        self._rows: torch.Tensor | None = None
        self._positions: torch.Tensor | None = None

    @torch.inference_mode()
    def reserve(self, slots: int, length: int) -> None:
        """Makes room for ``slots`` rows of ``length`` positions; what is kept so far stays."""
        capacity = rounded_up(length, _STEP)
        if slots <= self._slots and capacity <= self._capacity:
            return
        self._slots, self._capacity = max(slots, self._slots), max(capacity, self._capacity)
        for stored in (self._keys, self._values):
            for layer, old in enumerate(stored):
                stored[layer] = self._empty(old)
                stored[layer][: old.shape[0], :, : old.shape[2]] = old

    def clear(self) -> None:
        """Gives the memory back."""
        self._keys, self._values, self._slots, self._capacity = [], [], 0, 0

    @torch.inference_mode()
    def keep(self, order: list[int]) -> None:
        """Row ``order[i]`` becomes row ``i``; ``order`` ascends, and rows not named are gone."""
        for stored in (self._keys, self._values):
            for tensor in stored:
                for target, source in enumerate(order):
                    if target != source:
                        tensor[target] = tensor[source]

    def begin_block(self, slot: int, start: int, length: int) -> torch.Tensor:
        """The next forward pass is of one row at positions ``start … start + length``.

        Returns:
            Position ids, shape ``(1, length)``.
        """
        self._first, self._count, self._start, self._length = slot, 1, start, length
        self._end = rounded_up(start + length, _SEEN_STEP)
        self._rows = self._positions = None
        return torch.arange(start, start + length, device=self._device)[None]

    def begin_token(self, positions: list[int]) -> torch.Tensor:
        """The next forward pass is of one token for each of rows ``0 … len(positions)``, at these positions.

        Returns:
            Position ids, shape ``(rows, 1)``.
        """
        self._first, self._count, self._end = 0, len(positions), rounded_up(max(positions) + 1, _SEEN_STEP)
        self._rows = torch.arange(len(positions), device=self._device)
        self._positions = torch.tensor(positions, device=self._device)
        return self._positions[:, None]

    def mask(self, positions: torch.Tensor, window: int | None = None) -> torch.Tensor:
        """Additive causal mask: 0 where a query may look, the lowest number elsewhere.

        Args:
            positions: of the queries, shape ``(rows, length)``.
            window: how far back a sliding layer looks, its own position included; None for all the way.

        Returns:
            Shape ``(rows, 1, length, keys)``.
        """
        keys = torch.arange(self._end, device=self._device)
        distance = positions[:, None, :, None] - keys
        seen = distance >= 0
        if window is not None:
            seen &= distance < window
        mask = torch.zeros(seen.shape, dtype=self._dtype, device=self._device)
        return mask.masked_fill_(~seen, torch.finfo(self._dtype).min)

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, layer: int, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Stores the keys and values of one layer, shape ``(rows, heads, length, head size)``.

        Returns:
            All that the layer may look at, shape ``(rows, heads, positions, head size)``: views, not copies.
        """
        while len(self._keys) <= layer:
            self._keys.append(self._empty(keys))
            self._values.append(self._empty(values))
        block = slice(self._first, self._first + self._count)
        for stored, new in ((self._keys[layer], keys), (self._values[layer], values)):
            if self._rows is not None:
                stored[self._rows, :, self._positions] = new[:, :, 0]
            else:
                stored[block, :, self._start : self._start + self._length] = new
        return self._keys[layer][block, :, : self._end], self._values[layer][block, :, : self._end]

    def get_seq_length(self, layer: int = 0) -> int:
        """Positions seen so far; transformers asks only where no position ids are given."""
        return self._start

    def _empty(self, like: torch.Tensor) -> torch.Tensor:
        return like.new_zeros((self._slots, like.shape[1], self._capacity, like.shape[3]))


def rounded_up(size: int, step: int) -> int:
    """The next multiple of ``step``."""
    return -(-size // step) * step
