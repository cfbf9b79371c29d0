"""The linear layers of a base model, wrapped so that each row of a batch may have an update of its own.

Layers with the same input (query, key and value; gate and up) are joined into one product: at one token a step, a
product takes hardly longer for three times the outputs, but three products take three times as long to begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from studio.chat.packed_linear import PackedLinear

# Rows of a product with an adapter: one of fewer takes its sums in another order, and what a row says must not depend on
# how many others are answered at the same moment.
_FEWEST_ROWS: Final = 8
_SIBLINGS: Final = (("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj"))


@dataclass(frozen=True, eq=False)
class LoraDelta:
    """What a layer adds in the batch at hand.

    Args:
        down: shape ``(ranks, inputs)``.
        up: shape ``(ranks, outputs)``.
        mask: shape ``(rows, 1, ranks)``: 1 where a rank belongs to the row's adapter; None where all do.
        factor: shape ``(rows, 1, outputs)``; DoRA's scale of the whole output, None without.
    """

    down: torch.Tensor
    up: torch.Tensor
    mask: torch.Tensor | None
    factor: torch.Tensor | None


class MixedLinear(nn.Module):
    """A linear layer of the base, or several with the same input, that adds to each row the update of its adapter.

    Args:
        members: linear layers by their name in the base; their weights move into this one.
    """

    def __init__(self, members: dict[str, nn.Linear]) -> None:
        super().__init__()
        self.name = next(iter(members))
        self.shapes = {name: (layer.out_features, layer.in_features) for name, layer in members.items()}
        self.spans: dict[str, slice] = {}
        self.outputs = 0
        for name, (width, _) in self.shapes.items():
            self.spans[name] = slice(self.outputs, self.outputs + width)
            self.outputs += width
        self.inner: nn.Module = _joined(list(members.values()))
        self.delta: LoraDelta | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x`` of shape ``(rows, length, inputs)`` to ``(rows, length, outputs)``."""
        delta = self.delta
        if delta is None:
            y: torch.Tensor = self.inner(x)
            return y
        count = x.shape[0] * x.shape[1]
        flat = nn.functional.pad(x.flatten(0, 1).to(delta.down.dtype), (0, 0, 0, max(0, _FEWEST_ROWS - count)))
        z = nn.functional.linear(flat, delta.down)
        if delta.mask is not None:
            z[:count].view(*x.shape[:2], -1).mul_(delta.mask)
        update = (z @ delta.up)[:count].view(*x.shape[:2], -1).to(x.dtype)
        y = self.inner(x, update) if isinstance(self.inner, PackedLinear) else self.inner(x).add_(update)
        if delta.factor is None:
            return y
        bias = getattr(self.inner, "bias", None)
        return y * delta.factor if bias is None else (y - bias) * delta.factor + bias

    @torch.inference_mode()
    def weight(self, name: str, dtype: torch.dtype, device: str) -> torch.Tensor:
        """The weight of one member in fp32, asked of the product with the identity: a packed layer has no plain one."""
        unit = torch.eye(self.shapes[name][1], dtype=dtype, device=device)
        bias = getattr(self.inner, "bias", None)
        product: torch.Tensor = self.inner(unit).float()
        return (product if bias is None else product - bias.float()).t()[self.spans[name]]


class _Member(nn.Module):
    """Stands where a joined layer was: the first one called makes the product, the others take their part of it."""

    def __init__(self, shared: _Shared, span: slice) -> None:
        super().__init__()
        self._shared, self._span = shared, span

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._shared.product(x)[..., self._span]


class _Shared:
    """The product that the members of a joined layer share, kept only until each of them has been called."""

    def __init__(self, layer: MixedLinear) -> None:
        self._layer = layer
        self._source: torch.Tensor | None = None
        self._product: torch.Tensor | None = None
        self._left = 0

    def product(self, x: torch.Tensor) -> torch.Tensor:
        if self._product is None or self._source is not x:
            self._source, self._product, self._left = x, self._layer(x), len(self._layer.spans)
        product = self._product
        self._left -= 1
        if not self._left:
            self._source = self._product = None
        return product


def wrap_linears(model: nn.Module) -> dict[str, MixedLinear]:
    """Replaces the linear layers of a transformers causal language model, all but the one that gives the logits.

    Returns:
        The wrapped layers by the name of each linear layer; joined ones appear once a member.
    """
    head = model.get_output_embeddings()  # type: ignore[operator]
    linears = {n: m for n, m in model.named_modules() if isinstance(m, nn.Linear) and m is not head}
    wrapped: dict[str, MixedLinear] = {}
    for name, linear in linears.items():
        if name in wrapped:
            continue
        members = _siblings(name, linears) or {name: linear}
        layer = MixedLinear(members)
        shared = _Shared(layer)
        for member in members:
            parent, _, child = member.rpartition(".")
            stand_in = layer if len(members) == 1 else _Member(shared, layer.spans[member])
            setattr(model.get_submodule(parent), child, stand_in)
            wrapped[member] = layer
    return wrapped


def _siblings(name: str, linears: dict[str, nn.Linear]) -> dict[str, nn.Linear] | None:
    """The layers that share the input of ``name``, in the order in which they are called."""
    parent, _, child = name.rpartition(".")
    group = next((group for group in _SIBLINGS if child in group), ())
    members = {f"{parent}.{sibling}": linears.get(f"{parent}.{sibling}") for sibling in group}
    present = {member: linear for member, linear in members.items() if linear is not None}
    alike = {(linear.in_features, linear.bias is None) for linear in present.values()}
    return present if len(present) == len(group) > 1 and len(alike) == 1 else None


def _joined(layers: list[nn.Linear]) -> nn.Linear:
    if len(layers) == 1:
        return layers[0]
    weight = torch.cat([layer.weight.detach() for layer in layers])
    joined = nn.Linear(weight.shape[1], weight.shape[0], bias=layers[0].bias is not None, device="meta")
    joined.weight = nn.Parameter(weight, requires_grad=False)
    if layers[0].bias is not None:
        joined.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]), requires_grad=False)
    return joined
