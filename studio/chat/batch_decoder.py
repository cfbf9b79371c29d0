"""One set of weights and the rows that it answers: prefill in blocks, then a token for every row at each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import nn

from studio.chat.decoder import Decoder
from studio.chat.kv_cache import SlotCache
from studio.chat.lora_adapters import Adapter, LoraBatch
from studio.chat.packed_linear import packed
from studio.chat.sampling import Sampling, choose
from studio.errors import AfinaError

_PREFILL_TOKENS: Final = 512  # of a prompt in one step, over all rows: others wait no longer than that for a token


@dataclass(eq=False)
class Row:
    """One answer in the making.

    Args:
        prompt: token ids, one or more.
        limit: most tokens of the answer.
        adapter: what tunes the base for this row; None for the base itself.
        sampling: how tokens are chosen.
        ids: what it says so far.
        is_over: whether it leaves at the next step.
        error: what went wrong while it was answered; it is then over.
    """

    prompt: list[int]
    limit: int
    adapter: Adapter | None = None
    sampling: Sampling = field(default_factory=Sampling)
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
        dtype: of its weights.
        device: where it lives.

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
        self.mixture = LoraBatch(model)
        self._decoder = Decoder.of(model, self.mixture.layers)
        self._pack()
        self._cache = SlotCache(dtype, device)
        self._rows: list[Row] = []  # one a slot: those that speak, then those whose prompt is being read
        self._speaking = 0
        self._read = 0  # positions read of the prompts being read

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that are being answered."""
        return tuple(self._rows)

    @property
    def is_reading(self) -> bool:
        """Whether prompts are being read; new rows join after that."""
        return self._speaking < len(self._rows)

    def join(self, rows: list[Row]) -> None:
        """Adds rows; their prompts are read over the next steps. Only while none is being read."""
        assert not self.is_reading, "prompts are still being read"
        everyone = [*self._rows, *rows]
        self._cache.reserve(len(everyone), max((row.longest for row in everyone), default=0))
        self._rows, self._read = everyone, 0

    def leave(self) -> None:
        """Takes out the rows that are over, and gives the memory back when none is left."""
        order = [slot for slot, row in enumerate(self._rows) if not row.is_over]
        if len(order) == len(self._rows):
            return
        self._speaking = sum(slot < self._speaking for slot in order)
        self._cache.keep(order)
        self._rows = [self._rows[slot] for slot in order]
        if not self._rows:
            self._cache.clear()

    @torch.inference_mode()
    def step(self) -> list[tuple[Row, int | None]]:
        """Says one token for each row that speaks, then reads a block of the waiting prompts.

        Returns:
            The rows with their new token, which is also at the end of ``row.ids``; None for those that failed, whose
            ``error`` says why. What fails for the rows that speak is no failure of those that are read, and vice versa.
        """
        said: list[tuple[Row, int | None]] = []
        speaking, reading = self._rows[: self._speaking], self._rows[self._speaking :]
        for rows, advance in ((speaking, self._speak), (reading, self._read_block)):
            try:
                said += advance() if rows else []
            except Exception as error:
                for row in rows:
                    row.is_over, row.error = True, error
                said += [(row, None) for row in rows]
        return said

    def _speak(self) -> list[tuple[Row, int]]:
        rows = self._rows[: self._speaking]
        positions = self._cache.begin_token([len(row.prompt) + len(row.ids) - 1 for row in rows])
        tokens = torch.tensor([[row.ids[-1]] for row in rows], device=self._device)
        logits = self._forward(rows, tokens, positions, None)
        return self._say(rows, logits[:, -1])

    def _read_block(self) -> list[tuple[Row, int]]:
        rows = self._rows[self._speaking :]
        longest = max(len(row.prompt) for row in rows)
        if longest <= self._read:  # the rows with longer prompts were cancelled
            self._speaking = len(self._rows)
            return []
        length = min(longest - self._read, max(1, _PREFILL_TOKENS // len(rows)))
        end = self._read + length
        self._cache.reserve(len(self._rows), max(end, *(row.longest for row in self._rows)))
        blocks = [(row.prompt[self._read : end] + [0] * length)[:length] for row in rows]
        positions = self._cache.begin_block(self._speaking, len(rows), self._read, length)
        tokens = torch.tensor(blocks, device=self._device)
        ending = [index for index, row in enumerate(rows) if self._read < len(row.prompt) <= end]
        lasts = sorted({len(rows[index].prompt) - 1 - self._read for index in ending}) or [length - 1]
        logits = self._forward(rows, tokens, positions, torch.tensor(lasts, device=self._device))
        self._read = end
        if end >= longest:
            self._speaking = len(self._rows)
        at = [lasts.index(len(rows[index].prompt) - 1 - (end - length)) for index in ending]
        return self._say([rows[index] for index in ending], logits[ending, at]) if ending else []

    def _say(self, rows: list[Row], logits: torch.Tensor) -> list[tuple[Row, int]]:
        tokens = choose(logits, [(row.sampling, row.generator) for row in rows])
        for row, token in zip(rows, tokens, strict=True):
            row.ids.append(token)
        return list(zip(rows, tokens, strict=True))

    def _forward(
        self, rows: list[Row], tokens: torch.Tensor, positions: torch.Tensor, keep: torch.Tensor | None
    ) -> torch.Tensor:
        """Logits of shape ``(rows, kept positions, vocabulary)`` for tokens of shape ``(rows, length)``."""
        self.mixture.choose([row.adapter for row in rows])
        if self._decoder is not None:
            return self._decoder(tokens, positions, self._masks(positions), self._cache, keep)
        found: torch.Tensor = self._model(
            input_ids=tokens,
            position_ids=positions,
            attention_mask=self._masks(positions),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=0 if keep is None else keep,
        ).logits
        return found

    def _masks(self, positions: torch.Tensor) -> torch.Tensor | dict[str, torch.Tensor]:
        """One mask for all layers, or one a kind where a model has layers of both kinds."""
        if "sliding_attention" in self._kinds and "full_attention" in self._kinds:
            windows = {"full_attention": None, "sliding_attention": self._window}
            return {kind: self._cache.mask(positions, window) for kind, window in windows.items()}
        slides = "sliding_attention" in self._kinds or not self._kinds
        return self._cache.mask(positions, self._window if slides else None)

    def _pack(self) -> None:
        for layer in self.mixture.layers.values():
            if isinstance(layer.inner, nn.Linear):
                layer.inner = packed(layer.inner, self._dtype, self._device)
        head = self._model.get_output_embeddings()  # type: ignore[operator]
        if isinstance(head, nn.Linear):
            self._model.set_output_embeddings(packed(head, self._dtype, self._device))  # type: ignore[operator]
