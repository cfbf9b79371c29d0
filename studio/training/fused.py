"""The fused engine: own arithmetic for the usual decoder families on plain processors, adapters in PEFT's format.

Against transformers with PEFT it leaves out padding, logits at positions where nothing is learned, masks, copies and
most small kernels; weights and products are in the base's format (bf16 where the machine is good at it), the stream
between the layers, the adapters and the optimizer in fp32. Losses and gradients are those of PEFT (see the tests).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from studio.models.tokenizer import EncodedExample
from studio.training import fused_save
from studio.training.engine import Adaptation
from studio.training.fused_attach import attach, first_tuned
from studio.training.fused_decode import decode
from studio.training.fused_layer import Again, Kept, Positions
from studio.training.fused_ops import Packed, Scratch, causal_mask, cross_entropy, norm, norm_backward, rotations
from studio.training.fused_shape import Shape
from studio.training.fused_weights import Weights, read_weights
from studio.training.regularise import NONE, Regularisation, embedding_noise

_TOKENS: Final = 2048  # at once; more does not make a product faster, only the memory larger


class FusedEngine:
    """See :class:`studio.training.engine.Engine`.

    Args:
        model_dir: folder of the base model.
        shape: as :func:`read_shape` found it.
        adaptation: which weights are trained; LoRA, rsLoRA or full.
        dtype: number format of weights and products.
        seed: of the adapter's first values.
        regularisation: against learning by heart; in training only.
        recompute: whether layers are computed twice instead of kept.
    """

    name = "fused"
    keeps_base = True

    def __init__(
        self,
        model_dir: Path,
        shape: Shape,
        adaptation: Adaptation,
        dtype: torch.dtype,
        seed: int,
        regularisation: Regularisation = NONE,
        *,
        recompute: bool = False,
    ) -> None:
        self._regularisation = regularisation
        self._recompute = recompute
        self.shape = shape
        self.base: Weights = read_weights(model_dir, shape, dtype)
        self._dtype = dtype
        self._adaptation = adaptation
        self._base_name = str(model_dir)
        self._positions: dict[int, Positions] = {}
        self.weights, self.gradients = attach(self.base.layers, adaptation, seed)
        self._first = first_tuned(self.base.layers)
        self.total_parameters = self.base.count + self.weights.numel()
        self._scratch = Scratch(shape.vocabulary, dtype)
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
            total += cross_entropy(seen.to(self._dtype), self.base.words, packed.targets, None, self._scratch)[0]
        return total

    def generate(
        self, prompts: Sequence[Sequence[int]], stop_ids: frozenset[int], limit: int, *, tuned: bool = True
    ) -> list[list[int]]:
        self._refresh()
        linears = [linear for layer in self.base.layers for linear in layer.linears]
        for linear in linears:
            linear.pack(tuned=tuned)
        try:
            with torch.no_grad():
                return decode(self.base, self.shape, prompts, stop_ids, limit, tuned=tuned)
        finally:
            for linear in linears:
                linear.unpack()

    def save(self, folder: Path) -> None:
        fused_save.save(folder, self.base.layers, self._adaptation, self._base_name)

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
        if self._regularisation.neftune:
            x = x + embedding_noise(packed.lengths(), packed.rows // packed.width, x, self._regularisation.neftune)
        first = self._first
        kept: list[Kept | Again | None] = []
        for number, layer in enumerate(self.base.layers):
            again = Again(x, torch.get_rng_state()) if self._recompute else None
            x, found = layer.forward(x, packed, positions, training=True)
            kept.append(None if number < first else again or found)
        chosen = x[packed.asked]
        seen, root = norm(chosen, self.base.norm, self.shape.epsilon)
        smoothing = self._regularisation.label_smoothing
        loss, gradient = cross_entropy(
            seen.to(self._dtype), self.base.words, packed.targets, scale, self._scratch, smoothing
        )
        assert gradient is not None
        dx = torch.zeros_like(x)
        dx.index_copy_(0, packed.asked, norm_backward(gradient.float(), chosen, root, self.base.norm))
        for number in range(self.shape.layers - 1, first - 1, -1):
            needed = kept.pop()  # freed as soon as it is used
            assert needed is not None
            if isinstance(needed, Again):
                needed = needed.computed(self.base.layers[number], packed, positions)
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
