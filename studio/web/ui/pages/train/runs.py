"""The runs of the project: each with its result, and a tick that lays it over the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from studio.domain.run import RunView
from studio.services.runs.comparison import LEAST, MOST
from studio.web.ui.components import EMPTY, Ui
from studio.web.ui.pages.train.overlay import render_overlay
from studio.web.ui.session import Place

_AUTOMATIC: Final = 3  # runs that are laid over each other while nobody has ticked any
NOBODY: Final = "none"  # in the address: every tick was taken away


def chosen_runs(place: Place, views: Sequence[RunView]) -> list[str]:
    """Ids of the runs to lay over each other: the ticked ones, or the newest that have something to show."""
    comparable = [view.id for view in views if is_comparable(view)]
    if place.beside:
        return [run_id for run_id in comparable if run_id in place.beside][:MOST]
    return comparable[:_AUTOMATIC] if len(comparable) >= LEAST else []


def is_comparable(view: RunView) -> bool:
    """Whether there is a curve to draw."""
    return len(view.progress.train_loss) > 1


def ticked(place: Place, views: Sequence[RunView], run_id: str) -> tuple[str, ...]:
    """The ticked runs after a click on the box of one."""
    chosen = chosen_runs(place, views)
    changed = [one for one in chosen if one != run_id] if run_id in chosen else [*chosen, run_id]
    return tuple(changed[-MOST:]) or (NOBODY,)


def render_runs(ui: Ui, place: Place, views: Sequence[RunView], shown: RunView | None) -> str:
    """All runs of the project, the one that is looked at marked; below, the ticked ones laid over each other."""
    chosen = chosen_runs(place, views)
    return ui.render(
        "train/runs",
        place=place,
        views=views,
        shown=shown.id if shown is not None else "",
        chosen=chosen,
        many=sum(is_comparable(view) for view in views) >= LEAST,
        is_full=len(chosen) >= MOST,
        is_comparable=is_comparable,
        overlay=render_overlay(ui, chosen) if len(chosen) >= LEAST else EMPTY,
    )
