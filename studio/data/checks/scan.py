"""Facts of examples: every text is looked at once, by all checks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from studio.data.checks.facts import Facts, File, hashed
from studio.data.checks.personal import mask_numbers, spans, told_as_ours
from studio.data.text import plain
from studio.domain.conversation import Conversation, Message, Role

_KNOWN: Final = 5_000  # texts remembered: answers come again and again
_SYSTEM, _USER, _ASSISTANT = Role.SYSTEM, Role.USER, Role.ASSISTANT  # a look-up in an enumeration takes a while
_LONG: Final = 100  # letters of an answer that ends like an export which cuts


class Example:
    """An example as a check of single examples sees it.

    Args:
        conversation: the example.
        question: the last thing the user says before the last answer.
        answer: the last answer.
        asked: what the user says before the last answer, turn by turn, as compared.
        answer_key: the last answer, as compared.
    """

    __slots__ = ("answer", "answer_key", "asked", "conversation", "question")

    def __init__(
        self, conversation: Conversation, question: str, answer: str, asked: list[str], answer_key: str
    ) -> None:
        self.conversation = conversation
        self.question = question
        self.answer = answer
        self.asked = asked
        self.answer_key = answer_key


class _Text:
    """What is known of one text."""

    __slots__ = ("flags", "folded", "key", "key_hash", "language", "masks", "size", "values")

    def __init__(self, text: str, flags: int) -> None:
        self.flags = flags
        self.key = plain(text)
        self.key_hash = 0
        self.folded = text.casefold()
        if "\n" in text or "\t" in text or "  " in text:
            self.folded = " ".join(self.folded.split())
        self.language = -1
        self.masks: list[tuple[str, int]] | None = None
        self.values: list[tuple[int, int, int, int, bool]] | None = None
        self.size = len(text.encode("utf-8", "surrogatepass"))


class Scanner:
    """Makes facts. One scanner serves one thread; it remembers texts from block to block."""

    def __init__(self) -> None:
        from studio.data.checks import CHECKS
        from studio.data.checks.languages import NAMES, language
        from studio.data.checks.personal import kinds

        self._of_texts = [(1 << place, check.text) for place, check in enumerate(CHECKS) if check.text is not None]
        self._of_examples = [
            (1 << place, check.example) for place, check in enumerate(CHECKS) if check.example is not None
        ]
        self._kinds = {kind.code: place for place, kind in enumerate(kinds())}
        self._language = language
        self._languages = {"": 0} | {name: place for place, name in enumerate(NAMES, start=1)}
        self._known: dict[str, _Text] = {}

    def scan(self, conversations: Iterable[Conversation]) -> Facts:
        """The facts of some examples."""
        rows: list[tuple[object, ...]] = []
        values: list[tuple[object, ...]] = []
        questions: dict[int, str] = {}
        answers: dict[int, str] = {}
        files: dict[File, int] = {}
        masks: dict[str, int] = {}
        for place, conversation in enumerate(conversations):
            texts = [self._text(message.content) for message in conversation.messages]
            rows.append(self._row(conversation, texts, questions, answers, files))
            for turn, (message, text) in enumerate(zip(conversation.messages, texts, strict=True)):
                if message.role is not _SYSTEM:
                    self._note_values(place, turn, message, text, values, masks)
        return Facts.of(rows, values, questions, answers, list(files), masks)

    def _text(self, content: str) -> _Text:
        known = self._known.get(content)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            flags = 0
            for bit, test in self._of_texts:
                if test(content):
                    flags |= bit
            known = self._known[content] = _Text(content, flags)
        return known

    def _row(
        self,
        conversation: Conversation,
        texts: list[_Text],
        questions: dict[int, str],
        answers: dict[int, str],
        files: dict[File, int],
    ) -> tuple[object, ...]:
        messages = conversation.messages
        roles = [message.role for message in messages]
        last = len(messages) - 1
        while last >= 0 and roles[last] is not _ASSISTANT:
            last -= 1
        last = last if last >= 0 else len(messages)
        asked = [k for k in range(last) if roles[k] is _USER]
        question = asked[-1] if asked else None
        said = messages[last].content if last < len(messages) else ""
        answer = texts[last] if last < len(messages) else self._text("")
        example = Example(
            conversation,
            messages[question].content if question is not None else "",
            said,
            [texts[k].key for k in asked],
            answer.key,
        )
        flags = 0
        for text in texts:
            flags |= text.flags
        for bit, test in self._of_examples:
            if test(example):
                flags |= bit
        lines = [roles[k] + ":" + (texts[k].key or messages[k].content) for k in range(last)]
        key = " ".join(k for k in example.asked if k) or "\n".join(messages[k].content for k in asked).strip()
        question_hash, answer_key = hashed(key), answer.key or said.strip()
        questions[question_hash] = key
        answer.key_hash = answer.key_hash or hashed(answer_key)
        answers[answer.key_hash] = answer_key
        end = said.rstrip()
        source = conversation.source
        held_out = conversation.held_out is True
        turns = "\x1f".join([role + "\x1e" + text.folded for role, text in zip(roles, texts, strict=True)])
        return (
            flags,
            held_out,
            conversation.reworded_from is not None,
            self._spoken(texts[question], example.question) if question is not None else 0,
            self._spoken(answer, said),
            len(end) >= _LONG and end[-1].isalnum(),
            len(end),
            sum(text.size for text in texts),
            -1 if source is None else files.setdefault((source.file, source.sheet), len(files)),
            0 if source is None else source.row,
            hashed(f"{held_out}{turns}"),
            hashed("\n".join(lines)) if lines else 0,
            hashed("\n".join(lines[:-1])) if len(lines) > 1 else 0,
            question_hash,
            answer.key_hash,
            hashed(conversation.topic) if conversation.topic is not None else 0,
        )

    def _spoken(self, text: _Text, content: str) -> int:
        if text.language < 0:
            text.language = self._languages[self._language(content)]
        return text.language

    def _note_values(
        self,
        place: int,
        turn: int,
        message: Message,
        text: _Text,
        values: list[tuple[object, ...]],
        masks: dict[str, int],
    ) -> None:
        if text.values is None:
            content = message.content
            text.values = [
                (self._kinds[k.code], s.start, s.end, hashed(s.value), told_as_ours(content, k, s))
                for k, s in spans(content)
            ]
            text.masks = mask_numbers(content)
        for kind, start, end, value, ours in text.values:
            values.append((place, turn, kind, message.role is _USER, ours, start, end, value))
        for mask, number in text.masks or ():
            masks[mask] = max(masks.get(mask, 0), number)
