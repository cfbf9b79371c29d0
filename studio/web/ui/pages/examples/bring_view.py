"""What the upper part of the Examples screen shows: how much there is, where from, and how an import goes on."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.domain.left_out import left_out, totals
from studio.processes.job_registry import Job
from studio.web.ui.components import Ui

_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><rect x="6" y="9" width="36" height="30" rx="5"/><path d="M6 18h36M6 28h36M20 18v21"/></svg>'
)


def render_head(ui: Ui, view: DatasetView | None) -> str:
    """How many examples there are, where from, and how many are kept aside; or the empty state."""
    if view is None:
        return ui.render("examples/head", version=None, icon=_ICON)
    held_out, why = _held_out(ui, view)
    return ui.render("examples/head", version=view.version, held_out=held_out, why=why)


def render_template_link(ui: Ui) -> str:
    """The way to a spreadsheet with the right titles, for whoever has no file yet."""
    return ui.render("examples/template_link")


def _held_out(ui: Ui, view: DatasetView) -> tuple[int, str]:
    """How many examples are kept for the proof, and a sentence about them."""
    counts = ui.services.splits.counts(view.version.project_id)
    if counts is None:
        return view.version.held_out, ui.text("examples.held_out_later")
    return counts[0], f"{ui.text('examples.held_out_why')} {ui.text(f'examples.split.kind.{counts[1].value}')}"


def render_going(ui: Ui, progress: Job) -> str:
    """How far an import is, with the way to stop it."""
    return ui.render("examples/importing", job=progress)


def render_summary(ui: Ui, view: DatasetView | None) -> str:
    """What was left out while reading, and why; below it what else is worth a look; or that all is well."""
    if view is None:
        return ""
    gone = left_out(view.problems)
    told = [item.problem for item in gone]
    return ui.render(
        "examples/summary",
        gone=gone,
        counts=[ui.text(f"examples.left_out.{unit.value}", n=count) for unit, count in totals(gone).items()],
        others=[problem for problem in view.problems if problem not in told],
    )
