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

from studio.errors import AfinaError, from_exception

_PREFIX: Final = "base_model.model."
_KEY: Final = re.compile(r"(?P<module>.+)\.(?P<part>lora_A|lora_B|lora_magnitude_vector)(?:\.weight)?")
_SIBLINGS: Final = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))  # linear layers with the same input


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Adapter:
    """The updates of a PEFT folder, by name of the linear layer."""

    updates: dict[str, Update]


def load_adapter(folder: Path, layers: dict[str, MixedLinear], dtype: torch.dtype, device: str) -> Adapter:
    """Reads ``adapter_config.json`` and ``adapter_model.safetensors``.

    Args:
        folder: as PEFT writes it: LoRA, rsLoRA or DoRA on linear layers.
        layers: the linear layers of the base model, as :attr:`Mixture.layers` has them.
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
        found = _KEY.fullmatch(key.removeprefix(_PREFIX))
        if found is None or found["module"] not in layers:
            raise AfinaError("chat.adapter_other", name=folder.name, detail=key)
        parts.setdefault(found["module"], {})[found["part"]] = tensor.float().to(device)
    updates = {}
    for name, part in parts.items():
        down, up = part.get("lora_A"), part.get("lora_B")
        if down is None or up is None or (up.shape[0], down.shape[1]) != layers[name].shape:
            raise AfinaError("chat.adapter_other", name=folder.name, detail=name)
        updates[name] = _update(
            down, up, part.get("lora_magnitude_vector"), layers[name].inner, _scale(config, name), dtype
        )
    return Adapter(updates)


def _scale(config: dict[str, Any], module: str) -> float:
    """``alpha / r``, or ``alpha / sqrt(r)`` for rsLoRA (https://arxiv.org/abs/2312.03732)."""
    rank = float(_by_pattern(config.get("rank_pattern"), module, config["r"]))
    alpha = float(_by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"]))
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _by_pattern(patterns: dict[str, Any] | None, module: str, default: Any) -> Any:
    fits = (value for pattern, value in (patterns or {}).items() if re.match(rf"(.*\.)?({pattern})$", module))
    return next(fits, default)


def _update(
    down: torch.Tensor,
    up: torch.Tensor,
    magnitude: torch.Tensor | None,
    inner: nn.Module,
    scale: float,
    dtype: torch.dtype,
) -> Update:
    up = up * scale
    factor = None
    if magnitude is not None:  # https://arxiv.org/abs/2402.09353, equation 5
        norm = torch.linalg.vector_norm(_weight(inner, down, dtype) + up @ down, dim=1)
        factor = (magnitude.flatten() / norm).to(dtype)
    # On a processor a bf16 product this small takes ten times as long as an fp32 one: oneDNN prepares it anew each time.
    kept = dtype if down.is_cuda else torch.float32
    return Update(down.to(kept).contiguous(), up.t().to(kept).contiguous(), factor)


def _weight(inner: nn.Module, like: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The weight of a linear layer, asked of its product with the identity: a packed layer has no plain weight."""
    unit = torch.eye(like.shape[1], dtype=dtype, device=like.device)
    bias = getattr(inner, "bias", None)
    product: torch.Tensor = inner(unit).float()
    return (product if bias is None else product - bias.float()).t()


@dataclass
class _Blend:
    """What one linear layer adds in the batch at hand. Shapes: ``down (ranks, inputs)``, ``up (ranks, outputs)``."""

    down: torch.Tensor
    up: torch.Tensor
    mask: torch.Tensor | None  # (rows, 1, ranks): 1 where a rank belongs to the row's adapter; None: all of them
    factor: torch.Tensor | None  # (rows, 1, outputs)
    family: _Family | None = None


@dataclass
class _Family:
    """Layers with the same input: their ``A x`` is one product, made when the first of them is called."""

    down: torch.Tensor
    mask: torch.Tensor | None
    source: torch.Tensor | None = None
    product: torch.Tensor | None = None


class MixedLinear(nn.Module):
    """A linear layer of the base that adds, to each row, the update of the row's adapter.

    Args:
        inner: the layer of the base; shared, its weights are never changed.
    """

    def __init__(self, inner: nn.Linear) -> None:
        super().__init__()
        self.inner: nn.Module = inner
        self.shape = (inner.out_features, inner.in_features)
        self.blend: _Blend | None = None
        self.span = slice(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` of shape ``(rows, length, inputs)`` to ``(rows, length, outputs)``."""
        y: torch.Tensor = self.inner(x)
        blend = self.blend
        if blend is None:
            return y
        family = blend.family
        if family is None:
            z = _down(x, blend.down, blend.mask)
        else:
            if family.source is not x or family.product is None:
                family.source, family.product = x, _down(x, family.down, family.mask)
            z = family.product[..., self.span]
        flat = y.view(-1, y.shape[-1])
        if y.dtype is blend.up.dtype:
            flat.addmm_(z.flatten(0, -2), blend.up)
        else:
            flat.add_(z.flatten(0, -2) @ blend.up)
        return y if blend.factor is None else _scaled(y, blend.factor, getattr(self.inner, "bias", None))


def _down(x: torch.Tensor, down: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    z = nn.functional.linear(x.to(down.dtype), down)
    return z if mask is None else z * mask


def _scaled(y: torch.Tensor, factor: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return y * factor if bias is None else (y - bias) * factor + bias


class Mixture:
    """The adapters of one model, and which rows of the next forward pass use which.

    Args:
        model: its linear layers are wrapped, all but the one that gives the logits.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers: dict[str, MixedLinear] = {}
        self._chosen: tuple[Adapter | None, ...] | None = None
        head = model.get_output_embeddings()  # type: ignore[operator]
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and module is not head:
                parent, _, child = name.rpartition(".")
                self._layers[name] = MixedLinear(module)
                setattr(model.get_submodule(parent), child, self._layers[name])

    @property
    def layers(self) -> dict[str, MixedLinear]:
        """The wrapped linear layers, by their name in the base model."""
        return self._layers

    def choose(self, adapters: Sequence[Adapter | None]) -> None:
        """Sets the adapter of each row of the next forward passes."""
        chosen = tuple(adapters)
        if chosen == self._chosen:
            return
        self._chosen = chosen
        active = list({id(a): a for a in chosen if a is not None}.values())
        masks: dict[tuple[int, ...], torch.Tensor | None] = {}
        for name, layer in self._layers.items():
            layer.blend = _blend(name, chosen, [a for a in active if name in a.updates], masks)
        for name in self._layers:
            self._join(name)

    def _join(self, name: str) -> None:
        parent, _, child = name.rpartition(".")
        siblings = next((group for group in _SIBLINGS if group[0] == child), ())
        layers = [self._layers.get(f"{parent}.{sibling}") for sibling in siblings]
        blends = [layer.blend for layer in layers if layer is not None and layer.blend is not None]
        if len(blends) < 2 or len(blends) < len(layers):
            return
        masks = [blend.mask for blend in blends]
        present = [mask for mask in masks if mask is not None]
        if len(present) not in (0, len(masks)):
            return
        family = _Family(torch.cat([b.down for b in blends]), torch.cat(present, dim=-1) if present else None)
        start = 0
        for layer, blend in zip(layers, blends, strict=True):
            assert layer is not None
            layer.span = slice(start, start := start + blend.down.shape[0])
            blend.family = family


def _blend(
    name: str,
    chosen: tuple[Adapter | None, ...],
    active: list[Adapter],
    masks: dict[tuple[int, ...], torch.Tensor | None],
) -> _Blend | None:
    if not active:
        return None
    updates = [adapter.updates[name] for adapter in active]
    key = tuple(x for a, u in zip(active, updates, strict=True) for x in (id(a), u.down.shape[0]))
    if key not in masks:
        masks[key] = _mask(chosen, active, updates)
    one = len(updates) == 1
    return _Blend(
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
