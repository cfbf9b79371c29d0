"""Every version of the examples, and the way back to each."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.dataset import DatasetVersion, DatasetView
from studio.web.ui.components import Ui, badge, button, event_data, friendly, join, when, wrapped
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_VERSION: Final = Markup("<li><span>{label} · {what} · {n}</span>{time}{act}</li>")


def build_history(ui: Ui) -> Section:
    """The list of versions."""
    history = ui.actions(elem_id="examples-history")

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return {history: render_history(ui, place, view) if view else ""}

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place, chosen = Place.parse(query), event_data(event)
        if chosen.get("action") == "restore":
            ui.services.history.restore(place.project, chosen["id"])
        return {ui.place: place.move}

    history.action(act, [ui.place], [ui.place], show_progress="hidden", api_visibility="private")
    return Section((history,), show)


def render_history(ui: Ui, place: Place, view: DatasetView) -> str:
    """All versions, with the way back to each."""
    versions = ui.services.history.versions(place.project)
    rows = join(_version(ui, version, version.id == view.version.id) for version in versions)
    return wrapped(Markup('<ul class="af-runs">{}</ul>').format(rows))


def _version(ui: Ui, version: DatasetVersion, current: bool) -> Markup:
    text = ui.text
    params = {"files": ", ".join(version.files), **version.params}
    back = button(text("examples.restore"), "restore", kind="small", id=version.id)
    return _VERSION.format(
        label=text("examples.version", number=str(version.number)),
        what=text(f"version.{version.action}", **params),
        n=text("examples.read", n=version.examples),
        time=when(text, version.created_at),
        act=badge(text("examples.current"), "good") if current else back,
    )
