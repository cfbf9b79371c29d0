"""Lengths of examples in tokens of a base model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from studio.data.limits import LARGE
from studio.domain.conversation import Conversation, with_system
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.storage.workspace import Workspace
from studio.training.recipes.presets import resolve

if TYPE_CHECKING:
    from studio.models.chat_template import ChatTemplate
    from studio.models.tokenizer import Tokenizer

_AT_ONCE: Final = 1_000
_SAMPLED: Final = 2_000


class ModelTokens:
    """Lengths for one base model, counted as the training does."""

    def __init__(
        self,
        workspace: Workspace,
        card: BaseModelCard,
        conversations: Sequence[Conversation],
        system_prompt: str | None = None,
    ) -> None:
        self._folder = workspace.model(card.id)
        self._card = card
        self._conversations = conversations
        self._system_prompt = system_prompt

    @cached_property
    def _template(self) -> ChatTemplate:
        from studio.models.chat_template import ChatTemplate

        return ChatTemplate.load(self._folder)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from studio.models.tokenizer import Tokenizer

        return Tokenizer.load(self._folder)

    @cached_property
    def _own(self) -> tuple[int, ...]:
        return self._counted(self._conversations)

    @cached_property
    def _sample(self) -> tuple[int, ...]:
        """Lengths of examples spread evenly over a large set: enough for their mean."""
        return self._counted(self._conversations[:: max(1, len(self._conversations) // _SAMPLED)])

    @cached_property
    def limit(self) -> int:
        """Longest example in tokens that a training with the usual settings takes whole."""
        count = len(self._conversations)
        own = self._own if count <= LARGE else self._sample
        mean = sum(own) / max(1, len(own))
        recipe = Recipe(model=self._card.id, system_prompt=self._system_prompt)
        return resolve(recipe, self._card, count, 0, mean).max_length or self._card.context_length

    def lengths(self, conversations: Sequence[Conversation]) -> Sequence[int]:
        """The length of each example in tokens, special tokens included."""
        return self._own if conversations is self._conversations else self._counted(conversations)

    def _counted(self, conversations: Sequence[Conversation]) -> tuple[int, ...]:
        counts: list[int] = []
        for first in range(0, len(conversations), _AT_ONCE):
            chunk = conversations[first : first + _AT_ONCE]
            rendered = [self._template.segments(with_system(c, self._system_prompt)) for c in chunk]
            tokens = iter(self._tokenizer.encode_batch([s.text for segments in rendered for s in segments]))
            counts += [sum(len(next(tokens)) for _ in segments) for segments in rendered]
        return tuple(counts)
