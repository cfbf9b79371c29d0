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
    EMPTY,
    Page,
    Ui,
    badge,
    copy_button,
    event_data,
    friendly,
    join,
    lead,
    next_link,
    problem_notice,
    warn,
    wrapped,
)
from studio.web.ui.pages.tuned import chosen_run, held_out_questions, nothing_tuned, run_choices, tuned_runs
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
_TURN: Final = Markup(
    '<article class="af-turn"><div class="af-say asks"><small>{you}</small>{question}</div>'
    '<div class="af-two">{before}{after}</div>{problem}</article>'
)
_ANSWER: Final = Markup(
    '<section class="af-answer {side}" aria-label="{label}"><div class="af-row af-between"><span class="af-who">{label}'
    '</span>{note}</div><div class="text {wait}">{text}</div>{copy}</section>'
)


@dataclass(frozen=True)
class Turn:
    """A question with both answers."""

    question: str
    before: str = ""
    after: str = ""


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
        run_id: str, question: str, turns: tuple[Turn, ...], temperature: float, longest: float
    ) -> Iterator[dict[Any, Any]]:
        yield from _ask(ui, parts, run_id, question, turns, temperature, int(longest))

    def choose(event: gr.EventData) -> str:
        return event_data(event).get("question", "")

    def halt(turns: tuple[Turn, ...]) -> dict[Any, Any]:
        return {parts.talk: _talk(ui, turns), **_at_rest(parts)}

    def start_over() -> dict[Any, Any]:
        return {parts.talk: _talk(ui, ()), parts.turns: (), parts.box: "", **_at_rest(parts)}

    @friendly(ui.text)
    def change_run(query: str, run_id: str) -> str:
        return Place.parse(query).at("compare", run_id).move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    inputs = [parts.run, parts.box, parts.turns, parts.temperature, parts.max_tokens]
    asked = gr.on([parts.send.click, parts.box.submit], ask, inputs, parts.asked, **quiet)
    picked = parts.suggestions.action(choose, None, [parts.box], **quiet)
    suggested = picked.then(ask, inputs, parts.asked, **quiet)
    going = [asked, suggested]
    parts.stop.click(halt, [parts.turns], [parts.talk, parts.send, parts.stop], cancels=going, **quiet)
    parts.clear.click(start_over, None, parts.asked, cancels=going, **quiet)
    parts.run.input(change_run, [ui.place, parts.run], [ui.place], cancels=going, **quiet)


def _at_rest(parts: _Parts) -> dict[Any, Any]:
    return {parts.send: gr.Button(visible=True), parts.stop: gr.Button(visible=False)}


def _ask(
    ui: Ui, parts: _Parts, run_id: str, question: str, turns: tuple[Turn, ...], temperature: float, longest: int
) -> Iterator[dict[Any, Any]]:
    """Streams both answers into a new turn. Whoever stops it closes this generator, and with it the answers."""
    question = question.strip()
    if not question:
        yield _at_rest(parts)
        return
    now = Turn(question)
    busy = {parts.send: gr.Button(visible=False), parts.stop: gr.Button(visible=True)}
    yield {parts.talk: _talk(ui, (*turns, now), wait=True), parts.turns: (*turns, now), parts.box: "", **busy}
    by_side = {BASE: _messages(turns, question, "before"), TUNED: _messages(turns, question, "after")}
    drawn, update = 0.0, ChatUpdate({})
    try:
        stream = ui.services.chats.stream(run_id, by_side, temperature=temperature, max_tokens=longest)
        for update in stream:
            now = replace(now, before=update.texts.get(BASE, ""), after=update.texts.get(TUNED, ""))
            if time.monotonic() - drawn > _PAUSE and not update.done:
                drawn = time.monotonic()
                yield {parts.talk: _talk(ui, (*turns, now), update, wait=True), parts.turns: (*turns, now)}
    except Exception as error:
        warn(ui.text, error)
        yield {parts.talk: _talk(ui, turns), parts.turns: turns, parts.box: question, **_at_rest(parts)}
        return
    kept = (*turns, now) if now.before or now.after or not update.problem else turns
    yield {parts.talk: _talk(ui, (*turns, now), update), parts.turns: kept, **_at_rest(parts)}


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
        parts.talk: _talk(ui, ()),
        parts.turns: (),
        **_at_rest(parts),
        parts.foot: next_link(
            ui.text, place.at("share", run.id), "compare.next", primary=False, hint=ui.text("compare.next_hint")
        ),
    }


def _suggestions(ui: Ui, run_id: str) -> str:
    questions = held_out_questions(ui, run_id, _SUGGESTIONS)
    if not questions:
        return ""
    chips = join(_CHIP.format(question) for question in questions)
    return wrapped(_CHIPS.format(ui.text("compare.suggestions"), chips))


def _talk(ui: Ui, turns: Sequence[Turn], update: ChatUpdate | None = None, *, wait: bool = False) -> str:
    """The conversation, the newest turn first so that it stays in sight under the box."""
    if not turns:
        return wrapped(Markup('<p class="af-muted">{}</p>').format(ui.text("compare.start_here")))
    newest = _turn(ui, turns[-1], update, wait)
    older = [_turn(ui, turn, None, False) for turn in reversed(turns[:-1])]
    html = Markup('<section aria-label="{}" aria-live="polite" aria-busy="{}">{}</section>')
    busy = "true" if wait else "false"
    return wrapped(html.format(ui.text("compare.conversation"), busy, join([newest, *older])))


def _turn(ui: Ui, turn: Turn, update: ChatUpdate | None, wait: bool) -> Markup:
    problem = update.problem or update.notice if update else None
    stopped = bool(update and update.stopped and not wait)
    return _TURN.format(
        you=ui.text("compare.you"),
        question=turn.question,
        before=_answer(ui, "before", turn.before, wait, stopped),
        after=_answer(ui, "after", turn.after, wait, stopped),
        problem=problem_notice(ui.text, problem) if problem else EMPTY,
    )


def _answer(ui: Ui, side: str, text: str, wait: bool, stopped: bool) -> Markup:
    shown = text if text or wait else ui.text("compare.no_text")
    return _ANSWER.format(
        side=side,
        label=ui.text(f"compare.{side}"),
        note=badge(ui.text("compare.stopped")) if stopped else EMPTY,
        wait="af-wait" if wait else "",
        text=shown,
        copy=Markup('<div class="af-row af-end">{}</div>').format(copy_button(ui.text, text))
        if text and not wait
        else EMPTY,
    )
