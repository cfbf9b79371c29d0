"""What was just done, with the way back: a bar over the page, for a moment."""

from __future__ import annotations

import time
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.web.ui.components import Ui, button, event_data, friendly, wrapped
from studio.web.ui.pages.examples.history import what_happened
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SECONDS: Final = 20.0  # that it stays; as in studio/web/ui/static/examples.css
_TOAST: Final = Markup(
    '<div class="af-toast" role="status" style="animation-delay:{delay}s"><span>{what}</span>{undo}</div>'
)


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

    toast.action(undo, [ui.place], [ui.place], show_progress="hidden", api_visibility="private")
    return Section((toast,), show)


def render_toast(ui: Ui, view: DatasetView) -> str:
    """The bar of a version that is some seconds old and can be undone; else nothing."""
    age = time.time() - view.version.created_at
    if not 0 <= age < _SECONDS or not view.can_undo or view.can_redo:
        return ""
    back = button(ui.text("examples.undo"), "undo", kind="small", id=view.version.id)
    what = ui.text("checkup.toast", number=str(view.version.number), what=what_happened(ui, view.version, brief=True))
    return wrapped(_TOAST.format(what=what, undo=back, delay=round(_SECONDS - age, 1)))
