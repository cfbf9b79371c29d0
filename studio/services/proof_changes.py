"""What the newest change did: two versions of a project on the exam questions that both were asked."""

from __future__ import annotations

from dataclasses import dataclass

from studio.domain.proof import Proof
from studio.services.proof.service import ProofService
from studio.services.runs.service import RunService


@dataclass(frozen=True)
class ProofChanges:
    """Against an earlier version.

    Args:
        run_id: of that version.
        name: of that version.
        asked: questions that both were asked.
        fixed: those that are answered rightly now and were not.
        broken: those that were answered rightly and are not now.
    """

    run_id: str
    name: str
    asked: int
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class ProofChangeService:
    """Compares a version with the one before.

    Args:
        runs: which versions a project has.
        proofs: what their exams said.
    """

    def __init__(self, runs: RunService, proofs: ProofService) -> None:
        self._runs, self._proofs = runs, proofs

    def since_before(self, run_id: str) -> ProofChanges | None:
        """What changed since the newest earlier run of the project that sat the exam; None without one.

        Raises:
            AfinaError: ``general.not_found``.
        """
        view = self._runs.view(run_id)
        now = self._proofs.result(run_id)
        if now is None:
            return None
        earlier = (one for one in self._runs.list(view.project_id) if one.created_at < view.created_at)
        for other in sorted(earlier, key=lambda one: -one.created_at):
            then = self._proofs.result(other.id)
            if then is not None:
                return changes_between(then, now, other.id, other.name)
        return None


def changes_between(then: Proof, now: Proof, run_id: str, name: str) -> ProofChanges:
    """What differs between the exams of two versions; ``run_id`` and ``name`` are of the earlier one.

    A question whose expected answer was mended meanwhile is another question.
    """
    before = {(answer.question, answer.expected): answer.right_after for answer in then.answers}
    both = [answer for answer in now.answers if (answer.question, answer.expected) in before]
    was_right = {answer.number: before[answer.question, answer.expected] for answer in both}
    return ProofChanges(
        run_id=run_id,
        name=name,
        asked=len(both),
        fixed=tuple(answer.question for answer in both if answer.right_after and not was_right[answer.number]),
        broken=tuple(answer.question for answer in both if not answer.right_after and was_right[answer.number]),
    )
