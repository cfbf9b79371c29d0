"""Step 4: one question, both answers at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.conversation import Message, Role
from studio.services.chats import BASE, TUNED, ChatUpdate
from studio.web.ui.components import (
    Page,
    Ui,
    event_data,
    friendly,
    join,
    lead,
    next_link,
    warn,
    wrapped,
)
from studio.web.ui.pages.compare_view import Turn, render_talk
from studio.web.ui.pages.tuned import chosen_run, nothing_tuned, run_choices, tuned_runs
from studio.web.ui.session import Place

_SUGGESTIONS: Final = 4
_PAUSE: Final = 0.08  # seconds between two pictures of a streaming answer
_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linejoin="round"'
    ' aria-hidden="true"><path d="M5 10h17v17H13l-5 5v-5H5z"/><path d="M26 16h17v17h-3v5l-5-5h-9z"'
    ' stroke="var(--af-accent)"/></svg>'
)
_CHIP: Final = Markup('<button type="button" data-action="ask" data-question="{0}">{0}</button>')
_CHIPS: Final = Markup('<div><p class="af-small af-muted">{}</p><div class="af-chips">{}</div></div>')


@dataclass(frozen=True)
class Asked:
    """A question and all that its answers depend on; ``talk`` names the page that waits for them."""

    run_id: str
    question: str
    turns: tuple[Turn, ...]
    temperature: float
    max_tokens: int
    talk: str


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    body: Any
    run: Any
    box: Any
    send: Any
    stop: Any
    clear: Any
    suggestions: Any
    temperature: Any
    max_tokens: Any
    talk: Any
    turns: Any
    foot: Any

    @property
    def asked(self) -> list[Any]:
        """What changes while answers come in."""
        return [self.talk, self.turns, self.box, self.send, self.stop]

    @property
    def shown(self) -> list[Any]:
        return [self.needs, self.body, self.run, self.suggestions, self.foot, *self.asked]


def build_compare(ui: Ui) -> Page:
    """The question box, the suggestions and the conversation with both models."""
    with gr.Column(visible=False, elem_id="page-compare") as column:
        ui.html(value=lead(ui.text, "compare"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    _connect(ui, parts)
    return Page(column, tuple(parts.shown), show)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    needs = ui.html(elem_id="compare-needs")
    with gr.Column(visible=False) as body:
        run = gr.Dropdown(label=text("compare.run"), elem_id="compare-run", allow_custom_value=True)
        box = gr.Textbox(
            label=text("compare.box"),
            placeholder=text("compare.placeholder"),
            lines=2,
            max_lines=8,
            submit_btn=False,
            elem_id="compare-box",
        )
        with gr.Row(elem_classes="af-toolbar"):
            send = gr.Button(text("compare.send"), variant="primary", elem_id="compare-send")
            stop = gr.Button(text("compare.stop"), elem_id="compare-stop", visible=False)
            clear = gr.Button(text("compare.clear"), elem_id="compare-clear")
        suggestions = ui.actions(elem_id="compare-suggestions")
        talk = ui.html(elem_id="compare-talk")
        with gr.Accordion(text("ui.expert"), open=False, elem_id="compare-expert"), gr.Row():
            temperature = gr.Slider(
                0,
                1.5,
                value=0,
                step=0.1,
                label=text("compare.temperature"),
                info=text("compare.temperature_info"),
                elem_id="compare-temperature",
            )
            max_tokens = gr.Slider(
                16,
                512,
                value=192,
                step=16,
                label=text("compare.max_tokens"),
                info=text("compare.max_tokens_info"),
                elem_id="compare-max-tokens",
            )
        turns = gr.State(())
    foot = ui.html()
    return _Parts(needs, body, run, box, send, stop, clear, suggestions, temperature, max_tokens, talk, turns, foot)


def _connect(ui: Ui, parts: _Parts) -> None:
    def ask(
        run_id: str, question: str, turns: tuple[Turn, ...], temperature: float, longest: float, request: gr.Request
    ) -> Iterator[dict[Any, Any]]:
        yield from _ask(ui, parts, Asked(run_id, question.strip(), turns, temperature, int(longest), _talk_of(request)))

    def choose(event: gr.EventData) -> str:
        return event_data(event).get("question", "")

    def halt(request: gr.Request) -> dict[Any, Any]:
        # The answer that is being written puts the screen at rest itself; one that is not there any more cannot.
        return gr.skip() if ui.services.chats.stop(_talk_of(request)) else _at_rest(parts)

    def start_over(request: gr.Request) -> dict[Any, Any]:
        ui.services.chats.stop(_talk_of(request), drop=True)
        return {parts.talk: render_talk(ui, ()), parts.turns: (), parts.box: "", **_at_rest(parts)}

    @friendly(ui.text)
    def change_run(query: str, run_id: str, request: gr.Request) -> str:
        ui.services.chats.stop(_talk_of(request), drop=True)
        return Place.parse(query).at("compare", run_id).move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    inputs = [parts.run, parts.box, parts.turns, parts.temperature, parts.max_tokens]
    gr.on([parts.send.click, parts.box.submit], ask, inputs, parts.asked, **quiet)
    picked = parts.suggestions.action(choose, None, [parts.box], **quiet)
    picked.then(ask, inputs, parts.asked, **quiet)
    parts.stop.click(halt, None, [parts.send, parts.stop], **quiet)
    parts.clear.click(start_over, None, parts.asked, **quiet)
    parts.run.input(change_run, [ui.place, parts.run], [ui.place], **quiet)


def _at_rest(parts: _Parts) -> dict[Any, Any]:
    return {parts.send: gr.Button(visible=True), parts.stop: gr.Button(visible=False)}


def _ask(ui: Ui, parts: _Parts, asked: Asked) -> Iterator[dict[Any, Any]]:
    """Streams both answers into a new turn. Whoever closes this generator stops them too."""
    if not asked.question:
        yield _at_rest(parts)
        return
    turns, now = asked.turns, Turn(asked.question)
    busy = {parts.send: gr.Button(visible=False), parts.stop: gr.Button(visible=True)}
    yield {parts.talk: render_talk(ui, (*turns, now), wait=True), parts.turns: (*turns, now), parts.box: "", **busy}
    drawn, update = 0.0, ChatUpdate({})
    try:
        for update in _stream(ui, asked):
            now = replace(now, before=update.texts.get(BASE, ""), after=update.texts.get(TUNED, ""))
            if time.monotonic() - drawn > _PAUSE and not update.done:
                drawn = time.monotonic()
                yield {parts.talk: render_talk(ui, (*turns, now), update, wait=True), parts.turns: (*turns, now)}
    except Exception as error:
        warn(ui.text, error)
        yield {parts.talk: render_talk(ui, turns), parts.turns: turns, parts.box: asked.question, **_at_rest(parts)}
        return
    if update.dropped:
        yield {parts.talk: render_talk(ui, ()), parts.turns: (), **_at_rest(parts)}
        return
    kept = (*turns, now) if now.before or now.after or not update.problem else turns
    yield {parts.talk: render_talk(ui, (*turns, now), update), parts.turns: kept, **_at_rest(parts)}


def _stream(ui: Ui, asked: Asked) -> Iterator[ChatUpdate]:
    sides = {BASE: "before", TUNED: "after"}
    return ui.services.chats.stream(
        asked.run_id,
        {side: _messages(asked.turns, asked.question, name) for side, name in sides.items()},
        temperature=asked.temperature,
        max_tokens=asked.max_tokens,
        talk=asked.talk,
    )


def _talk_of(request: gr.Request) -> str:
    """Names the conversation of one open page."""
    return f"page-{request.session_hash}"


def _messages(turns: Sequence[Turn], question: str, side: str) -> list[Message]:
    """The conversation as one side remembers it, ending with the question."""
    messages = []
    for turn in turns:
        messages.append(Message(role=Role.USER, content=turn.question))
        messages.append(Message(role=Role.ASSISTANT, content=getattr(turn, side)))
    return [*messages, Message(role=Role.USER, content=question)]


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    views = tuned_runs(ui, place.project)
    run = chosen_run(place, views)
    if run is None:
        return {
            parts.needs: nothing_tuned(ui, place, "compare", _ICON),
            parts.body: gr.Column(visible=False),
            parts.foot: "",
        }
    ui.services.chats.warm(run.id)
    return {
        parts.needs: "",
        parts.body: gr.Column(visible=True),
        parts.run: run_choices(views, run),
        parts.suggestions: _suggestions(ui, run.id),
        parts.talk: render_talk(ui, ()),
        parts.turns: (),
        **_at_rest(parts),
        parts.foot: next_link(
            ui.text, place.at("share", run.id), "compare.next", primary=False, hint=ui.text("compare.next_hint")
        ),
    }


def _suggestions(ui: Ui, run_id: str) -> str:
    questions = ui.services.suggestions.held_out(run_id, _SUGGESTIONS)
    if not questions:
        return ""
    chips = join(_CHIP.format(question) for question in questions)
    return wrapped(_CHIPS.format(ui.text("compare.suggestions"), chips))
