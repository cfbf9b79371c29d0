"""What the Compare screen shows of a conversation with both models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from studio.services.chats import BASE, TUNED, ChatUpdate
from studio.web.ui.components import EMPTY, Ui, badge, copy_button, join, problem_notice, wrapped

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


def render_talk(ui: Ui, turns: Sequence[Turn], update: ChatUpdate | None = None, *, wait: bool = False) -> str:
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
    cut = update.cut if update and not wait else frozenset()
    return _TURN.format(
        you=ui.text("compare.you"),
        question=turn.question,
        before=_answer(ui, "before", turn.before, wait, BASE in cut),
        after=_answer(ui, "after", turn.after, wait, TUNED in cut),
        problem=problem_notice(ui.text, problem) if problem else EMPTY,
    )


def _answer(ui: Ui, side: str, text: str, wait: bool, cut: bool) -> Markup:
    shown = text if text or wait else ui.text("compare.no_text")
    return _ANSWER.format(
        side=side,
        label=ui.text(f"compare.{side}"),
        note=badge(ui.text("compare.stopped")) if cut else EMPTY,
        wait="af-wait" if wait else "",
        text=shown,
        copy=Markup('<div class="af-row af-end">{}</div>').format(copy_button(ui.text, text))
        if text and not wait
        else EMPTY,
    )
