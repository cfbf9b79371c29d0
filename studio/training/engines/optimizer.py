"""The optimizer of a run, and its state as a checkpoint keeps it."""

from __future__ import annotations

from typing import Any, Final

import torch

from studio.domain.recipe import Recipe
from studio.training.engines.base import Engine

_BETAS: Final = (0.9, 0.999)
_EPSILON: Final = 1e-8


class FusedAdamW:
    """AdamW (Loshchilov and Hutter, 2019) over one flat tensor, by the kernel that ``AdamW(fused=True)`` of torch calls.

    The class of torch loads its compiler when it is made, which takes a second before the first step.

    Args:
        weights: of any one shape; changed in place.
        gradients: of the same shape; read at each step.
        learning_rate: until ``param_groups`` says another.
        weight_decay: decoupled from the gradient.
    """

    def __init__(
        self, weights: torch.Tensor, gradients: torch.Tensor, learning_rate: float, weight_decay: float
    ) -> None:
        self._weights, self._gradients = weights, gradients
        self.param_groups: list[dict[str, Any]] = [{"lr": learning_rate, "weight_decay": weight_decay}]
        self.count = torch.zeros((), dtype=torch.float32, device=weights.device)
        self.mean = torch.zeros_like(weights)
        self.square = torch.zeros_like(weights)

    @torch.no_grad()
    def step(self) -> None:
        """One step with the gradients as they are now."""
        group = self.param_groups[0]
        self.count += 1
        torch._fused_adamw_(
            [self._weights], [self._gradients], [self.mean], [self.square], [], [self.count],
            lr=group["lr"], beta1=_BETAS[0], beta2=_BETAS[1], weight_decay=group["weight_decay"], eps=_EPSILON,
            amsgrad=False, maximize=False,
        )  # fmt: skip


def optimizer_of(engine: Engine, recipe: Recipe) -> FusedAdamW:
    """AdamW over the engine's flat weights."""
    return FusedAdamW(engine.weights, engine.gradients, recipe.learning_rate or 0.0, recipe.weight_decay or 0.0)


def moments_of(optimizer: FusedAdamW) -> dict[str, torch.Tensor]:
    """The two moments of AdamW by their short names, each of the shape of the weights."""
    return {"m": optimizer.mean, "v": optimizer.square}


def set_moments(optimizer: FusedAdamW, step: int, moments: dict[str, torch.Tensor]) -> None:
    """Puts the optimizer where it was after ``step``, with what :func:`moments_of` gave."""
    optimizer.count.fill_(float(step))
    optimizer.mean.copy_(moments["m"])
    optimizer.square.copy_(moments["v"])
