"""What reading left out, and why: one list for the command line, its JSON and the screen."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pydantic import Field

from studio.domain.problem import Problem
from studio.domain.value import Value


class Unit(StrEnum):
    """What is counted; catalog key ``left_out.<value>``."""

    FILES = "files"
    ROWS = "rows"
    COLUMNS = "columns"
    MESSAGES = "messages"
    ANSWERS = "answers"


_UNITS: Final[dict[str, Unit]] = {
    **dict.fromkeys(
        (
            "data.bad_turn",
            "data.broken_line",
            "data.cell_too_long",
            "data.media",
            "data.no_answer",
            "data.no_pair",
            "data.no_question",
            "data.no_template",
            "data.not_a_record",
            "data.not_preferred",
            "data.rows_above",
            "data.text_left_out",
            "data.titles_again",
        ),
        Unit.ROWS,
    ),
    **dict.fromkeys(
        ("data.chat_media", "data.private_notes", "data.quoted_lines", "data.turns_after", "data.turns_before"),
        Unit.MESSAGES,
    ),
    "data.second_pair": Unit.COLUMNS,
    **dict.fromkeys(("data.other_answers", "data.other_replies"), Unit.ANSWERS),
}
_NO_FILE: Final = ("disk.", "data.not_readable.", "data.broken_")
_WHOLE: Final = (
    "data.columns_unknown",
    "data.fields_unknown",
    "data.empty_file",
    "data.no_rows",
    "data.no_questions_in_text",
    "data.too_large",
)


class LeftOut(Value):
    """One reason for which something of one file is not among the examples."""

    unit: Unit
    n: int = Field(description="How many.")
    problem: Problem = Field(description="Why, with file and rows.")


def left_out(problems: Iterable[Problem]) -> tuple[LeftOut, ...]:
    """What is not among the examples, in the order in which it was found."""
    found = []
    for problem in problems:
        unit = _UNITS.get(problem.code)
        if (unit is None and not problem.rows and problem.code.startswith(_NO_FILE)) or problem.code in _WHOLE:
            unit = Unit.FILES
        if unit is not None:
            found.append(LeftOut(unit=unit, n=int(problem.params.get("n", 1)), problem=problem))
    return tuple(found)


def totals(items: Iterable[LeftOut]) -> dict[Unit, int]:
    """How many of each unit, in the order of :class:`Unit`."""
    counted = dict.fromkeys(Unit, 0)
    for item in items:
        counted[item.unit] += item.n
    return {unit: count for unit, count in counted.items() if count}
