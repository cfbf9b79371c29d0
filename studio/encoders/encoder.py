"""Turns texts into vectors with a transformer encoder. Imports torch: for child processes only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from studio.errors import from_exception

if TYPE_CHECKING:
    import torch

_MAX_TOKENS: Final = 128  # a question's first hundred words say what it is about
_BATCH_TOKENS: Final = 4_096
TRAITS_FILE: Final = "encoder.json"


class EncoderTraits(BaseModel):
    """What is kept beside the weights.

    Args:
        prefix: put before every text, as the model learned it.
        letter_weight: of letters beside its vectors, where questions are sorted; see ``benchmarks/question_map.md``.
    """

    model_config = ConfigDict(frozen=True)

    prefix: str = ""
    letter_weight: float = 0.0

    @classmethod
    def read(cls, folder: Path) -> EncoderTraits:
        """Of an installed encoder; those of an earlier version have no such file."""
        path = folder / TRAITS_FILE
        return cls.model_validate_json(path.read_bytes()) if path.is_file() else cls()


@dataclass(frozen=True)
class Encoder:
    """A sentence encoder with mean pooling (Reimers and Gurevych 2019).

    Args:
        model: of transformers, in evaluation mode.
        tokenizer: a ``tokenizers.Tokenizer`` that cuts long texts and adds the marks at both ends.
        traits: how its texts are written.
    """

    model: torch.nn.Module
    tokenizer: Any
    traits: EncoderTraits

    @classmethod
    def load(cls, folder: Path, precision: str = "fp32") -> Encoder:
        """Reads an installed encoder: safetensors only, never the network.

        Args:
            folder: with ``config.json``, ``tokenizer.json``, ``model.safetensors``.
            precision: ``fp32`` or ``bf16``.

        Raises:
            AfinaError: ``model.weights_damaged``, ``model.no_weights``, ``disk.missing``.
        """
        import tokenizers
        import torch
        from transformers import AutoConfig, AutoModel, BertConfig
        from transformers.utils import logging

        logging.disable_progress_bar()
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        try:
            config = (
                AutoConfig.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
                if (folder / "config.json").is_file()
                else BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)  # of an earlier version
            )
            model = AutoModel.from_pretrained(
                str(folder),
                config=config,
                dtype=dtype,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                add_pooling_layer=False,
            )
            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise from_exception(error) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(_MAX_TOKENS)
        return cls(model.eval(), tokenizer, EncoderTraits.read(folder))

    def encode(
        self, texts: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        """One vector of length 1 a text: the cosine of two is how alike their meanings are.

        Args:
            texts: in any order; those of like length are read together.
            progress: called with the number of texts read and of all.

        Returns:
            Shape ``(texts, dimensions)``.
        """
        import torch.nn.functional as f

        vectors = np.zeros((len(texts), int(self.model.config.hidden_size)), np.float32)  # type: ignore[union-attr, arg-type]
        done = 0

        def pool(places: Sequence[int], hidden: torch.Tensor, mask: torch.Tensor) -> None:
            nonlocal done
            mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
            vectors[places] = f.normalize(mean, dim=1).numpy()
            done += len(places)
            progress(done, len(texts))

        self.read(texts, pool)
        return vectors

    def read(self, texts: Sequence[str], keep: Callable[[Sequence[int], torch.Tensor, torch.Tensor], None]) -> None:
        """Runs the model over texts of like length together.

        Args:
            texts: in any order.
            keep: called with the positions of some texts, their states, shape ``(texts, tokens, dimensions)``, and which
                tokens are theirs, shape ``(texts, tokens)``.
        """
        import torch

        ids = [encoding.ids for encoding in self.tokenizer.encode_batch([self.traits.prefix + text for text in texts])]
        pad = torch.nn.utils.rnn.pad_sequence
        with torch.inference_mode():
            for batch in _batches(ids):
                rows = [torch.tensor(ids[place]) for place in batch]
                tokens = pad(rows, batch_first=True)
                mask = pad([torch.ones_like(row) for row in rows], batch_first=True)
                keep(batch, self.model(input_ids=tokens, attention_mask=mask).last_hidden_state.float(), mask)


def _batches(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Positions in batches of like length, each of at most :data:`_BATCH_TOKENS` tokens with the filling."""
    batches: list[list[int]] = [[]]
    for position in sorted(range(len(ids)), key=lambda i: len(ids[i])):
        if batches[-1] and len(ids[position]) * (len(batches[-1]) + 1) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(position)
    return [batch for batch in batches if batch]
