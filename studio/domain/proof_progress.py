"""Where a final exam stands."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from studio.domain.problem import Problem
from studio.domain.value import Value


class ProofState(StrEnum):
    """Where an exam stands."""

    NONE = "none"  # never asked for; nothing on its way
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"  # by a person; what was answered is kept
    FAILED = "failed"


class ProofPhase(StrEnum):
    """What an exam is doing; the sentence is ``proof.phase.<value>``."""

    MEMORY = "memory"  # waits until a training or a chat gives some back
    LOADING = "loading"
    EXAM = "exam"
    LESSON = "lesson"  # training questions, as they are and reworded
    GENERAL = "general"
    OFF_TOPIC = "off_topic"
    PRIVACY = "privacy"
    SCORING = "scoring"


class ProofStatus(Value):
    """Progress of an exam. Cheap enough for a timer."""

    state: ProofState = ProofState.NONE
    phase: ProofPhase | None = None
    done: int = Field(default=0, description="Answers given.")
    total: int = 0
    seconds_left: float | None = Field(default=None, description="None until it is known.")
    problem: Problem | None = Field(default=None, description="Why it failed, or cannot be begun.")
