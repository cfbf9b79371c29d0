"""Conversations that a training tool wrote into one text, taken apart again: ChatML, ``[INST]``, Alpaca and relatives."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from studio.data.importing.chat_formats import role_of

Turns = list[dict[str, str]]
_MARK: Final = re.compile(r"<\|im_start\|>|\[INST\]|<\|start_header_id\|>|<start_of_turn>|<\|user\|>|###|\bASSISTANT:")
_END: Final = re.compile(r"<\|(?:im_end|eot_id|end|end_of_text|endoftext)\|>|</?s>|<end_of_turn>|<eos>|<bos>")
_TAGGED: Final = {
    "ChatML": re.compile(r"<\|im_start\|>\s*(\w+)\s*(.*?)(?=<\|im_start\|>|\Z)", re.S),
    "Llama 3": re.compile(
        r"<\|start_header_id\|>\s*(\w+)\s*<\|end_header_id\|>(.*?)(?=<\|start_header_id\|>|\Z)", re.S
    ),
    "Gemma": re.compile(r"<start_of_turn>\s*(\w+)\s*(.*?)(?=<start_of_turn>|\Z)", re.S),
    "Zephyr": re.compile(r"<\|(system|user|assistant)\|>(.*?)(?=<\|(?:system|user|assistant)\|>|\Z)", re.S),
    "### Human": re.compile(
        r"###\s*(Human|User|Assistant|System|Bot|Cliente|Usu[aá]rio|Assistente|Asistente)\s*:(.*?)"
        r"(?=###\s*(?:Human|User|Assistant|System|Bot|Cliente|Usu[aá]rio|Assistente|Asistente)\s*:|\Z)",
        re.S | re.I,
    ),
    "Vicuna": re.compile(r"\b(USER|ASSISTANT):\s(.*?)(?=\b(?:USER|ASSISTANT):\s|\Z)", re.S),
}
_INST: Final = re.compile(r"\[INST\](.*?)\[/INST\](.*?)(?=\[INST\]|\Z)", re.S)
_SYSTEM: Final = re.compile(r"<<SYS>>(.*?)<</SYS>>", re.S)
_ALPACA: Final = re.compile(
    r"###\s*(?:Instructions?|Instru[cç][aã]o|Instrucci[oó]n|Question|Pergunta|Pregunta)\s*:?[ \t]*\n?(.*?)"
    r"(?:###\s*(?:Input|Entrada|Context|Contexto)\s*:?[ \t]*\n?(.*?))?"
    r"###\s*(?:Response|Resposta|Respuesta|Output|Sa[ií]da|Answer)\s*:?[ \t]*\n?(.*)",
    re.S | re.I,
)


@dataclass(frozen=True)
class UnwrappedText:
    """A text taken apart."""

    template: str  # what it was written with, as its makers call it
    turns: Turns  # who says what, with ``role`` and ``content``


def unwrap(text: str) -> UnwrappedText | None:
    """The turns of a text that a template was written into; None for any other text, and where no answer is in it."""
    if _MARK.search(text) is None:
        return None
    for name, split in _TEMPLATES.items():
        turns = [{**turn, "content": _END.sub("", turn["content"]).strip()} for turn in split(text)]
        turns = [turn for turn in turns if turn["content"]]
        if {"user", "assistant"} <= {turn["role"] for turn in turns}:
            return UnwrappedText(name, turns)
    return None


def _tagged(pattern: re.Pattern[str]) -> Callable[[str], Turns]:
    def split(text: str) -> Turns:
        return [{"role": role_of(who) or who, "content": content} for who, content in pattern.findall(text)]

    return split


def _inst(text: str) -> Turns:
    turns: Turns = []
    for asked, answered in _INST.findall(text):
        system = _SYSTEM.search(asked)
        if system is not None:
            turns.append({"role": "system", "content": system[1]})
            asked = asked[: system.start()] + asked[system.end() :]
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return turns


def _alpaca(text: str) -> Turns:
    found = _ALPACA.search(text)
    if found is None:
        return []
    asked = "\n".join(filter(None, (part.strip() for part in (found[1], found[2] or ""))))
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": found[3]}]


_TEMPLATES: Final[dict[str, Callable[[str], Turns]]] = {
    "[INST]": _inst,
    "Alpaca": _alpaca,
    **{name: _tagged(pattern) for name, pattern in _TAGGED.items()},
}
