"""One decoder layer with adapters: what it computes, and its derivative written out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from studio.training.engines.fused import kernels
from studio.training.engines.fused.linear import Linear, SavedActivations
from studio.training.engines.fused.model_config import ModelConfig
from studio.training.engines.fused.ops import (
    AttentionCache,
    Packed,
    add,
    attention,
    attention_backward,
    gate,
    gate_backward,
    norm,
    norm_backward,
    norm_backward_onto,
    run,
)

Rotations = dict[float, tuple[Tensor, Tensor]]  # of each theta, as `rotations` gives them


@dataclass(frozen=True)
class LayerCache:
    """What one layer's derivative needs; after attention only of the tokens that ``only`` names, where it does."""

    only: Tensor | None
    x: Tensor
    rstd: Tensor
    qkv_in: SavedActivations
    heads: tuple[Tensor, Tensor] | None
    attended: AttentionCache
    out_in: SavedActivations
    mixed: tuple[Tensor, Tensor] | None
    middle: Tensor
    middle_rstd: Tensor
    gate_in: SavedActivations
    g: Tensor
    u: Tensor
    down_in: SavedActivations
    fed: tuple[Tensor, Tensor] | None


class Linears(NamedTuple):
    """The linear layers of a decoder layer, in the order of :data:`studio.training.engines.fused.linear.GROUPS`."""

    attention_in: Linear
    attention_out: Linear
    gate_and_up: Linear
    down: Linear


@dataclass
class Layer:
    """One decoder layer.

    Args:
        norms: fp32 weights by name: ``in``, ``middle``, and where the model has them ``q``, ``k``, ``mixed``, ``fed``.
    """

    config: ModelConfig
    theta: float
    norms: dict[str, Tensor]
    linears: Linears

    def forward(
        self, x: Tensor, packed: Packed, rotations: Rotations, *, only: Tensor | None = None, training: bool = False
    ) -> tuple[Tensor, LayerCache]:
        """Computes the layer.

        Args:
            x: the fp32 stream, ``(T, H)``.
            only: tokens whose new stream is wanted, ``(M,)``; None for all. In the last layer the others are of no use.
            training: whether dropout takes part.

        Returns:
            The new stream, ``(T, H)`` or ``(M, H)``, and what the derivative needs.
        """
        config, epsilon, linears = self.config, self.config.epsilon, self.linears
        dtype = linears.attention_in.weight.dtype
        seen, rstd = norm(x, self.norms["in"], epsilon, dtype)
        (qkv,), qkv_in = linears.attention_in.forward(seen, tuned=True, training=training)
        heads = self.norm_heads(qkv)
        y, attended = attention(qkv, config, packed, rotations[self.theta])
        above = x if only is None else x[only]
        if only is not None:
            y = y[only]
        (y,), out_in = linears.attention_out.forward(y, tuned=True, training=training)
        y, mixed = self._norm_after(y, "mixed")
        middle = add(above, y)
        seen, middle_rstd = norm(middle, self.norms["middle"], epsilon, dtype)
        (g, u), gate_in = linears.gate_and_up.forward(seen, tuned=True, training=training)
        (y,), down_in = linears.down.forward(gate(g, u, config.gelu), tuned=True, training=training)
        y, fed = self._norm_after(y, "fed")
        return add(middle, y), LayerCache(
            only=only,
            x=x,
            rstd=rstd,
            qkv_in=qkv_in,
            heads=heads,
            attended=attended,
            out_in=out_in,
            mixed=mixed,
            middle=middle,
            middle_rstd=middle_rstd,
            gate_in=gate_in,
            g=g,
            u=u,
            down_in=down_in,
            fed=fed,
        )

    def backward(
        self, dx: Tensor, dy: Tensor, kept: LayerCache, packed: Packed, rotations: Rotations, *, first: bool
    ) -> tuple[Tensor, Tensor]:
        """Turns the derivative by the new stream into that by ``x``. The ``first`` tuned layer stops before its input.

        Args:
            dx: fp32, of the shape that :meth:`forward` returned; overwritten.
            kept: of :meth:`forward`; used up.
            rotations: as in :meth:`forward`.
            first: whether nothing below is tuned.

        Returns:
            The derivative by ``x``, fp32 ``(T, H)``, and the same in the format of the base.
        """
        linears, config, thread = self.linears, self.config, packed.thread
        dy = self._norm_after_backward(dx, dy, kept.fed, "fed")
        (dy,) = linears.down.backward([dy], kept.down_in, thread)
        grads = gate_backward(dy, kept.g, kept.u, config.gelu)
        from_g, from_u = linears.gate_and_up.backward(grads, kept.gate_in, thread)
        dy = norm_backward_onto(dx, kept.middle, kept.middle_rstd, self.norms["middle"], from_g, from_u)
        dy = self._norm_after_backward(dx, dy, kept.mixed, "mixed")
        (dy,) = linears.attention_out.backward([dy], kept.out_in, thread)
        if kept.only is not None:
            dx, dy = (_spread(part, kept.only, len(kept.x)) for part in (dx, dy))
        dy = attention_backward(dy, kept.attended, config, packed, rotations[self.theta])
        if kept.heads is not None:
            run(kernels.norm_heads_backward, dy, *kept.heads, self._head_weights)
        inner = linears.attention_in.backward([dy], kept.qkv_in, thread, first=first)
        if not inner:
            return dx, dy
        return dx, norm_backward_onto(dx, kept.x, kept.rstd, self.norms["in"], *inner)

    def norm_heads(self, qkv: Tensor) -> tuple[Tensor, Tensor] | None:
        """Norms queries and keys in place, a head at a time; returns what was there and the roots."""
        if not self.config.head_norms:
            return None
        weight = self._head_weights
        before, rstd = qkv.new_empty(len(qkv), weight.numel()), torch.empty(len(qkv), len(weight))
        run(kernels.norm_heads, qkv, weight, self.config.epsilon, before, rstd)
        return before, rstd

    @cached_property
    def _head_weights(self) -> Tensor:
        """Of queries and keys, ``(h + k, D)``."""
        q = self.norms["q"].expand(self.config.heads, -1)
        return torch.cat((q, self.norms["k"].expand(self.config.kv_heads, -1)))

    def _norm_after(self, y: Tensor, name: str) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        if not self.config.sandwich:
            return y, None
        normed, rstd = norm(y, self.norms[name], self.config.epsilon, torch.float32)
        return normed, (y, rstd)

    def _norm_after_backward(self, dx: Tensor, dy: Tensor, kept: tuple[Tensor, Tensor] | None, name: str) -> Tensor:
        if kept is None:
            return dy
        return norm_backward(dx, *kept, self.norms[name], dy.dtype)


@dataclass(frozen=True)
class RecomputeContext:
    """What recomputes a layer in the backward pass (gradient checkpointing, Chen et al., 2016): its input and the RNG state.

    Args:
        x: stream that went in, ``(T, H)``.
        only: as in :meth:`Layer.forward`.
        rng_state: of torch, so that dropout leaves out the same.
    """

    x: Tensor
    only: Tensor | None
    rng_state: Tensor

    def computed(self, layer: Layer, packed: Packed, rotations: Rotations) -> LayerCache:
        """What the derivative of the layer needs."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.rng_state)
            return layer.forward(self.x, packed, rotations, only=self.only, training=True)[1]


def _spread(rows: Tensor, places: Tensor, count: int) -> Tensor:
    """``(M, H)`` to ``(T, H)``, zero elsewhere."""
    return rows.new_zeros(count, rows.shape[1]).index_copy_(0, places, rows)
