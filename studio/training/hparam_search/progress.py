"""How far a study is, from its plan and its record. Pure arithmetic, for screens."""

from __future__ import annotations

from studio.domain.study import StudyKind, StudyPlan, StudyRecord


def fraction(plan: StudyPlan, record: StudyRecord) -> float:
    """How much of a study is done, 0 to 1: of the time that a search may take, of the passes of a cross-validation."""
    done = record.spent / (plan.minutes * 60) if plan.kind is StudyKind.SEARCH else _passes(plan, record)
    return min(0.99, done)


def seconds_left(plan: StudyPlan, record: StudyRecord) -> float | None:
    """How long a study still works at most; None until the pace of a cross-validation is known."""
    if plan.kind is StudyKind.SEARCH:
        return max(0.0, plan.minutes * 60 - record.spent)
    done = _passes(plan, record)
    return record.spent / done * max(0.0, 1.0 - done) if done else None


def _passes(plan: StudyPlan, record: StudyRecord) -> float:
    """Passes taken, of those that all parts take together."""
    return sum(trial.passes for trial in record.trials) / sum(settings.epochs for settings in plan.candidates)
