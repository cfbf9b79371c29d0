"""The forward pass of the usual decoders in few, large operations, for answers of a token at a time.

At one token a step the products of a small model take a quarter of the time that transformers needs for a pass: the rest
is some sixty small operations a layer, and keys and values copied once for each query head. Here it is twenty, and
nothing is copied. What is computed is the same; other models than those of :data:`_FAMILIES` keep the way of transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from studio.chat.kv_cache import SlotCache
from studio.chat.lora_linear import MixedLinear

_FAMILIES: Final = ("llama", "mistral", "qwen3", "gemma3_text")
_ATTENTION_IN: Final = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
_GATE_AND_UP: Final = ("mlp.gate_proj", "mlp.up_proj")


class _Norm:
    """Root mean square normalization (https://arxiv.org/abs/1910.07467) with a weight.

    Args:
        modules: of transformers; with several, each one is for some of the heads.
        counts: how many heads each is for.
        is_offset: whether one is added to the weight before anything is rounded, as Gemma does.
    """

    def __init__(self, modules: list[Any], is_offset: bool, counts: tuple[int, ...] = ()) -> None:
        weights = [module.weight.detach() for module in modules]
        heads = [w.expand(count, -1) for w, count in zip(weights, counts, strict=True)] if counts else weights
        weight = torch.cat(heads)
        self._weight = weight.float() + 1.0 if is_offset else weight
        self._epsilon: float = modules[0].eps if is_offset else modules[0].variance_epsilon
        self._is_offset = is_offset

    def __call__(self, x: Tensor) -> Tensor:
        if self._is_offset:
            seen = functional.rms_norm(x.float(), x.shape[-1:], None, self._epsilon)
            return seen.mul_(self._weight).to(x.dtype)
        return functional.rms_norm(x, x.shape[-1:], None, self._epsilon).mul_(self._weight)


@dataclass(frozen=True, eq=False)
class _Layer:
    """One decoder layer.

    Args:
        kind: of its attention; empty where all are alike.
        before, middle: norms before attention and before the feed-forward part.
        after_attention, after_all: norms of what these give; only Gemma has them.
        heads: norm of each query and key; only Gemma and Qwen have it.
    """

    kind: str
    attention_in: MixedLinear
    attention_out: MixedLinear
    gate_and_up: MixedLinear
    down: MixedLinear
    before: _Norm
    middle: _Norm
    after_attention: _Norm | None
    after_all: _Norm | None
    heads: _Norm | None


class Decoder:
    """A transformers model whose passes are made here.

    Args:
        model: of one of the families; its linear layers are those of ``layers``.
        layers: the linear layers by name, as :attr:`studio.chat.lora_adapters.LoraBatch.layers` has them.
    """

    def __init__(self, model: Any, layers: Mapping[str, MixedLinear]) -> None:
        config = model.config
        self._model, self._config = model, config
        self._is_gemma = config.model_type == "gemma3_text"
        first = model.model.layers[0].self_attn
        self._size: int = first.head_dim
        self._heads, self._keys = config.num_attention_heads, config.num_key_value_heads
        self._scale: float = first.scaling
        kinds = list(getattr(config, "layer_types", None) or [""] * len(model.model.layers))
        self._kinds = tuple(dict.fromkeys(kinds))
        self._layers = [
            self._layer(number, layer, layers, kinds[number]) for number, layer in enumerate(model.model.layers)
        ]
        self._norm = _Norm([model.model.norm], self._is_gemma)

    @classmethod
    def of(cls, model: Any, layers: Mapping[str, MixedLinear]) -> Decoder | None:
        """The decoder of a model, or None where some part of it is not known here."""
        config = model.config
        gate = getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", None) or "silu"
        is_plain = (
            getattr(config, "model_type", "") in _FAMILIES
            and gate == ("gelu_pytorch_tanh" if config.model_type == "gemma3_text" else "silu")
            and not any(getattr(config, name, None) for name in ("attn_logit_softcapping", "final_logit_softcapping"))
            and not getattr(config, "use_bidirectional_attention", False)
        )
        if not is_plain:
            return None
        for number in range(len(model.model.layers)):
            for group in (_ATTENTION_IN, _GATE_AND_UP):
                layer = layers.get(f"model.layers.{number}.{group[0]}")
                if layer is None or len(layer.spans) != len(group):
                    return None
        return cls(model, layers)

    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        masks: Tensor | Mapping[str, Tensor],
        cache: SlotCache,
        kept: int = 1,
    ) -> Tensor:
        """Logits of the last tokens, ``(rows, kept, vocabulary)``.

        Args:
            tokens: shape ``(rows, length)``.
            positions: of the tokens, same shape.
            masks: additive, ``(rows, 1, length, keys)``; one for all layers, or one a kind of layer.
            cache: keys and values of the rows.
            kept: how many of the last tokens.
        """
        x: Tensor = self._model.model.embed_tokens(tokens)
        turns = {kind: self._rotation(x, positions, kind) for kind in self._kinds}
        seen = {kind: self._grouped(masks[kind] if isinstance(masks, Mapping) else masks) for kind in turns}
        for number, layer in enumerate(self._layers):
            y = self._attend(number, layer, layer.before(x), turns[layer.kind], seen[layer.kind], cache)
            x.add_(y if layer.after_attention is None else layer.after_attention(y))
            y = self._feed(layer, layer.middle(x))
            x.add_(y if layer.after_all is None else layer.after_all(y))
        x = self._norm(x[:, -kept:].contiguous())
        logits: Tensor = self._model.lm_head(x)
        return logits

    def _attend(
        self, number: int, layer: _Layer, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor, cache: SlotCache
    ) -> Tensor:
        rows, length, _ = x.shape
        turned = self._heads + self._keys
        split = layer.attention_in(x).view(rows, length, turned + self._keys, self._size)
        qk = split[:, :, :turned] if layer.heads is None else layer.heads(split[:, :, :turned])
        cos, sin = turn
        qk = (qk * cos).add_(qk.roll(self._size // 2, -1).mul_(sin))
        keys, values = cache.update(
            qk[:, :, self._heads :].transpose(1, 2), split[:, :, turned:].transpose(1, 2), number
        )
        # The queries that look at the same keys are places of one head: so the keys need not be repeated.
        grouped = qk[:, :, : self._heads].reshape(rows, length, self._keys, -1, self._size).permute(0, 2, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(
            grouped.reshape(rows, self._keys, -1, self._size), keys, values, mask, scale=self._scale
        )
        mixed = attended.view(rows, self._heads, length, self._size).transpose(1, 2).reshape(rows, length, -1)
        y: Tensor = layer.attention_out(mixed)
        return y

    def _feed(self, layer: _Layer, x: Tensor) -> Tensor:
        gate, up = layer.gate_and_up(x).chunk(2, -1)
        opened = functional.gelu(gate, approximate="tanh") if self._is_gemma else functional.silu(gate)
        y: Tensor = layer.down(opened.mul_(up))
        return y

    def _rotation(self, x: Tensor, positions: Tensor, kind: str) -> tuple[Tensor, Tensor]:
        """Cosines and sines for each place, ``(rows, length, 1, head size)``; the first half of the sines negative."""
        cos, sin = self._model.model.rotary_emb(x, positions, *([kind] if self._is_gemma else []))
        half = self._size // 2
        return cos[:, :, None], torch.cat((-sin[..., :half], sin[..., half:]), -1)[:, :, None]

    def _grouped(self, mask: Tensor) -> Tensor:
        """The mask for all queries that look at the same keys, ``(rows, 1, group x length, keys)``."""
        if mask.shape[2] == 1:
            return mask
        return mask.repeat(1, 1, self._heads // self._keys, 1)

    def _layer(self, number: int, layer: Any, layers: Mapping[str, MixedLinear], kind: str) -> _Layer:
        def linear(name: str) -> MixedLinear:
            return layers[f"model.layers.{number}.{name}"]

        def norm(*modules: nn.Module) -> _Norm:
            return _Norm(list(modules), self._is_gemma)

        attention = layer.self_attn
        has_head_norms = hasattr(attention, "q_norm")
        return _Layer(
            kind,
            linear(_ATTENTION_IN[0]),
            linear("self_attn.o_proj"),
            linear(_GATE_AND_UP[0]),
            linear("mlp.down_proj"),
            before=norm(layer.input_layernorm),
            middle=norm(layer.pre_feedforward_layernorm if self._is_gemma else layer.post_attention_layernorm),
            after_attention=norm(layer.post_attention_layernorm) if self._is_gemma else None,
            after_all=norm(layer.post_feedforward_layernorm) if self._is_gemma else None,
            heads=_Norm([attention.q_norm, attention.k_norm], self._is_gemma, (self._heads, self._keys))
            if has_head_norms
            else None,
        )
