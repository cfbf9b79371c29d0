"""Catalogs: one folder a language, one JSON file a screen, one sentence a key.

A file maps flat keys, which begin with its name, to sentences with ``{named}`` placeholders. A sentence that depends on a
number is an object ``{"one": "…", "other": "…"}`` and is chosen by the parameter ``n``. Every language has the same keys
and placeholders; a test sees to it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from studio.domain.problem import Problem
from studio.errors import AfinaError, from_exception

LOCALES: Final = ("en", "pt")
DEFAULT_LOCALE: Final = "en"
_FOLDER = Path(__file__).parent


class Catalog:
    """The sentences of one language.

    Args:
        locale: one of :data:`LOCALES`.
        entries: sentences by key.
    """

    def __init__(self, locale: str, entries: Mapping[str, str | dict[str, str]]) -> None:
        self.locale = locale
        self.entries = dict(entries)

    def __call__(self, key: str, **params: Any) -> str:
        """The sentence of ``key`` with its placeholders filled in.

        Raises:
            KeyError: for a key or a placeholder that does not exist; the tests render every key.
        """
        entry = self.entries[key]
        if isinstance(entry, dict):
            entry = entry["one" if params["n"] == 1 else "other"]
        return entry.format_map({name: self._shown(value) for name, value in params.items()})

    def error(self, error: BaseException) -> str:
        """What happened, where, and what to do next, for any exception."""
        return self.problem(Problem.of(from_exception(error)))

    def problem(self, problem: Problem) -> str:
        """The sentence of a problem. Unknown codes and missing values still give a sentence, never a stack trace."""
        params = dict(problem.params)
        try:
            if isinstance(kinds := params.get("kinds"), dict):  # what each column is full of
                params["columns"] = "; ".join(
                    f"{name}: {self(f'errors.column.{kind}')}" for name, kind in kinds.items()
                )
            return self(f"errors.{problem.code}", **params)
        except KeyError:
            return self("errors.general.unexpected", kind=problem.code, detail=str(problem.params or ""))

    def number(self, value: float, decimals: int = 0) -> str:
        """A number as it is written in this language: ``1,234.5`` or ``1.234,5``."""
        text = f"{value:,.{decimals}f}"
        return text if self.locale == "en" else text.translate(str.maketrans(",.", ".,"))

    def size(self, count: float) -> str:
        """Bytes as a person says them, in decimal units and never broken over two lines: ``98 MB``, ``1.3 GB``."""
        if count < 1e6:
            return f"{self.number(max(count, 0) / 1e3)}\N{NO-BREAK SPACE}kB"
        if count < 1e9:
            return f"{self.number(count / 1e6)}\N{NO-BREAK SPACE}MB"
        return f"{self.number(count / 1e9, 1)}\N{NO-BREAK SPACE}GB"

    def duration(self, seconds: float) -> str:
        """A time span in words, rounded as a person would: ``40 seconds``, ``3 minutes``, ``1 h 20 min``."""
        if seconds < 55:
            return self(
                "common.duration.seconds",
                n=max(1, math.ceil(seconds / 5) * 5) if seconds > 10 else max(1, round(seconds)),
            )
        minutes = max(1, round(seconds / 60))
        if minutes < 60:
            return self("common.duration.minutes", n=minutes)
        return self("common.duration.hours", h=minutes // 60, m=minutes % 60)

    def duration_between(self, least: float, most: float) -> str:
        """A span between two, with the unit said once where it is the same: ``1 to 4 minutes``."""
        shortest, longest = self.duration(least), self.duration(most)
        number, _, unit = shortest.partition(" ")
        if unit.rstrip("s") == longest.partition(" ")[2].rstrip("s") and number != longest.partition(" ")[0]:
            shortest = number
        return longest if shortest == longest else self("common.duration.between", least=shortest, most=longest)

    def _shown(self, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        if 0 < abs(value) < 0.1:  # a learning rate: two figures that count, no zeros after them
            return self.number(value, 1 - math.floor(math.log10(abs(value)))).rstrip("0")
        return self.number(value, 0 if isinstance(value, int) or float(value).is_integer() else 1)


@cache
def catalog(locale: str) -> Catalog:
    """The catalog of a language.

    Raises:
        AfinaError: ``general.not_found`` for a language that does not exist.
    """
    if locale not in LOCALES:
        raise AfinaError("general.not_found", what=locale[:20])
    entries: dict[str, str | dict[str, str]] = {}
    for path in sorted((_FOLDER / locale).glob("*.json")):
        area = json.loads(path.read_text(encoding="utf-8"))
        repeated = entries.keys() & area.keys()
        if repeated:
            raise ValueError(f"{path.name} repeats keys of another file: {sorted(repeated)}")
        entries |= area
    return Catalog(locale, entries)


def negotiate(accept_language: str | None) -> str:
    """The best language for a browser's ``Accept-Language`` header."""
    preferences: list[tuple[float, str]] = []
    for part in (accept_language or "").split(","):
        tag, _, quality = part.strip().partition(";q=")
        try:
            preferences.append((float(quality or 1), tag.lower().split("-")[0]))
        except ValueError:
            continue
    for _, language in sorted(preferences, key=lambda item: -item[0]):
        if language in LOCALES:
            return language
    return DEFAULT_LOCALE
