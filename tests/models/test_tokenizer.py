"""Tokens, with a tiny tokenizer made here and the real ones where they are installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as Inner
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from studio.domain.conversation import Conversation
from studio.errors import AfinaError
from studio.models.chat_template import CHATML, ChatTemplate
from studio.models.tokenizer import Tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A byte-level tokenizer without merges: one token a byte, and three special ones."""
    vocabulary = {letter: index for index, letter in enumerate(sorted(ByteLevel.alphabet()))}
    inner = Inner(BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = ByteLevel(add_prefix_space=False)
    inner.decoder = ByteLevelDecoder()
    inner.add_special_tokens([AddedToken(t, special=True) for t in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    inner.enable_truncation(4)
    inner.save(str(tmp_path / "tokenizer.json"))
    config = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [258]}))
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    return tmp_path


def test_text_comes_back_and_special_tokens_are_one_token_each(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.encode("<|im_start|>ção") == [257, *tokenizer.encode("ção")]
    assert tokenizer.decode(tokenizer.encode("<|im_start|>ção<|im_end|>")) == "ção"
    assert tokenizer.encode_batch(["a", "ção"]) == [tokenizer.encode("a"), tokenizer.encode("ção")]


def test_the_stops_and_the_padding_are_known(folder: Path) -> None:
    tokenizer = Tokenizer.load(folder)
    assert tokenizer.stop_ids == {256, 258}
    assert tokenizer.pad_id == 256


def test_an_example_is_learned_from_the_answer_to_its_end_token(folder: Path) -> None:
    tokenizer, template = Tokenizer.load(folder), ChatTemplate.load(folder)
    example = Conversation.pair("Oi", "Olá")
    encoded = tokenizer.encode_example(template.segments(example), max_length=100)
    prompt = tokenizer.encode(template.prompt(example.prompt))
    assert encoded.input_ids[: len(prompt)] == prompt
    assert encoded.learned == [False] * len(prompt) + [True] * (len("Olá".encode()) + 1)
    assert encoded.input_ids[-1] == 258
    assert not encoded.truncated


def test_a_long_example_is_cut_at_its_end(folder: Path) -> None:
    tokenizer, template = Tokenizer.load(folder), ChatTemplate.load(folder)
    segments = template.segments(Conversation.pair("Oi", "Olá"))
    whole = tokenizer.encode_example(segments, max_length=100)
    cut = tokenizer.encode_example(segments, max_length=10)
    assert cut.truncated
    assert (cut.input_ids, cut.learned) == (whole.input_ids[:10], whole.learned[:10])


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_missing_or_damaged_tokenizer_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(AfinaError) as caught:
        Tokenizer.load(tmp_path)
    assert caught.value.code == "model.no_tokenizer"
