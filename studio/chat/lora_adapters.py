"""Adapters read from PEFT folders, and rows with different adapters (or none) in one batch.

For row ``i`` with adapter ``a(i)``: ``y_i = W x_i + s_a B_a (A_a x_i)`` (Hu et al. 2021, https://arxiv.org/abs/2106.09685).
The ``A`` of all adapters in the batch are stacked, so one product gives every ``A x``; a 0/1 mask keeps, in each row,
the part of its own adapter; one product with the stacked ``s B`` adds the update. The base weights are never copied.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from studio.chat.lora_linear import LoraDelta, MixedLinear, wrap_linears
from studio.errors import AfinaError, from_exception

_PREFIX: Final = "base_model.model."
_KEY: Final = re.compile(r"(?P<module>.+)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")


@dataclass(frozen=True, eq=False)
class Update:
    """The low-rank update of one linear layer.

    Args:
        down: ``A``, shape ``(rank, inputs)``; fp32 on a processor, whatever the base.
        up: ``s B`` transposed, shape ``(rank, outputs)``.
        factor: DoRA's ``m / ||W + s B A||``, shape ``(outputs,)``; None for plain LoRA.
    """

    down: torch.Tensor
    up: torch.Tensor
    factor: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Adapter:
    """The updates of a PEFT folder, by :attr:`MixedLinear.name`; equal only to itself, as tensors have no one answer."""

    updates: dict[str, Update]


def load_adapter(folder: Path, layers: dict[str, MixedLinear], dtype: torch.dtype, device: str) -> Adapter:
    """Reads ``adapter_config.json`` and ``adapter_model.safetensors``.

    Args:
        folder: as PEFT writes it: LoRA, rsLoRA or DoRA on linear layers.
        layers: the linear layers of the base model, as :attr:`LoraBatch.layers` has them.
        dtype: number format of the base model.
        device: where the base model lives.

    Raises:
        AfinaError: ``chat.adapter_missing``, ``chat.adapter_other`` (not for this base model, or a kind that is not
            served), ``model.weights_damaged``.
    """
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "adapter_model.safetensors")
    except FileNotFoundError as error:
        raise AfinaError("chat.adapter_missing", name=folder.name) from error
    except Exception as error:
        raise from_exception(error) from error
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        match = _KEY.fullmatch(key.removeprefix(_PREFIX))
        if match is None or match["module"] not in layers:
            raise AfinaError("chat.adapter_other", name=folder.name, detail=key)
        parts.setdefault(match["module"], {})[match["part"]] = tensor.float().to(device)
    members: dict[str, Update] = {}
    for name, part in parts.items():
        down, up = part.get("lora_A"), part.get("lora_B")
        if down is None or up is None or (up.shape[0], down.shape[1]) != layers[name].shapes[name]:
            raise AfinaError("chat.adapter_other", name=folder.name, detail=name)
        weight = layers[name].weight(name, dtype, device) if "lora_magnitude_vector" in part else None
        members[name] = _update(down, up * _scale(config, name), part.get("lora_magnitude_vector"), weight)
    kept = torch.float32 if device == "cpu" else dtype
    touched = {layers[name].name: layers[name] for name in members}
    return Adapter({name: _joined(layer, members, kept, dtype) for name, layer in touched.items()})


def _scale(config: dict[str, Any], module: str) -> float:
    """``alpha / r``, or ``alpha / sqrt(r)`` for rsLoRA (https://arxiv.org/abs/2312.03732)."""
    rank = float(_by_pattern(config.get("rank_pattern"), module, config["r"]))
    alpha = float(_by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _by_pattern(patterns: dict[str, Any] | None, module: str, default: Any) -> Any:
    fits = (value for pattern, value in (patterns or {}).items() if re.match(rf"(.*\.)?({pattern})$", module))
    return next(fits, default)


def _update(
    down: torch.Tensor, up: torch.Tensor, magnitude: torch.Tensor | None, weight: torch.Tensor | None
) -> Update:
    factor = None
    if magnitude is not None and weight is not None:  # https://arxiv.org/abs/2402.09353, equation 5
        factor = magnitude.flatten() / torch.linalg.vector_norm(weight + up @ down, dim=1)
    return Update(down, up.t(), factor)


def _joined(layer: MixedLinear, members: dict[str, Update], kept: torch.dtype, dtype: torch.dtype) -> Update:
    """One update of a joined layer: the ``A`` of its members stacked, their ``B`` on the diagonal."""
    updates = {name: members[name] for name in layer.spans if name in members}
    ranks = sum(update.down.shape[0] for update in updates.values())
    first = next(iter(updates.values()))
    up = first.up.new_zeros((ranks, layer.outputs))
    factor = first.up.new_ones(layer.outputs)
    start = 0
    for name, update in updates.items():
        end = start + update.down.shape[0]
        up[start:end, layer.spans[name]] = update.up
        if update.factor is not None:
            factor[layer.spans[name]] = update.factor
        start = end
    has_factor = any(update.factor is not None for update in updates.values())
    # On a processor a bf16 product this small takes ten times as long as in fp32: oneDNN prepares it anew each time.
    down = torch.cat([update.down for update in updates.values()]).to(kept)
    return Update(down, up.to(kept), factor.to(dtype) if has_factor else None)


class LoraBatch:
    """The adapters of one model, and which rows of the next forward pass use which.

    Args:
        model: its linear layers are wrapped, all but the one that gives the logits.

    Attributes:
        layers: the wrapped layers, by the name of each linear layer of the base.
    """

    def __init__(self, model: nn.Module) -> None:
        self.layers = wrap_linears(model)
        self._chosen: tuple[Adapter | None, ...] | None = None

    def choose(self, adapters: Sequence[Adapter | None]) -> None:
        """Sets the adapter of each row of the next forward passes."""
        chosen = tuple(adapters)
        if chosen == self._chosen:
            return
        self._chosen = None  # until all layers are set: after a failure the next batch sets them anew
        active = list({id(a): a for a in chosen if a is not None}.values())
        masks: dict[tuple[int, ...], torch.Tensor | None] = {}
        for layer in {layer.name: layer for layer in self.layers.values()}.values():
            layer.delta = _delta(layer.name, chosen, [a for a in active if layer.name in a.updates], masks)
        self._chosen = chosen


def _delta(
    name: str,
    chosen: tuple[Adapter | None, ...],
    active: list[Adapter],
    masks: dict[tuple[int, ...], torch.Tensor | None],
) -> LoraDelta | None:
    if not active:
        return None
    updates = [adapter.updates[name] for adapter in active]
    key = tuple(x for a, u in zip(active, updates, strict=True) for x in (id(a), u.down.shape[0]))
    if key not in masks:
        masks[key] = _mask(chosen, active, updates)
    one = len(updates) == 1
    return LoraDelta(
        down=updates[0].down if one else torch.cat([u.down for u in updates]),
        up=updates[0].up if one else torch.cat([u.up for u in updates]),
        mask=masks[key],
        factor=_factors(name, chosen) if any(u.factor is not None for u in updates) else None,
    )


def _mask(chosen: tuple[Adapter | None, ...], active: list[Adapter], updates: list[Update]) -> torch.Tensor | None:
    if len(active) == 1 and all(adapter is active[0] for adapter in chosen):
        return None
    rows = [
        torch.cat([u.down.new_full((u.down.shape[0],), float(row is a)) for a, u in zip(active, updates, strict=True)])
        for row in chosen
    ]
    return torch.stack(rows)[:, None]


def _factors(name: str, chosen: tuple[Adapter | None, ...]) -> torch.Tensor:
    updates = [adapter.updates.get(name) if adapter is not None else None for adapter in chosen]
    factors = [update.factor if update is not None else None for update in updates]
    like = next(factor for factor in factors if factor is not None)
    return torch.stack([torch.ones_like(like) if factor is None else factor for factor in factors])[:, None]
