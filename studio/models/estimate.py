"""Will it fit, and how long will it take: plain arithmetic, shown to whoever asks.

Let P be the parameters, L the layers, h the hidden size, i the size inside the feed-forward part, V the vocabulary,
r the rank, b the examples a step, s the tokens of the longest example, and w the bytes of a weight (2 in bf16,
4 in fp32, 0.6 in the 4 bits of QLoRA). Then, in bytes:

    weights      P w
    adapter      16 r L (8 h + 3 (h + i))    fp32 weights, gradients and the two moments of AdamW, 4 bytes each;
                                             four attention products h to h, three feed-forward products h to i
    optimizer    14 P                        only when weights are tuned as a whole (a quarter of P for the last
                                             layers): fp32 copy, gradient, moments less w
    activations  b s L (A h + B i) w         what the backward pass needs again
    logits       14 b s V                    scores in bf16 and fp32, their softmax and its gradient: 2 + 4 + 4 + 4
    runtime      0.5 10^9                    torch and its libraries

A = 20 and B = 7 were fitted to the peak memory of two training steps of both built-in models on a processor, in bf16,
with batches of 8 x 64 and 8 x 128 tokens; the sums came within 6 % of it.
"""

from __future__ import annotations

from typing import Final

from studio.domain.model import BaseModelCard, Fit, FitBadge, MemoryPart
from studio.domain.recipe import Method, Precision
from studio.models.hardware import Machine
from studio.models.probe import Speed, choose_precision

_HIDDEN_COPIES: Final = 20
_INNER_COPIES: Final = 7
_LOGIT_BYTES: Final = 14
_RUNTIME_BYTES: Final = 500_000_000
_FOUR_BITS: Final = 0.6  # bytes of a weight in NF4 with its scales, the embeddings counted in
_STATE_BYTES: Final = 16  # of a tuned weight: fp32 value, gradient, two moments

# A typical job: 200 examples of 60 tokens, 6 passes. A model is slow here when that takes longer than a coffee break.
TYPICAL_TOKENS: Final = 72_000
SLOW_SECONDS: Final = 15 * 60
_KEPT_FREE: Final = 0.05  # share of the free memory that is left alone

# Share of the measured speed of plain products that a training step reaches; the rest goes into norms, softmax,
# small products and the optimizer.
_EFFICIENCY: Final = 0.3
_FLOPS_FORWARD: Final = 2
_FLOPS_LORA: Final = 4  # a parameter and a token: forward 2, backward to the inputs 2
_FLOPS_FULL: Final = 6  # and 2 for the gradients of the weights (Kaplan et al. 2020, section 2.1)


def memory_parts(
    card: BaseModelCard,
    method: Method,
    rank: int,
    batch: int,
    length: int,
    precision: Precision = Precision.BF16,
) -> tuple[MemoryPart, ...]:
    """What a training step needs, part by part.

    Args:
        card: the base model.
        method: of tuning.
        rank: of the LoRA update; unused when all weights are tuned.
        batch: examples a step.
        length: tokens of the longest example.
        precision: BF16 or FP32.
    """
    width = 2 if precision is Precision.BF16 else 4
    stored = _FOUR_BITS if method is Method.QLORA else width
    hidden, inner, layers, words = card.hidden_size, card.intermediate_size, card.layers, card.vocabulary
    whole = round(card.parameters * tuned_share(method))
    tuned = rank * layers * (8 * hidden + 3 * (hidden + inner))
    copies = _HIDDEN_COPIES * hidden + _INNER_COPIES * inner
    state = (
        _part("optimizer", whole * (_STATE_BYTES - width), f"{whole:,} x {_STATE_BYTES - width} B")
        if whole
        else _part("adapter", tuned * _STATE_BYTES, f"{tuned:,} x {_STATE_BYTES} B")
    )
    return (
        _part("weights", round(card.parameters * stored), f"{card.parameters:,} x {stored} B"),
        state,
        _part(
            "activations",
            batch * length * layers * copies * width,
            f"{batch} x {length} x {layers} x {copies:,} x {width} B",
        ),
        _part("logits", batch * length * words * _LOGIT_BYTES, f"{batch} x {length} x {words:,} x {_LOGIT_BYTES} B"),
        _part("runtime", _RUNTIME_BYTES, f"{_RUNTIME_BYTES:,} B"),
    )


def tuned_share(method: Method) -> float:
    """Share of the weights that are tuned as a whole; 0 with an adapter beside them."""
    return {Method.FULL: 1.0, Method.LAST_LAYERS: 0.25}.get(method, 0.0)


def fit(
    card: BaseModelCard,
    machine: Machine,
    speed: Speed,
    method: Method = Method.LORA,
    rank: int = 16,
    batch: int = 8,
    length: int = 128,
) -> Fit:
    """Whether a model suits a machine: *too big* when memory is short, *slow* when a typical job takes long.

    A speed that is only guessed calls no model slow: the machine is measured within seconds of the first start.
    """
    parts = memory_parts(card, method, rank, batch, length, choose_precision(speed))
    needed = sum(part.bytes for part in parts)
    free = machine.memory_free
    if needed > free * (1 - _KEPT_FREE):
        badge = FitBadge.TOO_BIG
    elif speed.measured and training_seconds(card, TYPICAL_TOKENS, speed, method) > SLOW_SECONDS:
        badge = FitBadge.SLOW
    else:
        badge = FitBadge.RUNS_WELL
    return Fit(badge=badge, needed_bytes=needed, free_bytes=free, device=machine.device, parts=parts)


def training_seconds(
    card: BaseModelCard,
    tokens: float,
    speed: Speed,
    method: Method = Method.LORA,
    precision: Precision = Precision.AUTO,
) -> float:
    """Seconds to train on ``tokens`` tokens, all passes together, before anything was measured with this model."""
    # Of tuned last layers only a share is computed backwards, and of an adapter all but the weights' gradients.
    share = tuned_share(method)
    flops = (_FLOPS_FORWARD + (_FLOPS_FULL - _FLOPS_FORWARD) * share if share else _FLOPS_LORA) * card.parameters
    reached = speed.of(choose_precision(speed, precision)) * 1e9 * _EFFICIENCY
    return tokens * flops / reached


def _part(name: str, size: int, formula: str) -> MemoryPart:
    return MemoryPart(name=name, bytes=size, formula=formula)
