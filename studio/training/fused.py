"""The fused engine: own arithmetic for the usual decoder families on plain processors, adapters in PEFT's format.

Against transformers with PEFT it leaves out padding, logits at positions where nothing is learned, masks, copies and
most small kernels; weights and products are in the base's format (bf16 where the machine is good at it), the stream
between the layers, the adapters and the optimizer in fp32. Losses and gradients are those of PEFT (see the tests).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.domain.recipe import Method
from studio.models.tokenizer import EncodedExample
from studio.training.engine import Adaptation
from studio.training.fused_decode import decode
from studio.training.fused_layer import GROUPS, Kept, Layer, Linear, Part, Positions
from studio.training.fused_ops import Packed, causal_mask, cross_entropy, norm, norm_backward, rotations
from studio.training.fused_shape import Shape
from studio.training.fused_weights import Weights, read_weights

_TOKENS: Final = 2048  # at once; more does not make a product faster, only the memory larger


class FusedEngine:
    """See :class:`studio.training.engine.Engine`.

    Args:
        model_dir: folder of the base model.
        shape: as :func:`read_shape` found it.
        adaptation: which weights are trained; LoRA or rsLoRA.
        dtype: number format of weights and products.
        seed: of the adapter's first values.
    """

    name = "fused"

    def __init__(self, model_dir: Path, shape: Shape, adaptation: Adaptation, dtype: torch.dtype, seed: int) -> None:
        self.shape = shape
        self.base: Weights = read_weights(model_dir, shape, dtype)
        self._dtype = dtype
        self._adaptation = adaptation
        self._base_name = str(model_dir)
        self._positions: dict[int, Positions] = {}
        self.weights, self.gradients = self._attach(seed)
        self.total_parameters = self.base.count + self.weights.numel()
        self._stale = True

    def train(self, examples: Sequence[EncodedExample], scale: float) -> float:
        self._refresh(stale_after=True)
        return sum(self._train_part(Packed.of(part, self._dtype), scale) for part in _portions(examples))

    def loss(self, examples: Sequence[EncodedExample]) -> float:
        self._refresh()
        total = 0.0
        for part in _portions(examples):
            packed = Packed.of(part, self._dtype)
            x = self._embed(packed)
            for layer in self.base.layers:
                x, _ = layer.forward(x, packed, self.positions(packed.width))
            seen, _ = norm(x[packed.asked], self.base.norm, self.shape.epsilon)
            total += cross_entropy(seen.to(self._dtype), self.base.words, packed.targets, None)[0]
        return total

    def generate(
        self, prompts: Sequence[Sequence[int]], stop_ids: frozenset[int], limit: int, *, tuned: bool = True
    ) -> list[list[int]]:
        self._refresh()
        linears = [linear for layer in self.base.layers for linear in layer.linears]
        for linear in linears:
            linear.pack()
        try:
            with torch.no_grad():
                return decode(self.base, self.shape, prompts, stop_ids, limit, tuned=tuned)
        finally:
            for linear in linears:
                linear.unpack()

    def save(self, folder: Path) -> None:
        tensors = {}
        for number, part in self.parts():
            prefix = f"base_model.model.model.layers.{number}.{part.name}"
            tensors[f"{prefix}.lora_A.weight"] = part.a.clone()
            tensors[f"{prefix}.lora_B.weight"] = part.b.clone()
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        (folder / "adapter_config.json").write_text(json.dumps(self._config(), indent=2), encoding="utf-8")

    def positions(self, width: int) -> Positions:
        """Rotations and mask for examples up to ``width`` tokens."""
        if width not in self._positions:
            groups = self.shape.heads // self.shape.kv_heads
            tables = {
                theta: rotations(width, self.shape.head_dim, theta, self._dtype) for theta in set(self.shape.thetas)
            }
            self._positions[width] = Positions(tables, causal_mask(width, groups, self._dtype))
        return self._positions[width]

    def _train_part(self, packed: Packed, scale: float) -> float:
        positions = self.positions(packed.width)
        x = self._embed(packed)
        first = self._first_tuned()
        kept: list[Kept | None] = []
        for number, layer in enumerate(self.base.layers):
            x, found = layer.forward(x, packed, positions, training=True)
            kept.append(found if number >= first else None)
        chosen = x[packed.asked]
        seen, root = norm(chosen, self.base.norm, self.shape.epsilon)
        loss, gradient = cross_entropy(seen.to(self._dtype), self.base.words, packed.targets, scale)
        assert gradient is not None
        dx = torch.zeros_like(x)
        dx.index_copy_(0, packed.asked, norm_backward(gradient.float(), chosen, root, self.base.norm))
        for number in range(self.shape.layers - 1, first - 1, -1):
            needed = kept.pop()  # freed as soon as it is used
            assert needed is not None
            dx = self.base.layers[number].backward(dx, needed, packed, positions, first=number == first)
        return loss

    def _embed(self, packed: Packed) -> Tensor:
        x = self.base.embeddings.index_select(0, packed.ids)
        if self.shape.embedding_scale != 1.0:  # rounded to the base's format, as the model was trained
            x = x * torch.tensor(self.shape.embedding_scale, dtype=self._dtype)
        return x.float()

    def _refresh(self, *, stale_after: bool = False) -> None:
        if self._stale:
            for layer in self.base.layers:
                for linear in layer.linears:
                    linear.refresh()
        self._stale = stale_after

    def _first_tuned(self) -> int:
        return min(number for number, _ in self.parts())

    def parts(self) -> Iterator[tuple[int, Part]]:
        """Every adapter with the number of its layer."""
        for number, layer in enumerate(self.base.layers):
            for linear in layer.linears:
                for part in linear.parts:
                    yield number, part

    def _attach(self, seed: int) -> tuple[Tensor, Tensor]:
        """Puts an adapter on every chosen linear layer; A random, B zero, so that nothing changes at first."""
        plan = _Plan(self.base.layers, self._adaptation)
        weights = torch.zeros(plan.size)
        gradients = torch.zeros(plan.size)
        generator = torch.Generator().manual_seed(seed)
        plan.attach(weights, gradients, generator)
        return weights, gradients

    def _config(self) -> dict[str, object]:
        adaptation = self._adaptation
        names = adaptation.target_modules or tuple(name.split(".")[-1] for group in GROUPS for name in group)
        last = adaptation.last_layers
        return {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": self._base_name,
            "r": adaptation.rank,
            "lora_alpha": adaptation.alpha,
            "lora_dropout": adaptation.dropout,
            "target_modules": sorted(names),
            "layers_to_transform": list(range(self._first_tuned(), self.shape.layers)) if last else None,
            "use_rslora": adaptation.method is Method.RSLORA,
            "bias": "none",
            "inference_mode": True,
        }


class _Plan:
    """Where the adapters are in the flat vectors."""

    def __init__(self, layers: Sequence[Layer], adaptation: Adaptation) -> None:
        self._adaptation = adaptation
        rank = adaptation.rank
        root = math.sqrt(rank) if adaptation.method is Method.RSLORA else rank
        self._scale = adaptation.alpha / root
        first = max(0, len(layers) - (adaptation.last_layers or len(layers)))
        self._chosen: list[tuple[Linear, str, slice, int]] = []
        for layer in layers[first:]:
            for linear, group in zip(layer.linears, GROUPS, strict=True):
                sizes = _sizes(layer.shape, group)
                start = 0
                for name, size in zip(group, sizes, strict=True):
                    if self._wants(name):
                        self._chosen.append((linear, name, slice(start, start + size), rank))
                    start += size
        self.size = sum(rank * (linear.weight.shape[1] + o.stop - o.start) for linear, _, o, _ in self._chosen)

    def attach(self, weights: Tensor, gradients: Tensor, generator: torch.Generator) -> None:
        rank = self._adaptation.rank
        position = 0
        for linear, name, out, _ in self._chosen:
            width, height = linear.weight.shape[1], out.stop - out.start
            middle, end = position + rank * width, position + rank * (width + height)
            bound = 1 / math.sqrt(width)  # PEFT's: Kaiming, uniform, a = sqrt 5
            weights[position:middle].uniform_(-bound, bound, generator=generator)
            start = linear.parts[-1].inner.stop if linear.parts else 0
            linear.scale, linear.dropout = self._scale, self._adaptation.dropout
            linear.parts.append(
                Part(
                    name,
                    out,
                    slice(start, start + rank),
                    weights[position:middle].view(rank, width),
                    weights[middle:end].view(height, rank),
                    gradients[position:middle].view(rank, width),
                    gradients[middle:end].view(height, rank),
                )
            )
            position = end

    def _wants(self, name: str) -> bool:
        wanted = self._adaptation.target_modules
        return wanted is None or name.split(".")[-1] in wanted


def _sizes(shape: Shape, group: tuple[str, ...]) -> list[int]:
    keys = shape.kv_heads * shape.head_dim
    sizes = {
        "q_proj": shape.heads * shape.head_dim,
        "k_proj": keys,
        "v_proj": keys,
        "gate_proj": shape.intermediate,
        "up_proj": shape.intermediate,
    }
    return [sizes.get(name.split(".")[-1], shape.hidden) for name in group]


def _portions(examples: Sequence[EncodedExample]) -> Iterator[list[EncodedExample]]:
    """The examples in portions of bounded size; the order does not matter for a sum."""
    portion: list[EncodedExample] = []
    tokens = 0
    for example in sorted(examples, key=lambda e: len(e.input_ids)):
        if portion and tokens + len(example.input_ids) > _TOKENS:
            yield portion
            portion, tokens = [], 0
        portion.append(example)
        tokens += len(example.input_ids)
    if portion:
        yield portion
