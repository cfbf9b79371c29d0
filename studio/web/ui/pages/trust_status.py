"""What stands between a run and the owner's own answers: examples to be read first, a fault, an encoder worth fetching."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import gradio as gr

from studio.i18n.catalog import Catalog
from studio.processes.job_registry import Job
from studio.services.encoders import EncoderInstall
from studio.trust.jobs import language_of
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.events import in_turn
from studio.web.ui.session import Place

Shown = Callable[[Place, str], dict[Any, Any]]
_EVERY: Final = 1.5  # seconds between two looks
_TELLING: Final = 0.05  # of the work has to be done before the time left can be told


@dataclass(frozen=True)
class TrustStatus:
    """The lines on a screen.

    Args:
        outputs: every component that ``show`` may change.
        show: renders them for a place and a run, which it starts to fit where that was not done yet.
    """

    outputs: tuple[Any, ...]
    show: Shown


def build_trust_status(
    ui: Ui, elem_id: str, run_of: Callable[[Place], str], beside: tuple[Any, ...] = (), shown: Shown | None = None
) -> TrustStatus:
    """Builds the lines and connects their buttons; they look by themselves as long as something is on its way.

    Args:
        ui: what the page is built with.
        elem_id: of the lines.
        run_of: id of the run that a place is about; empty where there is none.
        beside: other components of the page that depend on how far a run is fitted.
        shown: renders those.
    """
    lines, timer = ui.actions(elem_id=elem_id), gr.Timer(_EVERY, active=False)
    outputs = (lines, timer, *beside)

    def look(place: Place, run_id: str) -> dict[Any, Any]:
        if not run_id:
            return {timer: gr.Timer(active=False)}
        going = _is_going(ui, run_id)  # first: what ends while the rest is rendered is looked at once more
        others = shown(place, run_id) if shown is not None else {}
        return {**others, lines: render_trust_status(ui, place, run_id, elem_id), timer: gr.Timer(active=going)}

    def show(place: Place, run_id: str) -> dict[Any, Any]:
        ui.services.selectors.fit(run_id)
        return look(place, run_id)

    @friendly(ui.text)
    def again(query: str) -> dict[Any, Any]:
        place = Place.parse(query)
        return look(place, run_of(place))

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        run_id = run_of(place)
        encoder = _encoder(ui, run_id)
        acts: dict[str, Callable[[], object]] = {
            "helper-get": partial(encoder.install, then=partial(ui.services.selectors.fit, run_id)),
            "helper-no": encoder.decline,
            "helper-stop": encoder.cancel,
            "trust-again": partial(ui.services.selectors.fit, run_id),
        }
        acts[event_data(event)["action"]]()
        return look(place, run_id)

    # One after the other: a look that had begun before a click would arrive after it and draw what the click took away.
    waiting = in_turn(elem_id)
    timer.tick(again, [ui.place], list(outputs), **{**waiting, "trigger_mode": "once"}, **QUIET)
    lines.action(act, [ui.place], list(outputs), **waiting, **QUIET)
    return TrustStatus(outputs, show)


def render_trust_status(ui: Ui, place: Place, run_id: str, elem_id: str) -> str:
    """A fault with what mends it; else what is being read, and the encoder where it would answer more.

    Args:
        ui: what the page is built with.
        place: where the person is.
        run_id: the run.
        elem_id: of the component; the ids of its parts begin with it.
    """
    if ui.services.policies.read(place.project).is_alone:
        return ""
    selectors = ui.services.selectors
    problem, encoder, is_first = selectors.problem(run_id), _encoder(ui, run_id), selectors.curve(run_id) is None
    fitting = ""
    if selectors.is_fitting(run_id):
        if not is_first:
            fitting = ui.text("trust.status.again")
        else:
            fitting = ui.text("trust.status.updated" if selectors.was_fitted(run_id) else "trust.status.first")
    elif (job := selectors.tuning(run_id)) is not None and job.is_active:
        fitting = tuning_sentence(ui.text, job)
    offered = not is_first and encoder.folder is None
    if not (problem or fitting or offered):
        return ""
    return ui.render(
        "trust_status",
        problem=problem,
        fitting=fitting,
        encoder=encoder if offered else None,
        title="trust.encoder.title",
        why="trust.encoder.why",
        later="trust.encoder.later",
        retry_id=f"{elem_id}-again",
        elem_id=f"{elem_id}-encoder",
    )


def tuning_sentence(text: Catalog, job: Job) -> str:
    """That the questions are being read more closely, and for how long still where that can be told."""
    if job.fraction < _TELLING:
        return text("trust.status.tuning")
    spent = time.time() - job.created_at
    return text("trust.status.tuning_left", left=text.duration(spent * (1 - job.fraction) / job.fraction))


def _encoder(ui: Ui, run_id: str) -> EncoderInstall:
    return ui.services.insights.encoders.for_language(language_of(ui.services.workspace.run(run_id)))


def _is_going(ui: Ui, run_id: str) -> bool:
    jobs = (_encoder(ui, run_id).progress, ui.services.selectors.tuning(run_id))
    return ui.services.selectors.is_fitting(run_id) or any(job is not None and job.is_active for job in jobs)
