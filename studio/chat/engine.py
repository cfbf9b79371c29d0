"""Answers of a base model and of everything tuned from it: one copy of the base weights, all rows in one batch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from studio.chat.batch_decoder import BatchDecoder, Row
from studio.chat.lora_adapters import Adapter, load_adapter
from studio.chat.sampling import Sampling
from studio.chat.text import is_looping
from studio.errors import AfinaError
from studio.models.loader import load_base
from studio.models.tokenizer import Tokenizer

_ADAPTERS_KEPT: Final = 8
_BASE: Final = ""
# A model that opens another turn, as untuned ones do, has ended its answer.
START_OF_TURN: Final = ("<|im_start|>", "<start_of_turn>", "<|start_header_id|>", "<|turn>")


class Engine:
    """A base model, its adapters, and the rows that are being answered.

    Args:
        model_dir: folder of the installed base model.
        dtype: number format of weights and products.
        device: ``cpu``, ``cuda:0``, …

    Raises:
        AfinaError: what :func:`studio.models.loader.load_base` raises, and ``chat.model_other``.
    """

    def __init__(self, model_dir: Path, dtype: torch.dtype, device: str = "cpu") -> None:
        self._dtype, self._device = dtype, device
        self.tokenizer = Tokenizer.load(model_dir)
        starts = (self.tokenizer.inner.token_to_id(token) for token in START_OF_TURN)
        self._stops = self.tokenizer.stop_ids | {token for token in starts if token is not None}
        model = load_base(model_dir, dtype, device)
        self.context = int(getattr(model.config, "max_position_embeddings", 2048) or 2048)
        self._decoders: dict[str, BatchDecoder] = {_BASE: BatchDecoder(model, dtype, device)}
        self._adapters: OrderedDict[str, Adapter] = OrderedDict()

    def row(
        self, prompt: Sequence[int], limit: int, tuned: Path | None, sampling: Sampling
    ) -> tuple[BatchDecoder, Row]:
        """Makes a row, loading what it needs.

        Args:
            prompt: token ids.
            limit: most tokens of the answer.
            tuned: a PEFT folder, a folder with fully tuned weights, or None for the base.
            sampling: how tokens are chosen.

        Returns:
            The row and the decoder to let it join.

        Raises:
            AfinaError: ``chat.adapter_missing``, ``chat.adapter_other``, and those of loading weights.
        """
        if tuned is None:
            return self._decoders[_BASE], Row(list(prompt), limit, None, sampling)
        if (tuned / "adapter_config.json").is_file():
            return self._decoders[_BASE], Row(list(prompt), limit, self._adapter(tuned), sampling)
        if not any(tuned.glob("*.safetensors")):
            raise AfinaError("chat.adapter_missing", name=tuned.name)
        return self._full(tuned), Row(list(prompt), limit, None, sampling)

    @property
    def decoders(self) -> tuple[BatchDecoder, ...]:
        """The sets of weights in memory: the base, and at most one fully tuned model that is idle."""
        return tuple(self._decoders.values())

    @property
    def rows(self) -> list[Row]:
        """The rows that are being answered."""
        return [row for decoder in self._decoders.values() for row in decoder.rows]

    def step(self) -> list[tuple[Row, str | None]]:
        """One token for every row that speaks.

        Returns:
            Each row with a new token at the end of ``row.ids``, and why it is over: ``stop``, ``length``,
            ``loop``, ``error`` (then ``row.error`` is set), or None when it goes on. The stop token itself is taken off
            ``row.ids``.
        """
        said: list[tuple[Row, str | None]] = []
        for decoder in self._decoders.values():
            decoder.leave()
            if decoder.rows:
                said += [(row, self._ending(row, token)) for row, token in decoder.step()]
        return said

    def bytes_a_row(self, length: int) -> int:
        """Bytes of the keys and values of a row of ``length`` positions, all layers together."""
        config = self._decoders[_BASE].config
        heads = int(config.num_attention_heads)
        size = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        kept = int(getattr(config, "num_key_value_heads", None) or heads)
        return 2 * int(config.num_hidden_layers) * kept * size * length * self._dtype.itemsize

    def drop_all(self) -> None:
        """Lets go of every row, so that what failed with some of them cannot fail again with the next."""
        for row in self.rows:
            row.is_over = True
        self.sweep()

    def sweep(self) -> None:
        """Lets go of the rows that are over."""
        for decoder in self._decoders.values():
            decoder.leave()

    def _ending(self, row: Row, token: int | None) -> str | None:
        if token is None:
            return "error"
        if token in self._stops:
            row.ids.pop()
            reason = "stop"
        elif len(row.ids) >= row.limit:
            reason = "length"
        elif is_looping(row.ids):
            reason = "loop"
        else:
            return None
        row.is_over = True
        return reason

    def _adapter(self, folder: Path) -> Adapter:
        # A run that goes on may replace its best adapter: the same path with other content is another adapter.
        stamp = (folder / "adapter_model.safetensors").stat() if folder.is_dir() else None
        key = f"{folder}:{stamp.st_mtime_ns if stamp else 0}"
        if key not in self._adapters:
            self._adapters[key] = load_adapter(
                folder, self._decoders[_BASE].lora_batch.layers, self._dtype, self._device
            )
        self._adapters.move_to_end(key)
        while len(self._adapters) > _ADAPTERS_KEPT:
            self._adapters.popitem(last=False)
        return self._adapters[key]

    def _full(self, folder: Path) -> BatchDecoder:
        key = f"{folder}:{max(path.stat().st_mtime_ns for path in folder.glob('*.safetensors'))}"
        if key not in self._decoders:
            for other in [name for name, decoder in self._decoders.items() if name != _BASE and not decoder.rows]:
                del self._decoders[other]
            self._decoders[key] = BatchDecoder(load_base(folder, self._dtype, self._device), self._dtype, self._device)
        return self._decoders[key]
