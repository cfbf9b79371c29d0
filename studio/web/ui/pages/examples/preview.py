"""An example as the model sees it."""

from __future__ import annotations

from contextlib import suppress

from studio.errors import AfinaError
from studio.web.ui.components import Ui
from studio.web.ui.session import Place


def render_preview(ui: Ui, place: Place, conversation_id: str) -> str:
    """An example as the model sees it, with the learned part marked."""
    model_id, segments = ui.services.projects.get(place.project).model_id, None
    has_model = bool(model_id) and ui.services.models.is_installed(model_id or "")
    if has_model:
        with suppress(AfinaError):
            segments = ui.services.datasets.preview(place.project, conversation_id, model_id or "")
    return ui.render("examples/preview", segments=segments, has_model=has_model)
