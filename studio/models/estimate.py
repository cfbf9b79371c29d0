"""Will it fit, and how long will it take: plain arithmetic, shown to whoever asks.

Let P be the parameters, L the layers, h the hidden size, i the size inside the feed-forward part, V the vocabulary,
r the rank, b the examples a step, s the tokens of the longest example, and w the bytes of a weight (2 in bf16,
4 in fp32, 0.6 in the 4 bits of QLoRA). Then, in bytes:

    weights      (2 P - V h) w               a frozen weight is laid out twice, for both directions of its products
    adapter      20 r L (8 h + 3 (h + i))    fp32 weights, gradients of two lanes and the two moments of AdamW, 4 bytes
                                             each; four attention products h to h, three feed-forward ones h to i
    optimizer    14 P                        only when weights are tuned as a whole (a quarter of P for the last
                                             layers): fp32 copy, gradient, moments less w
    activations  T L (A h + B i) w           what the backward pass needs again of T tokens: b s, at most 2 x 2048
    logits       2 R V w                     scores of all words at R places at a time, in two lanes
    runtime      0.48 10^9                   torch and its libraries

A = 8 and B = 9 were fitted to the peak memory of three training steps of both built-in models with the fused engine on
two cores, in bf16, with batches of 8 x 64, 8 x 128 and 16 x 64 tokens; the sums came within 9 % of it. Transformers with PEFT,
which trains what the fused engine does not know and everything on a graphics card, needs for b s tokens 14 b s V bytes of
logits where all are learned (less where questions are not), P w of weights, and A = 20, B = 7 (the sums came within 6 %).
"""

from __future__ import annotations

from typing import Final

from studio.domain.model import BaseModelCard, Fit, FitBadge, MemoryPart
from studio.domain.recipe import Method, Precision
from studio.models.hardware import Machine
from studio.models.probe import Speed, choose_precision

_COPIES: Final = {True: (8, 9), False: (20, 7)}  # of h and of i, kept by the fused and by the plain engine
_MAX_TOKENS: Final = 4096  # kept at once by the fused engine
_SCORES: Final = 2**25  # of words at a time, and so many rows at most
_MAX_ROWS: Final = 512
_LOGIT_BYTES: Final = 14
_RUNTIME_BYTES: Final = 480_000_000
_FOUR_BITS: Final = 0.6  # bytes of a weight in NF4 with its scales, the embeddings counted in
_PACKED_BYTES: Final = (
    2  # of a weight laid out for products of one row: the sums came within 5 % of both built-in models in bf16
)
_STATE_BYTES: Final = 16  # of a tuned weight: fp32 value, gradient, two moments
_ADAPTER_BYTES: Final = 20  # and the gradient of a second lane

# A typical job: 200 examples of 60 tokens, 6 passes. A model is slow here when that takes longer than a coffee break.
TYPICAL_TOKENS: Final = 72_000
SLOW_SECONDS: Final = 15 * 60
_KEPT_FREE: Final = 0.05  # share of the free memory that is left alone

# Share of the measured speed of plain products that a training step reaches; the rest goes into norms, softmax,
# small products and the optimizer. To be fitted anew when the engine changes: tokens a second times 4 P over the speed that
# `python -m studio.models.probe` prints on the same quiet machine. A training of the sample with SmolLM2 learns 35,700 tokens
# in 60 s, so 595 x 538e6 / 2,310e9 = 0.14 in steps of 8 examples; a step of 16 whole ones reaches 0.22. In fp32 the
# products are so much slower that the rest hardly counts: 99 x 538e6 / 74e9 = 0.72 with SmolLM2 and AVX2.
_EFFICIENCY: Final = {Precision.BF16: 0.16, Precision.FP32: 0.7}
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
    *,
    fused: bool = True,
) -> tuple[MemoryPart, ...]:
    """What a training step needs, part by part.

    Args:
        rank: of the LoRA update; unused when all weights are tuned.
        fused: whether the fused engine trains, as it does on a processor.
    """
    fused = fused and method not in (Method.DORA, Method.QLORA)
    width = 2 if precision is Precision.BF16 else 4
    stored = _FOUR_BITS if method is Method.QLORA else width
    hidden, inner, layers, words = card.hidden_size, card.intermediate_size, card.layers, card.vocabulary
    weights = card.parameters + (max(0, card.parameters - words * hidden) if fused and width == 2 else 0)
    whole = round(card.parameters * tuned_share(method))
    tuned = rank * layers * (8 * hidden + 3 * (hidden + inner))
    a, b = _COPIES[fused]
    copies = a * hidden + b * inner
    tokens = min(batch * length, max(_MAX_TOKENS, 2 * length)) if fused else batch * length  # an example stays whole
    rows, row_bytes = batch * length, _LOGIT_BYTES
    if fused:
        rows, row_bytes = min(batch * length, max(16, min(_MAX_ROWS, _SCORES // max(1, words)))), 2 * width
    state = (
        _part("optimizer", whole * (_STATE_BYTES - width), f"{whole:,} x {_STATE_BYTES - width} B")
        if whole
        else _part("adapter", tuned * _ADAPTER_BYTES, f"{tuned:,} x {_ADAPTER_BYTES} B")
    )
    return (
        _part("weights", round(weights * stored), f"{weights:,} x {stored} B"),
        state,
        _part("activations", tokens * layers * copies * width, f"{tokens:,} x {layers} x {copies:,} x {width} B"),
        _part("logits", rows * words * row_bytes, f"{rows:,} x {words:,} x {row_bytes} B"),
        _part("runtime", _RUNTIME_BYTES, f"{_RUNTIME_BYTES:,} B"),
    )


def answering_bytes(card: BaseModelCard, precision: Precision, models: int = 1) -> int:
    """What asking a model needs, without the keys and values of what is asked.

    Args:
        card: the base model.
        models: sets of whole weights: the base model, and one that was tuned as a whole.
    """
    width = 4 if precision is Precision.FP32 else 2
    return models * card.parameters * (width + _PACKED_BYTES) + _RUNTIME_BYTES


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
    parts = memory_parts(card, method, rank, batch, length, choose_precision(speed), fused=machine.device == "cpu")
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
    chosen = choose_precision(speed, precision)
    reached = speed.of(chosen) * 1e9 * _EFFICIENCY[chosen]
    return tokens * flops / reached


def _part(name: str, size: int, formula: str) -> MemoryPart:
    return MemoryPart(name=name, bytes=size, formula=formula)
