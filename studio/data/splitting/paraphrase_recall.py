"""Whether what was taught is found again: for data in which every answer is there once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from studio.data.splitting.paraphrase import held_out_examples, rewordings
from studio.data.text import plain
from studio.domain.conversation import Conversation

_UNIQUE: Final = 0.9  # share of different answers from which on held-out answers cannot be known
_MIN_EXAMPLES: Final = 4
_SALT: Final = 7_919  # other words than those of a held-out test, which takes the plain seed


def has_unique_answers(train: Sequence[Conversation], held_out: Sequence[Conversation] = ()) -> bool:
    """Whether (nearly) every answer is there once, so that the answer to a question held out cannot be learned.

    Held-out examples that ask one of ``train`` in other words do not count.
    """
    conversations = [*train, *(conversation for conversation in held_out if not conversation.reworded_from)]
    answers = {plain(conversation.answer) for conversation in conversations}
    return len(conversations) >= _MIN_EXAMPLES and len(answers) >= _UNIQUE * len(conversations)


def recall_questions(conversations: Sequence[Conversation], seed: int, count: int) -> list[Conversation]:
    """Questions of the examples in other words, spread over them, with the answers that they teach."""
    numbered = [
        conversation.model_copy(update={"id": f"r{number}", "held_out": None})
        for number, conversation in enumerate(conversations)
    ]
    return held_out_examples(rewordings(numbered, seed + _SALT, count), numbered, 1)
