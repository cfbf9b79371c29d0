"""What a scanner knows of many texts after one glance of compiled code: most of them need no second one."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import xxhash

from studio.data.checks.facts import hashed
from studio.data.checks.fast_scan_kernel import FastScanner
from studio.data.checks.language_detection import NAMES, SMALL_WORDS, TYPICAL
from studio.data.checks.personal import Kind, mask_numbers, spans, told_as_ours
from studio.data.checks.prefilter import Prefilter
from studio.data.checks.registry import CHECKS, KINDS
from studio.data.checks.scanner import FactsBuilder, wanted_bits
from studio.data.checks.text_facts import Text, folded_hash
from studio.data.text import western
from studio.domain.conversation import Role

_ANY: Final = 1 << 62  # the bit of what needs no hint
_MASKED: Final = Prefilter("[")
_SYSTEM, _USER, _ASSISTANT = Role.SYSTEM.value, Role.USER.value, Role.ASSISTANT.value


class BatchScanner:
    """Looks at texts as :class:`studio.data.checks.scanner.Scanner` does; see :data:`studio.data.checks.scanner.Prescan`."""

    def __init__(self) -> None:
        self._hints: list[Prefilter] = []
        self._masks = self._bit(_MASKED)
        bits = [(1 << place, check, self._bit(check.hint)) for place, check in enumerate(CHECKS)]
        self._texts = [(bit, check.text, hint) for bit, check, hint in bits if check.text is not None]
        self._answers = [(bit, check.answer, hint) for bit, check, hint in bits if check.answer is not None]
        self._questions = [(bit, check.asked) for bit, check, _ in bits if check.asked is not None]
        self._kinds = [(kind, place, self._bit(kind.hint)) for place, kind in enumerate(KINDS)]
        self._of_kinds = sum({hint for _, _, hint in self._kinds} - {_ANY})
        self._few = min(kind.digits for kind, _, _ in self._kinds if kind.hint is None)
        self._places = {kind.code: place for kind, place, _ in self._kinds}

    def __call__(self, texts: dict[str, str], made: FactsBuilder) -> Iterator[tuple[str, Text]]:
        """Yields what is known of each text; nothing for those with letters that the glance does not know."""
        coded = [(content, role, found) for content, role in texts.items() if (found := western(content)) is not None]
        seen = self._glance.look([found for _, _, found in coded])
        begin = folded_begin = 0
        columns = (seen.plain_ends, seen.folded_ends, seen.known, seen.hints, seen.digits, seen.languages)
        for (content, role, found), end, folded_end, known, hints, digits, language in zip(
            coded, *columns, strict=True
        ):
            key, begin = seen.plain[begin:end], end
            folded, folded_begin = seen.folded[folded_begin:folded_end], folded_end
            if not known:
                continue
            hints |= _ANY
            text = Text(
                (xxhash.xxh3_64_intdigest(key) or 1) if key else hashed(content.strip()),
                (xxhash.xxh3_64_intdigest(folded) or 1) if folded else folded_hash(content),
                len(key),
                len(found) if content.isascii() else len(content.encode()),
                self._flags(content, hints),
            )
            if role != _SYSTEM:
                text.language = language
                text.masks = mask_numbers(content) if hints & self._masks else ()
                text.values = self._values(content, hints, digits)
            self._in_role(text, role, content, key.decode("ascii"), hints, made)
            yield content, text

    def _in_role(self, text: Text, role: str, content: str, key: str, hints: int, made: FactsBuilder) -> None:
        if role == _ASSISTANT:
            text.answered = 0
            for bit, test, hint in self._answers:
                if hints & hint and test(content, key):
                    text.answered |= bit
            made.answers[text.key] = key or content.strip()
        elif role == _USER:
            text.asked = 0
            for bit, asked in self._questions:
                if asked(key):
                    text.asked |= bit
            text.wanted = wanted_bits(self._places, key)
            made.questions[text.key] = key or content.strip()

    def _flags(self, content: str, hints: int) -> int:
        flags = 0
        for bit, test, hint in self._texts:
            if hints & hint and test(content):
                flags |= bit
        return flags

    def _values(self, content: str, hints: int, digits: int) -> tuple[tuple[int, int, int, int, bool], ...]:
        """Personal data, as the scanner notes it."""
        if digits < self._few and not hints & self._of_kinds:
            return ()
        among: list[Kind] = [kind for kind, _, hint in self._kinds if digits >= kind.digits and hints & hint]
        return tuple(
            (self._places[kind.code], span.start, span.end, hashed(span.value), told_as_ours(content, kind, span))
            for kind, span in spans(content, among)
        )

    def _bit(self, hint: Prefilter | None) -> int:
        if hint is None:
            return _ANY
        self._hints.append(hint)
        if 1 << len(self._hints) - 1 >= _ANY:
            raise OverflowError("more hints than an int64 has bits")
        return 1 << len(self._hints) - 1

    @cached_property
    def _glance(self) -> FastScanner:
        typical = [(NAMES.index(name), letters) for name, letters in TYPICAL]
        return FastScanner(self._hints, [SMALL_WORDS[name] for name in NAMES], typical)
