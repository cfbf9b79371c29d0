"""The queue: what is worked on, what waits and behind what, what is paused, with buttons to change it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.run import RunState, RunView
from studio.domain.study import is_study
from studio.web.ui.components import EMPTY, Ui, button, join, state_badge, wrapped
from studio.web.ui.pages.train.live import cancel_button, time_left
from studio.web.ui.session import Place

_LIST: Final = Markup(
    '<section class="af-card" aria-label="{title}"><div><h2>{title}</h2><p class="af-muted af-small">{why}</p></div>'
    '<ol class="af-queue">{rows}</ol></section>'
)
_ROW: Final = Markup(
    '<li id="queue-{id}" data-state="{state}"><b aria-hidden="true">{mark}</b><div class="what">{name}'
    '<span class="af-muted af-small">{when}</span></div>{badge}<div class="af-row acts">{buttons}</div></li>'
)


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
    return wrapped(_LIST.format(title=ui.text("train.queue.title"), why=ui.text("train.queue.why"), rows=join(rows)))


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


def _row(ui: Ui, place: Place, view: RunView, waiting: Sequence[RunView], before: RunView | None) -> Markup:
    text = ui.text
    mark, when = "▶", ""
    if view in waiting:
        mark = str(waiting.index(view) + 1)
        when = text("train.queue.after", name=before.name) if before else text("train.queue.next")
    elif view.state is RunState.PAUSED:
        mark, when = "‖", text("train.queue.paused")
    elif view.progress.seconds_left:
        when = time_left(text, view.progress)
    if view.project_id != place.project:
        project = ui.services.projects.get(view.project_id).name
        when = f"{project} · {when}" if when else project
    return _ROW.format(
        id=view.id,
        state=view.state.value,
        mark=mark,
        name=_name(view),
        when=when,
        badge=state_badge(text, view.state, view.fraction),
        buttons=join(_buttons(ui, view, waiting)),
    )


def _name(view: RunView) -> Markup:
    if is_study(view.id):
        return Markup("<strong>{}</strong>").format(view.name)
    there = Place(view.project_id, "train", view.id)
    return Markup('<a data-nav href="{}">{}</a>').format(there.href, view.name)


def _buttons(ui: Ui, view: RunView, waiting: Sequence[RunView]) -> list[Markup]:
    text = ui.text
    shown = []
    if view in waiting and len(waiting) > 1:
        place = waiting.index(view)
        shown.append(_arrow("↑", text("train.queue.up", name=view.name), "up", view.id, off=place == 0))
        shown.append(
            _arrow("↓", text("train.queue.down", name=view.name), "down", view.id, off=place == len(waiting) - 1)
        )
    if view.state is RunState.PAUSED:
        shown.append(button(text("train.live.resume"), "resume", kind="small", id=view.id))
    elif view.state in (RunState.QUEUED, RunState.RUNNING) and not is_study(view.id):
        shown.append(button(text("train.live.pause"), "pause", kind="small", id=view.id))
    shown.append(cancel_button(ui, view))
    return shown


def _arrow(mark: str, label: str, action: str, run_id: str, *, off: bool) -> Markup:
    html = (
        '<button type="button" class="af-button small arrow" data-action="{}" data-id="{}" aria-label="{}" title="{}"{}>'
        "{}</button>"
    )
    return Markup(html).format(action, run_id, label, label, Markup(" disabled") if off else EMPTY, mark)
