"""Blind votes: people say which of two answers they prefer, without knowing whose each is."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from studio.domain.proof import Interval, VoteTally
from studio.domain.value import Value


class Choice(StrEnum):
    """What a voter may say of two answers."""

    BEFORE = "before"
    AFTER = "after"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class BallotKey(StrEnum):
    """What a voter presses: the answers stand in random order, so only the studio knows whose they are."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    BOTH_BAD = "both_bad"


class Ballot(Value):
    """A question to vote on; nothing in it says whose the answers are.

    The order of the answers differs from voter to voter and from question to question.
    """

    question_id: str
    question: str
    first: str
    second: str
    done: int = Field(description="Questions that this voter has voted on.")
    total: int


class VoteResult(Value):
    """All votes on two runs, or on a run and its base."""

    tally: VoteTally = VoteTally()
    votes: int = 0
    voters: int = 0
    rate: Interval | None = Field(
        default=None, description="Share of preferences for the later one, a tie counting half; Wilson over questions."
    )
