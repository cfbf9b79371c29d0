"""How long examples are in tokens, for one base model. Counted on a sample, and remembered a while.

A tokenizer can take more than a second to read: for a large version another process does, and until then a page is told
lengths by letters.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from studio.data.limits import DRAWN_AT_ONCE
from studio.data.splitting.practice import has_unique_answers
from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.errors import AfinaError, Stopped
from studio.models.install import is_installed
from studio.processes.large_job import run_large_job
from studio.services.examples.token_lengths import ModelTokens
from studio.services.runs.examples import Examples
from studio.storage.workspace import Workspace

_SAMPLE: Final = 200
_PATIENCE: Final = 60.0  # seconds for a child
_ANSWERS: Final = 2_000  # answers looked at where it is not known whether each is there once
_LETTERS_A_TOKEN: Final = 3.5  # where there is no tokenizer yet
_LETTERS_AROUND: Final = 12  # of the marks that a template puts around a turn
_VERSIONS_KEPT: Final = 16


@dataclass(frozen=True)
class Lengths:
    """Lengths in tokens.

    Args:
        longest: of the longest example of the sample.
        has_unique_answers: whether every answer is there once, so that a run goes by recall, and may add passes.
    """

    mean: float
    longest: int
    has_unique_answers: bool = False


class RunLengths:
    """Counts tokens. Safe to use from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._counts: OrderedDict[tuple[str, ...], Future[Sequence[int]]] = OrderedDict()
        self._counters = ThreadPoolExecutor(4, "token-lengths")
        self._tokens: tuple[tuple[str, str | None], ModelTokens] | None = None  # one: a tokenizer takes much memory

    def of(self, card: BaseModelCard, examples: Examples, *, estimate: bool = False) -> Lengths:
        """Lengths of the training examples; estimated by their letters while the model is not installed.

        Args:
            estimate: does not wait for a large version to be counted: lengths are estimated while :meth:`is_counting`.

        Raises:
            AfinaError: ``model.no_tokenizer``, ``data.version_damaged``, ``disk.missing`` …
        """
        sample = _spread(examples.train, _SAMPLE)
        if not sample:
            return Lengths(0.0, 0)
        installed = is_installed(self._workspace.model(card.id))
        counts = self._counted(card, examples, sample, estimate) if installed else None
        if counts is None:
            counts = _estimated(sample, examples.system_prompt)
        unique = examples.has_unique_answers
        if unique is None:
            unique = has_unique_answers(_spread(examples.train, _ANSWERS), _spread(examples.held_out, _ANSWERS))
        return Lengths(sum(counts) / len(counts), max(counts), unique)

    def is_counting(self, model_id: str) -> bool:
        """Whether examples are being counted for a base model."""
        with self._lock:
            return any(key[0] == model_id and not count.done() for key, count in self._counts.items())

    def _counted(
        self, card: BaseModelCard, examples: Examples, sample: Sequence[Conversation], estimate: bool
    ) -> Sequence[int] | None:
        """Tokens of a sample, counted once a version; None where that is not done yet and an estimate is enough."""
        stored = examples.dataset_id
        if stored is None:
            return self._exact(card, examples, sample)
        key = (card.id, stored, examples.system_prompt or "")
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                count = self._counts[key] = self._counters.submit(self._exact, card, examples, sample)
                while len(self._counts) > _VERSIONS_KEPT:
                    self._counts.popitem(last=False)
        if estimate and _is_large(examples) and not count.done():
            return None
        try:
            return count.result()
        except AfinaError:  # what is missing may be there the next time
            with self._lock:
                self._counts.pop(key, None)
            raise

    def _exact(self, card: BaseModelCard, examples: Examples, sample: Sequence[Conversation]) -> Sequence[int]:
        prompt = examples.system_prompt
        if _is_large(examples) and (counts := self._aside(card, sample, prompt)):
            return counts
        wanted = (card.id, prompt)
        with self._reading:
            if self._tokens is None or self._tokens[0] != wanted:
                self._tokens = (wanted, ModelTokens(self._workspace, card, (), prompt))
            return self._tokens[1].lengths(sample)

    def _aside(self, card: BaseModelCard, sample: Sequence[Conversation], prompt: str | None) -> list[int]:
        """As counted by a process of its own; nothing where that takes too long."""
        found: list[int] = []
        ends = time.monotonic() + _PATIENCE
        job = {
            "do": "count",
            "card": card.model_dump(mode="json"),
            "conversations": [conversation.model_dump(mode="json") for conversation in sample],
            "system_prompt": prompt,
        }
        with suppress(Stopped):
            run_large_job(
                self._workspace.settings,
                job,
                lambda said: found.extend(said["lengths"]),
                lambda: time.monotonic() > ends,
            )
        return found


def _is_large(examples: Examples) -> bool:
    return len(examples.train) > DRAWN_AT_ONCE


def _spread(conversations: Sequence[Conversation], count: int) -> Sequence[Conversation]:
    """So many examples at most, spread over all."""
    return conversations[:: max(1, len(conversations) // count)][:count]


def _estimated(sample: Sequence[Conversation], system_prompt: str | None) -> list[int]:
    letters = [
        sum(len(message.content) + _LETTERS_AROUND for message in conversation.messages) + len(system_prompt or "")
        for conversation in sample
    ]
    return [round(count / _LETTERS_A_TOKEN) for count in letters]
