"""Puts the tuned values on the layers of the fused engine, all of them views of one flat vector."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from studio.domain.recipe import Method
from studio.training.engines.base import Adaptation
from studio.training.engines.fused.decoder_layer import Layer
from studio.training.engines.fused.linear import GROUPS, FullUpdate, Linear, Part
from studio.training.engines.fused.model_config import ModelConfig


def attach(layers: Sequence[Layer], adaptation: Adaptation, seed: int, threads: int) -> tuple[Tensor, Tensor]:
    """Makes every chosen linear layer tunable; nothing changes yet.

    Args:
        seed: of the first values of the adapters: A is random, B is zero.
        threads: threads that add up gradients of their own; one where whole weights are tuned.

    Returns:
        The flat weights ``(n,)`` and their gradients ``(threads, n)``, fp32.
    """
    chosen = list(_chosen(layers, adaptation))
    size = sum(_size(linear, out, adaptation) for linear, _, out in chosen)
    weights, gradients = torch.zeros(size), torch.zeros(threads, size)
    generator = torch.Generator().manual_seed(seed)
    position = 0
    for linear, name, out in chosen:
        end = position + _size(linear, out, adaptation)
        mine, grads = weights[position:end], gradients[:, position:end]
        if adaptation.method.tunes_whole_weights:
            rows_and_columns = (out.stop - out.start, linear.weight.shape[1])
            linear.full_updates.append(
                FullUpdate(name, out, mine.view(rows_and_columns), grads[0].view(rows_and_columns))
            )
        else:
            _attach_part(linear, name, out, adaptation, mine, grads)
            width = linear.weight.shape[1]
            bound = 1 / math.sqrt(width)  # PEFT's: Kaiming, uniform, a = sqrt 5
            mine[: adaptation.rank * width].uniform_(-bound, bound, generator=generator)
        position = end
    return weights, gradients


def first_tuned(layers: Sequence[Layer]) -> int:
    """Number of the first layer with tuned values; below it no gradient is needed."""
    tuned = (any(linear.parts or linear.full_updates for linear in layer.linears) for layer in layers)
    return next(number for number, is_tuned in enumerate(tuned) if is_tuned)


def scale_of(adaptation: Adaptation) -> float:
    """Factor of ``B A``: alpha / r, and alpha / sqrt r in rank-stabilised LoRA (Kalajdzievski, 2023)."""
    return adaptation.alpha / (math.sqrt(adaptation.rank) if adaptation.method is Method.RSLORA else adaptation.rank)


def _attach_part(
    linear: Linear, name: str, out: slice, adaptation: Adaptation, weights: Tensor, gradients: Tensor
) -> None:
    rank, width = adaptation.rank, linear.weight.shape[1]

    def matrices(flat: Tensor) -> tuple[Tensor, Tensor]:
        return flat[: rank * width].view(rank, width), flat[rank * width :].view(-1, rank)

    start = linear.parts[-1].inner.stop if linear.parts else 0
    linear.scale, linear.dropout = scale_of(adaptation), adaptation.dropout
    inner = slice(start, start + rank)
    linear.parts.append(Part(name, out, inner, *matrices(weights), [matrices(own) for own in gradients]))


def _chosen(layers: Sequence[Layer], adaptation: Adaptation) -> Iterator[tuple[Linear, str, slice]]:
    """The linear layers to tune: group, name, rows within the group."""
    wanted = adaptation.target_modules
    for layer in (layers[number] for number in adaptation.tuned_layers(len(layers))):
        for linear, group in zip(layer.linears, GROUPS, strict=True):
            start = 0
            for name, height in zip(group, _heights(layer.config, group), strict=True):
                if wanted is None or name.split(".")[-1] in wanted:
                    yield linear, name, slice(start, start + height)
                start += height


def _size(linear: Linear, out: slice, adaptation: Adaptation) -> int:
    width = int(linear.weight.shape[1])
    height: int = out.stop - out.start
    return height * width if adaptation.method.tunes_whole_weights else adaptation.rank * (height + width)


def _heights(config: ModelConfig, group: tuple[str, ...]) -> list[int]:
    keys = config.kv_heads * config.head_dim
    heights = {
        "q_proj": config.heads * config.head_dim,
        "k_proj": keys,
        "v_proj": keys,
        "gate_proj": config.intermediate,
        "up_proj": config.intermediate,
    }
    return [heights.get(name.split(".")[-1], config.hidden) for name in group]
