"""The tokenizer of a model as llama.cpp needs it: words, kinds, merges or scores, special tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import gguf

from studio.domain.conversation import Message, Role
from studio.errors import AfinaError
from studio.models.chat_template import END_OF_TURN, ChatTemplate
from studio.models.json_file import read_object
from studio.models.tokenizer import Tokenizer

_CONTRACTIONS: Final = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
_REST: Final = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
# llama.cpp knows ways to split a text by name, not by pattern: `llama-vocab.cpp`, llm_tokenizer_bpe.
_PATTERNS: Final = {
    _CONTRACTIONS + r"\p{N}{1,3}" + _REST: "llama-bpe",
    _CONTRACTIONS + r"\p{N}" + _REST: "qwen2",
}
_SENTINEL: Final = "\u241ebos\u241e"


@dataclass(frozen=True)
class Vocabulary:
    """The tokenizer of a model.

    Args:
        model_dir: with ``tokenizer.json`` and its settings.
    """

    model_dir: Path

    def require(self) -> None:
        """Refuses tokenizers that llama.cpp would split texts otherwise with.

        Raises:
            AfinaError: ``export.gguf_tokenizer``.
        """
        if self._model.get("type") != "BPE":
            raise AfinaError("export.gguf_tokenizer", name=str(self._model.get("type"))[:40])
        if not self._is_sentencepiece:
            self._splitter()

    def describe(self, writer: gguf.GGUFWriter, rows: int) -> None:
        """Writes words, merges or scores, special tokens and what of them is added to a text.

        Args:
            writer: of the file.
            rows: of the embedding; what the tokenizer has no word for is marked as unused.
        """
        words, kinds = self._words(rows)
        if self._is_sentencepiece:
            writer.add_tokenizer_model("llama")
            writer.add_tokenizer_pre("default")
            writer.add_token_scores(self._scores(words))
            writer.add_add_space_prefix(self._adds_space)
        else:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre(self._splitter())
            writer.add_token_merges([" ".join(pair) for pair in self._merges])
        writer.add_token_list(words)
        writer.add_token_types(kinds)
        for name, add in (
            ("bos_token", writer.add_bos_token_id),
            ("eos_token", writer.add_eos_token_id),
            ("unk_token", writer.add_unk_token_id),
            ("pad_token", writer.add_pad_token_id),
        ):
            token = self._id(read_object(self.model_dir / "tokenizer_config.json").get(name))
            if token is not None:
                add(token)
        if self.end_of_turn is not None:
            writer.add_eot_token_id(self.end_of_turn)
        writer.add_add_bos_token(self.begins_with_bos)
        writer.add_add_eos_token(False)

    @cached_property
    def end_of_turn(self) -> int | None:
        """The token that ends an answer: the one of the chat template, or of the text."""
        source = ChatTemplate.load(self.model_dir).source
        ids = {text: self._id(text) for text in END_OF_TURN if text in source}
        found = [token for token in ids.values() if token is not None]
        return found[0] if found else self._id(ChatTemplate.load(self.model_dir).eos)

    @cached_property
    def begins_with_bos(self) -> bool:
        """Whether the chat template begins a prompt with the begin-of-text token, which llama.cpp then adds itself."""
        template = ChatTemplate.load(self.model_dir)
        marked = ChatTemplate(template.source, bos=_SENTINEL, eos=template.eos, name=template.name)
        return marked.prompt([Message(role=Role.USER, content="?")]).startswith(_SENTINEL)

    @cached_property
    def stop_words(self) -> list[str]:
        """The texts of the tokens that end an answer."""
        tokenizer = Tokenizer.load(self.model_dir)
        return sorted(text for token in tokenizer.stop_ids if (text := tokenizer.inner.id_to_token(token)))

    def _words(self, rows: int) -> tuple[list[str], list[int]]:
        types = gguf.TokenType
        added = {entry["id"]: entry for entry in self._json.get("added_tokens") or ()}
        by_id = {token: word for word, token in self._model["vocab"].items()}
        by_id |= {token: entry["content"] for token, entry in added.items()}
        unknown = self._model.get("unk_token")
        words, kinds = [], []
        for token in range(rows):
            word = by_id.get(token)
            words.append(word if word is not None else f"[PAD{token}]")
            if word is None:
                kinds.append(types.UNUSED)
            elif token in added:
                kinds.append(types.CONTROL if added[token]["special"] else types.USER_DEFINED)
            elif self._is_sentencepiece and word == unknown:
                kinds.append(types.UNKNOWN)
            elif self._is_sentencepiece and len(word) == 6 and word.startswith("<0x"):
                kinds.append(types.BYTE)
            else:
                kinds.append(types.NORMAL)
        return words, kinds

    def _scores(self, words: list[str]) -> list[float]:
        """SentencePiece joins the pair whose whole has the highest score; a merge that comes earlier has a higher one."""
        scores: dict[str, float] = {}
        for rank, (left, right) in enumerate(self._merges):
            scores.setdefault(left + right, -float(rank))
        lowest = -float(len(self._merges))
        return [scores.get(word, lowest) for word in words]

    def _splitter(self) -> str:
        """llama.cpp's name for how a text is split before its words are looked for.

        Raises:
            AfinaError: ``export.gguf_tokenizer``.
        """
        splitter = self._json.get("pre_tokenizer") or {}
        parts = splitter.get("pretokenizers", [splitter])
        match [part.get("type") for part in parts]:
            case ["Digits", "ByteLevel"] if parts[0].get("individual_digits") and parts[1].get("use_regex"):
                return "smollm"
            case ["ByteLevel"] if parts[0].get("use_regex"):
                return "gpt-2"
            case ["Split", "ByteLevel"]:
                pattern = str((parts[0].get("pattern") or {}).get("Regex"))
                if pattern in _PATTERNS:
                    return _PATTERNS[pattern]
        raise AfinaError("export.gguf_tokenizer", name=", ".join(str(part.get("type")) for part in parts)[:80])

    @cached_property
    def _json(self) -> dict[str, Any]:
        values = json.loads((self.model_dir / "tokenizer.json").read_text(encoding="utf-8"))
        return dict(values)

    @property
    def _model(self) -> dict[str, Any]:
        return dict(self._json["model"])

    @cached_property
    def _merges(self) -> list[list[str]]:
        """Pairs, the one that is joined first at the beginning; older files write them as one text."""
        merges = self._model["merges"]
        return [merge.split(" ", 1) if isinstance(merge, str) else list(merge) for merge in merges]

    @property
    def _is_sentencepiece(self) -> bool:
        return bool(self._model.get("byte_fallback"))

    @property
    def _adds_space(self) -> bool:
        """Whether a text is read as if it began with a space."""
        return any(
            part.get("type") == "Prepend" or part.get("prepend_scheme") in ("always", "first")
            for place in ("normalizer", "pre_tokenizer")
            for part in _parts(self._json.get(place) or {})
        )

    def _id(self, token: Any) -> int | None:
        text = token.get("content") if isinstance(token, dict) else token
        return Tokenizer.load(self.model_dir).inner.token_to_id(text) if isinstance(text, str) and text else None


def _parts(step: dict[str, Any]) -> list[dict[str, Any]]:
    return list(step.get("normalizers") or step.get("pretokenizers") or [step])
