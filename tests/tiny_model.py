"""A model that is made and trained in moments, with everything that an installed one has."""

from __future__ import annotations

import shutil
from pathlib import Path


def make(folder: Path, source: Path) -> None:
    """Makes a two-layer random Llama.

    Args:
        folder: where; its name is ``tiny-llama``.
        source: folder of SmolLM2, whose tokenizer it has.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from studio.models.catalog import builtin_cards

    folder.mkdir()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(source / name, folder / name)
    card = next(card for card in builtin_cards() if card.id == source.name).model_copy(
        update={
            "id": "tiny-llama",
            "name": "Tiny Llama",
            "parameters": 3_300_000,
            "layers": 2,
            "hidden_size": 64,
            "intermediate_size": 128,
            "context_length": 512,
        }
    )
    (folder / "afina.json").write_text(card.model_dump_json(), encoding="utf-8")
