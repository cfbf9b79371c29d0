"""What was just done, with the way back: a bar over the page, for a moment."""

from __future__ import annotations

from typing import Any

import gradio as gr

from studio.domain.dataset import DatasetView
from studio.web.ui.components import QUIET, Ui, event_data, friendly, undo_toast, wrapped
from studio.web.ui.pages.examples.history import what_happened
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place


def build_toast(ui: Ui) -> Section:
    """The bar. It shows the version that was just made, whatever made it: nothing needs to tell it."""
    toast = ui.actions(elem_id="examples-toast")

    def show(_place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return {toast: render_toast(ui, view) if view else ""}

    @friendly(ui.text)
    def undo(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        current = ui.services.datasets.version(place.project)
        if current and current.id == event_data(event).get("id"):
            ui.services.history.undo(place.project)
        return {ui.place: place.again}

    toast.action(undo, [ui.place], [ui.place], **QUIET)
    return Section((toast,), show)


def render_toast(ui: Ui, view: DatasetView) -> str:
    """The bar of a version that is some seconds old and can be undone; else nothing."""
    if not view.can_undo or view.can_redo:
        return ""
    what = ui.text("checks.toast", number=str(view.version.number), what=what_happened(ui, view.version, brief=True))
    toast = undo_toast(ui.text, what, view.version.created_at, id=view.version.id)
    return wrapped(toast) if toast else ""
