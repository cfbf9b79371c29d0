"""The run that is looked at: where it stands, in words, numbers and a chart. Each part can be patched on its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from markupsafe import Markup

from studio.domain.run import Progress, RunState, RunView
from studio.i18n.catalog import Catalog
from studio.services.runs.chart_commentary import commentary
from studio.web.ui.charts import loss_chart
from studio.web.ui.components import (
    EMPTY,
    Ui,
    bar,
    button,
    danger_button,
    join,
    link,
    problem_notice,
    state_badge,
    wrapped,
)
from studio.web.ui.pages.train.answers import answers_key, render_answers
from studio.web.ui.pages.train.resources import render_resources
from studio.web.ui.plot import sparkline
from studio.web.ui.session import Place

_FAST, _USUAL, _SLOW, _NEVER = 500, 2000, 5000, 0  # milliseconds until the next look
_REDRAWS: Final = 60  # of the chart in a run
_GOING: Final = (RunState.STARTING, RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)
_CARD: Final = Markup(
    '<div id="train-run" data-run="{run}" data-shape="{shape}" data-keys="{keys}" data-wait="{wait}">'
    '<p class="af-notice warning" id="train-offline" role="alert" hidden>{offline}</p>'
    '<section class="af-card" id="train-live" data-state="{state}" aria-label="{name}">'
    '<div class="af-row af-between"><div class="af-row"><h2>{name}</h2><span data-part="badge">{badge}</span></div>'
    '<div class="af-row af-controls" data-part="controls">{controls}</div></div>'
    '<div data-part="bar">{bar}</div>'
    '<div class="af-row af-between af-small af-muted"><span data-part="where">{where}</span>'
    '<span data-part="left">{left}</span></div>'
    '<p class="af-reading" id="train-reading" role="status" data-part="reading">{reading}</p>'
    '<div class="af-stack" data-part="notices">{notices}</div>'
    '<div class="af-live"><div class="af-stack"><h3>{chart_title}</h3><div id="train-chart" data-part="chart">{chart}</div></div>'
    '<div class="af-stack af-numbers"><div data-part="stats">{stats}</div>'
    '<details class="af-small" id="train-numbers"><summary>{experts}</summary><div data-part="numbers">{numbers}</div></details>'
    '<div id="train-resources" data-part="resources">{resources}</div></div>'
    '<div id="train-answers" data-part="answers">{answers}</div></div>'
    '<p class="af-small af-muted" data-part="safe">{safe}</p></section></div>'
)
_NO_CARD: Final = Markup('<div id="train-run" data-shape="{shape}" data-keys="{{}}" data-wait="{wait}"></div>')
_STAT: Final = Markup("<div><dt>{}</dt><dd>{}</dd>{}</div>")


def render_live(ui: Ui, view: RunView | None, shape: str = "", wait: int = 0) -> str:
    """The whole card of a run.

    Args:
        view: of the run; without one, nothing is shown, and the browser looks all the same if ``wait`` says so.
        shape: what the rest of the page was made from; see :func:`live_parts`.
        wait: milliseconds until the browser looks again; 0 is never.
    """
    if view is None:
        return str(_NO_CARD.format(shape=shape, wait=wait))
    drawn = {name: str(draw(ui, view)) for name, draw in _PARTS.items()}
    return wrapped(
        _CARD.format(
            run=view.id,
            shape=shape,
            keys=json.dumps(keys_of(view)),
            wait=wait,
            offline=ui.text("train.live.offline"),
            state=view.state.value,
            name=view.name,
            chart_title=ui.text("train.live.chart.title"),
            experts=ui.text("train.live.experts"),
            **{name: Markup(html) for name, html in drawn.items()},
        )
    )


def live_parts(ui: Ui, view: RunView, known: dict[str, str]) -> dict[str, str]:
    """The parts of the card as they are now, those left out that the browser says it has.

    Args:
        known: keys of the costly parts that the browser shows.

    Returns:
        HTML by name of the part.
    """
    keys = keys_of(view)
    return {
        name: str(draw(ui, view)) for name, draw in _PARTS.items() if name not in keys or keys[name] != known.get(name)
    }


def keys_of(view: RunView) -> dict[str, str]:
    """What the costly parts are made from: equal keys, equal pictures."""
    progress = view.progress
    share = _REDRAWS * progress.step // max(1, progress.total_steps)
    chart = f"{view.id},{min(progress.step, 6)},{share},{len(progress.held_out_loss)},{view.state.is_over}"
    return {"chart": chart, "answers": answers_key(view)}


def wait_for(view: RunView | None, *, busy: bool) -> int:
    """Milliseconds until the screen should look again: soon before the first point, never where nothing goes on.

    Args:
        busy: whether anything else of the page is under way.
    """
    if view is not None and view.state in _GOING:
        return _USUAL if view.progress.step > 1 else _FAST
    return _SLOW if busy or (view is not None and view.state is RunState.QUEUED) else _NEVER


def _badge(ui: Ui, view: RunView) -> Markup:
    return state_badge(ui.text, view.state, view.fraction)


def _bar(ui: Ui, view: RunView) -> Markup:
    return bar(view.fraction, ui.text("train.progress"), going=view.state in _GOING)


def _where(ui: Ui, view: RunView) -> str:
    progress, text = view.progress, ui.text
    if not progress.total_steps:
        return ""
    key = "train.live.where_at_most" if progress.may_end_earlier else "train.live.where"
    numbers = {"n": progress.pass_number, "passes": progress.passes}
    return text(key, **numbers, step=progress.step, total=progress.total_steps)


def _left(ui: Ui, view: RunView) -> str:
    if view.state.is_over:
        return ui.text("train.took", time=ui.text.duration(view.result.seconds)) if view.result else ""
    if view.state is not RunState.RUNNING:
        return ""
    return time_left(ui.text, view.progress)


def time_left(text: Catalog, progress: Progress) -> str:
    """How long a run still takes: at most, where it leaves off once nothing more is gained."""
    if progress.seconds_left is None:
        return text("train.left_unknown")
    key = "train.left_at_most" if progress.may_end_earlier else "train.left"
    return text(key, time=text.duration(progress.seconds_left))


def _reading(ui: Ui, view: RunView) -> Markup:
    key, params = commentary(view)
    return Markup("{}").format(ui.text(key, **params))


def _notices(ui: Ui, view: RunView) -> Markup:
    found = [*view.progress.notices]
    found += [view.paused_by] if view.paused_by else []
    found += [view.result.problem] if view.result and view.result.problem else []
    return join(problem_notice(ui.text, problem) for problem in found)


def _controls(ui: Ui, view: RunView) -> Markup:
    """The buttons that fit the state: what can be gone on with, paused, stopped, cancelled."""
    text = ui.text
    shown = []
    tuned = view.state.is_over and view.result is not None and view.result.adapter is not None
    if tuned:
        place = Place(view.project_id, "compare", view.id)
        shown.append(link(text("train.live.compare"), place, kind="primary small", elem_id="train-compare"))
    if view.state is RunState.PAUSING or view.state.can_go_on:
        kind = "small" if tuned else "primary small"
        shown.append(button(text("train.live.resume"), "resume", kind=kind, elem_id="train-resume", id=view.id))
    if not view.state.is_over and view.state is not RunState.PAUSED:
        html = Markup('<button type="button" class="af-button quiet small af-notify" data-notify>{}</button>')
        shown.append(html.format(text("train.live.notify")))
    if view.state in (RunState.QUEUED, RunState.STARTING, RunState.RUNNING):
        shown.append(button(text("train.live.pause"), "pause", kind="small", elem_id="train-pause", id=view.id))
    if view.state in (RunState.STARTING, RunState.RUNNING):
        shown.append(button(text("train.live.stop"), "stop", kind="small", elem_id="train-stop", id=view.id))
    if not view.state.is_over:
        shown.append(cancel_button(ui, view, elem_id="train-cancel"))
    return join(shown)


def cancel_button(ui: Ui, view: RunView, *, elem_id: str = "") -> Markup:
    """Ends a run at once, after a question."""
    text = ui.text
    return danger_button(
        text,
        text("train.live.cancel"),
        "cancel",
        text("train.live.cancel_ask", name=view.name),
        text("train.live.cancel_detail"),
        yes=text("train.live.cancel_yes"),
        stay="train.live.cancel_no",
        elem_id=elem_id,
        id=view.id,
    )


def _chart(ui: Ui, view: RunView) -> Markup:
    if not view.progress.train_loss:
        words = "train.live.chart.none" if view.state.is_over else "train.live.chart.wait"
        return Markup('<div class="af-wait-here">{}</div>').format(ui.text(words))
    key, params = commentary(view)
    return loss_chart(ui.text, view, ui.text(key, **params))


def _stats(ui: Ui, view: RunView) -> Markup:
    text, progress = ui.text, view.progress
    if not progress.step:
        return EMPTY
    passes = f"{text.number(min(progress.epoch, progress.passes), 1)} / {text.number(progress.passes)}"
    stats = _STAT.format(text("train.stat.passes"), passes, EMPTY)
    return Markup('<dl class="af-stats">{}</dl>').format(stats)


def _numbers(ui: Ui, view: RunView) -> Markup:
    """What only an expert asks for."""
    text, progress = ui.text, view.progress
    if not progress.step:
        return EMPTY
    rate = text("train.stat.rate")
    curve = sparkline([point.value for point in progress.learning_rate], rate)
    stats = [
        _STAT.format(text("train.stat.speed"), text.number(progress.tokens_per_second), EMPTY),
        _STAT.format(rate, shown_rate(ui, progress.learning_rate[-1].value), curve),
    ]
    return Markup('<dl class="af-stats">{}</dl>').format(join(stats))


def shown_rate(ui: Ui, rate: float) -> str:
    """A learning rate as people write it: ``0.003``, or ``0,003``."""
    value = f"{rate:.2g}" if rate >= 1e-4 else f"{rate:.1e}"
    return value if ui.text.locale == "en" else value.replace(".", ",")


def _resources(ui: Ui, view: RunView) -> Markup:
    return render_resources(ui, view) if view.state in _GOING else EMPTY


def _safe(ui: Ui, view: RunView) -> str:
    return "" if view.state.is_over or view.state is RunState.PAUSED else ui.text("train.safe")


_PARTS: Final[dict[str, Callable[[Ui, RunView], Any]]] = {
    "badge": _badge,
    "controls": _controls,
    "bar": _bar,
    "where": lambda ui, view: Markup("{}").format(_where(ui, view)),
    "left": lambda ui, view: Markup("{}").format(_left(ui, view)),
    "reading": _reading,
    "notices": _notices,
    "chart": _chart,
    "stats": _stats,
    "numbers": _numbers,
    "resources": _resources,
    "answers": render_answers,
    "safe": lambda ui, view: Markup("{}").format(_safe(ui, view)),
}
