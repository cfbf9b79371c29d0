"""Who is at work: named once where a request or a command begins, read where a version is written."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

COMMAND_LINE: Final = "@cli"  # shown as a sentence of the catalogs
_LONGEST: Final = 60
_AT_WORK: Final[ContextVar[str]] = ContextVar("author", default="")


def author() -> str:
    """The name given for this request; else the user of this computer, empty where it has no name."""
    name = _AT_WORK.get()
    if name:
        return name
    try:
        return getpass.getuser()[:_LONGEST]
    except (OSError, KeyError, ImportError):  # no user database, as in some containers
        return ""


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Everything done inside is done by ``name``; an empty one changes nothing."""
    token = _AT_WORK.set(" ".join(name.split())[:_LONGEST] or _AT_WORK.get())
    try:
        yield
    finally:
        _AT_WORK.reset(token)
