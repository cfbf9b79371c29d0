"""Facts of examples: every text is looked at once, by all checks; what is known of it is remembered as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import orjson

from studio.data.checks import registry
from studio.data.checks.contact_questions import kinds_asked_for
from studio.data.checks.facts import Facts, File, chained, hashed
from studio.data.checks.language_detection import NAMES, language
from studio.data.checks.personal import mask_numbers, possible, spans, told_as_ours
from studio.data.checks.text_facts import Text
from studio.data.text import plain
from studio.domain.conversation import Conversation, Role

_KNOWN: Final = 200_000  # texts of a generation: answers come again and again; some 400 bytes each
_LONG: Final = 100  # letters of an answer that ends like an export which cuts
_SYSTEM, _USER, _ASSISTANT = Role.SYSTEM.value, Role.USER.value, Role.ASSISTANT.value
_PLACES: Final[dict[str, int]] = {role.value: place for place, role in enumerate(Role)}


def wanted_bits(places: dict[str, int], key: str) -> int:
    """The kinds of personal data that a question asks for, a bit each.

    Args:
        places: of the kinds, by their codes.
        key: the plain form of the question.
    """
    return sum(1 << places[code] for code in kinds_asked_for(key))


class _Example(NamedTuple):
    """An example as it is scanned: of a model, or of a line of a file."""

    turns: list[tuple[str, str]]
    held_out: bool
    reworded: bool
    topic: str | None
    file: File | None
    row: int


class Scanner:
    """Makes facts. One scanner serves one thread; it remembers texts from block to block.

    The text of a question or an answer is given once: later facts of the same scanner may have its hash alone.
    """

    def __init__(self) -> None:
        bits = [(1 << place, check) for place, check in enumerate(registry.CHECKS)]
        self._of_texts = [(bit, check.text) for bit, check in bits if check.text is not None]
        self._of_answers = [(bit, check.answer) for bit, check in bits if check.answer is not None]
        self._of_questions = [(bit, check.asked) for bit, check in bits if check.asked is not None]
        self._of_pairs = [(bit, check.pair) for bit, check in bits if check.pair is not None]
        self._kinds = {kind.code: place for place, kind in enumerate(registry.KINDS)}
        self._languages = {"": 0} | {name: place for place, name in enumerate(NAMES, start=1)}
        self._known: dict[int, Text] = {}
        self._older: dict[int, Text] = {}

    def scan(self, conversations: Iterable[Conversation]) -> Facts:
        """The facts of some examples."""
        return self._facts(map(_of_model, conversations))

    def scan_lines(self, lines: Iterable[bytes]) -> Facts:
        """The facts of examples as they lie in a file. Raises ValueError for a line that is none."""
        return self._facts(map(_of_line, lines))

    def _facts(self, examples: Iterable[_Example]) -> Facts:
        made = FactsBuilder()
        for place, example in enumerate(examples):
            texts = [self._text(role, content, made) for role, content in example.turns]
            made.rows.append(self._row(example, texts, made))
            for turn, text in enumerate(texts):
                if text.values or text.masks:
                    made.note(place, turn, example.turns[turn][0], text)
        return Facts.of(made.rows, made.values, made.questions, made.answers, list(made.files), made.masks)

    def _remember(self, place: int, text: Text) -> None:
        if len(self._known) >= _KNOWN:
            self._older, self._known = self._known, {}
        self._known[place] = text

    def _text(self, role: str, content: str, made: FactsBuilder) -> Text:
        """What is known of a text; what its role asks for is worked out when it is first met in that role."""
        place = hash(content)
        known = self._known.get(place)
        key = None
        if known is None:
            known = self._older.get(place)
            if known is None:
                key = plain(content)
                known = Text.of(content, key, _flags(self._of_texts, content))
            self._remember(place, known)
        if known.values is None and role != _SYSTEM:
            self._add_language_and_values(known, content)
        if role == _ASSISTANT and known.answered < 0:
            key = plain(content) if key is None else key
            known.answered = _flags(self._of_answers, content, key)
            made.answers[known.key] = key or content.strip()
        elif role == _USER and known.asked < 0:
            key = plain(content) if key is None else key
            known.asked = _flags(self._of_questions, key)
            known.wanted = wanted_bits(self._kinds, key)
            made.questions[known.key] = key or content.strip()
        return known

    def _add_language_and_values(self, text: Text, content: str) -> None:
        """Adds what is wanted of texts that somebody says: language, masks, values of personal data."""
        text.language = self._languages[language(content)]
        text.masks = mask_numbers(content)
        text.values = tuple(
            (self._kinds[k.code], s.start, s.end, hashed(s.value), told_as_ours(content, k, s))
            for k, s in spans(content, possible(content, registry.KINDS))
        )

    def _row(self, example: _Example, texts: list[Text], made: FactsBuilder) -> tuple[object, ...]:
        turns = example.turns
        roles = [_PLACES[role] for role, _ in turns]
        last = len(turns) - 1
        while last >= 0 and turns[last][0] != _ASSISTANT:
            last -= 1
        last = last if last >= 0 else len(turns)
        asked = [k for k in range(last) if turns[k][0] == _USER]
        said = turns[last][1] if last < len(turns) else ""
        answer = texts[last] if last < len(turns) else self._text(_ASSISTANT, "", made)
        flags, wanted = answer.answered, 0
        for text in texts:
            flags |= text.flags
        if asked:
            question = texts[asked[-1]]
            greeting = question.asked
            for k in asked:
                greeting &= texts[k].asked
                wanted |= texts[k].wanted
            flags |= greeting
            for bit, test in self._of_pairs:
                if test(question, answer):
                    flags |= bit
        lines = [item for k in range(last) for item in (roles[k], texts[k].key)]
        end = said.rstrip()
        return (
            flags,
            example.held_out,
            example.reworded,
            question.language if asked else 0,
            answer.language,
            wanted,
            len(end) >= _LONG and end[-1].isalnum(),
            len(end),
            sum([text.size for text in texts]),
            -1 if example.file is None else made.files.setdefault(example.file, len(made.files)),
            example.row,
            chained([example.held_out, *roles, *[text.folded for text in texts]]),
            chained(lines) if lines else 0,
            chained(lines[:-2]) if len(lines) > 2 else 0,
            question.key if len(asked) == 1 else made.asked([turns[k][1] for k in asked]),
            answer.key,
            hashed(example.topic) if example.topic is not None else 0,
        )


class FactsBuilder:
    """The facts that are being made."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []
        self.values: list[tuple[object, ...]] = []
        self.questions: dict[int, str] = {}
        self.answers: dict[int, str] = {}
        self.files: dict[File, int] = {}
        self.masks: dict[str, int] = {}

    def note(self, place: int, turn: int, role: str, text: Text) -> None:
        """Takes the personal data of a turn, but not of the system's, which the company wrote."""
        if role == _SYSTEM:
            return
        for kind, start, end, value, ours in text.values or ():
            self.values.append((place, turn, kind, role == _USER, ours, start, end, value))
        for mask, number in text.masks:
            self.masks[mask] = max(self.masks.get(mask, 0), number)

    def asked(self, contents: list[str]) -> int:
        """The hash of what a user says in several turns, or in none."""
        key = " ".join(filter(None, map(plain, contents))) or "\n".join(contents).strip()
        found = hashed(key)
        self.questions[found] = key
        return found


def _flags(tests: list[tuple[int, Callable[..., bool]]], *of: str) -> int:
    flags = 0
    for bit, test in tests:
        if test(*of):
            flags |= bit
    return flags


def _of_model(conversation: Conversation) -> _Example:
    source = conversation.source
    return _Example(
        [(message.role, message.content) for message in conversation.messages],
        conversation.held_out is True,
        conversation.reworded_from is not None,
        conversation.topic,
        None if source is None else (source.file, source.sheet),
        0 if source is None else source.row,
    )


def _of_line(line: bytes) -> _Example:
    found: dict[str, Any] = orjson.loads(line)
    say = found.get
    source = say("source")
    return _Example(
        [(message["role"], message["content"]) for message in found["messages"]],
        say("held_out") is True,
        say("reworded_from") is not None,
        say("topic"),
        None if source is None else (source["file"], source.get("sheet")),
        0 if source is None else source["row"],
    )
