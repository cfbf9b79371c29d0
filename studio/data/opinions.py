"""The file of opinions that an exported page saves: JSON lines of questions, answers, votes and suggestions."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LONGEST_LINE: Final = 100_000  # bytes


class Opinion(BaseModel):
    """A visitor's opinion of an answer on an exported page: one line of the saved file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    answer: str
    suggestion: str = Field(description="A better answer; empty for a vote alone.")
    vote: Literal["", "good", "bad"]
    at: str


def is_opinion_file(path: Path) -> bool:
    """Whether a file holds visitors' opinions; the chatbot's answers in it must never become examples."""
    if not path.is_file():  # a pipe would be waited for
        return False
    with suppress(OSError, ValidationError), path.open("rb") as file:
        Opinion.model_validate_json(file.readline(LONGEST_LINE))
        return True
    return False
