"""What is decided about a question, and what was promised when it was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from studio.domain.problem import Problem

DEFAULT_CAREFUL: Final = 0.02


class AnswerKind(StrEnum):
    """Who answers."""

    KNOWN = "known"  # the owner's words to the letter
    WRITTEN = "written"  # the tuned model, in its own words
    HANDED_OVER = "handed_over"  # a person


class Decision(BaseModel):
    """How one question is answered."""

    model_config = ConfigDict(frozen=True)

    kind: AnswerKind
    answer: str = Field(default="", description="The owner's words; empty unless `kind` is `known`.")
    confidence: float = Field(
        default=0.0, description="Of the two likeliest known answers, the share of the first, 0 to 1."
    )
    source: str = Field(default="", description="Id of the example that a known answer is from.")
    problem: Problem | None = Field(default=None, description="Why nobody could decide, and a person is asked.")


class MisreadQuestion(BaseModel):
    """A question of the owner's that is taken for one of another answer when it is asked as if it had never been seen."""

    model_config = ConfigDict(frozen=True)

    question: str
    source: str = Field(description="Id of its example.")
    taken_for: str = Field(description="The other answer, in the owner's words.")


class RiskLevel(BaseModel):
    """One position of "how careful?", counted on questions that the scores had not seen."""

    model_config = ConfigDict(frozen=True)

    careful: float = Field(description="At most this share of all questions may get a wrong known answer.")
    threshold: float = Field(description="A known answer needs a confidence above this.")
    answered: float = Field(description="Share of the owner's questions that get a known answer.")
    wrong: float = Field(description="Share of the owner's questions that get a wrong known answer.")
    is_promised: bool = Field(description="Whether there were enough questions to promise it.")
    answered_without: float = Field(default=0.0, description="As `answered`, if the misread questions were not there.")


class RiskCurve(BaseModel):
    """Every position of "how careful?", the most careful first."""

    model_config = ConfigDict(frozen=True)

    levels: tuple[RiskLevel, ...]
    questions: int = Field(description="That it was counted on.")
    certainty: float = Field(description="Probability with which a promise holds, over the draw of the questions.")
    misread: tuple[MisreadQuestion, ...] = Field(
        default=(), description="The surest wrong ones, which hold the thresholds up; the surest first."
    )

    def level(self, careful: float) -> RiskLevel:
        """The least careful position that is as careful as asked; the most careful one where none is."""
        fitting = [level for level in self.levels if level.careful <= careful + 1e-9]
        return fitting[-1] if fitting else self.levels[0]


class TrustJob(BaseModel):
    """What the child process is asked for.

    Args:
        examples: files of examples that the run learned from.
        folder: where the fitted selector is kept.
        encoder_dir: of the installed encoder; None for none.
        encoder: its id.
        language: of most examples.
        questions: to decide about, each by itself.
        careful: at most this share of them may get a wrong known answer.
        letters_only: for where nothing else can read questions.
        home: of the workspace, whose cores are then held while fitting; None where nobody else needs them.
    """

    model_config = ConfigDict(frozen=True)

    examples: tuple[Path, ...]
    folder: Path
    encoder_dir: Path | None = None
    encoder: str = ""
    language: str = "en"
    questions: tuple[str, ...] = ()
    careful: float = DEFAULT_CAREFUL
    letters_only: bool = False
    home: Path | None = None


class TrustResult(BaseModel):
    """What the child process answers.

    Args:
        decisions: one a question.
        curve: what each carefulness means.
    """

    model_config = ConfigDict(frozen=True)

    decisions: tuple[Decision, ...]
    curve: RiskCurve
