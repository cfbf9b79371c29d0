"""An answer with its false facts underlined, and an expected one with those that are missing; everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

from studio.domain.proof import Fact, FactReport
from studio.i18n.catalog import Catalog

_MARK: Final = Markup('<mark class="af-{}" title="{}">{}</mark>')


def marked_answer(text: Catalog, answer: str, facts: FactReport) -> Markup:
    """The answer; invented and contradicted facts are marked, each with what is wrong about it as its title."""
    marks = [(fact, "invented", text("proof.mark.invented")) for fact in facts.invented]
    marks += [
        (fact, "contradicted", text("proof.mark.contradicted", expected=fact.expected)) for fact in facts.contradicted
    ]
    return _marked(answer, marks)


def marked_expected(text: Catalog, expected: str, facts: FactReport) -> Markup:
    """The expected answer; the facts that are missing in the answer after are marked."""
    return _marked(expected, [(fact, "missing", text("proof.mark.missing")) for fact in facts.missing])


def _marked(text: str, marks: Iterable[tuple[Fact, str, str]]) -> Markup:
    parts, at = list[Markup](), 0
    for fact, kind, title in sorted(marks, key=lambda mark: mark[0].start):
        if fact.start < at or fact.end > len(text) or fact.end <= fact.start:
            continue  # two facts in one place: the first is marked
        parts += [escape(text[at : fact.start]), _MARK.format(kind, title, text[fact.start : fact.end])]
        at = fact.end
    return Markup("").join([*parts, escape(text[at:])])
