"""An example as the model sees it."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from studio.domain.dataset import Segment
from studio.errors import AfinaError
from studio.web.ui.components import Ui, join, notice, wrapped
from studio.web.ui.session import Place


def render_preview(ui: Ui, place: Place, conversation_id: str) -> str:
    """An example as the model sees it, with the learned part marked."""
    text = ui.text
    title = Markup('<h2>{}</h2><p class="af-muted af-small">{}</p>')
    head = title.format(text("examples.preview"), text("examples.preview_why"))
    model_id = ui.services.projects.get(place.project).model_id
    if not model_id or not ui.services.models.is_installed(model_id):
        return wrapped(head, notice(text("examples.preview_no_model")))
    try:
        segments = ui.services.datasets.preview(place.project, conversation_id, model_id)
    except AfinaError:
        return wrapped(head, notice(text("examples.preview_empty")))
    seen = Markup('<details id="preview-seen"><summary>{}</summary>{}</details>')
    return wrapped(head, seen.format(text("examples.preview_open"), _segments(segments)))


def _segments(segments: Sequence[Segment]) -> Markup:
    learned, read = Markup("<mark>{}</mark>"), Markup("<span>{}</span>")
    shown = join((learned if segment.learned else read).format(segment.text) for segment in segments)
    return Markup('<div class="af-sees" tabindex="0">{}</div>').format(shown)
