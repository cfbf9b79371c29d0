"""Two texts as one, with what went and what came marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final

from markupsafe import Markup

from studio.domain.conversation import Conversation, Message, Role
from studio.web.ui.components import EMPTY, Ui, join

_PARTS: Final = re.compile(r"\w+|\s+|[^\w\s]")
_MOST: Final = 1_500  # parts of a text; beyond it the comparison would take long, and nobody reads it
_LONGEST: Final = 1_200  # characters of a text that are shown
_GONE: Final = Markup("<del>{}</del>")
_CAME: Final = Markup("<ins>{}</ins>")
_TURN: Final = Markup('<div class="af-said"><small>{who}</small><div>{text}</div></div>')
_CHANGE: Final = Markup('<article class="af-change {kind}"><span class="af-change-row">{label}</span>{turns}</article>')


def marked(before: str, after: str) -> Markup:
    """One text in which words that went are struck out and words that came are underlined."""
    if before == after:
        return Markup("{}").format(_short(before))
    old, new = _PARTS.findall(before), _PARTS.findall(after)
    if len(old) > _MOST or len(new) > _MOST:
        return join([_GONE.format(_short(before)), _CAME.format(_short(after))])
    parts = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[a:b]), "".join(new[c:d])
        if kind == "equal":
            parts.append(Markup("{}").format(_middle(gone)))
            continue
        parts += [_GONE.format(gone)] if gone else []
        parts += [_CAME.format(came)] if came else []
    return join(parts)


def change_card(ui: Ui, label: str, before: Conversation | None, after: Conversation | None) -> Markup:
    """An example that changed, went (no ``after``) or came (no ``before``): the turns that differ, marked."""
    kind = "gone" if after is None else "came" if before is None else "changed"
    old: tuple[Message, ...] = before.messages if before else ()
    new: tuple[Message, ...] = after.messages if after else ()
    if before and after and len(old) != len(new):
        turns = [_turn(ui, m, _GONE.format(_short(m.content))) for m in old]
        turns += [_turn(ui, m, _CAME.format(_short(m.content))) for m in new]
    elif before and after:
        pairs = [pair for pair in zip(old, new, strict=True) if pair[0].content != pair[1].content]
        turns = [_turn(ui, b, marked(a.content, b.content)) for a, b in pairs]
        turns = turns or [_turn(ui, m, Markup("{}").format(_short(m.content))) for m in _last(new)]
    else:
        wrap = _GONE if after is None else _CAME
        turns = [_turn(ui, m, wrap.format(_short(m.content))) for m in _last(old or new)]
    return _CHANGE.format(kind=kind, label=label, turns=join(turns))


def _last(messages: tuple[Message, ...]) -> list[Message]:
    return [message for message in messages if message.role is not Role.SYSTEM][-2:]


def _turn(ui: Ui, message: Message, text: Markup) -> Markup:
    who = {Role.ASSISTANT: "examples.head.answer", Role.SYSTEM: "examples.system"}.get(
        message.role, "examples.head.question"
    )
    return _TURN.format(who=ui.text(who), text=text or EMPTY)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def _middle(text: str) -> str:
    """A stretch that stayed; of a long one, its ends."""
    return text if len(text) <= 400 else f"{text[:180]} … {text[-180:]}"
