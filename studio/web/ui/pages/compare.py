"""Step 4: one question, the answers of several models at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import gradio as gr
from markupsafe import Markup

from studio.domain.problem import Problem
from studio.domain.run import RunView
from studio.errors import AfinaError, from_exception
from studio.services.chat_targets import Target
from studio.services.chats import BASE, ChatUpdate
from studio.services.conversations import Answer, Turn, earlier_messages
from studio.web.ui.components import (
    Page,
    Ui,
    event_data,
    friendly,
    join,
    lead,
    next_link,
    notice,
    problem_notice,
    say,
    warn,
    wrapped,
)
from studio.web.ui.pages.careful import CarefulControl, build_careful
from studio.web.ui.pages.compare_view import render_talk, render_turn
from studio.web.ui.pages.tuned import best_run, chosen_run, chosen_run_id, nothing_tuned, run_label, tuned_runs
from studio.web.ui.session import Place

_SUGGESTIONS: Final = 4
_MOST: Final = 3  # columns beside each other
_PAUSE: Final = 0.08  # seconds between two pictures of a streaming answer
_ICON: Final = (
    '<svg viewBox="0 0 48 48" fill="none" stroke="var(--af-primary)" stroke-width="2.4" stroke-linejoin="round"'
    ' aria-hidden="true"><path d="M5 10h17v17H13l-5 5v-5H5z"/><path d="M26 16h17v17h-3v5l-5-5h-9z"'
    ' stroke="var(--af-accent)"/></svg>'
)
_SEND: Final = "(box, waiting) => waiting || !box.trim() ? [box, waiting] : ['', box]"
_PUT_BACK: Final = "(box, unsent) => [box || unsent, '']"  # the next question may have been typed meanwhile
_CHIP: Final = Markup('<button type="button" data-action="ask" data-question="{0}">{0}</button>')
_CHIPS: Final = Markup('<div><p class="af-small af-muted">{}</p><div class="af-chips">{}</div></div>')


@dataclass(frozen=True)
class Asked:
    """A question and all that its answers depend on.

    Attributes:
        project: id of the project.
        columns: who is asked: runs by id, or the base.
        question: without blanks around it.
        goes_on: whether it follows the conversation before it.
        temperature: 0 for the likeliest words.
        max_tokens: of an answer.
        talk: names the page that waits for the answers.
    """

    project: str
    columns: tuple[str, ...]
    question: str
    goes_on: bool
    temperature: float
    max_tokens: int
    talk: str


@dataclass(frozen=True)
class _Parts:
    """The components of the page."""

    needs: Any
    body: Any
    columns: Any
    about: Any
    box: Any
    waiting: Any  # a question that was sent, hidden
    unsent: Any  # one that nothing answered, hidden
    send: Any
    stop: Any
    clear: Any
    goes_on: Any
    suggestions: Any
    careful: CarefulControl
    temperature: Any
    max_tokens: Any
    now: Any
    talk: Any
    foot: Any

    @property
    def asked(self) -> list[Any]:
        """What changes while answers come in."""
        return [self.now, self.talk, self.box, self.waiting, self.unsent, self.send, self.stop, self.goes_on]

    @property
    def shown(self) -> list[Any]:
        whole = [self.needs, self.body, self.columns, self.about, self.suggestions, self.foot]
        return [*whole, *self.careful.outputs, *self.asked]


def build_compare(ui: Ui) -> Page:
    """The question box, the suggestions and the conversation with the models."""
    with gr.Column(visible=False, elem_id="page-compare") as column:
        ui.html(value=lead(ui.text, "compare"))
        parts = _layout(ui)

    def show(place: Place) -> dict[Any, Any]:
        return _render(ui, parts, place)

    def fill(_place: Place) -> dict[Any, Any]:
        return dict.fromkeys((parts.box, parts.waiting, parts.unsent), "")

    _connect(ui, parts)
    return Page(column, tuple(parts.shown), show, fill)


def _layout(ui: Ui) -> _Parts:
    text = ui.text
    needs = ui.html(elem_id="compare-needs")
    with gr.Column(visible=False) as body:
        columns = gr.CheckboxGroup(
            label=text("compare.columns"), info=text("compare.columns_info", n=_MOST), elem_id="compare-columns"
        )
        about = ui.html(elem_id="compare-about")
        box = gr.Textbox(
            label=text("compare.box"),
            placeholder=text("compare.placeholder"),
            lines=1,  # with one line Enter sends, and Shift+Enter begins a new one
            max_lines=8,
            submit_btn=False,
            elem_id="compare-box",
        )
        waiting, unsent = (gr.Textbox("", visible=False) for _ in range(2))
        with gr.Row(elem_classes="af-toolbar"):
            send = gr.Button(text("compare.send"), variant="primary", elem_id="compare-send")
            stop = gr.Button(text("compare.stop"), elem_id="compare-stop", visible=False)
            clear = gr.Button(text("compare.clear"), elem_id="compare-clear")
            goes_on = gr.Checkbox(
                label=text("compare.goes_on"), container=False, visible=False, elem_id="compare-goes-on"
            )
        suggestions = ui.actions(elem_id="compare-suggestions")
        with gr.Column(elem_id="compare-talk"):
            now = ui.html(elem_id="compare-now")  # right below the question, on a phone too
            careful = build_careful(ui, partial(chosen_run_id, ui))
            talk = ui.html(elem_id="compare-earlier")
        temperature, max_tokens = _expert(ui)
    foot = ui.html()
    return _Parts(
        needs,
        body,
        columns,
        about,
        box,
        waiting,
        unsent,
        send,
        stop,
        clear,
        goes_on,
        suggestions,
        careful,
        temperature,
        max_tokens,
        now,
        talk,
        foot,
    )


def _expert(ui: Ui) -> tuple[Any, Any]:
    text = ui.text
    with gr.Accordion(text("common.expert"), open=False, elem_id="compare-expert"), gr.Row():
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
            value=256,
            step=16,
            label=text("compare.max_tokens"),
            info=text("compare.max_tokens_info"),
            elem_id="compare-max-tokens",
        )
    return temperature, max_tokens


def _connect(ui: Ui, parts: _Parts) -> None:
    def ask(
        query: str,
        columns: list[str],
        question: str,
        goes_on: bool,
        temperature: float,
        longest: float,
        request: gr.Request,
    ) -> Iterator[dict[Any, Any]]:
        project, talk = Place.parse(query).project, _talk_of(request)
        asked = Asked(project, tuple(columns), (question or "").strip(), goes_on, temperature, int(longest), talk)
        try:
            yield from _ask(ui, parts, asked)
        except AfinaError as error:  # the project was closed or deleted meanwhile
            warn(ui.text, error)
            yield {parts.waiting: "", parts.unsent: asked.question, **_at_rest(parts)}

    def choose(waiting: str, event: gr.EventData) -> str:
        return waiting or event_data(event).get("question", "")  # what was sent before is asked first

    def halt(request: gr.Request) -> dict[Any, Any]:
        # The answer that is being written puts the screen at rest itself; one that is not there any more cannot.
        return gr.skip() if ui.services.chats.stop(_talk_of(request)) else _at_rest(parts)

    @friendly(ui.text)
    def start_over(query: str, request: gr.Request) -> dict[Any, Any]:
        ui.services.chats.stop(_talk_of(request), drop=True)
        ui.services.conversations.clear(Place.parse(query).project)
        return _whole(ui, parts, Place.parse(query), ()) | {parts.box: "", **_at_rest(parts)}

    @friendly(ui.text)
    def change(query: str, columns: list[str]) -> str:
        place = Place.parse(query)
        if not columns:
            return place.again
        if len(columns) > _MOST:
            say(ui.text, "compare.most", n=_MOST)
        runs = [key for key in columns if key != BASE]
        return place.at("compare", runs[0] if runs else place.run).with_beside(columns[-_MOST:]).move

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    inputs = [ui.place, parts.columns, parts.waiting, parts.goes_on, parts.temperature, parts.max_tokens]
    # What is asked while an answer is written, or is just done, is asked after it, and never beside it: it leaves the box
    # at once, so that what is typed meanwhile stays there, and all ways of asking are one event.
    waiting, unsent = [parts.box, parts.waiting], [parts.box, parts.unsent]
    gr.on([parts.send.click, parts.box.submit], None, waiting, waiting, js=_SEND, trigger_mode="multiple", **quiet)
    parts.suggestions.action(choose, [parts.waiting], [parts.waiting], **quiet)
    parts.waiting.change(ask, inputs, parts.asked, trigger_mode="always_last", **quiet).then(
        None, unsent, unsent, js=_PUT_BACK, **quiet
    )
    parts.stop.click(halt, None, [parts.send, parts.stop], **quiet)
    # A question that waits belongs to the conversation that ends.
    parts.clear.click(None, None, [parts.waiting], js="() => ['']", **quiet).then(
        start_over, [ui.place], parts.asked, **quiet
    )
    parts.columns.input(change, [ui.place, parts.columns], [ui.place], **quiet)


def _at_rest(parts: _Parts) -> dict[Any, Any]:
    return {parts.send: gr.Button(visible=True), parts.stop: gr.Button(visible=False)}


def _whole(ui: Ui, parts: _Parts, place: Place, turns: tuple[Turn, ...]) -> dict[Any, Any]:
    """The conversation as it is kept."""
    return {
        parts.now: "",
        parts.talk: render_talk(ui, place, turns),
        parts.goes_on: gr.Checkbox(value=False, visible=bool(turns)),
    }


def _ask(ui: Ui, parts: _Parts, asked: Asked) -> Iterator[dict[Any, Any]]:
    """Streams the answers into a new turn. Whoever closes this generator stops them, and what was said is kept."""
    if not asked.question or not asked.columns:
        sent = {parts.waiting: "", parts.unsent: asked.question} if asked.question else {}
        yield {**sent, **_at_rest(parts)}
        return
    turns = ui.services.conversations.read(asked.project)
    names = {view.id: view.name for view in tuned_runs(ui, asked.project)}
    now, update = _turn_of(asked, names, ChatUpdate({})), ChatUpdate({})
    place = Place(asked.project, "compare")
    busy = {parts.send: gr.Button(visible=False), parts.stop: gr.Button(visible=True)}
    reading = ui.text("compare.reading")
    shown = {
        parts.now: render_turn(ui, place, now, wait=reading),
        parts.talk: render_talk(ui, place, turns, hint=False),
    }
    yield {**shown, parts.waiting: "", **busy}
    drawn, problem = time.monotonic(), None
    try:
        for update in _stream(ui, asked, turns, names):
            now = _turn_of(asked, names, update)
            is_due = time.monotonic() - drawn > _PAUSE and not update.done and any(update.texts.values())
            if is_due or update.is_fitting:
                drawn = time.monotonic()
                wait = ui.text("compare.fitting") if update.is_fitting else reading
                yield {parts.now: render_turn(ui, place, now, wait=wait)}
        problem = update.problem or update.notice
    except Exception as error:
        problem = Problem.of(from_exception(error))
    finally:  # also where the page was closed or reloaded meanwhile
        if any(answer.text for answer in now.answers) and not update.dropped:
            ui.services.conversations.add(asked.project, now)
    if update.dropped:
        yield {**_whole(ui, parts, place, ()), **_at_rest(parts)}
        return
    failed = not any(answer.text for answer in now.answers) and problem is not None
    again = {parts.unsent: asked.question} if failed else {}
    goes_on = {parts.goes_on: gr.Checkbox(visible=bool(turns) or not failed)}
    yield {parts.now: render_turn(ui, place, now, problem), **again, **goes_on, **_at_rest(parts)}


def _turn_of(asked: Asked, names: Mapping[str, str], update: ChatUpdate) -> Turn:
    answers = []
    for key in asked.columns:
        decision = update.decisions.get(key)
        how, source = (decision.kind.value, decision.source) if decision is not None else ("", "")
        said = update.texts.get(key, "")
        is_cut = key in update.cut
        answers.append(Answer(key=key, name=names.get(key, ""), text=said, is_cut=is_cut, how=how, source=source))
    return Turn(question=asked.question, answers=tuple(answers), follows=asked.goes_on)


def _stream(ui: Ui, asked: Asked, turns: tuple[Turn, ...], names: Mapping[str, str]) -> Iterator[ChatUpdate]:
    of_base = next((key for key in asked.columns if key != BASE), next(iter(names), ""))
    return ui.services.trust.ask(
        [Target(key, of_base if key == BASE else key, is_tuned=key != BASE) for key in asked.columns],
        asked.question,
        {key: earlier_messages(turns, key) for key in asked.columns} if asked.goes_on else None,
        temperature=asked.temperature,
        max_tokens=asked.max_tokens,
        talk=asked.talk,
    )


def _talk_of(request: gr.Request) -> str:
    """Names the conversation of one open page."""
    return f"page-{request.session_hash}"


def _render(ui: Ui, parts: _Parts, place: Place) -> dict[Any, Any]:
    views = tuned_runs(ui, place.project)
    best = best_run(ui, views)
    run = chosen_run(place, views, best)
    if run is None:
        return {
            parts.needs: nothing_tuned(ui, place, "compare", _ICON),
            parts.body: gr.Column(visible=False),
            parts.foot: "",
        }
    ui.services.chats.warm(run.id)
    ui.services.trust.warm(run.id)
    text, known = ui.text, {BASE, *(view.id for view in views)}
    chosen = [key for key in place.beside if key in known][:_MOST] or [BASE, run.id]
    choices = [(text("compare.before_choice"), BASE), *((run_label(ui, view, best), view.id) for view in views)]
    hint = text("compare.next_hint")
    return {
        parts.needs: "",
        parts.body: gr.Column(visible=True),
        parts.columns: gr.CheckboxGroup(choices=choices, value=chosen, visible=len(views) > 1),
        parts.about: _about(ui, run, best, chosen),
        parts.suggestions: _suggestions(ui, run.id),
        **parts.careful.show(place, run.id),
        **_whole(ui, parts, place, ui.services.conversations.read(place.project)),
        **_at_rest(parts),
        parts.foot: next_link(text, place.at("proof", run.id), "compare.next", primary=False, hint=hint),
    }


def _about(ui: Ui, run: RunView, best: RunView | None, chosen: list[str]) -> str:
    """What a person must know of who is asked: which run, and a base that was never taught to chat."""
    text, parts = ui.text, []
    if best is not None:
        key = "compare.is_best" if best.id in chosen else "compare.other_best"
        line = Markup('<p class="af-small af-muted">{}</p>')
        parts.append(line.format(text(key, name=best.name)))
    try:
        if BASE in chosen and not ui.services.chats.is_chat_model(run.id):
            parts.append(notice(text("compare.no_chat", name=run.model_name)))
    except AfinaError as error:  # the base was removed: what was said is still there to read
        parts.append(problem_notice(text, Problem.of(error)))
    return wrapped(*parts) if parts else ""


def _suggestions(ui: Ui, run_id: str) -> str:
    questions = ui.services.suggestions.held_out(run_id, _SUGGESTIONS)
    if not questions:
        return ""
    chips = join(_CHIP.format(question) for question in questions)
    return wrapped(_CHIPS.format(ui.text("compare.suggestions"), chips))
