"""Against learning by heart: label smoothing and noise on embeddings. In training only; an evaluation knows neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from studio.domain.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Regularisation:
    """What makes the task a little harder than it is.

    Args:
        label_smoothing: share of each target that is spread over all words (Szegedy et al., 2016).
        neftune: alpha, the strength of the noise on embeddings (Jain et al., 2023); 0 is none.
    """

    label_smoothing: float = 0.0
    neftune: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe) -> Regularisation:
        """Reads it off a recipe."""
        return cls(recipe.label_smoothing, recipe.neftune)


NONE: Final = Regularisation()


def embedding_noise(lengths: Tensor, rows: Tensor, like: Tensor, alpha: float) -> Tensor:
    """Uniform noise of NEFTune: each value from -a to a, where a = alpha / sqrt(L d) (Jain et al., 2023, eq. 1).

    Args:
        rows: example of each embedding, ``(...)``.
        like: embeddings of width d, ``(..., d)``; tells shape, format and device.
        alpha: strength; the paper takes 5 to 15.

    Returns:
        Noise of the shape of ``like``, drawn from torch's dice of that device.
    """
    import torch

    reach = alpha / (lengths.clamp(min=1) * like.shape[-1]).sqrt()
    return torch.empty_like(like).uniform_(-1, 1) * reach.to(like.dtype)[rows].unsqueeze(-1)
