"""The control "How careful?" and the sentences that say what each position means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.i18n.catalog import Catalog
from studio.services.answer_policies import ALONE, CAREFUL_CHOICES
from studio.trust.decision import RiskCurve
from studio.web.ui.charts_trust import risk_chart
from studio.web.ui.components import EMPTY, Ui, friendly, wrapped
from studio.web.ui.session import Place

_SAID: Final = Markup('<p id="careful-said">{}</p>{}')
_NOTE: Final = Markup('<p class="af-small af-muted">{}</p>')


@dataclass(frozen=True)
class CarefulControl:
    """The control of the project that is open."""

    outputs: tuple[Any, ...]
    show: Callable[[Place, str], dict[Any, Any]]


def build_careful(ui: Ui, run_of: Callable[[Place], str]) -> CarefulControl:
    """Builds the control and connects its events.

    Args:
        ui: what the page is built with.
        run_of: id of the run that is asked at a place; empty where there is none.
    """
    text = ui.text
    choices = [(position(text, careful), careful) for careful in CAREFUL_CHOICES]
    with gr.Column(elem_id="careful"):
        control = gr.Radio(
            choices, label=text("trust.careful"), info=text("trust.careful_info"), elem_id="careful-position"
        )
        said = ui.html(elem_id="careful-sentence")
        with gr.Accordion(text("trust.curve"), open=False, elem_id="careful-curve") as fold:
            chart = gr.Plot(
                label=text("trust.curve"), show_label=False, elem_id="careful-chart", elem_classes="af-chart"
            )
    timer = gr.Timer(1.5, active=False)

    def shown(place: Place, run_id: str) -> dict[Any, Any]:
        careful = ui.services.policies.read(place.project).careful
        job, curve = ui.services.selectors.progress(run_id), ui.services.selectors.curve(run_id)
        is_fitting = curve is None and job is not None and job.is_active
        meaning, basis = careful_sentences(text, curve, careful, is_fitting=is_fitting)
        return {
            control: careful,
            said: wrapped(_SAID.format(meaning, _NOTE.format(basis) if basis else EMPTY)),
            fold: gr.Accordion(visible=curve is not None),
            timer: gr.Timer(active=is_fitting),
        }

    def begin(place: Place, run_id: str) -> dict[Any, Any]:
        if ui.services.selectors.curve(run_id) is None:
            ui.services.selectors.fit(run_id)  # here, so that the screen sees it under way, and looks again
        return shown(place, run_id)

    def drawn(place: Place, run_id: str) -> dict[Any, Any]:
        curve = ui.services.selectors.curve(run_id)
        careful = ui.services.policies.read(place.project).careful
        return {chart: gr.Plot(value=risk_chart(text, curve, careful)) if curve is not None else gr.skip()}

    @friendly(text)
    def choose(query: str, careful: float) -> dict[Any, Any]:
        place = Place.parse(query)
        ui.services.policies.choose_careful(place.project, careful)
        return shown(place, run_of(place)) | drawn(place, run_of(place))

    @friendly(text)
    def look(query: str) -> dict[Any, Any]:
        place = Place.parse(query)
        return shown(place, run_of(place))

    @friendly(text)
    def draw(query: str) -> dict[Any, Any]:
        place = Place.parse(query)
        return drawn(place, run_of(place))

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    outputs = (control, said, fold, timer)
    control.input(choose, [ui.place, control], [*outputs, chart], **quiet)
    timer.tick(look, [ui.place], list(outputs), **quiet)
    fold.expand(draw, [ui.place], [chart], **quiet)
    return CarefulControl(outputs, begin)


def position(text: Catalog, careful: float) -> str:
    """The label of a position."""
    if careful >= ALONE:
        return text("trust.alone")
    return text.number(100 * careful, 0 if round(100 * careful) == 100 * careful else 1)


def careful_sentences(text: Catalog, curve: RiskCurve | None, careful: float, *, is_fitting: bool) -> tuple[str, str]:
    """What a position means, and what that is based on.

    Args:
        curve: of the run; None before it is fitted.
        careful: the position.
        is_fitting: whether the curve is on its way.
    """
    if careful >= ALONE:
        return text("trust.level.alone"), text("trust.level.alone_note")
    if curve is None:
        return text("trust.level.fitting" if is_fitting else "trust.level.unknown"), ""
    level = curve.level(careful)
    answered, wrong = round(100 * level.answered), 100 * level.wrong
    params = {"answered": answered, "rest": 100 - answered}
    if not answered:
        said = text("trust.level.none")
    elif wrong < 0.05:
        said = text("trust.level.right", **params)
    elif round(wrong) == 0:
        said = text("trust.level.below_one", **params)
    else:
        said = text("trust.level.wrong", n=round(wrong), **params)
    numbers = {"careful": position(text, careful), "n": curve.questions}
    if level.is_promised:
        return said, text("trust.level.promise", certainty=round(100 * curve.certainty), **numbers)
    return said, text("trust.level.too_few", **numbers)
