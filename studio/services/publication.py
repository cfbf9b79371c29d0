"""How far demo links reach: this computer, its network, or the internet. What was chosen outlives the server."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from studio.domain.problem import Problem
from studio.errors import AfinaError, from_exception
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace

_LOOK: Final = 3.0  # seconds between two looks at whether it is still open
_RETRY: Final = 15.0  # seconds after which a network that was not there is looked for again
_GRACE: Final = 10.0  # seconds for a place to close
_LOG: Final = logging.getLogger(__name__)


class Reach(StrEnum):
    """Who can open a demo link."""

    COMPUTER = "computer"
    NETWORK = "network"
    INTERNET = "internet"


class PublicationState(StrEnum):
    """Where the way to the demo pages stands."""

    CLOSED = "closed"
    STARTING = "starting"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True)
class Publication:
    """How far demo links reach at the moment.

    Args:
        reach: what was chosen.
        state: whether it is so; ``closed`` on this computer only.
        address: where the demo pages are served, without a final slash; empty while they are not.
        problem: why it failed.
        other_hosts: further addresses of this computer that could be used instead.
    """

    reach: Reach
    state: PublicationState
    address: str = ""
    problem: Problem | None = None
    other_hosts: tuple[str, ...] = ()


class Door(Protocol):
    """A way by which others reach the demo pages, and nothing else of the studio."""

    @property
    def address(self) -> str:
        """Where it is, such as ``http://192.168.0.12:7861``."""
        ...

    @property
    def port(self) -> int:
        """Of this computer, behind it."""
        ...

    @property
    def other_hosts(self) -> tuple[str, ...]:
        """Further addresses of this computer where it could be, the likeliest first."""
        ...

    @property
    def problem(self) -> AfinaError | None:
        """Why nobody comes in by it any more; None while it is open."""
        ...

    def close(self) -> None:
        """Nobody comes in from now on; returns when that is so."""
        ...


Opener = Callable[[int, str, threading.Event], Door]
"""Opens a door. Takes the port that it had last time (0: none), the address of this computer that was chosen for it (empty:
none), and an event that asks it to give up.

Raises an ``AfinaError`` that says why it could not be opened.
"""


class PublicationService:
    """Opens and closes the demo pages to others; never the studio.

    Args:
        workspace: remembers the choice in ``publication.json``.
        openers: what opens each reach beyond this computer.
    """

    def __init__(self, workspace: Workspace, openers: Mapping[Reach, Opener]) -> None:
        self._path = workspace.home / "publication.json"
        self._openers = openers
        self._lock = threading.Lock()  # of what is below
        self._turn = threading.Lock()  # one change of mind at a time
        self._now = Publication(Reach.COMPUTER, PublicationState.CLOSED)
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    def current(self) -> Publication:
        """How far demo links reach at the moment."""
        with self._lock:
            return self._now

    def choose(self, reach: Reach, host: str = "", *, remember: bool = True) -> None:
        """Closes what is open and begins to open ``reach``; choosing it anew tries again.

        Args:
            reach: who should be able to open demo links.
            host: one of :attr:`Publication.other_hosts`; empty leaves what was chosen before.
            remember: whether a restarted server does the same.

        Raises:
            AfinaError: ``disk.full`` or ``disk.not_writable``; everything is then as it was.
        """
        with self._turn:
            if remember:
                self._remember(reach=reach.value, **({f"{reach}_host": host} if host else {}))
            self._close()
            self._open(reach)

    def resume(self) -> None:
        """Opens again what was chosen before the server was restarted."""
        try:
            reach = Reach(str(self._remembered().get("reach", Reach.COMPUTER)))
        except ValueError:
            return
        with self._turn:
            self._open(reach)

    def close(self) -> None:
        """Closes what is open; the choice is remembered."""
        with self._turn:
            self._close()

    def _open(self, reach: Reach) -> None:
        if reach is Reach.COMPUTER:
            self._tell(Publication(reach, PublicationState.CLOSED))
            return
        self._tell(Publication(reach, PublicationState.STARTING))
        ended = self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, args=(reach, ended), name="publication", daemon=True)
        self._keeper.start()

    def _close(self) -> None:
        self._ended.set()
        if self._keeper is not None:
            self._keeper.join(_GRACE)
            self._keeper = None
        with self._lock:
            self._now = replace(self._now, state=PublicationState.CLOSED, address="", problem=None, other_hosts=())

    def _keep(self, reach: Reach, ended: threading.Event) -> None:
        """Opens a reach and looks after it until something else is chosen."""
        while not ended.is_set():
            problem = self._keep_open(reach, ended)
            if ended.is_set():
                return
            self._tell(Publication(reach, PublicationState.FAILED, problem=Problem.of(problem)), ended)
            if reach is Reach.INTERNET:
                return  # its next address would be another one: whoever shared the old one should know
            ended.wait(_RETRY)

    def _keep_open(self, reach: Reach, ended: threading.Event) -> AfinaError:
        """Opens a reach and holds it; returns why it is not open any more."""
        try:
            known = self._remembered()
            door = self._openers[reach](int(known.get(f"{reach}_port", 0)), str(known.get(f"{reach}_host", "")), ended)
        except AfinaError as error:
            return error
        except Exception as error:
            _LOG.exception("The demo pages could not be opened")
            return from_exception(error)
        try:
            open_now = Publication(reach, PublicationState.OPEN, door.address, other_hosts=door.other_hosts)
            self._tell(open_now, ended)
            self._remember(**{f"{reach}_port": door.port})
            while (problem := door.problem) is None and not ended.wait(_LOOK):
                pass
            return problem or AfinaError("share.closed")
        except AfinaError as error:
            return error
        finally:
            door.close()

    def _tell(self, now: Publication, ended: threading.Event | None = None) -> None:
        with self._lock:
            if ended is None or not ended.is_set():  # a door that was given up says nothing more
                self._now = now

    def _remembered(self) -> dict[str, str | int]:
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _remember(self, **values: str | int) -> None:
        known = self._remembered()
        if known | values != known:
            write_atomic(self._path, json.dumps(known | values))
