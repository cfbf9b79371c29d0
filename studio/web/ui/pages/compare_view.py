"""What the Compare screen shows of a conversation with several models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from studio.domain.problem import Problem
from studio.services.chats import BASE
from studio.services.conversations import Answer, Turn
from studio.web.ui.components import EMPTY, Ui, badge, copy_button, join, link, problem_notice, wrapped
from studio.web.ui.session import Place

_TURN: Final = Markup(
    '<article class="af-turn" aria-live="polite" aria-busy="{busy}"><div class="af-say asks"><small>{you}</small>{question}</div>'
    '<div class="af-columns of-{count}">{answers}</div>{problem}</article>'
)
_ANSWER: Final = Markup(
    '<section class="af-answer {side}" aria-label="{label}"><div class="af-row af-between"><span class="af-who">{label}'
    '</span>{note}</div>{reading}<div class="text {wait}">{text}</div>'
    '<div class="af-row af-how">{how}{copy}</div></section>'
)
_HOW_KINDS: Final = {"known": "good", "written": "", "handed_over": "warn"}
_READING: Final = Markup('<p class="af-small af-muted">{}</p>')


def render_turn(ui: Ui, place: Place, turn: Turn, problem: Problem | None = None, *, wait: str = "") -> str:
    """The newest turn, while its answers come and when they are there.

    Args:
        ui: what pages are built with.
        place: where the person is.
        turn: as far as it has come.
        problem: why there is no answer, or not the one that was hoped for.
        wait: what answers that have not begun wait for; empty once nothing follows.
    """
    return wrapped(_turn(ui, place, turn, problem, wait))


def render_talk(ui: Ui, place: Place, turns: Sequence[Turn], *, hint: bool = True) -> str:
    """Turns that are complete, the newest first so that it stays in sight under the box.

    Args:
        ui: what pages are built with.
        place: where the person is; links to examples begin there.
        turns: the oldest first.
        hint: whether an empty conversation says how to begin.
    """
    if not turns:
        return wrapped(Markup('<p class="af-muted">{}</p>').format(ui.text("compare.start_here"))) if hint else ""
    html = Markup('<section aria-label="{}">{}</section>')
    return wrapped(
        html.format(ui.text("compare.conversation"), join(_turn(ui, place, turn, None, "") for turn in reversed(turns)))
    )


def _turn(ui: Ui, place: Place, turn: Turn, problem: Problem | None, wait: str) -> Markup:
    return _TURN.format(
        busy="true" if wait else "false",
        you=ui.text("compare.you_on" if turn.follows else "compare.you"),
        question=turn.question,
        count=len(turn.answers),
        answers=join(_answer(ui, place, answer, wait) for answer in turn.answers),
        problem=problem_notice(ui.text, problem) if problem else EMPTY,
    )


def _answer(ui: Ui, place: Place, answer: Answer, wait: str) -> Markup:
    text = answer.text.strip()
    side = "before" if answer.key == BASE else "after"
    copy = copy_button(ui.text, answer.text)
    return _ANSWER.format(
        side=side,
        label=" · ".join(filter(None, [ui.text(f"compare.{side}"), answer.name])),
        note=badge(ui.text("compare.stopped")) if answer.is_cut and not wait else EMPTY,
        wait="af-wait" if wait else "",
        reading=_READING.format(wait) if wait and not text else EMPTY,
        text=text if text or wait else ui.text("compare.no_text"),
        how=_how(ui, place, answer),
        copy=copy if text and not wait else EMPTY,
    )


def _how(ui: Ui, place: Place, answer: Answer) -> Markup:
    """The badge that says how an answer came about, with a link to the example it is from."""
    if answer.how not in _HOW_KINDS:
        return EMPTY
    label = badge(ui.text(f"trust.how.{answer.how}"), _HOW_KINDS[answer.how])
    if not answer.source:
        return label
    source = place.at("examples").with_rows((answer.source,))
    return join([label, link(ui.text("trust.how.source"), source, kind="quiet small")])
