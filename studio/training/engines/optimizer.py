"""The optimizer of a run, and its moments as a checkpoint keeps them."""

from __future__ import annotations

import torch

from studio.domain.recipe import Recipe
from studio.training.engines.base import Engine


def build_optimizer(engine: Engine, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, 2019) over the engine's flat weights."""
    engine.weights.grad = engine.gradients
    optimizer = torch.optim.AdamW(
        [engine.weights], lr=recipe.learning_rate or 0.0, weight_decay=recipe.weight_decay or 0.0, fused=True
    )
    load_moments(optimizer, 0, {"m": torch.zeros_like(engine.weights), "v": torch.zeros_like(engine.weights)})
    return optimizer


def moments(optimizer: torch.optim.AdamW) -> dict[str, torch.Tensor]:
    """The two moments by their short names, each of the shape of the weights."""
    (state,) = optimizer.state.values()
    return {"m": state["exp_avg"], "v": state["exp_avg_sq"]}


def load_moments(optimizer: torch.optim.AdamW, step: int, tensors: dict[str, torch.Tensor]) -> None:
    """Puts the optimizer where it was after ``step``, with what :func:`moments` gave."""
    (weights,) = optimizer.param_groups[0]["params"]
    optimizer.state[weights] = {
        "step": torch.tensor(float(step), device=weights.device),
        "exp_avg": tensors["m"].to(weights.device),
        "exp_avg_sq": tensors["v"].to(weights.device),
    }
