"""Choosing the next token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

_CANDIDATES: Final = 512  # the likeliest tokens that sampling chooses among; the rest has no weight to speak of


@dataclass(frozen=True)
class Sampling:
    """How a row chooses its tokens.

    Args:
        temperature: 0 takes the likeliest token; higher values vary more.
        top_p: keeps the likeliest tokens that together have this probability (https://arxiv.org/abs/1904.09751).
        seed: the same seed gives the same answer.
    """

    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 0

    def generator(self) -> torch.Generator | None:
        """The source of chance of one row; None for a greedy one."""
        return torch.Generator().manual_seed(self.seed) if self.temperature > 0 else None


def choose(logits: torch.Tensor, rows: list[tuple[Sampling, torch.Generator | None]]) -> list[int]:
    """The next token of each row.

    Args:
        logits: shape ``(rows, vocabulary)``.
        rows: how each row chooses.
    """
    # On a processor torch takes ten times as long for it as numpy.
    best: list[int] = (logits.float().numpy() if logits.device.type == "cpu" else logits).argmax(-1).tolist()
    return [
        token if generator is None else _sample(logits[index], sampling, generator)
        for index, (token, (sampling, generator)) in enumerate(zip(best, rows, strict=True))
    ]


def _sample(logits: torch.Tensor, sampling: Sampling, generator: torch.Generator) -> int:
    values, tokens = logits.float().topk(min(_CANDIDATES, logits.shape[-1]))
    probabilities = torch.softmax(values / sampling.temperature, dim=-1).cpu()
    before = probabilities.cumsum(dim=-1) - probabilities
    probabilities[before >= sampling.top_p] = 0.0
    picked = torch.multinomial(probabilities, 1, generator=generator)
    return int(tokens[int(picked)])
