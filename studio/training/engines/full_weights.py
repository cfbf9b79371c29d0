"""Tuning whole weights of a transformers model: which ones, and how their change is kept as an adapter of PEFT.

Only linear layers are tuned, not embeddings and norms, so that what was learned fits into an adapter: as small, as easy
to switch and as easy to share as any other (see :mod:`studio.training.engines.fused.peft_export`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.training.engines.base import Adaptation

if TYPE_CHECKING:
    import torch

_LAYER: Final = re.compile(r"\.(?:layers|h|blocks)\.(\d+)\.")


def linear_layers(base: torch.nn.Module) -> list[str]:
    """Names of all kinds of linear layers but the one that gives the logits."""
    import torch

    names = {name.split(".")[-1] for name, module in base.named_modules() if isinstance(module, torch.nn.Linear)}
    return sorted(names - {"lm_head", "embed_out"})


def choose(base: torch.nn.Module, adaptation: Adaptation) -> dict[str, torch.Tensor]:
    """Lets only the chosen linear weights learn.

    Args:
        base: transformers model in fp32; everything else in it is frozen.

    Returns:
        The chosen weights as they are now, by the name of their module; in bf16 where that loses nothing.
    """
    import torch

    base.requires_grad_(False)
    kinds = set(adaptation.target_modules or linear_layers(base))
    numbers = set(adaptation.tuned_layers(int(base.config.num_hidden_layers)))  # type: ignore[union-attr, arg-type]
    before = {}
    for name, module in base.named_modules():
        place = _LAYER.search(f"{name}.")
        if isinstance(module, torch.nn.Linear) and name.split(".")[-1] in kinds and place and int(place[1]) in numbers:
            module.weight.requires_grad_(True)
            short = module.weight.detach().to(torch.bfloat16)
            exact = bool((short.float() == module.weight).all())
            before[name] = short if exact else module.weight.detach().clone()
    return before


def save(
    folder: Path, model: torch.nn.Module, before: dict[str, torch.Tensor], adaptation: Adaptation, base: str
) -> None:
    """Writes what the tuned weights have changed by as a low-rank adapter.

    Args:
        folder: made where needed.
        before: of :func:`choose`.
    """
    from studio.training.engines.fused.peft_export import low_rank, write_adapter

    tensors: dict[str, torch.Tensor] = {}
    for name, old in before.items():
        linear: Any = model.get_submodule(name)
        a, b = low_rank(linear.weight.detach().float() - old.float(), adaptation.rank)
        tensors[f"base_model.model.{name}.lora_A.weight"] = a.cpu()
        tensors[f"base_model.model.{name}.lora_B.weight"] = b.cpu()
    layers = int(model.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
    write_adapter(folder, tensors, adaptation, base, (name.split(".")[-1] for name in before), layers)
