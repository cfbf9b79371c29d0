"""``afina chat``: a conversation in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from studio.cli.session import Json, open_services, terminal_of
from studio.cli.terminal import Terminal, write_to
from studio.domain.conversation import Message, Role
from studio.errors import AfinaError

if TYPE_CHECKING:
    from studio.services.chats import ChatService


def chat(
    ctx: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Id of a run, as afina runs lists it and afina train prints it.")
    ],
    base: Annotated[
        bool, typer.Option("--base", help="Ask the base model instead: the same questions, before the tuning.")
    ] = False,
    temperature: Annotated[
        float, typer.Option(min=0, max=2, metavar="T", help="0 always gives the likeliest answer; more is more varied.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Talk with a tuned chatbot in the terminal.

    It remembers the conversation. /new begins another one, /bye or Ctrl+D leaves, Ctrl+C cuts an answer short.

    \b
    afina chat run-4f1c09ab33d2
    afina chat run-4f1c09ab33d2 --base
    """
    terminal = terminal_of(ctx, as_json=as_json)
    side = "base" if base else "tuned"
    turns: list[Message] = []
    with open_services() as services:
        services.runs.view(run)
        if sys.stdin.isatty():
            terminal.say("cli.chat.welcome")
        for line in _lines(terminal):
            if line == "/new":
                turns = []
                terminal.say("cli.chat.fresh")
                continue
            turns.append(Message(role=Role.USER, content=line))
            said = _answer(terminal, services.chats, run, turns, side, temperature)
            turns.append(Message(role=Role.ASSISTANT, content=said))
            terminal.emit({"question": line, "answer": said, "side": side})


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
    terminal: Terminal, chats: ChatService, run: str, turns: list[Message], side: str, temperature: float
) -> str:
    """Streams one answer and returns it; Ctrl+C ends it where it is.

    Raises:
        AfinaError: what the chat worker reported.
    """
    said = ""
    try:
        with closing(chats.stream(run, turns, sides=(side,), temperature=temperature)) as updates:
            for update in updates:
                if update.problem is not None:
                    raise AfinaError(update.problem.code, **update.problem.params)
                if update.notice is not None:
                    terminal.warn([update.notice])
                text = update.texts.get(side, "")
                _write(terminal, text[len(said) :])
                said = text
    except KeyboardInterrupt:
        terminal.say("cli.chat.stopped")
    _write(terminal, "\n")
    return said


def _write(terminal: Terminal, text: str) -> None:
    if not terminal.json:
        write_to(sys.stdout, text)
