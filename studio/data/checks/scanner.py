"""Facts of examples: every text is looked at once, by all checks; what is known of it is remembered as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

from studio.data.checks import registry
from studio.data.checks.contact_questions import kinds_asked_for
from studio.data.checks.facts import Facts, FactsBuilder, Text, chained, hashed
from studio.data.checks.language_detection import NAMES, language
from studio.data.checks.personal import mask_numbers, possible, spans, told_as_ours
from studio.data.jsonl_codec import dumped
from studio.data.text import plain
from studio.domain.conversation import Conversation, Role

_KNOWN: Final = 200_000  # texts of a generation: answers come again and again; some 400 bytes each
_LONG: Final = 100  # letters of an answer that ends like an export which cuts
_SYSTEM, _USER, _ASSISTANT = Role.SYSTEM.value, Role.USER.value, Role.ASSISTANT.value
_ROLES: Final[dict[str, int]] = {role.value: place for place, role in enumerate(Role)}


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
        return self.scan_lines(map(dumped, conversations))

    def scan_lines(self, lines: Iterable[bytes]) -> Facts:
        """The facts of examples as they lie in a file. Raises ValueError for a line that is none."""
        made = FactsBuilder()
        for place, line in enumerate(lines):
            example = orjson.loads(line)
            turns = [(turn["role"], turn["content"]) for turn in example["messages"]]
            texts = [self._text(role, content, made) for role, content in turns]
            made.rows.append(self._row(example, turns, texts, made))
            for turn, ((role, _), text) in enumerate(zip(turns, texts, strict=True)):
                if role != _SYSTEM:  # the company wrote that
                    for kind, start, end, value, ours in text.values or ():
                        made.values.append((place, turn, kind, role == _USER, ours, start, end, value, 0))
                    for mask, number in text.masks:
                        made.masks[mask] = max(made.masks.get(mask, 0), number)
        return Facts.of(made)

    def _text(self, role: str, content: str, made: FactsBuilder) -> Text:
        """What is known of a text; what its role asks for is worked out when it is first met in that role."""
        place = hash(content)
        known = self._known.get(place)
        key = None
        if known is None:
            known = self._older.get(place)
            if known is None:
                key = plain(content)
                folded, size = content.casefold(), len(content.encode("utf-8", "surrogatepass"))
                if not content.isprintable() or "  " in content:
                    folded = " ".join(folded.split())
                flags = _flags(self._of_texts, content)
                known = Text(hashed(key or content.strip()), hashed(folded), len(key), size, flags)
            if len(self._known) >= _KNOWN:
                self._older, self._known = self._known, {}
            self._known[place] = known
        if known.values is None and role != _SYSTEM:
            self._add_language_and_values(known, content)
        if role == _ASSISTANT and known.answered < 0:
            key = plain(content) if key is None else key
            known.answered = _flags(self._of_answers, content, key)
            made.answers[known.key] = key or content.strip()
        elif role == _USER and known.asked < 0:
            key = plain(content) if key is None else key
            known.asked = _flags(self._of_questions, key)
            known.wanted = sum(1 << self._kinds[code] for code in kinds_asked_for(key))
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

    def _row(
        self, example: dict[str, Any], turns: list[tuple[str, str]], texts: list[Text], made: FactsBuilder
    ) -> tuple[object, ...]:
        say, roles = example.get, [_ROLES[role] for role, _ in turns]
        last = max((k for k, (role, _) in enumerate(turns) if role == _ASSISTANT), default=len(turns))
        asked = [k for k in range(last) if turns[k][0] == _USER]
        end = turns[last][1].rstrip() if last < len(turns) else ""
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
            question.key if len(asked) == 1 else _all_asked([turns[k][1] for k in asked], made),
            answer.key,
            hashed(topic) if topic is not None else 0,
        )


def _all_asked(contents: list[str], made: FactsBuilder) -> int:
    """The hash of what a user says in several turns, or in none."""
    key = " ".join(filter(None, map(plain, contents))) or "\n".join(contents).strip()
    made.questions[found := hashed(key)] = key
    return found


def _flags(tests: list[tuple[int, Callable[..., bool]]], *of: str) -> int:
    flags = 0
    for bit, test in tests:
        if test(*of):
            flags |= bit
    return flags
