"""From conversations to batches of tokens: which examples a step sees follows from the seed and the step alone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from studio.domain.conversation import Conversation, with_system
from studio.domain.recipe import Recipe
from studio.models.chat_template import ChatTemplate
from studio.models.tokenizer import EncodedExample, Tokenizer
from studio.training.loop.answer_truncation import deciding_tokens, shortened
from studio.training.loop.augmentation import vary


def read_conversations(path: Path) -> list[Conversation]:
    """The conversations of a JSONL file, one a line; a missing file has none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        return [Conversation.model_validate_json(line) for line in file if line.strip()]


@dataclass(frozen=True)
class Encoder:
    """Makes tokens of conversations, the way that the preview shows them.

    Args:
        system_prompt: said before each conversation that has no system turn of its own.
    """

    template: ChatTemplate
    tokenizer: Tokenizer
    max_length: int
    system_prompt: str | None = None

    @classmethod
    def load(cls, model_dir: Path, recipe: Recipe) -> Encoder:
        """Reads the template and the tokenizer of a model."""
        return cls(
            ChatTemplate.load(model_dir), Tokenizer.load(model_dir), recipe.max_length or 512, recipe.system_prompt
        )

    def example(self, conversation: Conversation) -> EncodedExample:
        """Tokens of a conversation; learned are the assistant's turns."""
        segments = self.template.segments(with_system(conversation, self.system_prompt))
        return self.tokenizer.encode_example(segments, self.max_length)

    def prompt(self, conversation: Conversation) -> list[int]:
        """Tokens of what the model is asked before the last answer."""
        return self.tokenizer.encode(self.template.prompt(with_system(conversation, self.system_prompt).prompt))


@dataclass(frozen=True)
class Plan:
    """Which examples each step learns from: the passes follow each other, each in an order of its own.

    Args:
        epochs: passes, which need not be whole.
        augment: whether from the second pass on questions are varied, and answers that many questions share are
            mostly read up to the words that decide.
    """

    conversations: Sequence[Conversation]
    encoder: Encoder
    batch_size: int
    epochs: float
    seed: int
    augment: bool
    _encoded: dict[int, EncodedExample] = field(default_factory=dict, repr=False)
    _orders: dict[int, list[int]] = field(default_factory=dict, repr=False)  # of the passes of the newest step

    @property
    def steps_per_epoch(self) -> float:
        return len(self.conversations) / self.batch_size

    @property
    def total_steps(self) -> int:
        return max(1, math.ceil(self.epochs * self.steps_per_epoch - 1e-9))

    def batch(self, step: int) -> list[EncodedExample]:
        """The examples of a step, which is 1-based."""
        count = len(self.conversations)
        first = (step - 1) * self.batch_size
        for past in [epoch for epoch in self._orders if epoch < first // count]:
            del self._orders[past]
        examples = []
        for place in range(first, first + self.batch_size):
            epoch, index = divmod(place, count)
            examples.append(self._example(epoch, self._order(epoch)[index]))
        return [example for example in examples if any(example.learned[1:])] or examples

    def _order(self, epoch: int) -> list[int]:
        """Positions of the examples in the order of a pass, shuffled once: at 100,000 that takes 0.1 s."""
        if epoch not in self._orders:
            order = list(range(len(self.conversations)))
            random.Random(f"{self.seed}/order/{epoch}").shuffle(order)
            self._orders[epoch] = order
        return self._orders[epoch]

    def _example(self, epoch: int, index: int) -> EncodedExample:
        if not self.augment or epoch == 0:
            return self._plain(index)
        rng = random.Random(f"{self.seed}/{epoch}/{index}")
        varied = vary(self.conversations[index], rng)
        plain = varied is self.conversations[index]
        example = self._plain(index) if plain else self.encoder.example(varied)
        return shortened(example, self._deciding[index], rng)

    def _plain(self, index: int) -> EncodedExample:
        if index not in self._encoded:
            self._encoded[index] = self.encoder.example(self.conversations[index])
        return self._encoded[index]

    @cached_property
    def _deciding(self) -> list[int | None]:
        return deciding_tokens([self._plain(index) for index in range(len(self.conversations))])
