"""How many questions a model answers to the letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from studio.domain.conversation import Conversation
from studio.storage.turns import Turns

if TYPE_CHECKING:
    from studio.training.batches import Encoder
    from studio.training.engine import Engine

_AT_ONCE: Final = 16
_LONGEST: Final = 160
_MARGIN: Final = 2


def right_answers(
    engine: Engine, encoder: Encoder, asked: Sequence[Conversation], turns: Turns, longest: int = _LONGEST
) -> int:
    """How many of the questions are answered to the letter, runs of white space as one space.

    Args:
        engine: answers, tuned as it is now.
        encoder: makes tokens of the questions.
        asked: conversations whose last answers are expected.
        turns: lets whoever answers in the chat go first.
        longest: tokens of an answer that are compared; what follows is not asked for.
    """
    found = 0
    wanted = [encoder.tokenizer.encode(conversation.answer)[:longest] for conversation in asked]
    order = sorted(range(len(asked)), key=lambda place: len(wanted[place]))  # answers of like length together
    for first in range(0, len(order), _AT_ONCE):
        places = order[first : first + _AT_ONCE]
        turns.wait()
        limit = min(longest, max(len(wanted[place]) for place in places) + _MARGIN)
        prompts = [encoder.prompt(asked[place]) for place in places]
        answers = engine.generate(prompts, encoder.tokenizer.stop_ids, limit)
        for place, ids in zip(places, answers, strict=True):
            cut = len(wanted[place]) == longest
            right = _said(encoder, wanted[place]) if cut else _spaced(asked[place].answer)
            found += _said(encoder, ids[:longest]) == right
    return found


def _said(encoder: Encoder, ids: Sequence[int]) -> str:
    return _spaced(encoder.tokenizer.decode(list(ids)))


def _spaced(text: str) -> str:
    return " ".join(text.split())
