"""The end of a run, as its folder has it: written last, so that its presence means that the run is over."""

from __future__ import annotations

from studio.domain.run import RunResult
from studio.storage.files import read_value
from studio.storage.workspace import RunFolder


def read_result(folder: RunFolder) -> RunResult | None:
    """The end of a run; None while it has none, or one that this version cannot read."""
    return read_value(folder.result, RunResult)
