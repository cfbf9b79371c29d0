"""The check-up: how healthy the examples are, what is most worth doing, and the fixes."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr

from studio.data.checks import registry
from studio.data.checks.check import Finding
from studio.domain.dataset import DatasetView
from studio.web.ui.components import QUIET, Ui, event_data, friendly
from studio.web.ui.events import in_turn
from studio.web.ui.pages.examples.checks_view import CHOOSE, CONTRADICTIONS, render_body, render_checkup
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_EVERY: Final = 1.0  # seconds between two looks at a check-up that is going on
_GROUPS: Final = 30  # questions with several answers that are offered to choose from at once


def build_checks(ui: Ui) -> Section:
    """The health score and the findings; :func:`connect_filter` joins them to the table."""
    report = ui.actions(elem_id="examples-checks")
    timer = gr.Timer(_EVERY, active=False)
    bodies = gr.State({})

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        if view is None:
            return {report: "", timer: gr.Timer(active=False), bodies: {}}
        checkup = ui.services.checkups.look(place.project)
        return {
            report: render_checkup(ui, checkup, {}),
            timer: gr.Timer(active=checkup.is_running),
            bodies: {},
        }

    @friendly(ui.text)
    def look(query: str) -> dict[Any, Any]:
        """Goes on until the check-up is there; then the whole page shows what it found."""
        place = Place.parse(query)
        if ui.services.datasets.version(place.project) is None or place.step != "examples":
            return {timer: gr.Timer(active=False)}
        checkup = ui.services.checkups.look(place.project)
        if checkup.is_running:
            return {report: render_checkup(ui, checkup, {})}
        return {timer: gr.Timer(active=False), ui.place: place.again}

    @friendly(ui.text)
    def act(query: str, opened: dict[str, str], event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        if chosen.get("action") == "open":
            opened = {**opened, chosen["code"]: _body(ui, place, chosen["code"], chosen.get("choice", ""))}
            checkup = ui.services.checkups.look(place.project)
            return {report: render_checkup(ui, checkup, opened), bodies: opened}
        match chosen.get("action"):
            case "fix":
                codes = [code for code in chosen.get("codes", "").split(",") if code]
                ui.services.checkups.fix(place.project, codes)
            case "stop":
                ui.services.checkups.stop(place.project)
            case "again":
                ui.services.checkups.again(place.project)
            case _:
                return gr.skip()  # type: ignore[no-any-return]
        checkup = ui.services.checkups.look(place.project)
        if checkup.is_running:
            return {report: render_checkup(ui, checkup, {}), timer: gr.Timer(active=True), bodies: {}}
        return {ui.place: place.again}

    outputs = [ui.place, report, timer, bodies]
    timer.tick(look, [ui.place], [ui.place, report, timer], **QUIET)
    report.action(
        act, [ui.place, bodies], outputs, show_progress="minimal", api_visibility="private", **in_turn("checks")
    )
    return Section((report, timer, bodies), show)


def connect_filter(ui: Ui, section: Section, tabs: Any, problem: Any) -> None:
    """Lets a finding's button show its rows."""

    def choose(event: gr.EventData) -> Any:
        chosen = event_data(event)
        if chosen.get("action") != "filter":
            return gr.skip()
        return {tabs: gr.Tabs(selected="rows"), problem: chosen["code"]}

    section.outputs[0].action(choose, None, [tabs, problem], **QUIET)


def _body(ui: Ui, place: Place, code: str, choice: str) -> str:
    """What stands in a finding once it is opened."""
    found = _finding(ui, place, code)
    if found is None:
        return ""
    check = registry.get(code)
    offered = CHOOSE if code == CONTRADICTIONS else check.choices[0] if check.choices else ""
    choice = choice or offered
    if choice == CHOOSE:
        return render_body(ui, found, choice, (), ui.services.checks.groups(place.project, code, _GROUPS))
    wanted = f"{code}={choice}" if choice else code
    changes = ui.services.checks.preview(place.project, wanted) if check.fix else []
    return render_body(ui, found, choice, changes, ())


def _finding(ui: Ui, place: Place, code: str) -> Finding | None:
    report = ui.services.checks.report(place.project)
    return next((finding for finding in report.findings if finding.code == code), None)
