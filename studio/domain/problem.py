"""A problem found in what a person gave: data that the screens, the command line and the API all show."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import Field

from studio.domain.value import Value
from studio.errors import AfinaError


class Severity(StrEnum):
    """How much a problem matters."""

    ERROR = "error"  # cannot go on
    WARNING = "warning"  # can go on; something is left out or likely to disappoint
    NOTE = "note"  # worth knowing


class Problem(Value):
    """What is wrong, where, with the values that its sentence names."""

    code: str = Field(description="`area.what`; the sentence is the catalog key `error.area.what`.")
    severity: Severity = Severity.ERROR
    params: dict[str, Any] = Field(default_factory=dict, description="Values named in the sentence.")
    field: str | None = Field(default=None, description="Name of the setting at fault, if one is.")
    file: str | None = Field(default=None, description="Name of the file at fault, if one is.")
    rows: tuple[int, ...] = Field(default=(), description="Rows at fault, 1-based as a spreadsheet numbers them.")

    @classmethod
    def of(cls, error: AfinaError, **where: Any) -> Problem:
        """The problem that an error describes; ``where`` may set ``field``, ``file``, ``rows``, ``severity``."""
        return cls(code=error.code, params=error.params, **where)
