"""Bringing examples: the empty state, the sample, files, a pasted table, a dataset of the hub, and what was read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.data.importing.hub_datasets import HubDataset
from studio.data.opinions import is_opinion_file
from studio.domain.dataset import DatasetView
from studio.errors import AfinaError
from studio.processes.job_registry import Job, JobState
from studio.services.examples.imports import ImportRequest
from studio.web.ui.components import QUIET, Ui, event_data, friendly, notice, say, warn, wrapped
from studio.web.ui.events import in_turn, when_changed
from studio.web.ui.pages.examples.bring_view import render_going, render_head, render_summary, render_template_link
from studio.web.ui.pages.examples.section import Section
from studio.web.ui.session import Place

_LOOK_EVERY: Final = 0.7  # seconds
_MOST_ROWS: Final = 1_000_000


def build_bring(ui: Ui) -> Section:
    """The empty state or what was read, and the panel that takes files."""
    parts = _layout(ui)

    def show(place: Place, view: DatasetView | None) -> dict[Any, Any]:
        text = ui.text
        progress = ui.services.imports.progress(place.project)
        running = progress is not None and progress.is_active
        return {
            parts.head: "" if running and view is None else render_head(ui, view),
            parts.going: _going(ui, place, progress),
            parts.timer: gr.Timer(active=running),
            parts.panel: gr.Accordion(label=text("examples.choose" if view is None else "examples.more")),
            parts.append: gr.Checkbox(visible=view is not None),
            parts.summary: render_summary(ui, view),
            parts.emptiness: (place.project, view is None),
            parts.version: (place.project, view.version.id if view else ""),
        }

    def fill(_place: Place, view: DatasetView | None) -> dict[Any, Any]:
        """The panel is open where there are no examples yet."""
        panel = gr.Accordion(label=ui.text("examples.choose" if view is None else "examples.more"), open=view is None)
        return {parts.panel: panel, parts.paste: "", parts.hub_found: gr.Column(visible=False)}

    begin = _starter(ui, parts)
    _connect_files(ui, parts, begin)
    _connect_hub(ui, parts, begin)
    _connect_progress(ui, parts)
    return Section(tuple(vars(parts).values()), show, fill)


def _layout(ui: Ui) -> SimpleNamespace:
    text, parts = ui.text, SimpleNamespace()
    parts.emptiness, parts.version, parts.pasted = gr.State(()), gr.State(()), gr.State("")
    parts.head = ui.actions(elem_id="examples-head")
    parts.going = ui.actions(elem_id="examples-going")
    parts.timer = gr.Timer(_LOOK_EVERY, active=False)
    with gr.Accordion(text("examples.more"), open=True, elem_id="examples-panel") as parts.panel:
        with gr.Tabs(elem_id="bring-tabs", overflow_behavior="wrap"):
            with gr.Tab(text("examples.bring.tab.file"), id="file"):
                parts.upload = gr.File(
                    label=text("examples.bring.upload"),
                    file_count="multiple",
                    type="filepath",
                    height=150,
                    elem_id="examples-upload",
                )
                parts.folder = gr.UploadButton(
                    text("examples.bring.folder"),
                    file_count="directory",
                    size="sm",
                    elem_id="examples-folder",
                    min_width=180,
                )
                parts.sent = gr.File(visible=False, file_count="multiple", type="filepath")
                ui.html(value=render_template_link(ui))
            with gr.Tab(text("examples.bring.tab.paste"), id="paste"):
                parts.paste = gr.Textbox(
                    label=text("examples.bring.paste"),
                    placeholder=text("examples.bring.paste_example"),
                    lines=6,
                    max_lines=12,
                    elem_id="examples-paste",
                )
                parts.paste_go = gr.Button(text("examples.bring.paste_go"), size="md", elem_id="examples-paste-go")
            with gr.Tab(text("examples.bring.tab.hub"), id="hub"):
                _hub(ui, parts)
        parts.append = gr.Checkbox(
            label=text("examples.append"), info=text("examples.append_info"), elem_id="examples-append", container=False
        )
    parts.summary = ui.html(elem_id="examples-summary")
    return parts


def _hub(ui: Ui, parts: SimpleNamespace) -> None:
    text = ui.text
    ui.html(value=str(Markup('<p class="af af-muted af-small">{}</p>').format(text("examples.bring.hub_why"))))
    with gr.Row(equal_height=True):
        parts.hub = gr.Textbox(
            label=text("examples.bring.hub_id"), placeholder="org/name", elem_id="hub-id", scale=3, min_width=220
        )
        parts.token = gr.Textbox(
            label=text("examples.bring.hub_token"), type="password", elem_id="hub-token", scale=2, min_width=200
        )
    parts.hub_look = gr.Button(text("examples.bring.hub_look"), size="md", elem_id="hub-look")
    with gr.Column(visible=False, elem_id="hub-found") as parts.hub_found:
        with gr.Row(equal_height=True):
            parts.config = gr.Dropdown(label=text("examples.bring.hub_config"), elem_id="hub-config", min_width=160)
            parts.split = gr.Dropdown(label=text("examples.bring.hub_split"), elem_id="hub-split", min_width=160)
            parts.rows = gr.Number(
                label=text("examples.bring.hub_rows"), value=2_000, minimum=2, maximum=_MOST_ROWS, precision=0,
                elem_id="hub-rows", min_width=160,
            )  # fmt: skip
        parts.hub_go = gr.Button(text("examples.bring.hub_go"), size="md", variant="primary", elem_id="hub-go")


def _watched(ui: Ui, parts: SimpleNamespace) -> list[Any]:
    """What :func:`_looked` changes."""
    return [ui.place, parts.head, parts.going, parts.timer, parts.pasted]


def _going(ui: Ui, place: Place, progress: Job | None) -> str:
    """How far an import is; that one was interrupted is said once."""
    if progress is None or not (progress.is_active or progress.state is JobState.INTERRUPTED):
        return ""
    if progress.is_active:
        return render_going(ui, progress)
    ui.services.imports.forget(place.project)
    return wrapped(notice(ui.text("examples.import.interrupted"), "warning"))


def _starter(ui: Ui, parts: SimpleNamespace) -> Callable[[Place, ImportRequest], dict[Any, Any]]:
    """Begins an import: a small one is over at once, a large one is watched by the timer."""

    def begin(place: Place, request: ImportRequest) -> dict[Any, Any]:
        imports = ui.services.imports
        try:
            imports.start(place.project, request)
        except AfinaError as error:
            warn(ui.text, error)
            return {parts.timer: gr.skip()}
        return _looked(ui, parts, place)

    return begin


def _looked(ui: Ui, parts: SimpleNamespace, place: Place) -> dict[Any, Any]:
    """Where an import stands, as updates of the page; how it ended is said once."""
    imports = ui.services.imports
    progress = imports.progress(place.project)
    view = ui.services.datasets.current(place.project)
    if progress is not None and progress.is_active:
        head = {parts.head: ""} if view is None else {}
        return head | {parts.going: render_going(ui, progress), parts.timer: gr.Timer(active=True)}
    head = {parts.head: render_head(ui, view)} if view is None else {}
    still = head | {parts.going: "", parts.timer: gr.Timer(active=False)}
    if progress is None:
        return still
    imports.forget(place.project)
    if progress.problem is not None:
        warn(ui.text, AfinaError(progress.problem.code, **progress.problem.params))
        return still | {parts.pasted: ""}  # what was pasted stays, to be mended
    if progress.state is JobState.CANCELLED:
        say(ui.text, "examples.import.stopped")
        return still
    return {ui.place: place.again, parts.timer: gr.Timer(active=False), parts.going: ""}


def _connect_files(ui: Ui, parts: SimpleNamespace, begin: Callable[[Place, ImportRequest], dict[Any, Any]]) -> None:
    @friendly(ui.text)
    def bring(query: str, files: list[str] | None, adding: bool) -> dict[Any, Any]:
        paths, place = tuple(Path(file) for file in files or []), Place.parse(query)
        opinions = tuple(path for path in paths if is_opinion_file(path))
        for path in opinions:
            found = ui.services.suggested.read_opinions(place.project, path)
            say(ui.text, "examples.suggested.read", **found._asdict())
        rest = tuple(path for path in paths if path not in opinions)
        if opinions and not rest:
            return {ui.place: place.again}
        return begin(place, ImportRequest(paths=rest, append=adding))

    @friendly(ui.text)
    def paste(query: str, pasted: str, adding: bool) -> dict[Any, Any]:
        if not pasted.strip():
            raise AfinaError("data.nothing_pasted")
        begun = begin(Place.parse(query), ImportRequest(text=pasted, append=adding))
        is_read = ui.place in begun or bool(begun.get(parts.going))  # what was refused stays in the box, to be mended
        return begun | {parts.pasted: pasted if is_read else ""}

    def unfold(query: str) -> dict[Any, Any]:
        return {parts.panel: gr.Accordion(open=ui.services.datasets.version(Place.parse(query).project) is None)}

    def read(now: str, pasted: str) -> dict[Any, Any]:
        """What was pasted goes once it is read; what was pasted since stays."""
        return {parts.paste: "" if now == pasted else gr.skip(), parts.hub_found: gr.Column(visible=False)}

    @friendly(ui.text)
    def act(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        if event_data(event).get("action") == "sample":
            ui.services.datasets.use_sample(place.project, ui.text.locale)
        return {ui.place: place.again}

    outputs = _watched(ui, parts)
    private = {"api_visibility": "private"}
    for chosen in (parts.upload, parts.folder):
        # The browser empties the component at once: a second file chosen while the first is still read would else be
        # passed over, or sent together with the first.
        chosen.upload(
            None, [chosen], [parts.sent, chosen], js="(files) => [files, null]", trigger_mode="multiple", **QUIET
        ).then(
            bring, [ui.place, parts.sent, parts.append], outputs,
            show_progress_on=[parts.upload], **in_turn("bring"), **private,
        )  # fmt: skip
    parts.paste_go.click(
        paste,
        [ui.place, parts.paste, parts.append],
        outputs,
        show_progress_on=[parts.paste],
        **private,
    )
    when_changed(ui.text, parts.emptiness, unfold, [ui.place], [parts.panel])
    when_changed(ui.text, parts.version, read, [parts.paste, parts.pasted], [parts.paste, parts.hub_found])
    parts.head.action(act, [ui.place], [ui.place], show_progress="hidden", **private)


def _connect_hub(ui: Ui, parts: SimpleNamespace, begin: Callable[[Place, ImportRequest], dict[Any, Any]]) -> None:
    data = ui.services.datasets

    @friendly(ui.text)
    def look(reference: str, token: str, config: str | None = None) -> dict[Any, Any]:
        found = data.hub_parts(HubDataset(reference.strip(), config, token=token.strip() or None))
        return {
            parts.hub_found: gr.Column(visible=True),
            parts.config: gr.Dropdown(choices=list(found.configs), value=found.config),
            parts.split: gr.Dropdown(choices=list(found.splits), value=found.split),
        }

    @friendly(ui.text)
    def fetch(
        query: str, reference: str, token: str, config: str, split: str, rows: float, adding: bool
    ) -> dict[Any, Any]:
        hub = HubDataset(reference.strip(), config, split, int(rows or 2), token.strip() or None)
        return begin(Place.parse(query), ImportRequest(hub=hub, append=adding))

    private = {"api_visibility": "private"}
    outputs = [parts.hub_found, parts.config, parts.split]
    asked = [parts.hub, parts.token]
    last = {"trigger_mode": "always_last", **private}  # the id may be corrected while the first is looked up
    gr.on([parts.hub_look.click, parts.hub.submit], look, asked, outputs, show_progress_on=[parts.hub_look], **last)
    parts.config.input(look, [*asked, parts.config], outputs, show_progress_on=[parts.split], **last)
    parts.hub_go.click(
        fetch,
        [ui.place, *asked, parts.config, parts.split, parts.rows, parts.append],
        _watched(ui, parts),
        show_progress="hidden",
        **private,
    )


def _connect_progress(ui: Ui, parts: SimpleNamespace) -> None:
    @friendly(ui.text)
    def look(query: str) -> dict[Any, Any]:
        return _looked(ui, parts, Place.parse(query))

    @friendly(ui.text)
    def stop(query: str, event: gr.EventData) -> dict[Any, Any]:
        place = Place.parse(query)
        if event_data(event).get("action") == "stop":
            ui.services.imports.cancel(place.project)
        return _looked(ui, parts, place)

    outputs = _watched(ui, parts)
    parts.timer.tick(look, [ui.place], outputs, **QUIET)
    parts.going.action(stop, [ui.place], outputs, **QUIET)
