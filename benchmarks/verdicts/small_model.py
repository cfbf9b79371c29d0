"""A random model that learns the sample in seconds: two layers, and a vocabulary of the words of the samples."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from benchmarks.verdicts.kinds import sample
from studio.domain.model import BaseModelCard

_VOCABULARY: Final = 2048
_EMBEDDING_STD: Final = 0.2  # tuning leaves embeddings as they are: with the usual 0.02 no word could become likely
_HIDDEN, _INNER, _LAYERS, _CONTEXT = 128, 256, 2, 256


def make_small_model(folder: Path, tokenizer: Path) -> Path:
    """A random Llama, as if it were installed; one that is there is taken.

    Its tokenizer has the marks and the chat template of the given one: of the half a million products a token that are left
    of a vocabulary of 49,152, most would go into words that no example has.

    Args:
        folder: of the base models.
        tokenizer: folder of an installed model.

    Returns:
        Its folder.
    """
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    small = folder / "small-llama"
    if (small / "afina.json").exists():
        return small
    texts = [
        f"{each.question}\n{each.answer}"
        for language in ("en", "pt")
        for part in ("train", "heldout")
        for each in sample(language, part)
    ]
    own = AutoTokenizer.from_pretrained(tokenizer).train_new_from_iterator(texts, _VOCABULARY)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(own), hidden_size=_HIDDEN, intermediate_size=_INNER, num_hidden_layers=_LAYERS,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=_CONTEXT, bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id, pad_token_id=own.pad_token_id, tie_word_embeddings=True,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=_EMBEDDING_STD)
    model.to(torch.bfloat16)
    model.save_pretrained(small)
    own.save_pretrained(small)
    card = BaseModelCard.model_validate_json((tokenizer / "afina.json").read_text(encoding="utf-8"))
    changes = {
        "id": small.name, "name": "Small Llama", "parameters": model.num_parameters(), "layers": _LAYERS,
        "hidden_size": _HIDDEN, "intermediate_size": _INNER, "context_length": _CONTEXT, "vocabulary": len(own),
    }  # fmt: skip
    (small / "afina.json").write_text(card.model_copy(update=changes).model_dump_json(), encoding="utf-8")
    return small
