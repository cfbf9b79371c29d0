"""The network of the helper that reads questions: a BERT encoder with mean pooling (Devlin et al. 2019; Reimers and
Gurevych 2019). Runs in child processes only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from studio.errors import from_exception

if TYPE_CHECKING:
    import torch

_LAYERS: Final = 6
_HEADS: Final = 12
_NORM: Final = 1e-12
_LONGEST: Final = 128  # tokens; a question's first hundred words say what it is about
_BATCH_TOKENS: Final = 4_096


@dataclass(frozen=True)
class Network:
    """Weights and tokenizer, ready to read.

    Args:
        weights: by their names in the file.
        tokenizer: a ``tokenizers.Tokenizer`` that cuts long texts and adds the marks at both ends.
    """

    weights: dict[str, torch.Tensor]
    tokenizer: Any

    @classmethod
    def load(cls, folder: Path, precision: str = "fp32") -> Network:
        """Reads ``model.safetensors`` and ``tokenizer.json``.

        Args:
            folder: of the installed helper.
            precision: ``fp32`` or ``bf16``.

        Raises:
            AfinaError: ``model.weights_damaged``, ``disk.missing``.
        """
        import tokenizers
        import torch
        from safetensors.torch import load_file

        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        try:
            weights = load_file(folder / "model.safetensors")
            tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:
            raise from_exception(error) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(_LONGEST)
        return cls({name: value.to(dtype) for name, value in weights.items() if value.is_floating_point()}, tokenizer)

    def embed(
        self, texts: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> NDArray[np.float32]:
        """One vector of length 1 a text: the cosine of two is how alike their meanings are.

        Args:
            texts: in any order; those of like length are read together.
            progress: called with the number of texts read and of all.

        Returns:
            Shape ``(texts, 384)``.
        """
        import torch

        ids = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        width = int(self.weights["embeddings.LayerNorm.weight"].shape[0])
        out = np.zeros((len(texts), width), np.float32)
        done = 0
        with torch.inference_mode():
            for batch in _batches(ids):
                out[batch] = self._pooled([ids[i] for i in batch])
                done += len(batch)
                progress(done, len(texts))
        return out

    def _pooled(self, ids: list[list[int]]) -> NDArray[np.float32]:
        """Vectors of a batch, shape ``(batch, 384)``."""
        import torch
        import torch.nn.functional as f

        longest = max(map(len, ids))
        tokens = torch.tensor([row + [0] * (longest - len(row)) for row in ids])
        mask = torch.tensor([[True] * len(row) + [False] * (longest - len(row)) for row in ids])
        hidden = self._embedded(tokens)
        for layer in range(_LAYERS):
            hidden = self._layer(f"encoder.layer.{layer}.", hidden, mask[:, None, None, :])
        share = mask[:, :, None].to(torch.float32)
        mean = (hidden.float() * share).sum(1) / share.sum(1)
        return np.asarray(f.normalize(mean, dim=1).numpy())

    def _embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        """Shape ``(batch, length)`` to ``(batch, length, 384)``."""
        places = self.weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        kind = self.weights["embeddings.token_type_embeddings.weight"][0]
        return self._norm("embeddings.", self.weights["embeddings.word_embeddings.weight"][tokens] + places + kind)

    def _layer(self, prefix: str, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """One encoder layer; shapes stay ``(batch, length, 384)``, ``mask`` is ``(batch, 1, 1, length)``."""
        import torch.nn.functional as f

        batch, length, width = hidden.shape

        def heads(name: str) -> torch.Tensor:
            flat = self._linear(f"{prefix}attention.self.{name}.", hidden)
            return flat.view(batch, length, _HEADS, width // _HEADS).transpose(1, 2)

        mixed = f.scaled_dot_product_attention(heads("query"), heads("key"), heads("value"), attn_mask=mask)
        flat = mixed.transpose(1, 2).reshape(batch, length, width)
        attended = self._linear(f"{prefix}attention.output.dense.", flat)
        hidden = self._norm(f"{prefix}attention.output.", hidden + attended)
        inner = f.gelu(self._linear(f"{prefix}intermediate.dense.", hidden))
        return self._norm(f"{prefix}output.", hidden + self._linear(f"{prefix}output.dense.", inner))

    def _linear(self, prefix: str, values: torch.Tensor) -> torch.Tensor:
        import torch.nn.functional as f

        return f.linear(values, self.weights[f"{prefix}weight"], self.weights[f"{prefix}bias"])

    def _norm(self, prefix: str, values: torch.Tensor) -> torch.Tensor:
        import torch.nn.functional as f

        scale, shift = self.weights[f"{prefix}LayerNorm.weight"], self.weights[f"{prefix}LayerNorm.bias"]
        return f.layer_norm(values, (values.shape[-1],), scale, shift, _NORM)


def _batches(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Positions in batches of like length, each of at most :data:`_BATCH_TOKENS` tokens with the filling."""
    batches: list[list[int]] = [[]]
    for position in sorted(range(len(ids)), key=lambda i: len(ids[i])):
        if batches[-1] and len(ids[position]) * (len(batches[-1]) + 1) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(position)
    return [batch for batch in batches if batch]
