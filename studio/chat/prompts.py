"""From the turns of a chat to the tokens that a model is given: the newest turns that fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from studio.domain.conversation import Message, Role
from studio.errors import AfinaError
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import Tokenizer


@dataclass(frozen=True)
class Prompt:
    """What a model is given.

    Args:
        dropped: how many of the oldest turns did not fit.
    """

    ids: list[int]
    dropped: int


def fit_prompt(template: ChatTemplate, tokenizer: Tokenizer, turns: Sequence[Message], room: int) -> Prompt:
    """The prompt of the newest turns that fit; the system turn always stays.

    Args:
        turns: oldest first; the last is the question.
        room: most tokens of the prompt.

    Raises:
        AfinaError: ``chat.too_long`` when the last question alone does not fit; ``chat.empty`` without a question.
    """
    system = [turn for turn in turns[:1] if turn.role is Role.SYSTEM]
    rest = list(turns[len(system) :])
    if not rest or not rest[-1].content.strip():
        raise AfinaError("chat.empty")
    dropped = 0
    while True:
        ids = tokenizer.encode(template.prompt([*system, *rest]))
        if len(ids) <= room:
            return Prompt(ids, dropped)
        # Questions and their answers go together: what is left begins with a user's turn.
        starts = [index for index, turn in enumerate(rest) if turn.role is Role.USER and index > 0]
        if not starts:
            raise AfinaError("chat.too_long", tokens=len(ids), limit=room)
        dropped += starts[0]
        rest = rest[starts[0] :]
