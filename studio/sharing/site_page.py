"""What the page of an exported chatbot shows and loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class SiteModel:
    """A model that the page runs.

    Args:
        parts: names of the files that make its GGUF file, in order.
        size: bytes of all of them.
        plain_prompt: what stands before and after a question to a base that was never taught to chat; None for others.
    """

    parts: tuple[str, ...]
    size: int
    plain_prompt: tuple[str, str] | None = None


@dataclass(frozen=True)
class KnownAnswers:
    """The owner's own answers, for a page that decides by itself which of them is right.

    Args:
        letters: a selector of letters alone, until the page has loaded what reads meanings; JSON, as
            :mod:`studio.trust.browser` writes it.
        vectors: the studio's own selector, likewise.
        handed_over: what is said to a question that a person is to answer.
        encoder: folder of the installed encoder that the studio's selector uses; None where it has none.
    """

    letters: bytes
    vectors: bytes
    handed_over: str
    encoder: Path | None = None


@dataclass(frozen=True)
class SitePage:
    """The page.

    Args:
        title: what visitors read first.
        questions: suggestions for visitors.
        locale: language of the title, and of the page that opens first.
        tuned: the tuned chatbot.
        base: the model before training, where visitors are to see its answer too.
        verdict: by language, what the final exam said; empty without one.
        known: the owner's own answers; None where the tuned chatbot is to write every answer.
        encoder: that reads questions; None where there is none.
        sentences: the sentence encoder that comes with Afina; None where nothing is known.
        version: changes whenever any file of the folder does.
    """

    title: str
    questions: tuple[str, ...]
    locale: str
    tuned: SiteModel
    base: SiteModel | None
    verdict: Mapping[str, str]
    known: KnownAnswers | None = None
    encoder: SiteModel | None = None
    sentences: SiteModel | None = None
    version: str = ""


SiteFiles: TypeAlias = Callable[[SitePage], Mapping[str, bytes]]
"""Gives the page's own files by their names."""
