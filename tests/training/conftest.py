"""What several tests of training need."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_gemma(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer random Gemma 3 with the files of the tiny Llama."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    folder = tmp_path_factory.mktemp("gemma") / "tiny-gemma"
    shutil.copytree(tiny_model, folder)
    torch.manual_seed(1)
    config = Gemma3TextConfig(
        vocab_size=49152,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        query_pre_attn_scalar=16,
        sliding_window=512,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=512,
        tie_word_embeddings=True,
    )
    model = Gemma3ForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.normal_(0, 0.2)
    model.save_pretrained(folder)
    return folder
