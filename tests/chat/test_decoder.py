"""The decoder of the chat gives what transformers gives, for each family that it knows; others it leaves to transformers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from studio.chat.batch_decoder import BatchDecoder, Row

SIZES: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 256,
}
MIXED = {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {}),
    "llama with biases and a head of its own": (
        "Llama",
        {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
    ),
    "llama with scaled positions": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0}},
    ),
    "mistral with a window": ("Mistral", {"sliding_window": 6}),
    "qwen3 of two kinds": ("Qwen3", {"use_sliding_window": True, **MIXED}),
    "gemma3": ("Gemma3Text", MIXED),
    "qwen2": ("Qwen2", {}),
}


def _model(name: str) -> nn.Module:
    import transformers

    family, others = FAMILIES[name]
    torch.manual_seed(7)
    config = getattr(transformers, f"{family}Config")(
        **{k: v for k, v in SIZES.items() if k != "head_dim" or family != "Qwen2"}, **others
    )
    model: nn.Module = transformers.AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


def _logits(name: str, monkeypatch: pytest.MonkeyPatch, *, own: bool) -> list[torch.Tensor]:
    decoder = BatchDecoder(_model(name), torch.float32, "cpu")
    assert (decoder._decoder is None) == (name == "qwen2")
    if not own:
        decoder._decoder = None
    seen: list[torch.Tensor] = []
    say = decoder._say
    monkeypatch.setattr(decoder, "_say", lambda rows, logits: (seen.append(logits.clone()), say(rows, logits))[1])
    decoder.join([Row([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], 6), Row([2, 7, 1], 6)])
    decoder.step()
    decoder.step()
    decoder.join([Row([8, 2, 8], 6)])  # while the others speak
    for _ in range(3):
        decoder.step()
    return seen


@pytest.mark.parametrize("name", FAMILIES)
def test_the_decoder_gives_what_transformers_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _logits(name, monkeypatch, own=False)
    found = _logits(name, monkeypatch, own=True)
    assert len(found) == len(expected) == 7
    for ours, theirs in zip(found, expected, strict=True):
        assert theirs.std() > 0.1
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)
