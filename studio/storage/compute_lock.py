"""Taking turns on the cores: a run pauses between two steps while somebody is being answered.

Two torch processes that share two cores slow each other down more than fourfold, because their OpenMP threads wait
busily. So whoever answers holds a lock file, and whoever trains waits for it to be free between two steps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class ComputeLock:
    """The agreement between the chat worker and the training worker of one workspace."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "answering.lock"
        self._held = FileLock(self.path, blocking=False)

    @contextmanager
    def answering(self, timeout: float = 20.0) -> Iterator[None]:
        """Holds the cores for what an answer waits for. Several threads or processes that answer wait for each other.

        Args:
            timeout: seconds after which it goes on beside whoever answers, so that a busy demo cannot keep another chatbot
                from its answers.
        """
        held = FileLock(self.path, timeout=timeout)
        with suppress(Timeout):
            held.acquire()
        try:
            yield
        finally:
            held.release()

    def hold(self) -> bool:
        """Takes the cores for answers unless another who answers has them; never waits. Asked again, it costs nothing.

        Returns:
            Whether they are held now. If not, another holds them: training waits all the same.
        """
        if self._held.is_locked:
            return True
        try:
            self._held.acquire()
        except Timeout:
            return False
        return True

    @property
    def is_held(self) -> bool:
        """Whether :meth:`hold` has the cores."""
        return self._held.is_locked

    def release(self) -> None:
        """Gives back what :meth:`hold` took."""
        self._held.release(force=True)

    def wait(self, timeout: float = 60.0) -> float:
        """Waits until nobody is answering; called between two training steps.

        Args:
            timeout: seconds after which training goes on anyway, so that a busy demo cannot starve a run.

        Returns:
            Seconds waited.
        """
        began = time.monotonic()
        try:
            with FileLock(self.path, timeout=timeout, poll_interval=0.02):
                pass
        except Timeout:
            pass
        return time.monotonic() - began
