"""What was changed about a run on its way, because memory was short or it went astray. Kept beside its recipe."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from studio.domain.value import Value
from studio.storage.files import read_value, write_atomic
from studio.storage.workspace import RunFolder

MOST_SETBACKS: Final = 2  # times that a run goes back and learns more slowly before it is given up


class Adjustments(Value):
    """Changes to a recipe that a run made by itself; what each step computes follows from the two together."""

    rate_factor: float = Field(default=1.0, description="Multiplies the learning rate.")
    setbacks: int = Field(default=0, description="Times that the run went astray and was taken back.")
    micro_batch: int = Field(default=0, description="Examples at a time, gradients added up; 0 is as in the recipe.")

    def slower(self) -> Adjustments:
        """After the loss exploded: half the learning rate."""
        return self.model_copy(update={"rate_factor": self.rate_factor / 2, "setbacks": self.setbacks + 1})

    def smaller(self, examples: int) -> Adjustments:
        """After the system killed the worker for memory: half of the ``examples`` that it took at a time."""
        return self.model_copy(update={"micro_batch": max(1, (examples + 1) // 2)})


def read_adjustments(folder: RunFolder) -> Adjustments:
    """What was changed about a run; nothing where the file is missing or damaged."""
    return read_value(folder.adjustments, Adjustments) or Adjustments()


def write_adjustments(folder: RunFolder, adjustments: Adjustments) -> None:
    """Replaces what is kept. Raises ``disk.full`` or ``disk.not_writable``."""
    write_atomic(folder.adjustments, adjustments.model_dump_json())
