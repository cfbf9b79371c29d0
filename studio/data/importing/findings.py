"""What was found wrong while reading, gathered by kind and file so that one sentence names all its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from studio.domain.problem import Problem, Severity

_KEPT_ROWS: Final = 1_000
SHOWN_RANGES: Final = 8


def row_list(rows: Iterable[int]) -> str:
    """Rows as a person writes them: ``3, 7–9, 12``; the end of a long list is cut with ``…``."""
    ranges: list[tuple[int, int]] = []
    for row in sorted(set(rows)):
        if ranges and row == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], row)
        else:
            ranges.append((row, row))
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in ranges[:SHOWN_RANGES]]
    return ", ".join(shown) + (", …" if len(ranges) > SHOWN_RANGES else "")


def label_list(labels: Iterable[str]) -> str:
    """Rows of files as :func:`row_list`, then places in the table, which begin with ``#``."""
    named = list(labels)
    rows = row_list(int(label) for label in named if label.isdecimal())
    places = row_list(int(label[1:]) for label in named if not label.isdecimal())
    return "; ".join([*([rows] if rows else []), *([f"#{places}"] if places else [])])


class Findings:
    """Problems of rows, one :class:`Problem` a kind and file, with the first thousand row numbers and the full count."""

    def __init__(self) -> None:
        # by code, file and severity: the first rows, and the values of the sentence with the count among them
        self._rows: dict[tuple[str, str, Severity], tuple[list[int], dict[str, Any]]] = {}
        self._whole: list[Problem] = []

    def row(
        self, code: str, file: str, row: int, severity: Severity = Severity.WARNING, *, amount: int = 1, **params: Any
    ) -> None:
        """Notes that ``row`` of ``file`` has the problem ``code``, ``amount`` times."""
        rows, known = self._rows.setdefault((code, file, severity), ([], {"file": file, "n": 0, **params}))
        known["n"] += amount
        if len(rows) < _KEPT_ROWS:
            rows.append(row)

    def file(self, code: str, file: str, severity: Severity = Severity.ERROR, **params: Any) -> None:
        """Notes a problem of the whole file."""
        problem = Problem(code=code, severity=severity, file=file, params={"file": file, **params})
        if problem not in self._whole:
            self._whole.append(problem)

    def problems(self) -> tuple[Problem, ...]:
        """All of them: whole files first, then rows in the order of their first finding."""
        of_rows = (
            Problem(
                code=code, severity=severity, file=file, rows=tuple(rows), params={**params, "rows": row_list(rows)}
            )
            for (code, file, severity), (rows, params) in self._rows.items()
        )
        return (*self._whole, *of_rows)
