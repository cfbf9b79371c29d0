"""How long examples are in tokens, for one base model. Counted on a sample, and remembered a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from studio.data.splitting.paraphrase_recall import has_unique_answers
from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.models.install import is_installed
from studio.services.examples.token_lengths import ModelTokens
from studio.services.runs.examples import Examples
from studio.storage.workspace import Workspace

_SAMPLE: Final = 200
_LETTERS_A_TOKEN: Final = 3.5  # where there is no tokenizer yet
_LETTERS_AROUND: Final = 12  # of the marks that a template puts around a turn
_VERSIONS_KEPT: Final = 16


@dataclass(frozen=True)
class Lengths:
    """Lengths in tokens.

    Args:
        mean: of an example.
        longest: of the longest example of the sample.
        has_unique_answers: whether every answer is there once, so that a run goes by recall, and may add passes.
    """

    mean: float
    longest: int
    has_unique_answers: bool = False


class RunLengths:
    """Counts tokens. Safe to use from many threads.

    Args:
        workspace: where models are installed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], Lengths] = OrderedDict()
        self._tokens: tuple[tuple[str, str | None], ModelTokens] | None = None  # one: a tokenizer takes much memory

    def of(self, card: BaseModelCard, examples: Examples) -> Lengths:
        """Lengths of the training examples; estimated by their letters while the model is not installed."""
        installed = is_installed(self._workspace.model(card.id))
        stored = examples.dataset_id
        key = (card.id, str(installed), stored, examples.system_prompt or "") if stored else None
        with self._lock:
            if key is not None and key in self._known:
                return self._known[key]
            lengths = self._counted(card, examples, installed)
            if key is not None:
                self._known[key] = lengths
                while len(self._known) > _VERSIONS_KEPT:
                    self._known.popitem(last=False)
            return lengths

    def _counted(self, card: BaseModelCard, examples: Examples, installed: bool) -> Lengths:
        sample = examples.train[:: max(1, len(examples.train) // _SAMPLE)][:_SAMPLE]
        if not sample:
            return Lengths(0.0, 0)
        counts = self._exact(card, examples, sample) if installed else _estimated(sample, examples.system_prompt)
        own = [conversation for conversation in examples.held_out if not conversation.reworded_from]
        unique = has_unique_answers([*examples.train, *own])
        return Lengths(sum(counts) / len(counts), max(counts), unique)

    def _exact(self, card: BaseModelCard, examples: Examples, sample: Sequence[Conversation]) -> Sequence[int]:
        wanted = (card.id, examples.system_prompt)
        if self._tokens is None or self._tokens[0] != wanted:
            self._tokens = (wanted, ModelTokens(self._workspace, card, (), examples.system_prompt))
        return self._tokens[1].lengths(sample)


def _estimated(sample: Sequence[Conversation], system_prompt: str | None) -> list[int]:
    letters = [
        sum(len(message.content) + _LETTERS_AROUND for message in conversation.messages) + len(system_prompt or "")
        for conversation in sample
    ]
    return [round(count / _LETTERS_A_TOKEN) for count in letters]
