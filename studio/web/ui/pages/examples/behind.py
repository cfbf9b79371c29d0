"""The examples behind an exam question: shown alone, mended, and trained with again."""

from __future__ import annotations

from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.web.ui.components import QUIET, Ui, button, friendly, join, link, wrapped
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_NOTE: Final = Markup(
    '<section class="af-card chosen" id="examples-behind-note"><div><h3>{}</h3><p class="af-muted">{}</p></div>'
    '<div class="af-row">{}</div></section>'
)


def build_behind(ui: Ui) -> Section:
    """A note above the table where it shows the examples behind an exam question alone; nothing else."""
    shown = ui.actions(elem_id="examples-behind")

    def show(place: Place, _view: DatasetView | None) -> dict[Any, Any]:
        return {shown: _render(ui, place) if place.rows else ""}

    @friendly(ui.text)
    def act(query: str, _event: gr.EventData) -> str:
        return train_again(ui, Place.parse(query)).move

    shown.action(act, [ui.place], [ui.place], **QUIET)
    return Section((shown,), show)


def train_again(ui: Ui, place: Place) -> Place:
    """Starts a run with the settings of the version that was examined, on the examples as they are now.

    Raises ``general.not_found``.

    Returns:
        Where the new run is looked at.
    """
    view = ui.services.runs.view(place.run)
    if view.project_id != place.project:
        raise AfinaError("general.not_found", what=place.run)
    recipe = view.recipe.model_copy(update={"data": (), "held_out": ()})
    return place.at("train", ui.services.runs.start(place.project, recipe, locale=ui.text.locale))


def _render(ui: Ui, place: Place) -> str:
    text = ui.text
    acts = [
        link(text("proof.behind.back"), place.at("proof"), kind="small"),
        link(text("proof.behind.all"), place.with_rows(()), kind="quiet small"),
    ]
    if place.run:
        acts.insert(0, button(text("proof.behind.train"), "train", kind="primary small", elem_id="behind-train"))
    return wrapped(_NOTE.format(text("proof.behind.title", n=len(place.rows)), text("proof.behind.how"), join(acts)))
