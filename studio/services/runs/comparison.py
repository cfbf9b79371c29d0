"""Runs laid over each other: their curves on one scale, and only what differs between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select

from studio.domain.event import SampleAnswer
from studio.domain.recipe import Recipe
from studio.domain.run import Point, RunView
from studio.services.runs.service import RunService
from studio.storage.database import DatasetRow, RunRow
from studio.storage.workspace import Workspace

LEAST: Final = 2
MOST: Final = 6
_NOT_SETTINGS: Final = frozenset(
    {"schema_version", "model", "data", "held_out", "columns", "held_out_share", "split_seed"}
)


@dataclass(frozen=True)
class Curve:
    """The losses of one run over its passes.

    Args:
        practice: passes and training loss, a point a step.
        best: the point of the adapter that was kept; None where nothing was evaluated.
    """

    run_id: str
    name: str
    practice: tuple[tuple[float, float], ...]
    exam: tuple[tuple[float, float], ...]
    best: tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: field of a recipe, or ``model``, ``examples``, ``loss``, ``right``, ``seconds``.
        values: one a run, in the order of the runs; None where it is not known.
        best: index of the best value; None where none is better than the others.
    """

    name: str
    values: tuple[Any, ...]
    best: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Some runs side by side.

    Args:
        differences: settings, model and examples, only where they differ.
        results: held-out loss, right answers, seconds.
        best: index of the run with the lowest held-out loss; None where that cannot be said.
    """

    runs: tuple[RunView, ...]
    curves: tuple[Curve, ...]
    differences: tuple[Row, ...]
    results: tuple[Row, ...]
    best: int | None


class ComparisonService:
    """Lays runs over each other."""

    def __init__(self, workspace: Workspace, runs: RunService) -> None:
        self._workspace = workspace
        self._runs = runs

    def compare(self, run_ids: Sequence[str]) -> Comparison:
        """The runs side by side; the first :data:`MOST` of them.

        Held-out losses are comparable only where the same examples were held out: ``best`` is None otherwise.

        Raises:
            AfinaError: ``general.not_found``.
        """
        views = tuple(self._runs.view(run_id) for run_id in run_ids[:MOST])
        versions = self._versions([view.id for view in views])
        numbers = tuple(versions.get(view.id) for view in views)
        loss = _result("loss", [_lowest(view) for view in views], lowest=True)
        same_exam = (
            len({(view.project_id, view.held_out_examples, n) for view, n in zip(views, numbers, strict=True)}) <= 1
        )
        if not same_exam:
            loss = Row(loss.name, loss.values)
        results = (
            loss,
            _result("right", [_right(view) for view in views], lowest=False),
            _result("seconds", [_seconds(view) for view in views], lowest=True),
        )
        return Comparison(
            runs=views,
            curves=tuple(_curve(view) for view in views),
            differences=_differences(views, numbers),
            results=tuple(row for row in results if any(value is not None for value in row.values)),
            best=loss.best,
        )

    def best(self, run_ids: Sequence[str]) -> str | None:
        """The run that :meth:`compare` marks as the best of the newest that sat the same exam as the first.

        Args:
            run_ids: the newest first.

        Returns:
            Its id; None where fewer than two are comparable.
        """
        views = [self._runs.view(run_id) for run_id in run_ids]
        versions = self._versions(run_ids)
        exams = [(view.project_id, view.held_out_examples, versions.get(view.id)) for view in views]
        same = [view for view, exam in zip(views, exams, strict=True) if exam == exams[0]]
        index = _result("loss", [_lowest(view) for view in same], lowest=True).best
        return same[index].id if index is not None else None

    def _versions(self, run_ids: Sequence[str]) -> dict[str, int]:
        query = (
            select(RunRow.id, DatasetRow.number)
            .join(DatasetRow, DatasetRow.id == RunRow.dataset_id)
            .where(RunRow.id.in_(run_ids))
        )
        with self._workspace.database.session() as session:
            return dict(session.execute(query).tuples().all())


def same_answer(item: SampleAnswer) -> bool:
    """Whether an answer is the expected one to the letter, spaces aside."""
    return " ".join(item.answer.split()) == " ".join(item.expected.split())


def _differences(views: Sequence[RunView], versions: Sequence[int | None]) -> tuple[Row, ...]:
    rows = [Row("model", tuple(view.model_name for view in views)), Row("examples", tuple(versions))]
    for name in Recipe.model_fields:
        if name not in _NOT_SETTINGS:
            rows.append(Row(name, tuple(_chosen(view.recipe, name) for view in views)))
    return tuple(row for row in rows if any(value != row.values[0] for value in row.values))


def _chosen(recipe: Recipe, name: str) -> Any:
    """A setting; alpha as its ratio to the rank, so that it counts only where it was chosen by itself."""
    value = getattr(recipe, name)
    return value / recipe.rank if name == "alpha" and value and recipe.rank else value


def _result(name: str, values: Sequence[Any], *, lowest: bool) -> Row:
    known = [value for value in values if value is not None]
    if len(set(known)) < LEAST:
        return Row(name, tuple(values))
    best = min(known) if lowest else max(known)
    return Row(name, tuple(values), values.index(best))


def _lowest(view: RunView) -> float | None:
    if view.result and view.result.best_loss is not None:
        return view.result.best_loss
    found = [point.value for point in view.progress.held_out_loss if math.isfinite(point.value)]
    return min(found, default=None)


def _right(view: RunView) -> int | None:
    if not view.progress.answers_step:
        return None
    return sum(same_answer(item) for item in view.progress.answers)


def _seconds(view: RunView) -> float | None:
    return view.result.seconds if view.result else view.progress.training_seconds or None


def _curve(view: RunView) -> Curve:
    progress = view.progress
    steps = max(1.0, progress.started.steps_per_epoch) if progress.started else 1.0

    def scaled(points: Sequence[Point]) -> tuple[tuple[float, float], ...]:
        return tuple((point.step / steps, point.value) for point in points if math.isfinite(point.value))

    exam = scaled(progress.held_out_loss)
    return Curve(
        run_id=view.id,
        name=view.name,
        practice=scaled(progress.train_loss),
        exam=exam,
        best=min(exam, key=lambda point: point[1]) if exam else None,
    )
