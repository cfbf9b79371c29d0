"""``afina chat``: a conversation in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studio.cli.session import Alone, Base, Careful, Json, RunId, open_services, terminal_of
from studio.cli.terminal import Terminal, write_to
from studio.domain.conversation import Message, Role
from studio.errors import AfinaError

if TYPE_CHECKING:
    from studio.services.trusted_answers import TrustedAnswerService
    from studio.trust.decision import Decision


def chat(
    ctx: typer.Context,
    run: RunId,
    base: Base = False,
    temperature: Annotated[
        float, typer.Option(min=0, max=2, metavar="T", help="0 always gives the likeliest answer; more is more varied.")
    ] = 0.0,
    alone: Alone = False,
    careful: Careful = None,
    as_json: Json = False,
) -> None:
    """Talk with a tuned chatbot in the terminal.

    It remembers the conversation. /new begins another one, /bye or Ctrl+D leaves, Ctrl+C cuts an answer short. Each
    answer says whether it is your own (known), in the model's words (written), or handed over to a person.

    \b
    afina chat run-4f1c09ab33d2
    afina chat run-4f1c09ab33d2 --base
    """
    terminal = terminal_of(ctx, as_json=as_json)
    side = "base" if base else "tuned"
    turns: list[Message] = []
    with open_services() as services:
        from studio.services.answer_policies import ALONE

        services.runs.view(run)
        level = ALONE if alone else careful
        if not base and not alone:
            services.trust.warm(run)
        if sys.stdin.isatty():
            terminal.say("cli.chat.welcome")
        for line in _lines(terminal):
            if line == "/new":
                turns = []
                terminal.say("cli.chat.fresh")
                continue
            turns.append(Message(role=Role.USER, content=line))
            said, decision = _answer(terminal, services.trust, run, turns, side, level, temperature)
            turns.append(Message(role=Role.ASSISTANT, content=said))
            terminal.emit({"question": line, "answer": said, "side": side, **_how(terminal, decision)})


def _how(terminal: Terminal, decision: Decision | None) -> dict[str, Any]:
    """How an answer came about, also printed below it; empty if the model answered alone."""
    if decision is None:
        return {}
    terminal.say(f"cli.chat.{decision.kind.value}", source=decision.source)
    way = {"how": decision.kind.value, "confidence": decision.confidence, "source": decision.source}
    return way | ({"problem": decision.problem.code, "confidence": None} if decision.problem else {})


def _lines(terminal: Terminal) -> Iterator[str]:
    """What the person types, without empty lines, until ``/bye`` or the end of the input."""
    while True:
        if sys.stdin.isatty() and not terminal.json:
            sys.stderr.write("> ")
            sys.stderr.flush()
        line = sys.stdin.readline()
        if not line or line.strip() == "/bye":
            return
        if line.strip():
            yield line.strip()


def _answer(
    terminal: Terminal,
    trust: TrustedAnswerService,
    run: str,
    turns: list[Message],
    side: str,
    careful: float | None,
    temperature: float,
) -> tuple[str, Decision | None]:
    """Streams one answer and returns it with how it came about; Ctrl+C cuts it short.

    Raises:
        AfinaError: what the chat worker reported.
    """
    said, decision = "", None
    try:
        with closing(trust.stream(run, turns, (side,), careful, temperature=temperature)) as updates:
            for update in updates:
                if update.problem is not None:
                    raise AfinaError(update.problem.code, **update.problem.params)
                if update.is_fitting:
                    terminal.say("cli.chat.fitting")
                if update.notice is not None:
                    terminal.warn([update.notice])
                text = update.texts.get(side, "")
                _write(terminal, text[len(said) :])
                said, decision = text, update.decisions.get(side)
    except KeyboardInterrupt:
        terminal.say("cli.chat.stopped")
    _write(terminal, "\n")
    return said, decision


def _write(terminal: Terminal, text: str) -> None:
    if not terminal.json:
        write_to(sys.stdout, text)
