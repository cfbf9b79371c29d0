"""Writes what the fused engine has tuned as an adapter of PEFT.

Layers tuned as a whole are written as an adapter too, by the strongest directions of their change: it is then as easy to
switch and to share as any other. What that keeps depends on the rank; see :data:`studio.training.recipes.presets.KEPT_RANKS`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.domain.recipe import Method
from studio.training.engines.base import Adaptation
from studio.training.engines.fused.decoder_layer import Layer
from studio.training.engines.fused.linear import GROUPS


def save(folder: Path, layers: Sequence[Layer], adaptation: Adaptation, base: str) -> None:
    """Writes ``adapter_config.json`` and ``adapter_model.safetensors``.

    Args:
        folder: made where needed.
        adaptation: how they are tuned; its rank is that of the adapter written.
    """
    tensors: dict[str, Tensor] = {}
    for number, layer in enumerate(layers):
        prefix = f"base_model.model.model.layers.{number}"
        for linear in layer.linears:
            for part in linear.parts:
                tensors[f"{prefix}.{part.name}.lora_A.weight"] = part.a.clone()
                tensors[f"{prefix}.{part.name}.lora_B.weight"] = part.b.clone()
            for whole in linear.full_updates:
                a, b = low_rank(whole.change, adaptation.rank)
                tensors[f"{prefix}.{whole.name}.lora_A.weight"] = a
                tensors[f"{prefix}.{whole.name}.lora_B.weight"] = b
    names = adaptation.target_modules or tuple(name.split(".")[-1] for group in GROUPS for name in group)
    write_adapter(folder, tensors, adaptation, base, names, len(layers))


def write_adapter(
    folder: Path, tensors: dict[str, Tensor], adaptation: Adaptation, base: str, names: Iterable[str], layers: int
) -> None:
    """Writes tensors named as PEFT does, and their configuration.

    Args:
        names: of the kinds of linear layers that are tuned.
    """
    full = adaptation.method.tunes_whole_weights
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": adaptation.rank,
        "lora_alpha": adaptation.rank if full else adaptation.alpha,
        "lora_dropout": 0.0 if full else adaptation.dropout,
        "target_modules": sorted(set(names)),
        "layers_to_transform": None if adaptation.is_whole else adaptation.tuned_layers(layers),
        "use_rslora": adaptation.method is Method.RSLORA,
        "bias": "none",
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def low_rank(change: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """``A (r, I)`` and ``B (O, r)`` with ``B A`` as close to ``change`` as this rank allows (Eckart and Young, 1936).

    The strongest directions are those of the smaller Gram matrix, which is quicker than singular values at any rank.
    """
    rank_here = min(rank, *change.shape)
    tall = change.shape[0] >= change.shape[1]
    _, directions = torch.linalg.eigh(change.t() @ change if tall else change @ change.t())
    strongest = directions[:, -rank_here:]  # the last ones are the largest
    a, b = (strongest.t(), change @ strongest) if tall else (strongest.t() @ change, strongest)
    if rank_here < rank:  # PEFT wants the same rank everywhere
        a = torch.cat((a, a.new_zeros(rank - rank_here, a.shape[1])))
        b = torch.cat((b, b.new_zeros(b.shape[0], rank - rank_here)), 1)
    return a.contiguous(), b.contiguous()
