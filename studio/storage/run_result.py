"""``result.json``, the end of a run: written last, so that its presence means that the run is over."""

from __future__ import annotations

from studio.domain.run import RunResult
from studio.storage.files import read_value
from studio.storage.workspace import RunFolder


def read_result(folder: RunFolder) -> RunResult | None:
    """The end of a run; None if it has not ended, or if this version cannot read the file."""
    return read_value(folder.result, RunResult)
