"""Facts of examples: every text is looked at once, by all checks; what is known of it is remembered as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import orjson

from studio.data.checks import registry
from studio.data.checks.contact_questions import kinds_asked_for
from studio.data.checks.facts import Facts, FactsBuilder, Text, chained, hashed
from studio.data.checks.language_detection import NAMES, language
from studio.data.checks.personal import is_company_value, mask_numbers, spans
from studio.data.jsonl_codec import dumped
from studio.data.text import plain
from studio.domain.conversation import Conversation, Role

_REMEMBERED: Final = 50_000  # texts, of which answers come again and again
_LONG: Final = 100  # letters of an answer that ends like an export which cuts
_SYSTEM, _USER, _ASSISTANT = Role.SYSTEM.value, Role.USER.value, Role.ASSISTANT.value
_ROLES: Final[dict[str, int]] = {role.value: place for place, role in enumerate(Role)}


class Scanner:
    """Makes facts. One scanner serves one thread; it remembers texts from block to block."""

    def __init__(self) -> None:
        bits = [(1 << place, check) for place, check in enumerate(registry.CHECKS)]
        self._of_texts = [(bit, check.text) for bit, check in bits if check.text is not None]
        self._of_answers = [(bit, check.answer) for bit, check in bits if check.answer is not None]
        self._of_questions = [(bit, check.asked) for bit, check in bits if check.asked is not None]
        self._of_pairs = [(bit, check.pair) for bit, check in bits if check.pair is not None]
        self._kinds = {kind.code: place for place, kind in enumerate(registry.KINDS)}
        self._languages = {"": 0} | {name: place for place, name in enumerate(NAMES, start=1)}
        self._text = lru_cache(_REMEMBERED)(self._read)

    def scan(self, conversations: Iterable[Conversation]) -> Facts:
        """The facts of some examples."""
        return self.scan_lines(map(dumped, conversations))

    def scan_lines(self, lines: Iterable[bytes]) -> Facts:
        """The facts of examples as they lie in a file. Raises ValueError for a line that is none."""
        made = FactsBuilder()
        for place, line in enumerate(lines):
            example = orjson.loads(line)
            turns = [(turn["role"], turn["content"]) for turn in example["messages"]]
            texts = [self._text(role, content) for role, content in turns]
            made.rows.append(self._row(example, turns, texts, made))
            for turn, ((role, _), text) in enumerate(zip(turns, texts, strict=True)):
                if role != _SYSTEM:  # the company wrote that
                    for kind, start, end, value, ours in text.values:
                        made.values.append((place, turn, kind, role == _USER, ours, start, end, value, 0))
                    for mask, number in text.masks:
                        made.masks[mask] = max(made.masks.get(mask, 0), number)
        return Facts.of(made)

    def _read(self, role: str, content: str) -> Text:
        """What is known of a text that somebody says in a role."""
        key = plain(content)
        spoken = role != _SYSTEM
        return Text(
            key=hashed(key or content.strip()),
            compared=key or content.strip(),
            folded=hashed(" ".join(content.casefold().split())),
            letters=len(key),
            size=len(content.encode("utf-8", "surrogatepass")),
            flags=_flags(self._of_texts, content),
            flags_as_answer=_flags(self._of_answers, content, key) if role == _ASSISTANT else 0,
            flags_as_question=_flags(self._of_questions, key) if role == _USER else 0,
            wanted=sum(1 << self._kinds[code] for code in kinds_asked_for(key)) if role == _USER else 0,
            language=self._languages[language(content)] if spoken else 0,
            values=tuple(
                (
                    self._kinds[kind.code],
                    span.start,
                    span.end,
                    hashed(span.value),
                    is_company_value(content, kind, span),
                )
                for kind, span in (spans(content, registry.KINDS) if spoken else ())
            ),
            masks=mask_numbers(content) if spoken else (),
        )

    def _row(
        self, example: dict[str, Any], turns: list[tuple[str, str]], texts: list[Text], made: FactsBuilder
    ) -> tuple[object, ...]:
        say, roles = example.get, [_ROLES[role] for role, _ in turns]
        last = max((k for k, (role, _) in enumerate(turns) if role == _ASSISTANT), default=len(turns))
        asked = [k for k in range(last) if turns[k][0] == _USER]
        end = turns[last][1].rstrip() if last < len(turns) else ""
        answer = texts[last] if last < len(turns) else self._text(_ASSISTANT, "")
        made.answers[answer.key] = answer.compared
        flags, wanted = answer.flags_as_answer, 0
        for text in texts:
            flags |= text.flags
        if asked:
            question = texts[asked[-1]]
            greeting = question.flags_as_question
            for k in asked:
                greeting &= texts[k].flags_as_question
                wanted |= texts[k].wanted
            flags |= greeting
            for bit, test in self._of_pairs:
                if test(question, answer):
                    flags |= bit
        lines = [item for k in range(last) for item in (roles[k], texts[k].key)]
        topic, source = say("topic"), say("source")
        file = made.files.setdefault((source["file"], source.get("sheet")), len(made.files)) if source else -1
        return (
            flags,
            say("held_out") is True,
            say("reworded_from") is not None,
            question.language if asked else 0,
            answer.language,
            wanted,
            len(end) >= _LONG and end[-1].isalnum(),
            len(end),
            sum([text.size for text in texts]),
            file,
            source["row"] if source else 0,
            chained([say("held_out") is True, *roles, *[text.folded for text in texts]]),
            chained(lines) if lines else 0,
            chained(lines[:-2]) if len(lines) > 2 else 0,
            _question_key([texts[k] for k in asked], made),
            answer.key,
            hashed(topic) if topic is not None else 0,
        )


def _question_key(texts: list[Text], made: FactsBuilder) -> int:
    """The hash of what a user says in one turn, several or none."""
    compared = " ".join(text.compared for text in texts)
    key = texts[0].key if len(texts) == 1 else hashed(compared)
    made.questions[key] = compared
    return key


def _flags(tests: list[tuple[int, Callable[..., bool]]], *of: str) -> int:
    flags = 0
    for bit, test in tests:
        if test(*of):
            flags |= bit
    return flags
