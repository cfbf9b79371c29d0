"""What llama.cpp calls a model of transformers: its hyperparameters and the names and layouts of its tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import gguf
import numpy as np
from numpy.typing import NDArray

from studio.errors import AfinaError

Array = NDArray[np.float32]

# Architecture of llama.cpp by ``model_type`` of transformers.
_ARCHITECTURES: Final = {
    "llama": gguf.MODEL_ARCH.LLAMA,
    "mistral": gguf.MODEL_ARCH.LLAMA,
    "qwen2": gguf.MODEL_ARCH.QWEN2,
    "qwen3": gguf.MODEL_ARCH.QWEN3,
    "gemma3_text": gguf.MODEL_ARCH.GEMMA3,
}
_GEMMA_PERIOD: Final = 6  # layers from one with full attention to the next; llama.cpp assumes it for Gemma 3
_GEMMA_LOCAL_ROPE: Final = 10_000.0
_ROPES: Final = ("default", "linear", "llama3")


@dataclass(frozen=True)
class Architecture:
    """How one model is described in a GGUF file.

    Args:
        config: its ``config.json``.
    """

    config: dict[str, Any]

    @cached_property
    def arch(self) -> gguf.MODEL_ARCH:
        """llama.cpp's architecture.

        Raises:
            AfinaError: ``export.gguf_architecture``.
        """
        kind = str(self.config.get("model_type"))
        if kind not in _ARCHITECTURES:
            raise AfinaError("export.gguf_architecture", name=kind[:60])
        return _ARCHITECTURES[kind]

    @property
    def name(self) -> str:
        return str(gguf.MODEL_ARCH_NAMES[self.arch])

    def require(self) -> None:
        """Refuses variants that llama.cpp would compute otherwise.

        Raises:
            AfinaError: ``export.gguf_architecture`` naming the part.
        """
        layers = self.config.get("layer_types") or []
        odd = {
            "rope": self._rope.get("rope_type", "default") not in _ROPES,
            "softcapping": any(self.config.get(f"{part}_logit_softcapping") for part in ("attn", "final")),
            "bidirectional attention": bool(self.config.get("use_bidirectional_attention")),
            "attention bias": self._is(gguf.MODEL_ARCH.LLAMA) and bool(self.config.get("attention_bias")),
            "sliding window": not self._is_gemma and any(kind != "full_attention" for kind in layers),
            "layers": self._is_gemma
            and any((kind == "full_attention") != ((at + 1) % _GEMMA_PERIOD == 0) for at, kind in enumerate(layers)),
            "attention scale": self._is_gemma
            and self.config.get("query_pre_attn_scalar", self._head_size) != self._head_size,
        }
        found = [part for part, is_odd in odd.items() if is_odd]
        if found:
            raise AfinaError("export.gguf_architecture", name=f"{self.name} ({', '.join(found)})")

    def describe(self, writer: gguf.GGUFWriter) -> None:
        """Writes the hyperparameters."""
        config = self.config
        writer.add_block_count(self.layers)
        writer.add_context_length(int(config["max_position_embeddings"]))
        writer.add_embedding_length(int(config["hidden_size"]))
        writer.add_feed_forward_length(int(config["intermediate_size"]))
        writer.add_head_count(self._heads)
        writer.add_head_count_kv(self._kv_heads)
        writer.add_key_length(self._head_size)
        writer.add_value_length(self._head_size)
        writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
        writer.add_rope_dimension_count(self._head_size)
        writer.add_rope_freq_base(float(self._rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
        if self._rope.get("rope_type") == "linear":
            writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
            writer.add_rope_scaling_factor(float(self._rope["factor"]))
        if self._is_gemma:
            writer.add_sliding_window(int(config["sliding_window"]))
            local = (config.get("rope_parameters") or {}).get("sliding_attention") or {}
            writer.add_rope_freq_base_swa(float(local.get("rope_theta", _GEMMA_LOCAL_ROPE)))

    def tensor(self, name: str, values: Array) -> tuple[str, Array] | None:
        """A tensor as llama.cpp has it: its name and its values.

        Args:
            name: in transformers.
            values: of any shape.

        Returns:
            None for what llama.cpp does not keep: an output layer that is the embedding.

        Raises:
            AfinaError: ``export.gguf_architecture`` for a tensor that it has no place for.
        """
        if name == "lm_head.weight" and self.config.get("tie_word_embeddings"):
            return None
        theirs = self._names.get_name(name, try_suffixes=(".weight", ".bias"))
        if theirs is None:
            raise AfinaError("export.gguf_architecture", name=f"{self.name} ({name[:60]})")
        return theirs, self._layout(name)(values)

    def extra_tensors(self) -> dict[str, Array]:
        """Tensors that transformers computes from its configuration: the stretched rotary frequencies of Llama 3."""
        return {"rope_freqs.weight": self._llama3_factors()} if self._rope.get("rope_type") == "llama3" else {}

    @cached_property
    def layers(self) -> int:
        return int(self.config["num_hidden_layers"])

    def _layout(self, name: str) -> Callable[[Array], Array]:
        if self._is(gguf.MODEL_ARCH.LLAMA) and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = self._heads if "q_proj" in name else self._kv_heads
            return lambda values: _interleave(values, heads)
        if self._is_gemma and name.endswith("norm.weight"):
            return lambda values: values + 1  # transformers keeps the distance from one
        return lambda values: values

    def _llama3_factors(self) -> Array:
        rope = self._rope
        base, size = float(rope["rope_theta"]), self._head_size
        factor, old = float(rope["factor"]), float(rope["original_max_position_embeddings"])
        low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
        turns = old * base ** (-np.arange(0, size, 2, dtype=np.float64) / size) / (2 * math.pi)
        smooth = np.clip((turns - low) / (high - low), 0, 1)
        return (1 / ((1 - smooth) / factor + smooth)).astype(np.float32)

    @cached_property
    def _names(self) -> gguf.TensorNameMap:
        return gguf.get_tensor_name_map(self.arch, self.layers)

    @cached_property
    def _rope(self) -> dict[str, Any]:
        """Settings of the rotary positions; those of the layers with full attention where there are two kinds."""
        found = self.config.get("rope_parameters") or self.config.get("rope_scaling") or {}
        return dict(found.get("full_attention", found))

    @property
    def _heads(self) -> int:
        return int(self.config["num_attention_heads"])

    @property
    def _kv_heads(self) -> int:
        return int(self.config.get("num_key_value_heads") or self._heads)

    @property
    def _head_size(self) -> int:
        return int(self.config.get("head_dim") or self.config["hidden_size"] // self._heads)

    @property
    def _is_gemma(self) -> bool:
        return self._is(gguf.MODEL_ARCH.GEMMA3)

    def _is(self, arch: gguf.MODEL_ARCH) -> bool:
        return bool(self.arch == arch)


def _interleave(values: Array, heads: int) -> Array:
    """From rotary halves (transformers) to rotary pairs (llama.cpp), within each head.

    Args:
        values: shape ``(heads * head_size, inputs)``.
        heads: of queries or keys.
    """
    rows, inputs = values.shape
    return values.reshape(heads, 2, rows // heads // 2, inputs).swapaxes(1, 2).reshape(rows, inputs)
