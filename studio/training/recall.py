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
_LONGEST: Final = 160  # tokens; a longer answer is compared as far as that
_MARGIN: Final = 2


def right_answers(engine: Engine, encoder: Encoder, asked: Sequence[Conversation], turns: Turns) -> int:
    """How many of the questions are answered to the letter, runs of white space as one space.

    Answers of more than 160 tokens are compared over their first 160.

    Args:
        engine: answers, tuned as it is now.
        encoder: makes tokens of the questions.
        asked: conversations whose last answers are expected.
        turns: lets whoever answers in the chat go first.
    """
    found = 0
    wanted = [encoder.tokenizer.encode(conversation.answer)[:_LONGEST] for conversation in asked]
    order = sorted(range(len(asked)), key=lambda place: len(wanted[place]))  # answers of like length together
    for first in range(0, len(order), _AT_ONCE):
        places = order[first : first + _AT_ONCE]
        turns.wait()
        longest = max(len(wanted[place]) for place in places)
        limit = min(_LONGEST, longest + _MARGIN)
        prompts = [encoder.prompt(asked[place]) for place in places]
        answers = engine.generate(prompts, encoder.tokenizer.stop_ids, limit)
        for place, ids in zip(places, answers, strict=True):
            cut = len(wanted[place]) == _LONGEST
            said, right = (ids[:_LONGEST], wanted[place]) if cut else (ids, wanted[place])
            found += _said(encoder, said) == (_said(encoder, right) if cut else _spaced(asked[place].answer))
    return found


def _said(encoder: Encoder, ids: Sequence[int]) -> str:
    return _spaced(encoder.tokenizer.decode(list(ids)))


def _spaced(text: str) -> str:
    return " ".join(text.split())
