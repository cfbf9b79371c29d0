"""The runs of the project: each with its result, and a tick that lays it over the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.run import RunState, RunView
from studio.services.runs.comparison import LEAST, MOST
from studio.web.ui.components import EMPTY, Ui, button, danger_button, join, notice, state_badge, when, wrapped
from studio.web.ui.pages.train.overlay import render_overlay
from studio.web.ui.session import Place

_AUTOMATIC: Final = 3  # runs that are laid over each other while nobody has ticked any
NOBODY: Final = "none"  # in the address: every tick was taken away
_ROW: Final = Markup(
    '<li id="{id}"{current}>{tick}<a data-nav href="{href}">{name}</a><span class="af-muted af-small">{loss}</span>'
    '{state}{time}<span class="af-row acts">{acts}</span></li>'
)
_TICK: Final = Markup(
    '<label class="af-tick {kind}"><input type="checkbox" data-action="tick" data-id="{id}"{on}{off}'
    ' aria-label="{label}"><i aria-hidden="true"></i></label>'
)


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
    title = Markup("<h2>{}</h2>").format(ui.text("train.runs"))
    if not views:
        return wrapped(title, notice(ui.text("train.runs_none")))
    chosen = chosen_runs(place, views)
    many = sum(is_comparable(view) for view in views) >= LEAST
    hint = Markup('<p class="af-muted af-small">{}</p>').format(ui.text("train.overlay.hint")) if many else EMPTY
    rows = join(
        _row(ui, place, view, shown is not None and view.id == shown.id, chosen if many else None) for view in views
    )
    over = render_overlay(ui, chosen) if len(chosen) >= LEAST else EMPTY
    return wrapped(title, hint, Markup('<ul class="af-runs af-ticks">{}</ul>').format(rows), over)


def _row(ui: Ui, place: Place, view: RunView, current: bool, chosen: Sequence[str] | None) -> Markup:
    text, loss, tick = ui.text, "", EMPTY
    acts = [_rename(ui, view), button(text("train.live.repeat"), "repeat", kind="quiet small", id=view.id)]
    if view.result and view.result.best_loss is not None:
        loss = text("train.run_loss", loss=text.number(view.result.best_loss, 2))
    if chosen is not None:
        tick = _tick(ui, view, chosen)
    if view.state.is_over or view.state in (RunState.QUEUED, RunState.PAUSED):
        ask, detail = text("train.run_delete_ask", name=view.name), text("train.run_delete_detail")
        acts.append(danger_button(text, text("train.run_delete"), "delete", ask, detail, id=view.id))
    return _ROW.format(
        id=view.id,
        current=Markup(' aria-current="true"') if current else EMPTY,
        tick=tick,
        href=place.at("train", view.id).href,
        name=view.name,
        loss=loss,
        state=Markup('<span data-part="badge-{}">{}</span>').format(
            view.id, state_badge(text, view.state, view.fraction)
        ),
        time=when(text, view.created_at),
        acts=join(acts),
    )


def _rename(ui: Ui, view: RunView) -> Markup:
    text = ui.text
    asked = {
        "ask": text("train.live.rename_ask"),
        "input": view.name,
        "yes": text("common.save"),
        "no": text("common.cancel"),
    }
    return button(text("home.rename"), "rename", kind="quiet small", id=view.id, **asked)


def _tick(ui: Ui, view: RunView, chosen: Sequence[str]) -> Markup:
    on = view.id in chosen
    full = len(chosen) >= MOST and not on
    return _TICK.format(
        kind=f"s{chosen.index(view.id) + 1}" if on else "",
        id=view.id,
        on=Markup(" checked") if on else EMPTY,
        off=Markup(" disabled") if full or not is_comparable(view) else EMPTY,
        label=ui.text("train.overlay.tick", name=view.name),
    )
