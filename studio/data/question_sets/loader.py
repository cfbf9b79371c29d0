"""Reads the question sets and checks answers to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain, zip_longest
from typing import Any, Final

from studio.data.text import plain

_LOCALES: Final = ("en", "pt")


@dataclass(frozen=True)
class KnowledgeQuestion:
    """A question of general knowledge or plain conversation."""

    question: str  # what is asked
    accepted: tuple[str, ...]  # words or phrases, one of which is in every right answer

    def is_right(self, answer: str) -> bool:
        """Whether one of the accepted phrases stands in an answer as whole words; case and accents do not count."""
        words = f" {plain(answer)} "
        return any(f" {plain(phrase)} " in words for phrase in self.accepted)


@dataclass(frozen=True)
class OutOfScopeQuestion:
    """A question that the examples of a company do not answer.

    Args:
        question: what is asked.
        kind: why it cannot be answered: ``other_company``, ``medicine``, ``law``, ``instructions`` (tries to change
            what the chatbot does), ``insult``, ``nonsense``, ``unknowable`` or ``other_task``.
    """

    question: str
    kind: str


@cache
def knowledge_questions(locale: str) -> tuple[KnowledgeQuestion, ...]:
    """The sixty questions of general knowledge in a language; in English where there are none in it."""
    rows = _read("general_knowledge", locale)
    return tuple(KnowledgeQuestion(row["question"], tuple(row["accepted"])) for row in rows)


@cache
def out_of_scope_questions(locale: str) -> tuple[OutOfScopeQuestion, ...]:
    """The sixty questions beyond any company's examples in a language; in English where there are none in it.

    Their kinds take turns, so that the first of them hold as many of each.
    """
    kinds: dict[str, list[str]] = _read("out_of_scope", locale)
    by_kind = [[OutOfScopeQuestion(question, kind) for question in questions] for kind, questions in kinds.items()]
    return tuple(filter(None, chain.from_iterable(zip_longest(*by_kind))))


def _read(name: str, locale: str) -> Any:
    language = locale if locale in _LOCALES else _LOCALES[0]
    return json.loads(files(__package__).joinpath(f"{name}.{language}.json").read_text(encoding="utf-8"))
