"""The queue: what is worked on, what waits and behind what, what is paused, with buttons to change it."""

from __future__ import annotations

from collections.abc import Sequence

from studio.domain.run import RunState, RunView
from studio.domain.study import is_study
from studio.web.ui.components import Ui
from studio.web.ui.pages.train.live import cancel_button, time_left
from studio.web.ui.session import Place


def render_queue(ui: Ui, place: Place, queue: Sequence[RunView], shown: RunView | None) -> str:
    """The queue of the workspace; empty where there is nothing but the run that is looked at anyway.

    Args:
        queue: in the order in which it is worked on.
        shown: the run whose card stands above.
    """
    if not [view for view in queue if shown is None or view.id != shown.id]:
        return ""
    waiting = [view for view in queue if view.state is RunState.QUEUED]
    before = next((view for view in queue if view.state not in (RunState.QUEUED, RunState.PAUSED)), None)
    rows = []
    for view in queue:
        rows.append(_row(ui, place, view, waiting, before))
        before = view if view in waiting else before
    return ui.render(
        "train/queue",
        rows=rows,
        waiting=len(waiting),
        is_study=is_study,
        run_place=lambda view: Place(view.project_id, "train", view.id),
        cancel_button=cancel_button,
    )


def target_of(queue: Sequence[RunView], run_id: str, up: bool) -> str | None:
    """The waiting run that ``run_id`` is to precede when it moves one place up or down; None is the end.

    A run that is first or last already, or does not wait, stays: its own id is returned.
    """
    waiting = [view.id for view in queue if view.state is RunState.QUEUED]
    if run_id not in waiting:
        return run_id
    place = waiting.index(run_id)
    if up:
        return waiting[place - 1] if place else run_id
    if place == len(waiting) - 1:
        return run_id
    return waiting[place + 2] if place + 2 < len(waiting) else None


def _row(
    ui: Ui, place: Place, view: RunView, waiting: Sequence[RunView], before: RunView | None
) -> tuple[RunView, int | None, str, str]:
    """A run, its place among those that wait, its mark, and in words when it is worked on."""
    text, number = ui.text, waiting.index(view) if view in waiting else None
    mark, when = "▶", ""
    if number is not None:
        mark = str(number + 1)
        when = text("train.queue.after", name=before.name) if before else text("train.queue.next")
    elif view.state is RunState.PAUSED:
        mark, when = "‖", text("train.queue.paused")
    elif view.progress.seconds_left:
        when = time_left(text, view.progress)
    if view.project_id != place.project:
        project = ui.services.projects.get(view.project_id).name
        when = f"{project} · {when}" if when else project
    return view, number, mark, when
