"""Blind votes on the answers of a final exam: one question after another, kept in the database, so that voters can resume.

A vote belongs to a question with the two answers that were shown: an exam that is sat again with other answers is voted
on anew. Which answer stands first is drawn from voter and question, so a reload shows the same order.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from sqlalchemy import delete, select

from studio.domain.proof import Interval, VoteTally
from studio.domain.vote import Ballot, BallotKey, Choice, VoteResult
from studio.errors import AfinaError
from studio.evaluation.statistics import wilson
from studio.services.proof.service import ProofService
from studio.storage.database import VoteRow
from studio.storage.workspace import Workspace

_NAME_LENGTH: Final = 60
_WORTH: Final = {Choice.AFTER: 1.0, Choice.TIE: 0.5, Choice.BOTH_BAD: 0.5, Choice.BEFORE: 0.0}


@dataclass(frozen=True)
class Pair:
    """A question with two different answers.

    Args:
        id: of all three texts together.
        before: the answer of the base model or of the other run.
    """

    id: str
    question: str
    before: str
    after: str


class VoteService:
    """Safe to use from many threads and processes."""

    def __init__(self, workspace: Workspace, proofs: ProofService) -> None:
        self._workspace, self._proofs = workspace, proofs

    def pairs(self, run_id: str, against: str | None = None) -> tuple[Pair, ...]:
        """The questions on which two runs give different answers; none before both have sat the exam.

        Args:
            against: the run that it is compared with; None: its base model.

        Raises:
            AfinaError: ``general.not_found``.
        """
        answers = self._answers(run_id, against)
        return tuple(_pair(*texts) for texts in answers if texts[1].strip() != texts[2].strip())

    def same(self, run_id: str, against: str | None = None) -> int:
        """How many questions both answer with the same words. Args and errors as :meth:`pairs`."""
        return sum(before.strip() == after.strip() for _, before, after in self._answers(run_id, against))

    def ballot(self, run_id: str, against: str | None, voter: str) -> Ballot | None:
        """The next question of a voter; None when all are done. Errors as :meth:`pairs`, and ``vote.no_name``."""
        name, pairs = _named(voter), self.pairs(run_id, against)
        voted = {row.question_id for row in self._rows(run_id, against, pairs) if row.voter == name}
        for pair in sorted(pairs, key=lambda one: _draw(name, one.id, "order")):
            if pair.id not in voted:
                first, second = (pair.after, pair.before) if _is_swapped(name, pair.id) else (pair.before, pair.after)
                return Ballot(
                    question_id=pair.id,
                    question=pair.question,
                    first=first,
                    second=second,
                    done=len(voted),
                    total=len(pairs),
                )
        return None

    def vote(self, run_id: str, against: str | None, voter: str, question_id: str, key: BallotKey) -> None:
        """Keeps a vote; a second one on the same question takes its place.

        Args:
            against: the run that it is compared with; None: its base model.

        Raises:
            AfinaError: ``vote.no_name``, ``vote.no_question``, ``general.not_found``.
        """
        name = _named(voter)
        if question_id not in {pair.id for pair in self.pairs(run_id, against)}:
            raise AfinaError("vote.no_question")
        choice = Choice(key.value) if key in (BallotKey.TIE, BallotKey.BOTH_BAD) else _chosen(name, question_id, key)
        row = VoteRow(
            run_id=run_id,
            against=against or "",
            voter=name,
            question_id=question_id,
            choice=choice.value,
            voted_at=time.time(),
        )
        with self._workspace.database.session() as session:
            session.merge(row)

    def undo(self, run_id: str, against: str | None, voter: str) -> None:
        """Takes the newest vote of a voter back; nothing happens without one. Errors as :meth:`vote`."""
        name = _named(voter)
        own = [row for row in self._rows(run_id, against, self.pairs(run_id, against)) if row.voter == name]
        if not own:
            return
        newest = max(own, key=lambda row: row.voted_at)
        with self._workspace.database.session() as session:
            session.execute(
                delete(VoteRow).where(
                    VoteRow.run_id == run_id,
                    VoteRow.against == newest.against,
                    VoteRow.voter == name,
                    VoteRow.question_id == newest.question_id,
                )
            )

    def result(self, run_id: str, against: str | None = None) -> VoteResult:
        """All votes on the answers as they are now. Args and errors as :meth:`pairs`."""
        rows = self._rows(run_id, against, self.pairs(run_id, against))
        counts = Counter(Choice(row.choice) for row in rows)
        by_question: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            by_question[row.question_id].append(_WORTH[Choice(row.choice)])
        return VoteResult(
            tally=VoteTally(**{choice.value: counts[choice] for choice in Choice}),
            votes=len(rows),
            voters=len({row.voter for row in rows}),
            rate=_rate([fmean(worths) for worths in by_question.values()]),
        )

    def _answers(self, run_id: str, against: str | None) -> list[tuple[str, str, str]]:
        """Question, answer before and answer after; from the exams of both against the base where they have no own."""
        proof = self._proofs.result(run_id, against)
        if proof is not None:
            return [(answer.question, answer.before, answer.after) for answer in proof.answers]
        one, other = self._proofs.result(run_id), self._proofs.result(against) if against else None
        if one is None or other is None:
            return []
        theirs = {(answer.question, answer.expected): answer.after for answer in other.answers}
        return [
            (answer.question, theirs[answer.question, answer.expected], answer.after)
            for answer in one.answers
            if (answer.question, answer.expected) in theirs
        ]

    def _rows(self, run_id: str, against: str | None, pairs: Sequence[Pair]) -> list[VoteRow]:
        known = {pair.id for pair in pairs}
        with self._workspace.database.session() as session:
            found = session.scalars(
                select(VoteRow).where(VoteRow.run_id == run_id, VoteRow.against == (against or ""))
            ).all()
        return [row for row in found if row.question_id in known]


def _pair(question: str, before: str, after: str) -> Pair:
    texts = "\0".join((question, before, after))
    return Pair(hashlib.sha256(texts.encode()).hexdigest()[:32], question, before, after)


def _named(voter: str) -> str:
    name = " ".join(voter.split())[:_NAME_LENGTH]
    if not name:
        raise AfinaError("vote.no_name")
    return name


def _draw(voter: str, question_id: str, what: str) -> bytes:
    """A random number that is the same whenever the same voter comes to the same question."""
    return hashlib.sha256("\0".join((voter, question_id, what)).encode()).digest()


def _is_swapped(voter: str, question_id: str) -> bool:
    """Whether the tuned answer stands first."""
    return _draw(voter, question_id, "side")[0] % 2 == 1


def _chosen(voter: str, question_id: str, key: BallotKey) -> Choice:
    return Choice.AFTER if (key is BallotKey.FIRST) is _is_swapped(voter, question_id) else Choice.BEFORE


def _rate(shares: Sequence[float]) -> Interval | None:
    """The mean over questions with its interval: several votes on a question are one observation."""
    return wilson(sum(shares), len(shares)) if shares else None
