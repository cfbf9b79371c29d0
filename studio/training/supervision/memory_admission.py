"""Whether another run, or an exam, fits into the memory beside the runs that are under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from studio.domain.model import BaseModelCard
from studio.domain.recipe import Method, Precision, Recipe
from studio.models import hardware
from studio.models.estimate import memory_parts
from studio.storage.files import read_value
from studio.storage.workspace import RunFolder
from studio.training.run_files.status import read_progress

_LEFT: Final = 0.1  # share of the free memory that is left alone


def fits_beside(needed: int, others: Sequence[RunFolder], machine: hardware.Machine | None = None) -> bool:
    """Whether a run, or an exam, is expected to fit into what memory the others leave.

    A run that has not taken a step yet does not hold all its memory; what it will need is set aside.

    Args:
        needed: bytes, of a run as :func:`needs` gives them.
        machine: on which they run; this one by default.
    """
    free = (machine or hardware.machine()).memory_free
    to_come = sum(needs(other) for other in others if not read_progress(other).step)
    return needed <= (free - to_come) * (1 - _LEFT)


def needs(folder: RunFolder) -> int:
    """Bytes that a run needs, with examples of the greatest length that its recipe allows; 0 when that is not known."""
    recipe, card = read_value(folder.recipe, Recipe), read_value(folder.model, BaseModelCard)
    if recipe is None or card is None:
        return 0
    parts = memory_parts(
        card,
        recipe.method or Method.LORA,
        recipe.rank or 16,
        recipe.batch_size or 16,
        recipe.max_length or 512,
        Precision.FP32 if recipe.precision is Precision.FP32 else Precision.BF16,
    )
    return sum(part.bytes for part in parts)
