"""The output embeddings of the fused engine: scores of all words at a few places, their loss and its derivative."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from studio.models.processor import can_pack, multiply, pack
from studio.training.engines.fused import kernels
from studio.training.engines.fused.ops import run

# Scores at once, and so many rows at most: each product reads all words, however few rows it has.
_SCORES: Final = 2**25
_SCORES_ANEW: Final = 15 * 2**20  # where they get new memory each time: malloc keeps no block of more than 32 MB
_MOST_ROWS: Final = 512
_SMALL: Final = 64 * 2**20  # bytes of output embeddings that may be kept twice; saves a quarter of their first product


class Head:
    """The output embeddings, and room for the scores of a few places a thread, used again and again.

    Args:
        words: output embeddings, ``(V, H)``.
    """

    def __init__(self, words: Tensor, threads: int) -> None:
        self.words = words
        size = words.numel() * words.element_size()
        self._ahead = pack(words, _MOST_ROWS) if can_pack(words.dtype, words.device.type) and size <= _SMALL else None
        most = _SCORES if self._ahead is None else _SCORES_ANEW
        self.rows = max(16, min(_MOST_ROWS, most // len(words)))
        self._room = [words.new_empty(self.rows, len(words)) for _ in range(threads if self._ahead is None else 0)]

    def scores(self, x: Tensor, thread: int = 0) -> Tensor:
        """Scores of all words, ``(M, V)``, of at most :attr:`rows` places; the next ones of the thread take their room.

        Args:
            x: normed hidden states, ``(M, H)``.
        """
        if self._ahead is not None:
            return multiply(x, self._ahead)
        return torch.mm(x, self.words.t(), out=self._room[thread][: len(x)])

    def cross_entropy(
        self, x: Tensor, targets: Tensor, scale: float | None, thread: int = 0, smoothing: float = 0.0
    ) -> tuple[float, Tensor | None]:
        """Summed cross-entropy and, with ``scale``, its derivative by ``x``, as many rows at a time as there is room for.

        Args:
            x: normed hidden states at the positions whose successor is learned, ``(M, H)``.
            targets: ``(M,)``.
            scale: factor of the loss in the derivative; None where only the loss is wanted.
            smoothing: share of each target that is spread over all words (Szegedy et al., 2016).
        """
        total, count = 0.0, x.shape[0]
        gradient = torch.empty_like(x) if scale is not None else None
        step = math.ceil(count / math.ceil(count / self.rows)) if count else 1  # like parts: few rows take long, too
        for first in range(0, count, step):
            part = slice(first, first + step)
            scores = self.scores(x[part], thread)
            sums = torch.empty(len(scores))
            total += float(
                run(kernels.softmax_cross_entropy, scores, targets[part], smoothing, gradient is not None, sums)
            )
            if gradient is not None and scale is not None:
                gradient[part] = (scores @ self.words).float().mul_(scale / sums[:, None])
        return total, gradient

    def likeliest(self, x: Tensor, thread: int = 0) -> Tensor:
        """The word with the highest score at each place, ``(M,)``, a few rows at a time; arguments as :meth:`scores`."""
        words = torch.empty(x.shape[0], dtype=torch.long)
        for first in range(0, x.shape[0], self.rows):
            part = slice(first, first + self.rows)
            words[part] = self.scores(x[part], thread).argmax(1)
        return words
