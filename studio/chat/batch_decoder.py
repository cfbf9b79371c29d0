"""One set of weights and the rows that it answers: prefill in blocks, then a token for every row at each step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import nn

from studio.chat.decoder import Decoder
from studio.chat.kv_cache import SlotCache
from studio.chat.lora_adapters import Adapter, LoraBatch
from studio.chat.packed_linear import packed
from studio.chat.sampling import Sampling, choose
from studio.errors import AfinaError

_PREFILL_TOKENS: Final = 512  # read in one step, over all prompts: others wait no longer than that for a token
_SHORTEST: Final = 64  # tokens; reading fewer takes about as long


@dataclass(eq=False)
class Row:
    """One answer in the making.

    Args:
        prompt: token ids, one or more.
        limit: most tokens of the answer.
        adapter: what tunes the base for this row; None for the base itself.
        sampling: how tokens are chosen.
        read: tokens of the prompt whose keys and values are kept.
        ids: what it says so far.
        is_over: whether it leaves at the next step.
        error: what went wrong while it was answered; it is then over.
    """

    prompt: list[int]
    limit: int
    adapter: Adapter | None = None
    sampling: Sampling = field(default_factory=Sampling)
    read: int = 0
    ids: list[int] = field(default_factory=list)
    is_over: bool = False
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.generator = self.sampling.generator()

    @property
    def longest(self) -> int:
        """Positions that it may need."""
        return len(self.prompt) + self.limit


class BatchDecoder:
    """A model whose rows share each forward pass, whatever their adapters.

    Args:
        model: a transformers causal language model in evaluation mode, all layers with attention.

    Raises:
        AfinaError: ``chat.model_other`` for a model with layers that are not attention.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype, device: str) -> None:
        self._model, self._dtype, self._device = model, dtype, device
        self._config: Any = model.config
        self._kinds: list[str] = list(getattr(self._config, "layer_types", None) or [])
        if set(self._kinds) - {"full_attention", "sliding_attention"}:
            raise AfinaError("chat.model_other", kinds=", ".join(sorted(set(self._kinds))))
        self._window: int | None = getattr(self._config, "sliding_window", None)
        self.lora_batch = LoraBatch(model)
        self._decoder = Decoder.of(model, self.lora_batch.layers)
        self._pack()
        self._cache = SlotCache(dtype, device)
        self._rows: list[Row] = []  # one a slot: those that speak, then those whose prompt is being read

    @property
    def config(self) -> Any:
        """Of the model, as transformers reads it."""
        return self._config

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that are being answered."""
        return tuple(self._rows)

    def join(self, rows: list[Row]) -> None:
        """Adds rows; their prompts are read over the next steps."""
        everyone = [*self._rows, *rows]
        self._cache.reserve(len(everyone), max((row.longest for row in everyone), default=0))
        self._rows = everyone

    def leave(self) -> None:
        """Takes out the rows that are over, and gives the memory back when none is left."""
        order = [slot for slot, row in enumerate(self._rows) if not row.is_over]
        if len(order) == len(self._rows):
            return
        self._cache.keep(order)
        self._rows = [self._rows[slot] for slot in order]
        if not self._rows:
            self._cache.clear()

    @torch.inference_mode()
    def step(self) -> list[tuple[Row, int | None]]:
        """Says one token for each row that speaks, then reads some of the waiting prompts.

        Each prompt is read by itself, in blocks that only its own length decides: what a row says is then the same,
        whoever else is answered at that moment.

        Returns:
            The rows with their new token, which is also at the end of ``row.ids``; None for those that failed, whose
            ``error`` says why. What fails for the rows that speak is no failure of those that are read, and vice versa.
        """
        speaking = [row for row in self._rows if row.ids]
        said = self._attempt(speaking, self._speak) if speaking else []
        left = _PREFILL_TOKENS
        for slot, row in enumerate(self._rows):
            length = min(len(row.prompt) - row.read, _PREFILL_TOKENS)
            if not length:
                continue
            left -= max(length, _SHORTEST)
            if left < 0:
                break
            said += self._attempt([row], partial(self._read_block, slot, length))
        return said

    @torch.inference_mode()
    def loss(self, row: Row, answer: Sequence[int]) -> float:
        """Cross-entropy of an answer to the prompt of a row, in nats over all its tokens. Only while nobody is answered.

        Args:
            row: its prompt, and what tunes the base.
            answer: token ids, one or more.
        """
        assert not self._rows, "somebody is being answered"
        ids = [*row.prompt, *answer][:-1]
        self._cache.reserve(1, len(ids))
        try:
            positions = self._cache.begin_block(0, 0, len(ids))
            tokens = torch.tensor([ids], device=self._device)
            logits = self._forward([row], tokens, positions, len(answer))[0].float()
        finally:
            self._cache.clear()
        expected = torch.tensor(list(answer), device=self._device)
        return float(torch.nn.functional.cross_entropy(logits, expected, reduction="sum"))

    def _attempt(
        self, rows: list[Row], advance: Callable[[list[Row]], list[tuple[Row, int | None]]]
    ) -> list[tuple[Row, int | None]]:
        try:
            return advance(rows)
        except Exception as error:
            for row in rows:
                row.is_over, row.error = True, error
            return [(row, None) for row in rows]

    def _speak(self, rows: list[Row]) -> list[tuple[Row, int | None]]:
        positions = self._cache.begin_token([len(row.prompt) + len(row.ids) - 1 for row in rows])
        tokens = torch.tensor([[row.ids[-1]] for row in rows], device=self._device)
        logits = self._forward(rows, tokens, positions)
        return self._say(rows, logits[:, -1])

    def _read_block(self, slot: int, length: int, rows: list[Row]) -> list[tuple[Row, int | None]]:
        (row,) = rows
        positions = self._cache.begin_block(slot, row.read, length)
        tokens = torch.tensor([row.prompt[row.read : row.read + length]], device=self._device)
        logits = self._forward(rows, tokens, positions)
        row.read += length
        return self._say(rows, logits[:, -1]) if row.read == len(row.prompt) else []

    def _say(self, rows: list[Row], logits: torch.Tensor) -> list[tuple[Row, int | None]]:
        tokens = choose(logits, [(row.sampling, row.generator) for row in rows])
        for row, token in zip(rows, tokens, strict=True):
            row.ids.append(token)
        return list(zip(rows, tokens, strict=True))

    def _forward(self, rows: list[Row], tokens: torch.Tensor, positions: torch.Tensor, kept: int = 1) -> torch.Tensor:
        """Logits of the last tokens, ``(rows, kept, vocabulary)``, for tokens of shape ``(rows, length)``."""
        self.lora_batch.choose([row.adapter for row in rows])
        masks = self._masks(positions)
        if self._decoder is not None:
            return self._decoder(tokens, positions, masks, self._cache, kept)
        logits: torch.Tensor = self._model(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=masks,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=kept,
        ).logits
        return logits

    def _masks(self, positions: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        """One mask for all layers, or one a kind where a model has layers of both kinds."""
        if "sliding_attention" in self._kinds and "full_attention" in self._kinds:
            windows = {"full_attention": None, "sliding_attention": self._window}
            return {kind: self._cache.mask(positions, window) for kind, window in windows.items()}
        slides = "sliding_attention" in self._kinds or not self._kinds
        return self._cache.mask(positions, self._window if slides else None)

    def _pack(self) -> None:
        for layer in self.lora_batch.layers.values():
            if isinstance(layer.inner, nn.Linear):
                layer.inner = packed(layer.inner, self._dtype, self._device)
        head = self._model.get_output_embeddings()  # type: ignore[operator]
        if isinstance(head, nn.Linear):
            self._model.set_output_embeddings(packed(head, self._dtype, self._device))  # type: ignore[operator]
