"""The optimizer of a run, and its state as a checkpoint keeps it."""

from __future__ import annotations

import torch

from studio.domain.recipe import Recipe
from studio.training.engine import Engine


def optimizer_of(engine: Engine, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, 2019) over the engine's flat weights, in one kernel."""
    parameter = torch.nn.Parameter(engine.weights)
    parameter.grad = engine.gradients
    return torch.optim.AdamW(
        [parameter], lr=recipe.learning_rate or 0.0, weight_decay=recipe.weight_decay or 0.0, fused=True
    )


def moments_of(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The two moments of AdamW by their short names, each of the shape of the weights; there after the first step."""
    state = optimizer.state[optimizer.param_groups[0]["params"][0]]
    return {"m": state["exp_avg"], "v": state["exp_avg_sq"]}


def set_moments(optimizer: torch.optim.Optimizer, step: int, moments: dict[str, torch.Tensor]) -> None:
    """Puts the optimizer where it was after ``step``, with what :func:`moments_of` gave."""
    parameter = optimizer.param_groups[0]["params"][0]
    optimizer.state[parameter] = {
        "step": torch.tensor(float(step)),
        "exp_avg": moments["m"],
        "exp_avg_sq": moments["v"],
    }
