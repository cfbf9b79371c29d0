"""Bringing examples: the empty state, the sample, files, and what was read from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.web.ui.components import (
    EMPTY,
    Ui,
    badge,
    button,
    empty_state,
    event_data,
    friendly,
    join,
    notice,
    problem_notice,
    warn,
    wrapped,
)
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_SEED: Final = 42  # of a recipe that says nothing else
_SPLIT_SHOWN: Final = 5_000  # examples above which the split is left for the training
_ICON: Final = Markup(
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linecap="round"'
    ' aria-hidden="true"><rect x="6" y="9" width="36" height="30" rx="5"/><path d="M6 18h36M6 28h36M20 18v21"/></svg>'
)


def build_bring(ui: Ui) -> Section:
    """The empty state or what was read, and the panel that takes files."""
    text = ui.text
    head = ui.actions(elem_id="examples-head")
    with gr.Accordion(text("examples.more"), open=True, elem_id="examples-panel") as panel:
        upload = gr.File(
            label=text("examples.upload"), file_count="multiple", type="filepath", height=150, elem_id="examples-upload"
        )
        append = gr.Checkbox(
            label=text("examples.append"), info=text("examples.append_info"), elem_id="examples-append", container=False
        )
    summary = ui.html(elem_id="examples-summary")

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        return {
            head: render_head(ui, view),
            panel: gr.Accordion(label=text("examples.choose" if view is None else "examples.more"), open=view is None),
            append: gr.Checkbox(visible=view is not None),
            upload: None,
            summary: render_summary(ui, view),
        }

    _connect(ui, head, upload, append)
    return Section((head, panel, append, upload, summary), show)


def _connect(ui: Ui, head: Any, upload: Any, append: Any) -> None:
    data = ui.services.datasets

    @friendly(ui.text)
    def bring(query: str, files: list[str] | None, adding: bool) -> dict[Any, Any]:
        place = Place.parse(query)
        try:
            data.import_files(place.project, [Path(file) for file in files or []], append=adding)
        except AfinaError as error:
            warn(ui.text, error)
            return {upload: None}
        return {ui.place: place.move}

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        if event_data(event).get("action") == "sample":
            data.use_sample(place.project, ui.text.locale)
        return {ui.place: place.move}

    outputs = [ui.place, upload]
    upload.upload(bring, [ui.place, upload, append], outputs, show_progress_on=[upload], api_visibility="private")
    head.action(act, [ui.place], outputs, show_progress="hidden", api_visibility="private")


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


def render_summary(ui: Ui, view: DatasetView | None) -> str:
    """What was found while reading, or that all is well."""
    if view is None:
        return ""
    if not view.problems:
        return wrapped(notice(ui.text("examples.all_good"), "good"))
    title = Markup("<h2>{}</h2>").format(ui.text("examples.problems", n=len(view.problems)))
    return wrapped(title, join(problem_notice(ui.text, problem) for problem in view.problems))
