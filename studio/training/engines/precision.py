"""bf16 or fp32, as this machine was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from studio.domain.event import Started
from studio.domain.recipe import Precision
from studio.models.probe import choose_precision, speed_here
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import read_events

if TYPE_CHECKING:
    import torch


def settled(wanted: Precision, folder: RunFolder, home: Path) -> Precision:
    """BF16 or FP32 for a run: as it began, else as this machine was measured when the studio started, else measured now.

    Args:
        wanted: by the recipe.
        folder: of the run; one that goes on keeps its number format, whatever is measured on that day.
        home: of the workspace, with the measurement.
    """
    if wanted is not Precision.AUTO:
        return wanted
    for event in read_events(folder.events)[0]:
        if isinstance(event, Started):
            return Precision(event.precision)
    return choose_precision(speed_here(home))


def number_format(precision: Precision) -> torch.dtype:
    """Of the base's weights and products."""
    import torch

    return torch.bfloat16 if precision is Precision.BF16 else torch.float32
