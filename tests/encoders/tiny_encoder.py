"""A sentence encoder of a few thousand weights, and examples that only a tuned one tells apart."""

from __future__ import annotations

import random
from pathlib import Path

from studio.domain.conversation import Conversation

_FILLERS = [f"f{n}" for n in range(40)]
_ANSWERS, _WORDINGS = 8, 8


def make(folder: Path) -> None:
    """Writes a random BERT of four layers. The words that tell the answers apart are the same to it, by answer."""
    import torch
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel

    names = ["[UNK]", "[PAD]", *_FILLERS, *(f"meaning{answer}" for answer in range(_ANSWERS))]
    tokenizer = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, "[UNK]"))
    same = [
        normalizers.Replace(Regex("|".join(_word(answer, wording) for wording in range(_WORDINGS))), f"meaning{answer}")
        for answer in range(_ANSWERS)
    ]
    tokenizer.normalizer = normalizers.Sequence(same)
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(names),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=256,
        max_position_embeddings=130,
        pad_token_id=1,
    )
    folder.mkdir(parents=True, exist_ok=True)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def examples() -> list[Conversation]:
    """Questions of eight answers: a word that no other question has, among words that say nothing."""
    dice = random.Random(0)
    return [
        Conversation.pair(
            " ".join([_word(answer, wording), *dice.sample(_FILLERS, 5)]), f"answer {answer}", id=f"e{answer}-{wording}"
        )
        for answer in range(_ANSWERS)
        for wording in range(_WORDINGS)
    ]


def _word(answer: int, wording: int) -> str:
    """A word without any letters in common with the others of its answer, to speak of."""
    return "".join(random.Random(100 * answer + wording).choices("bcdghjklmnpqrstvwxyz", k=7))
