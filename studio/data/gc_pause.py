"""Pauses the garbage collector while very many small objects are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Lets the garbage collector rest while objects are made that all stay.

    It would go through everything made so far each time, and takes four fifths of the time for a hundred thousand
    conversations.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
