"""Projects and demo links."""

from __future__ import annotations

import time
from enum import StrEnum

from pydantic import Field

from studio.domain.proof import VoteTally
from studio.domain.run import RunState
from studio.domain.value import Value


class Project(Value):
    """A chatbot in the making: a base model, examples, runs."""

    id: str
    name: str
    created_at: float
    updated_at: float
    model_id: str | None = None
    system_prompt: str | None = None
    deleted_at: float | None = Field(default=None, description="Since when it is in the trash; None for others.")


class RunCard(Value):
    """A run as the home page shows it."""

    id: str
    name: str
    state: RunState
    created_at: float
    model_name: str
    examples: int
    fraction: float = 0.0


class ProjectCard(Value):
    """A project as the home page shows it."""

    project: Project
    model_name: str | None = None
    examples: int = 0
    runs: tuple[RunCard, ...] = ()


class ChosenBy(StrEnum):
    """How the suggested questions of a link were chosen."""

    OWNER = "owner"
    PLACE = "place"  # by their place among the examples, without asking the model
    ANSWER = "answer"  # because the tuned model answered them right


class Link(Value):
    """A demo link."""

    token: str = Field(description="Unguessable part of the address; 128 bits or more.")
    run_id: str
    title: str
    questions: tuple[str, ...] = Field(default=(), description="Suggested questions, three at most.")
    locale: str = "en"
    created_at: float
    revoked_at: float | None = None
    visits: int = 0
    answers: int = 0
    shows_before: bool = Field(default=True, description="Whether visitors see the answer of the base model, too.")
    chosen_by: ChosenBy = ChosenBy.OWNER
    expires_at: float | None = Field(default=None, description="When it closes by itself; None for never.")
    per_hour: int | None = Field(default=None, description="Questions that are answered in an hour; None: no limit.")

    password_digest: str | None = Field(default=None, repr=False, description="None lets everybody in.")
    is_blind: bool = False
    takes_suggestions: bool = False

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= time.time()

    @property
    def is_open(self) -> bool:
        """Whether visitors may use it."""
        return self.revoked_at is None and not self.is_expired

    @property
    def asks_for_vote(self) -> bool:
        """Whether visitors see the answers in random order and say which is better."""
        return self.is_blind and self.shows_before


class LinkDay(Value):
    """Totals of a link for one day: no visitor and no question is stored."""

    day: int = Field(description="Proleptic Gregorian ordinal, as `date.fromordinal` reads it.")
    visits: int = Field(default=0, description="Browsers that opened the page for the first time in 30 days.")
    answers: int = 0
    handed_over: int = Field(default=0, description="Questions that were handed over to a person.")
    votes: VoteTally = VoteTally()
    suggestions: int = 0


class SuggestedAnswer(Value):
    """A suggested better answer that the owner has not reviewed yet."""

    id: str
    project_id: str
    source: str = Field(description="Title of the link that it came by.")
    question: str
    answer: str = Field(description="The one that it corrects.")
    better: str
    created_at: float
