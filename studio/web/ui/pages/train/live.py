"""The run that is looked at: where it stands, in words, numbers and a chart. Each part can be patched on its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from markupsafe import Markup

from studio.domain.run import Progress, RunState, RunView
from studio.i18n.catalog import Catalog
from studio.services.runs.chart_commentary import commentary
from studio.services.runs.comparison import same_answer
from studio.web.ui.charts import loss_chart
from studio.web.ui.components import Ui, danger_button, template_blocks
from studio.web.ui.plot import sparkline
from studio.web.ui.session import Place

_FAST, _USUAL, _SLOW, _NEVER = 500, 2000, 5000, 0  # milliseconds until the next look
_REDRAWS: Final = 60  # of the chart in a run
_BUSY: Final = 0.3  # share of the cores that others take, from which on it is said: minutes told before hold no longer
_GOING: Final = (RunState.STARTING, RunState.RUNNING, RunState.PAUSING, RunState.STOPPING)
_NO_CARD: Final = Markup('<div id="train-run" data-shape="{shape}" data-keys="{{}}" data-wait="{wait}"></div>')


def render_live(ui: Ui, view: RunView | None, shape: str = "", wait: int = 0) -> str:
    """The whole card of a run.

    Args:
        view: of the run; without one, nothing is shown, and the browser looks all the same if ``wait`` says so.
        shape: what the rest of the page was made from; see :func:`live_parts`.
        wait: milliseconds until the browser looks again; 0 is never.
    """
    if view is None:
        return str(_NO_CARD.format(shape=shape, wait=wait))
    return ui.render("train/live", shape=shape, wait=wait, keys=json.dumps(keys_of(view)), **_values(ui, view))


def live_parts(ui: Ui, view: RunView, known: dict[str, str]) -> dict[str, str]:
    """The parts of the card as they are now, those left out that the browser says it has.

    Args:
        known: keys of the costly parts that the browser shows.

    Returns:
        HTML by name of the part.
    """
    keys, blocks = keys_of(view), template_blocks(ui.text, "train/live", **_values(ui, view))
    return {name: made() for name, made in blocks.items() if name not in keys or keys[name] != known.get(name)}


def keys_of(view: RunView) -> dict[str, str]:
    """What the costly parts are made from: equal keys, equal pictures."""
    progress, is_over = view.progress, view.state.is_over
    share = _REDRAWS * progress.step // max(1, progress.total_steps)
    return {
        "chart": f"{view.id},{min(progress.step, 6)},{share},{len(progress.held_out_loss)},{is_over}",
        "answers": f"{view.id},{progress.answers_step},{len(progress.first_answers)},{is_over}",
    }


def wait_for(view: RunView | None, *, busy: bool) -> int:
    """Milliseconds until the screen should look again: soon before the first point, never where nothing goes on.

    Args:
        busy: whether anything else of the page is under way.
    """
    if view is not None and view.state in _GOING:
        return _USUAL if view.progress.step > 1 else _FAST
    return _SLOW if busy or (view is not None and view.state is RunState.QUEUED) else _NEVER


def _values(ui: Ui, view: RunView) -> dict[str, Any]:
    """What every part of the card is made from."""
    key, params = commentary(view)
    problems = [*view.progress.notices, view.paused_by, view.result.problem if view.result else None]
    is_tuned = view.state.is_over and view.result is not None and view.result.adapter is not None
    return {
        "view": view,
        "progress": view.progress,
        "state": view.state.value,
        "is_going": view.state in _GOING,
        "tuned": Place(view.project_id, "compare", view.id) if is_tuned else None,
        "reading": ui.text(key, **params),
        "problems": [problem for problem in problems if problem is not None],
        "meters": [
            (name, words, min(1.0, own), min(1.0, whole)) for name, words, own, whole in _meters(ui.text, view.progress)
        ],
        "first_answers": {item.question: item.answer for item in view.progress.first_answers},
        **{
            piece.__name__: piece
            for piece in (cancel_button, loss_chart, same_answer, shown_rate, sparkline, time_left)
        },
    }


def _meters(text: Catalog, progress: Progress) -> Iterator[tuple[str, str, float, float]]:
    """What a run takes of its machine: of what, in words, its share, and the share that is taken in all."""
    if not progress.usage:
        return
    now = progress.usage[-1]
    yield "cpu", text("train.live.meter.percent", percent=round(100 * now.cpu)), now.cpu, max(now.cpu, now.machine_cpu)
    total, used = max(1, now.memory_total), max(now.memory, now.memory_total - now.memory_free)
    words = text("train.live.meter.of", used=text.size(now.memory), total=text.size(now.memory_total))
    yield "memory", words, now.memory / total, used / total
    if now.gpu is not None:
        yield "gpu", text("train.live.meter.percent", percent=round(100 * now.gpu)), now.gpu, now.gpu
    if now.vram is not None and now.vram_total:
        words = text("train.live.meter.of", used=text.size(now.vram), total=text.size(now.vram_total))
        yield "vram", words, now.vram / now.vram_total, now.vram / now.vram_total


def time_left(text: Catalog, progress: Progress) -> str:
    """How long a run still takes: at most, where it leaves off once nothing more is gained; and who slows it down."""
    if progress.seconds_left is None:
        return text("train.left_unknown")
    key = "train.left_at_most" if progress.may_end_earlier else "train.left"
    left, taken = text(key, time=text.duration(progress.seconds_left)), progress.taken_by_others
    return left if taken < _BUSY else text("train.left_slowed", left=left, percent=round(100 * taken))


def cancel_button(text: Catalog, view: RunView, *, elem_id: str = "") -> Markup:
    """Ends a run at once, after a question."""
    ask, detail = text("train.live.cancel_ask", name=view.name), text("train.live.cancel_detail")
    yes, stay = text("train.live.cancel_yes"), "train.live.cancel_no"
    label = text("train.live.cancel")
    return danger_button(text, label, "cancel", ask, detail, yes=yes, stay=stay, elem_id=elem_id, id=view.id)


def shown_rate(text: Catalog, rate: float) -> str:
    """A learning rate as people write it: ``0.003``, or ``0,003``."""
    value = f"{rate:.2g}" if rate >= 1e-4 else f"{rate:.1e}"
    return value if text.locale == "en" else value.replace(".", ",")
