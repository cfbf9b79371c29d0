"""A summary of a fitted selector that the web process can read without loading the selector."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from studio.trust.decision import RiskCurve

SUMMARY_FILE: Final = "summary.json"
VERSION: Final = 5  # of what is kept of a selector, and of the vectors that it was fitted to


class TuningResult(BaseModel):
    """What came of tuning an encoder to the examples of a selector, kept beside its folder."""

    model_config = ConfigDict(frozen=True)

    is_better: bool = Field(description="Whether the tuned encoder answers more, and is used since.")


def tuned_folder(folder: Path) -> Path:
    """Where the selector is kept that took the place of the one in a folder, with the layers of its tuned encoder."""
    return folder.with_name(f"{folder.name}-tuned")


def tuning_file(folder: Path) -> Path:
    """The :class:`TuningResult` of the selector in a folder; not there before it was tried."""
    return folder.with_name(f"{folder.name}-tuning.json")


class SelectorSummary(BaseModel):
    """Facts about a selector, stored beside it."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    encoder: str = Field(description="Id of the encoder; empty for letters alone.")
    curve: RiskCurve

    @classmethod
    def read(cls, folder: Path) -> SelectorSummary | None:
        """Of the selector in a folder; None where there is none that this version can read."""
        try:
            found = cls.model_validate_json((folder / SUMMARY_FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return found if found.version == VERSION else None


def selector_stamp(folder: Path) -> int:
    """A number that changes when the selector in a folder is refitted; 0 if there is none."""
    try:
        return (folder / SUMMARY_FILE).stat().st_mtime_ns
    except OSError:
        return 0
