"""Runs a coroutine in an event loop of its own, whatever ran before in the process.

Playwright's synchronous browser, once a test has opened it, keeps an event loop running in the main thread for the
rest of the session; ``asyncio.run`` refuses to start a second one there.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Result = TypeVar("Result")


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """What the coroutine returns or raises; it sees the context variables of the caller."""
    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(context.run, asyncio.run, coroutine).result()
