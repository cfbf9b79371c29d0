"""All runs of a project on the same final exam."""

from __future__ import annotations

from pydantic import Field

from studio.domain.proof import Interval, Verdict
from studio.domain.value import Value


class TableRow(Value):
    """A run on the exam of its project."""

    run_id: str = Field(description="Empty for the base model.")
    name: str
    right: int
    asked: int
    share: Interval = Field(description="Of right answers; Wilson.")
    proof_verdict: Verdict | None = None


class TablePair(Value):
    """Two runs on the same questions."""

    first: str
    second: str
    n: int
    difference: Interval
    p: float = Field(description="Corrected by Holm over all pairs of the table.")
    winner: str | None = Field(default=None, description="Id of the run that is better beyond chance.")
    trained_alike: bool = Field(
        default=False, description="Whether one would be, but for the same recipe and examples."
    )


class ProofTable(Value):
    """All runs of a project on the same exam, the best first."""

    rows: tuple[TableRow, ...] = ()
    pairs: tuple[TablePair, ...] = ()
    questions: int = Field(default=0, description="That all of them answered.")
