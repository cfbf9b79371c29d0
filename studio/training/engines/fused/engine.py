"""The fused engine: own arithmetic for the usual decoder families on plain processors, adapters in PEFT's format.

Against transformers with PEFT it leaves out padding, logits at positions where nothing is learned, masks, copies and
most small kernels; weights and products are in the base's format (bf16 where the machine is good at it), the stream
between the layers, the adapters and the optimizer in fp32. Losses and gradients are those of PEFT (see the tests).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import EngineOptions
from studio.training.engines.fused import peft_export
from studio.training.engines.fused.decoder_layer import LayerCache, RecomputeContext, Rotations
from studio.training.engines.fused.greedy_decode import decode
from studio.training.engines.fused.lm_head import Head
from studio.training.engines.fused.load_balancing import portions, shares
from studio.training.engines.fused.lora import attach, first_tuned
from studio.training.engines.fused.model_config import ModelConfig
from studio.training.engines.fused.ops import Packed, norm, norm_backward, rotations
from studio.training.engines.fused.weights import Weights, read_weights
from studio.training.engines.fused.worker_threads import WorkerThreads
from studio.training.engines.prompt_lookup import PromptLookup
from studio.training.engines.regularization import embedding_noise

_MOST_THREADS: Final = 8


class FusedEngine:
    """See :class:`studio.training.engines.base.Engine`.

    Args:
        options: the method is LoRA, rsLoRA or full.
        config: as :func:`read_model_config` found it.
        base: the weights; None for those in the folder of the options.
    """

    name = "fused"
    keeps_base = True

    def __init__(self, options: EngineOptions, config: ModelConfig, base: Weights | None = None) -> None:
        adaptation, self._regularisation = options.adaptation, options.regularisation
        self._recompute = options.recompute
        self.config = config
        self.base = base or read_weights(options.model_dir, config, options.dtype)
        self._dtype = options.dtype
        self._adaptation = adaptation
        self._base_name = str(options.model_dir)
        self._tables: dict[int, Rotations] = {}
        # what is drawn by chance must not depend on who comes first, nor be the same for all
        self._share = not (adaptation.dropout or self._regularisation.neftune)
        alone = (
            adaptation.method.tunes_whole_weights or not self._share
        )  # gradients of whole weights are too large twice
        self._threads = WorkerThreads(1 if alone else min(_MOST_THREADS, torch.get_num_threads()))
        self.weights, self._all_gradients = attach(self.base.layers, adaptation, options.seed, self._threads.count)
        self.gradients = self._all_gradients[0]
        self._linears = [linear for layer in self.base.layers for linear in layer.linears]
        for linear in self._linears:
            linear.freeze()
        self._first = first_tuned(self.base.layers)
        self.total_parameters = self.base.count + self.weights.numel()
        self._head = Head(self.base.words, self._threads.count)
        self._stale = True

    def train(self, examples: Sequence[EncodedExample], scale: float) -> float:
        self._refresh(stale_after=True)
        total = self._spread(examples, lambda packed: self._train_part(packed, scale))
        for others in self._all_gradients[1:]:
            self.gradients.add_(others)
            others.zero_()
        return total

    def loss(self, examples: Sequence[EncodedExample]) -> float:
        self._refresh()
        return self._spread(examples, self._loss_part)

    def matches(self, examples: Sequence[EncodedExample]) -> int:
        self._refresh()
        return round(self._spread(examples, self._matches_part))

    def generate(
        self,
        prompts: Sequence[Sequence[int]],
        stop_ids: frozenset[int],
        limit: int,
        *,
        tuned: bool = True,
        drafts: PromptLookup | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> list[list[int]]:
        self._refresh()
        for linear in self._linears:
            linear.pack(tuned=tuned)
        try:
            with torch.no_grad():
                return decode(
                    self.base, self._head, self.config, prompts, stop_ids, limit,
                    tuned=tuned, drafts=drafts or PromptLookup(), enough=enough,
                )  # fmt: skip
        finally:
            for linear in self._linears:
                linear.unpack()

    def hasten(self, seconds: float, steps_left: int) -> bool:
        return False

    def fall_back(self) -> bool:
        return False

    def save(self, folder: Path) -> None:
        peft_export.save(folder, self.base.layers, self._adaptation, self._base_name)

    def _rotations(self, width: int) -> Rotations:
        if width not in self._tables:
            self._tables[width] = {
                theta: rotations(width, self.config.head_dim, theta) for theta in set(self.config.thetas)
            }
        return self._tables[width]

    def _spread(self, examples: Sequence[EncodedExample], function: Callable[[Packed], float]) -> float:
        """The sum of ``function`` over the examples in which something is learned, a share a thread, in portions."""
        examples = [example for example in examples if any(example.learned[1:])]
        if not examples:
            return 0.0

        def work(numbered: tuple[int, Sequence[EncodedExample]]) -> float:
            thread, share = numbered
            return sum(function(Packed.of(part, thread, share=self._share)) for part in portions(share))

        return self._threads.run(work, list(enumerate(shares(examples, self._threads.count))))

    def _loss_part(self, packed: Packed) -> float:
        return self._head.cross_entropy(self._seen(packed), packed.targets, None, packed.thread)[0]

    def _matches_part(self, packed: Packed) -> float:
        said = self._head.likeliest(self._seen(packed), packed.thread)
        missed = packed.rows[packed.asked[said != packed.targets]] // packed.width
        return float(packed.count - len(set(missed.tolist())))

    def _seen(self, packed: Packed) -> Tensor:
        """What the output embeddings are multiplied with where the next token is learned, ``(M, H)``."""
        x, rope = self._embed(packed), self._rotations(packed.width)
        for number, layer in enumerate(self.base.layers):
            x, _ = layer.forward(x, packed, rope, only=self._only(number, packed))
        return norm(x[: len(packed.asked)], self.base.norm, self.config.epsilon, self._dtype)[0]

    def _only(self, layer: int, packed: Packed) -> Tensor | None:
        """The tokens whose stream is wanted after a layer, where these are not all."""
        return packed.last if layer == self.config.layers - 1 else None

    def _train_part(self, packed: Packed, scale: float) -> float:
        rope = self._rotations(packed.width)
        x = self._embed(packed)
        if self._regularisation.neftune:
            x = x + embedding_noise(packed.lengths, packed.rows // packed.width, x, self._regularisation.neftune)
        first = self._first
        kept: list[LayerCache | RecomputeContext | None] = []
        for number, layer in enumerate(self.base.layers):
            only = self._only(number, packed)
            recompute = RecomputeContext(x, only, torch.get_rng_state()) if self._recompute else None
            x, cache = layer.forward(x, packed, rope, only=only, training=True)
            kept.append(None if number < first else recompute or cache)
        chosen = x[: len(packed.asked)]
        seen, rstd = norm(chosen, self.base.norm, self.config.epsilon, self._dtype)
        smoothing = self._regularisation.label_smoothing
        loss, gradient = self._head.cross_entropy(seen, packed.targets, scale, packed.thread, smoothing)
        assert gradient is not None
        dx = torch.zeros_like(x)
        dx[: len(chosen)] = norm_backward(gradient, chosen, rstd, self.base.norm, torch.float32)
        dy = dx.to(self._dtype, copy=True)  # what follows overwrites dx
        for number in range(self.config.layers - 1, first - 1, -1):
            needed = kept.pop()  # freed as soon as it is used
            assert needed is not None
            if isinstance(needed, RecomputeContext):
                needed = needed.computed(self.base.layers[number], packed, rope)
            dx, dy = self.base.layers[number].backward(dx, dy, needed, packed, rope, first=number == first)
        return loss

    def _embed(self, packed: Packed) -> Tensor:
        x = self.base.embeddings.index_select(0, packed.ids)
        if self.config.embedding_scale != 1.0:  # rounded to the base's format, as the model was trained
            x = x * torch.tensor(self.config.embedding_scale, dtype=self._dtype)
        return x.float()

    def _refresh(self, *, stale_after: bool = False) -> None:
        if self._stale:
            for linear in self._linears:
                linear.refresh()
        self._stale = stale_after
