"""Examples longer in tokens than the training takes: their end would be cut off, and the model learns not to end."""

from __future__ import annotations

from typing import Final

import numpy as np

from studio.data.checks.check import Changes, Check, Dataset, Finding, Matches, Tokens, answered
from studio.data.checks.rules.cut_off import whole_sentences
from studio.data.limits import LARGE
from studio.domain.conversation import Conversation, Role
from studio.domain.problem import Severity

_TRIES: Final = 12
_AROUND: Final = 256  # tokens that a chat template may put around an example


def _search(dataset: Dataset) -> Matches:
    if dataset.tokens is None:
        return Matches(())
    limit = dataset.tokens.limit
    rows = dataset.facts.rows
    places, examples = np.arange(len(rows)), dataset.conversations
    if len(rows) > LARGE:  # no tokenizer makes more tokens than there are bytes: most examples need no counting
        places = np.flatnonzero(rows["bytes"] > limit - _AROUND)
        examples = dataset.at(places)
    lengths = np.asarray(dataset.tokens.lengths(examples), np.int64)
    return Matches(places[lengths > limit], params={"limit": limit, "longest": int(lengths.max(initial=0))})


def _fix(dataset: Dataset, found: Finding, _choice: str) -> Changes:
    """Drops the oldest turns, then the last sentences of the answer; what is still too long is left out."""
    assert dataset.tokens is not None  # nothing is found without a model
    return {i: _shortened(dataset.conversations[i], dataset.tokens) for i in found.rows.tolist()}


def _shortened(conversation: Conversation, tokens: Tokens) -> Conversation | None:
    current: Conversation | None = _recent_turns(conversation, tokens)
    for _ in range(_TRIES):
        if current is None or _fits(current, tokens):
            return current
        text = current.answer
        excess = tokens.lengths([current])[0] / tokens.limit
        cut = whole_sentences(text[: min(len(text) - 1, int(len(text) / max(excess, 1.02)))])
        current = answered(current, cut)
    return None


def _recent_turns(conversation: Conversation, tokens: Tokens) -> Conversation:
    """The conversation without as many of its oldest exchanges as needed; the last question always stays."""
    current = conversation
    while not _fits(current, tokens):
        system = [m for m in current.messages if m.role is Role.SYSTEM]
        turns = [m for m in current.messages if m.role is not Role.SYSTEM]
        asked = [k for k, m in enumerate(turns) if m.role is Role.USER]
        if len(asked) < 2:
            break
        current = current.model_copy(update={"messages": (*system, *turns[asked[1] :])})
    return current


def _fits(conversation: Conversation, tokens: Tokens) -> bool:
    return tokens.lengths([conversation])[0] <= tokens.limit


CHECK: Final = Check("too_long", Severity.WARNING, 20, search=_search, fix=_fix, by_default=False)
