"""What the loop needs of a model, whichever way it computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from studio.domain.recipe import Method, Recipe
from studio.models.tokenizer import EncodedExample
from studio.training.engines.regularization import NONE, Regularisation

if TYPE_CHECKING:
    import torch

    from studio.training.engines.prompt_lookup import PromptLookup


class Engine(Protocol):
    """A base model with trainable weights in one flat vector.

    Attributes:
        weights: the trainable weights, fp32, shape ``(trainable,)``; the optimizer changes them in place.
        gradients: of the same shape; :meth:`train` adds to them.
        name: ``fused`` or ``plain``.
        keeps_base: whether the base model still answers as before while training goes on.
    """

    weights: torch.Tensor
    gradients: torch.Tensor
    total_parameters: int
    name: str
    keeps_base: bool

    def train(self, examples: Sequence[EncodedExample], scale: float) -> float:
        """Adds the gradients of ``scale`` times the summed cross-entropy of the learned tokens; returns the sum."""

    def loss(self, examples: Sequence[EncodedExample]) -> float:
        """The summed cross-entropy of the learned tokens, in nats; nothing is learned."""

    def matches(self, examples: Sequence[EncodedExample]) -> int:
        """How many of the examples have the likeliest token at every learned place.

        Taking the likeliest token each time would write just these answers, so one pass tells what generating would.
        """

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        stop_ids: frozenset[int],
        limit: int,
        *,
        tuned: bool = True,
        drafts: PromptLookup | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[list[int]]:
        """The most likely continuation of each prompt.

        Args:
            prompts: token ids.
            stop_ids: tokens that end an answer; not part of it.
            limit: most tokens of an answer.
            tuned: whether the adapter takes part.
            drafts: what is likely to be said; may make it faster, and changes nothing but rounding.
            enough: asked between tokens whether to leave off.
        """

    def hasten(self, seconds: float, steps_left: int) -> bool:
        """Reports the seconds of the last step; True when the next one is slower because it prepares a faster path."""

    def fall_back(self) -> bool:
        """After a failure: whether there is a plainer way to compute, which is taken from now on."""

    def save(self, folder: Path) -> None:
        """Writes the trained weights in the format of PEFT."""


@dataclass(frozen=True)
class Adaptation:
    """Which weights are trained, and how: the part of a resolved recipe that shapes the model."""

    method: Method
    rank: int
    alpha: float
    dropout: float
    target_modules: tuple[str, ...] | None
    last_layers: int | None
    layers: tuple[int, ...] | None = None

    def tuned_layers(self, count: int) -> list[int]:
        """Numbers of the layers to tune in a model of ``count`` layers, 0 is the first."""
        if self.layers is not None:
            return sorted({number for number in self.layers if 0 <= number < count})
        last = self.last_layers or (math.ceil(count / 4) if self.method is Method.LAST_LAYERS else count)
        return list(range(max(0, count - last), count))

    @property
    def is_whole(self) -> bool:
        """Whether every layer is tuned, so that an adapter needs no list of them."""
        return self.layers is None and self.last_layers is None and self.method is not Method.LAST_LAYERS

    @classmethod
    def of(cls, recipe: Recipe) -> Adaptation:
        """Reads it off a resolved recipe.

        Raises:
            ValueError: when the recipe is not resolved.
        """
        if recipe.method is None or recipe.rank is None or recipe.alpha is None or recipe.dropout is None:
            raise ValueError("the recipe is not resolved")
        return cls(
            recipe.method,
            recipe.rank,
            recipe.alpha,
            recipe.dropout,
            recipe.target_modules,
            recipe.last_layers,
            recipe.layers,
        )


@dataclass(frozen=True)
class EngineOptions:
    """What every engine is built from.

    Args:
        dtype: number format of the base and its products; the trained weights are fp32.
        seed: of the adapter's first values.
        regularisation: against learning by heart; in training only.
        recompute: whether layers are computed twice instead of kept.
    """

    model_dir: Path
    adaptation: Adaptation
    dtype: torch.dtype
    seed: int
    regularisation: Regularisation = NONE
    recompute: bool = False


def learned_tokens(examples: Sequence[EncodedExample]) -> int:
    """How many tokens have a loss; the first of an example has none, for nothing comes before it."""
    return sum(sum(example.learned[1:]) for example in examples)
