"""Which version the page is about, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from studio.domain.run import RunView
from studio.web.ui.components import Ui
from studio.web.ui.pages.tuned import best_run, chosen_run, tuned_runs
from studio.web.ui.session import Place

BASE = ""  # in the choice of what a version is compared with


@dataclass(frozen=True)
class ProofTarget:
    """What is looked at.

    Args:
        against: id of the run that it is compared with; None: its base model.
        views: all tuned versions of the project.
        best: the one that the Train step marks.
    """

    run: RunView
    against: str | None
    views: list[RunView]
    best: RunView | None


def proof_target(ui: Ui, place: Place) -> ProofTarget | None:
    """The version in the address, else the newest that is over, else the newest; None before anything is tuned."""
    views = tuned_runs(ui, place.project)
    over = next((view for view in views if view.state.is_over), None)
    run = chosen_run(place, views, over)
    if run is None:
        return None
    others = {view.id for view in views} - {run.id}
    against = next((run_id for run_id in place.beside if run_id in others), None)
    return ProofTarget(run, against, views, best_run(ui, views))


def against_choices(ui: Ui, target: ProofTarget) -> Any:
    """The choice of what to compare with; hidden where there is one version alone."""
    others = [(view.name, view.id) for view in target.views if view.id != target.run.id]
    choices = [(ui.text("proof.base"), BASE), *others]
    return gr.Dropdown(choices=choices, value=target.against or BASE, visible=bool(others))
