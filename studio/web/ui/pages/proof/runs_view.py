"""All versions of a project on the same exam, who beats whom beyond chance, and whether the exam was lucky."""

from __future__ import annotations

from typing import Final

from studio.domain.proof_table import ProofTable
from studio.domain.run import RunView
from studio.domain.study import StudyKind, StudyView
from studio.web.ui.components import Ui
from studio.web.ui.session import Place

FOLDS: Final = 5  # times that the exam is repeated


def render_runs(ui: Ui, place: Place, table: ProofTable, run: RunView, study: StudyView | None) -> str:
    """The table of all versions, and the exam repeated.

    Args:
        ui: what the page is built with.
        place: the version that is looked at.
        study: the newest repetition of the exam in the project, if there is one.
    """
    folds, can_start, has_study = _folds(ui, run, study)
    return ui.render(
        "proof/runs",
        place=place,
        run_id=run.id,
        rows=table.rows if sum(bool(row.run_id) for row in table.rows) > 1 else (),
        readings=_readings(ui, table),
        questions=table.questions,
        folds=folds,
        k=FOLDS,
        can_start=can_start,
        has_study=has_study,
    )


def newest_folds(ui: Ui, project_id: str) -> StudyView | None:
    """The newest repetition of the exam."""
    found = [view for view in ui.services.studies.list(project_id) if view.kind is StudyKind.FOLDS]
    return max(found, key=lambda view: view.created_at, default=None)


def _readings(ui: Ui, table: ProofTable) -> list[str]:
    """Who beats whom beyond chance, and who was trained alike."""
    text, names = ui.text, {row.run_id: row.name for row in table.rows}
    won, alike = [], []
    for pair in table.pairs:
        if pair.winner is not None:
            loser = pair.second if pair.winner == pair.first else pair.first
            winner = names.get(pair.winner, pair.winner)
            won.append(text("proof.runs.beats", winner=winner, loser=names.get(loser, "")))
        if pair.trained_alike:
            named = {"first": names.get(pair.first, ""), "second": names.get(pair.second, "")}
            alike.append(text("proof.runs.alike", **named))
    return [*won, *alike] or [text("proof.runs.no_winner")]


def _folds(ui: Ui, run: RunView, study: StudyView | None) -> tuple[str, bool, bool]:
    """What is said of the exam repeated, whether it can be started, and whether there is a result to look at."""
    text = ui.text
    if study is not None and not study.state.is_over:
        return text("proof.folds.going", percent=round(100 * study.progress)), False, True
    spread = study.spread if study is not None else None
    if spread is not None and spread.folds and spread.mean_right is not None and spread.spread_right is not None:
        numbers = {"mean": round(100 * spread.mean_right), "spread": round(100 * spread.spread_right)}
        return text("proof.folds.result", folds=spread.folds, **numbers), True, True
    if spread is not None and spread.folds and spread.mean_loss is not None and spread.spread_loss is not None:
        shown = {"mean": text.number(spread.mean_loss, 2), "spread": text.number(spread.spread_loss, 2)}
        return text("proof.folds.result_loss", folds=spread.folds, **shown), True, True
    seconds = FOLDS * (run.result.seconds if run.result else 0.0)
    return text("proof.folds.why", k=FOLDS, time=text.duration(seconds)), True, False
