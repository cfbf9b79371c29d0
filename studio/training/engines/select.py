"""Putting a run together: the device, the engine, the questions that are asked live."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from studio.domain.conversation import Conversation
from studio.domain.recipe import Method, Precision, Recipe
from studio.models.processor import number_format
from studio.training.engines.base import Adaptation, Engine, EngineOptions
from studio.training.engines.fused.engine import FusedEngine
from studio.training.engines.fused.model_config import read_model_config
from studio.training.engines.fused.warmup import works
from studio.training.engines.peft_engine import PlainEngine
from studio.training.engines.regularization import Regularisation

_ASKED: Final = 3


def build_engine(model_dir: Path, recipe: Recipe, precision: Precision, where: str, pad_id: int) -> Engine:
    """The fastest engine that can train this model in this way.

    Args:
        pad_id: token that fills up a batch.
    """
    options = EngineOptions(
        model_dir,
        Adaptation.of(recipe),
        number_format(precision),
        recipe.seed,
        Regularisation.of(recipe),
        recipe.gradient_checkpointing,
    )
    config = read_model_config(model_dir)
    is_usual = recipe.method not in (Method.DORA, Method.QLORA) and where == "cpu"
    fits = config is not None and (config.longest is None or (recipe.max_length or 0) <= config.longest)
    if is_usual and config is not None and fits and works(precision):
        return FusedEngine(options, config)
    return PlainEngine(options, where, pad_id, backend="inductor" if where.startswith("cuda") else None)


def questions(conversations: Sequence[Conversation]) -> list[Conversation]:
    """Up to three conversations with different answers, spread over ``conversations``; always the same ones."""
    by_answer = list({conversation.answer: conversation for conversation in reversed(conversations)}.values())
    apart = max(1, len(by_answer) // _ASKED)
    return by_answer[::-1][::apart][:_ASKED]
