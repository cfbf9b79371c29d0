"""What the Examples screen shows of a dataset: a pure rendering of its view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.conversation import Role
from studio.domain.dataset import DatasetVersion, DatasetView, Segment
from studio.errors import AfinaError
from studio.web.ui.components import (
    EMPTY,
    Ui,
    badge,
    button,
    empty_state,
    join,
    next_link,
    notice,
    problem_notice,
    when,
    wrapped,
)
from studio.web.ui.session import Place

_SEED: Final = 42  # of a recipe that says nothing else
_SPLIT_SHOWN: Final = 5_000  # examples above which the split is left for the training
_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><rect x="6" y="9" width="36" height="30" rx="5"/><path d="M6 18h36M6 28h36M20 18v21"/></svg>'
)
_PICTURE: Final = Markup(
    '<section class="af-card"><div><h2>{title}</h2><p class="af-muted af-small">{why}</p></div>{turns}</section>'
)
_TURN: Final = Markup('<div class="af-say {kind}"><small>{who}</small>{text}</div>')
_VERSION: Final = Markup("<li><span>{label} · {what} · {n}</span>{time}{act}</li>")


def render_head(ui: Ui, view: DatasetView | None) -> str:
    """How many examples there are, where from, and how many are kept aside; or the empty state."""
    text = ui.text
    sample = button(text("examples.sample"), "sample", elem_id="examples-sample")
    if view is None:
        return wrapped(empty_state(_ICON, text("examples.empty_title"), text("examples.empty"), sample))
    version = view.version
    counts = [badge(text("examples.read", n=version.examples), "good")]
    held_out, why = _held_out(ui, view)
    if held_out:
        counts.append(badge(text("examples.held_out", n=held_out), "warn"))
    counts.append(badge(text("examples.version", number=str(version.number))))
    origin = EMPTY
    if version.files:
        origin = Markup('<span class="af-muted af-small">{}</span>').format(
            text("examples.from", files=", ".join(version.files))
        )
    line = Markup('<div class="af-row">{}{}</div><p class="af-muted af-small">{}</p>')
    return wrapped(line.format(join(counts), origin, why))


def _held_out(ui: Ui, view: DatasetView) -> tuple[int, str]:
    """How many examples are kept for the proof, and a sentence about them."""
    if view.version.examples > _SPLIT_SHOWN:
        return view.version.held_out, ui.text("examples.held_out_later")
    plan = ui.services.datasets.split_plan(view.version.project_id, _SEED)
    return len(plan.held_out), f"{ui.text('examples.held_out_why')} {ui.text(f'split.{plan.kind.value}')}"


def render_summary(ui: Ui, view: DatasetView) -> str:
    """What was found while reading, or that all is well."""
    if not view.problems:
        return wrapped(notice(ui.text("examples.all_good"), "good"))
    title = Markup("<h2>{}</h2>").format(ui.text("examples.problems", n=len(view.problems)))
    return wrapped(title, join(problem_notice(ui.text, problem) for problem in view.problems))


def render_picture(ui: Ui, view: DatasetView) -> str:
    """The first example as a conversation, so that a wrong column shows at once."""
    text, first = ui.text, view.conversations[0]
    turns = []
    for message in first.messages:
        kind = {Role.ASSISTANT: "answers"}.get(message.role, "asks")
        who = {Role.ASSISTANT: "examples.answer", Role.SYSTEM: "examples.system"}.get(message.role, "examples.customer")
        turns.append(_TURN.format(kind=kind, who=text(who), text=message.content))
    picture = _PICTURE.format(title=text("examples.mapping"), why=text("examples.mapping_why"), turns=join(turns))
    return wrapped(picture)


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
    return wrapped(head, _segments(segments))


def _segments(segments: Sequence[Segment]) -> Markup:
    learned, read = Markup("<mark>{}</mark>"), Markup("<span>{}</span>")
    shown = join((learned if segment.learned else read).format(segment.text) for segment in segments)
    return Markup('<div class="af-sees" tabindex="0">{}</div>').format(shown)


def render_history(ui: Ui, place: Place, view: DatasetView) -> str:
    """All versions, with the way back to each."""
    versions = ui.services.datasets.versions(place.project)
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


def render_foot(ui: Ui, place: Place, view: DatasetView | None) -> str:
    """The way to the next step."""
    hint = ui.text("examples.next_open")
    if view:
        hint = ui.text("examples.next_hint", number=str(view.version.number))
    return next_link(ui.text, place.at("train"), "examples.next", primary=view is not None, hint=hint)
