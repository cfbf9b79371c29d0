"""Greedy answers from the fused engine: a few prompts at a time, keys and values kept between the passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from studio.training.engines.fused.decoder_layer import Layer
from studio.training.engines.fused.lm_head import Head
from studio.training.engines.fused.model_config import ModelConfig
from studio.training.engines.fused.ops import gate, norm, rotations
from studio.training.engines.fused.weights import Weights
from studio.training.engines.prompt_lookup import LONGEST, PromptLookup


def decode(
    base: Weights,
    head: Head,
    config: ModelConfig,
    prompts: Sequence[Sequence[int]],
    stop_ids: frozenset[int],
    limit: int,
    *,
    tuned: bool,
    drafts: PromptLookup,
    enough: Callable[[], bool],
) -> list[list[int]]:
    """The most likely continuation of each prompt.

    Args:
        drafts: what is likely to be said; makes it faster, and changes nothing but rounding.
        enough: asked before each pass whether to leave off.
    """
    rows = [_Row(len(prompt), list(prompt)) for prompt in prompts]
    state = _State.of(base, config, len(rows), max(map(len, prompts)) + limit + LONGEST)
    while any(row.is_open for row in rows) and not enough():
        for row, said in zip(rows, _said(base, head, config, state, rows, tuned), strict=True):
            row.take(said, stop_ids, limit)
            row.go_on(drafts)
    return [row.answer for row in rows]


@dataclass
class _Row:
    """An answer as it grows.

    Args:
        prompt: tokens before it.
        fed: tokens of the next pass: those that are known and new, then those that are only proposed.
        place: of the first of them.
        proposed: how many are only proposed.
        is_open: whether it goes on.
    """

    prompt: int
    fed: list[int]
    place: int = 0
    proposed: int = 0
    answer: list[int] = field(default_factory=list)
    is_open: bool = True

    def take(self, tokens: Sequence[int], stop_ids: frozenset[int], limit: int) -> None:
        """Adds what the model says after the last known token and after each proposed one, while these come true."""
        guesses = [*self.fed[len(self.fed) - self.proposed :], None]
        for token, guess in zip(tokens, guesses, strict=True):
            if token in stop_ids or not self.is_open:
                self.is_open = False
                return
            self.answer.append(token)
            self.is_open = len(self.answer) < limit
            if token != guess:
                return

    def go_on(self, drafts: PromptLookup) -> None:
        """Prepares the next pass; an answer that is done only keeps its place in it."""
        if not self.is_open:
            self.fed, self.proposed = self.fed[:1], 0
            return
        draft = drafts.after(self.answer)
        self.place = self.prompt + len(self.answer) - 1
        self.fed, self.proposed = [self.answer[-1], *draft], len(draft)


@dataclass
class _State:
    """Keys and values of all layers, ``(B, k, S, D)`` each, and the rotations of every place."""

    keys: list[Tensor]
    values: list[Tensor]
    tables: dict[float, tuple[Tensor, Tensor]]

    @classmethod
    def of(cls, base: Weights, config: ModelConfig, count: int, size: int) -> _State:
        def empty() -> list[Tensor]:
            return [base.words.new_zeros(count, config.kv_heads, size, config.head_dim) for _ in base.layers]

        tables = {theta: rotations(size, config.head_dim, theta) for theta in set(config.thetas)}
        return cls(empty(), empty(), tables)


def _said(
    base: Weights, head: Head, config: ModelConfig, state: _State, rows: Sequence[_Row], tuned: bool
) -> list[list[int]]:
    """The likeliest token after the last known one of each row, and after each proposed one behind it."""
    width = max(len(row.fed) for row in rows)
    ids = torch.tensor([[*row.fed, *[0] * (width - len(row.fed))] for row in rows])
    places = torch.tensor([row.place for row in rows])[:, None] + torch.arange(width)
    hidden = _forward(base, config, state, ids, places, tuned)
    asked = [hidden[number, len(row.fed) - 1 - row.proposed : len(row.fed)] for number, row in enumerate(rows)]
    seen, _ = norm(torch.cat(asked), base.norm, config.epsilon, base.words.dtype)
    words = iter(head.likeliest(seen).tolist())
    return [[next(words) for _ in part] for part in asked]


def _forward(base: Weights, config: ModelConfig, state: _State, ids: Tensor, places: Tensor, tuned: bool) -> Tensor:
    """New tokens ``(B, N)`` at ``places``; returns the fp32 stream ``(B, N, H)``."""
    x = base.embeddings[ids]
    if config.embedding_scale != 1.0:
        x = x * torch.tensor(config.embedding_scale, dtype=x.dtype)
    dtype, x = x.dtype, x.float()
    count, new, _ = x.shape
    # a place is seen from itself on; what a shorter prompt left behind its end is overwritten before it is seen
    size = int(places.max()) + 1
    hidden = torch.arange(size) > places[:, :, None]
    for number, layer in enumerate(base.layers):
        flat = x.reshape(count * new, -1)
        seen, _ = norm(flat, layer.norms["in"], config.epsilon, dtype)
        y = _attend(layer, config, state, number, seen, places, hidden, tuned)
        flat = flat + _after(layer, y, "mixed")
        seen, _ = norm(flat, layer.norms["middle"], config.epsilon, dtype)
        (g, u), _ = layer.linears.gate_and_up.forward(seen, tuned=tuned, training=False)
        (y,), _ = layer.linears.down.forward(gate(g, u, config.gelu), tuned=tuned, training=False)
        x = (flat + _after(layer, y, "fed")).view(count, new, -1)
    return x


def _attend(
    layer: Layer,
    config: ModelConfig,
    state: _State,
    number: int,
    seen: Tensor,
    places: Tensor,
    hidden: Tensor,
    tuned: bool,
) -> Tensor:
    count, new = places.shape
    dtype = layer.linears.attention_in.weight.dtype
    (qkv,), _ = layer.linears.attention_in.forward(seen, tuned=tuned, training=False)
    layer.norm_heads(qkv)
    heads, keys, dim = config.heads, config.kv_heads, config.head_dim
    split = qkv.view(count, new, heads + 2 * keys, dim)
    turned = _rotate(split[:, :, : heads + keys].float(), *state.tables[layer.theta], places).to(dtype)
    rows = torch.arange(count)[:, None]
    cached_k, cached_v = state.keys[number], state.values[number]
    cached_k[rows, :, places] = turned[:, :, heads:]
    cached_v[rows, :, places] = split[:, :, heads + keys :]
    size = hidden.shape[-1]
    k = cached_k[:, :, :size].reshape(count * keys, size, dim)
    v = cached_v[:, :, :size].reshape(count * keys, size, dim)
    q = turned[:, :, :heads].transpose(1, 2).reshape(count * keys, -1, dim)
    scores = torch.bmm(q, k.transpose(1, 2)).float().view(count, heads, new, size).mul_(config.score_scale)
    scores.masked_fill_(hidden[:, None], float("-inf"))
    weights = torch.softmax(scores, -1).to(dtype).view(count * keys, -1, size)
    y = torch.bmm(weights, v).view(count, heads, new, dim).transpose(1, 2).reshape(count * new, -1)
    return layer.linears.attention_out.forward(y, tuned=tuned, training=False)[0][0]


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, places: Tensor) -> Tensor:
    """Rotary positions of ``(B, N, n, D)`` at ``places``."""
    cos, sin = cos[places][:, :, None], sin[places][:, :, None]
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def _after(layer: Layer, y: Tensor, name: str) -> Tensor:
    if name not in layer.norms:
        return y
    return norm(y, layer.norms[name], layer.config.epsilon, torch.float32)[0]
