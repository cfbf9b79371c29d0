"""The protocol between the studio and the decision worker: one JSON object per line."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from studio.domain.problem import Problem
from studio.trust.decision import DEFAULT_CAREFUL, Decision


class DecisionRequest(BaseModel):
    """A question of a conversation whose answer is to be decided."""

    model_config = ConfigDict(frozen=True)

    folder: Path = Field(description="Of the fitted selector.")
    question: str = Field(default="", description="What is asked; empty to get everything ready for a question.")
    before: str = Field(default="", description="The question before it; empty where it is the first.")
    given: tuple[str, ...] = Field(default=(), description="Answers that were given in the conversation.")
    careful: float = DEFAULT_CAREFUL


class DecisionReply(BaseModel):
    """The reply to one request; replies come in the order of the requests."""

    model_config = ConfigDict(frozen=True)

    decision: Decision | None = Field(default=None, description="None where nothing was asked, or nothing is fitted.")
    is_fitted: bool = True
    problem: Problem | None = None
