"""The control "How careful?" and the sentences that say what each position means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.i18n.catalog import Catalog
from studio.services.answer_policies import ALONE, CAREFUL_CHOICES
from studio.trust.decision import RiskCurve, RiskLevel
from studio.web.ui.charts_trust import risk_chart
from studio.web.ui.components import EMPTY, QUIET, Ui, friendly, wrapped
from studio.web.ui.events import in_turn
from studio.web.ui.pages.trust_status import build_trust_status
from studio.web.ui.session import Place

_SAID: Final = Markup('<p id="careful-said">{}</p>{}')
_LIVE: Final = "element.setAttribute('aria-live', 'polite');"  # a screen reader says what a position means
_HEADS: Final = ("trust.chart.x", "trust.chart.y", "trust.table.wrong", "trust.table.person")
_WORTH_SAYING: Final = 3  # more answers of 100
_LINES: Final = "compare-trust"
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
        said = gr.HTML("", elem_id="careful-sentence", js_on_load=_LIVE, apply_default_css=False)
        below = gr.Column(elem_id="careful-status")
        with gr.Accordion(text("trust.curve"), open=False, elem_id="careful-curve") as fold:
            chart = gr.Plot(
                label=text("trust.curve"), show_label=False, elem_id="careful-chart", elem_classes="af-chart"
            )
            table = ui.html(elem_id="careful-table")

        with gr.Accordion(text("trust.misread"), open=False, elem_id="careful-misread") as misread_fold:
            misread = ui.html(elem_id="careful-misread-list")

    def shown(place: Place, run_id: str) -> dict[Any, Any]:
        careful, curve = ui.services.policies.read(place.project).careful, ui.services.selectors.curve(run_id)
        meaning, basis = careful_sentences(text, curve, careful)
        words = _SAID.format(meaning, _NOTE.format(basis) if basis else EMPTY)
        listed = render_misread(ui, place, curve, careful)
        return {
            said: wrapped(words) if meaning else "",
            fold: gr.Accordion(visible=curve is not None),
            misread: listed,
            misread_fold: gr.Accordion(visible=bool(listed)),
        }

    with below:
        beside = (said, fold, misread, misread_fold)
        status = build_trust_status(ui, _LINES, run_of, beside, shown)

    def drawn(place: Place, run_id: str) -> dict[Any, Any]:
        curve = ui.services.selectors.curve(run_id)
        careful = ui.services.policies.read(place.project).careful
        if curve is None:
            return {chart: gr.skip()}
        return {chart: gr.Plot(value=risk_chart(text, curve, careful)), table: curve_table(ui, curve)}

    @friendly(text)
    def choose(query: str, careful: float) -> dict[Any, Any]:
        place = Place.parse(query)
        ui.services.policies.choose_careful(place.project, careful)
        return status.show(place, run_of(place)) | drawn(place, run_of(place))

    @friendly(text)
    def draw(query: str) -> dict[Any, Any]:
        place = Place.parse(query)
        return drawn(place, run_of(place))

    def show(place: Place, run_id: str) -> dict[Any, Any]:
        # No later answer moves the control: another position may have been chosen meanwhile.
        return {control: ui.services.policies.read(place.project).careful, **status.show(place, run_id)}

    # In turn with what is done in the lines below: what was declined there must not come back with a later answer.
    waiting = {**in_turn(_LINES), "trigger_mode": "always_last"}
    control.input(choose, [ui.place, control], [*status.outputs, chart, table], **waiting, **QUIET)
    fold.expand(draw, [ui.place], [chart, table], **QUIET)
    return CarefulControl((control, *status.outputs), show)


def position(text: Catalog, careful: float) -> str:
    """The label of a position."""
    if careful >= ALONE:
        return text("trust.alone")
    return text.number(100 * careful, 0 if round(100 * careful) == 100 * careful else 1)


def curve_table(ui: Ui, curve: RiskCurve) -> str:
    """What each position means, of 100 questions, for those who cannot see the chart and those who want it exactly."""
    text = ui.text
    rows = [
        (
            position(text, one.careful),
            text.number(100 * one.answered),
            text.number(100 * one.wrong, 1),
            text.number(100 - round(100 * one.answered)),
        )
        for one in map(curve.level, CAREFUL_CHOICES[:-1])
    ]
    return ui.render("examples/plots_table", heads=[text(key) for key in _HEADS], rows=rows)


def render_misread(ui: Ui, place: Place, curve: RiskCurve | None, careful: float) -> str:
    """The owner's questions that keep the chatbot from answering more, and what it would gain; empty if there is nothing.

    Args:
        ui: what the page is built with.
        place: where the person is.
        curve: of the run; None before it is fitted.
        careful: the position.
    """
    if curve is None or careful >= ALONE:
        return ""
    level = curve.level(careful)
    now, then = round(100 * level.answered), round(100 * level.answered_without)
    if not level.is_promised or then - now < _WORTH_SAYING:
        return ""
    examples = place.at("examples").with_rows(tuple(each.source for each in curve.misread))
    return ui.render("misread", misread=curve.misread, now=now, then=then, examples=examples)


def careful_sentences(text: Catalog, curve: RiskCurve | None, careful: float) -> tuple[str, str]:
    """What a position means, and what that is based on; empty before that is known.

    Args:
        curve: of the run; None before it is fitted.
        careful: the position.
    """
    if careful >= ALONE:
        return text("trust.level.alone"), text("trust.level.alone_note")
    if curve is None:
        return "", ""
    level = curve.level(careful)
    if not level.is_promised:
        return _few(text, curve, level), text("trust.level.too_few", careful=position(text, careful), n=curve.questions)
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
    certainty, n = round(100 * curve.certainty), curve.questions
    return said, text("trust.level.promise", certainty=certainty, careful=position(text, careful), n=n)


def _few(text: Catalog, curve: RiskCurve, level: RiskLevel) -> str:
    """What was counted on few questions: none wrong of eight says little of a hundred."""
    answered, wrong = (round(curve.questions * share) for share in (level.answered, level.wrong))
    counts = {"all": curve.questions, "answered": answered, "rest": curve.questions - answered}
    if not answered:
        return text("trust.level.none")
    return text("trust.level.few_wrong", n=wrong, **counts) if wrong else text("trust.level.few_right", **counts)
