"""The web process' side of the chat workers: starts them, speaks with them, ends them. No torch here.

One worker a base model, at most two alive. Any thread may ask; a thread a worker reads the replies and hands them to
whoever asked. A worker that dies takes down only what it was answering; the next question starts a new one.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from studio.chat.protocol import Cancel, Generate, Reply, Warm
from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.processes.environment import yielding_environment
from studio.storage.workspace import Workspace

CANCELLED: Final = "cancelled"  # how an answer ended that somebody stopped
_MOST_WORKERS: Final = 2
_MOST_WAITING: Final = 64  # requests to one worker; more would wait for minutes
_GRACE: Final = 3.0  # seconds for a worker to end by itself
_LOG_LIMIT: Final = 1_000_000  # bytes


class Ticket:
    """A request on its way.

    Args:
        worker: who answers it.
        request: what was asked.
        inbox: where its replies go; one of its own without.
    """

    def __init__(
        self, worker: _Worker, request: Generate | Warm, inbox: queue.SimpleQueue[Reply] | None = None
    ) -> None:
        self.request = request
        self.is_over = False
        self._worker = worker
        self._inbox: queue.SimpleQueue[Reply] = queue.SimpleQueue() if inbox is None else inbox

    def put(self, reply: Reply) -> None:
        """Called by the worker's reader."""
        self._inbox.put(reply)

    def replies(self) -> Iterator[Reply]:
        """Replies until the last one, which has ``done``; blocks while there is none. A dead worker also says so."""
        return replies_of([self])

    def next_reply(self) -> Reply:
        """The next reply in its inbox, which may be of another ticket that shares it; blocks while there is none."""
        return self._inbox.get()

    def cancel(self, ending: str = CANCELLED) -> None:
        """Nobody waits for it any more; whoever reads its replies gets a last one. Without effect when it is over.

        Args:
            ending: how this last reply says that each answer ended.
        """
        if not self.is_over:
            self.is_over = True
            self._worker.cancel(self)
            asks = self.request.asks if isinstance(self.request, Generate) else ()
            self.put(Reply(id=self.request.id, ended={ask.id: ending for ask in asks}, done=True))


def replies_of(tickets: Sequence[Ticket]) -> Iterator[Reply]:
    """Replies to several requests that share one inbox, until each has had its last one."""
    waiting = {ticket.request.id: ticket for ticket in tickets}
    while waiting:
        reply = tickets[0].next_reply()
        if reply.id not in waiting:  # cancelled and answered at the same moment
            continue
        if reply.done:
            waiting.pop(reply.id).is_over = True
        yield reply


class _Worker:
    """One child process and the requests that it is answering."""

    def __init__(self, command: list[str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb" if log.exists() and log.stat().st_size > _LOG_LIMIT else "ab") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=yielding_environment()
            )
        self._lock = threading.Lock()
        self._tickets: dict[str, Ticket] = {}
        self._is_gone = False
        self._reader = threading.Thread(target=self._read, name=f"chat-{self._process.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return not self._is_gone and self._process.poll() is None

    @property
    def is_busy(self) -> bool:
        return bool(self._tickets)

    def submit(self, request: Generate | Warm, inbox: queue.SimpleQueue[Reply] | None = None) -> Ticket | None:
        """Sends a request; None when the worker has just gone, so that another must be asked.

        Raises:
            AfinaError: ``chat.busy`` when too many are waiting.
        """
        ticket = Ticket(self, request, inbox)
        with self._lock:
            if len(self._tickets) >= _MOST_WAITING:
                raise AfinaError("chat.busy")
            if self._is_gone or not self._write(request):
                return None
            self._tickets[request.id] = ticket
        return ticket

    def cancel(self, ticket: Ticket) -> None:
        with self._lock:
            if self._tickets.pop(ticket.request.id, None) is not None and not self._is_gone:
                self._write(Cancel(id=ticket.request.id))

    def close(self) -> None:
        """Ends the process: asks, then terminates, then kills."""
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        for end in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(_GRACE)
                break
            except subprocess.TimeoutExpired:
                end()
        self._process.wait()
        self._reader.join(_GRACE)

    def _write(self, request: Generate | Warm | Cancel) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.model_dump_json(exclude_defaults=False).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # a broken pipe, or one that close() has closed
            return False
        return True

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    reply = Reply.model_validate_json(line)
                except ValueError:  # half a line of a worker that was killed; one that talks nonsense must go too
                    self._process.kill()
                    break
                with self._lock:
                    ticket = self._tickets.get(reply.id)
                    if reply.done:
                        self._tickets.pop(reply.id, None)
                if ticket is not None:
                    ticket.put(reply)
        with self._lock:
            self._is_gone = True
            left, self._tickets = list(self._tickets.values()), {}
        for ticket in left:
            ticket.put(Reply(id=ticket.request.id, problem=Problem(code="chat.worker_died"), done=True))
        self._process.wait()


class ChatPool:
    """The chat workers of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._workers: OrderedDict[str, _Worker] = OrderedDict()  # the one used last is last
        self._is_closed = False

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the living workers, by model id."""
        with self._lock:
            return {model: worker.pid for model, worker in self._workers.items() if worker.is_alive}

    def submit(self, model_id: str, request: Generate | Warm, inbox: queue.SimpleQueue[Reply] | None = None) -> Ticket:
        """Sends a request to the worker of a base model, starting one where needed.

        Args:
            request: what is asked.
            inbox: where the replies go, for tickets that are read together by :func:`replies_of`.

        Raises:
            AfinaError: ``chat.busy`` when too many are waiting; ``chat.worker_died`` when no worker can be started.
        """
        for _ in range(3):  # a worker may end, being idle, at this very moment
            ticket = self._worker(model_id).submit(request, inbox)
            if ticket is not None:
                return ticket
        raise AfinaError("chat.worker_died")

    def close(self) -> None:
        """Ends every worker."""
        with self._lock:
            self._is_closed = True
            workers, self._workers = list(self._workers.values()), OrderedDict()
        for worker in workers:
            worker.close()

    def _worker(self, model_id: str) -> _Worker:
        leaving: list[_Worker] = []
        with self._lock:
            if self._is_closed:
                raise AfinaError("chat.worker_died")
            for gone in [model for model, worker in self._workers.items() if not worker.is_alive]:
                leaving.append(self._workers.pop(gone))
            if model_id not in self._workers:
                while len(self._workers) >= _MOST_WORKERS:
                    idle = next((model for model, worker in self._workers.items() if not worker.is_busy), None)
                    if idle is None:
                        raise AfinaError("chat.busy")
                    leaving.append(self._workers.pop(idle))
                self._workers[model_id] = _Worker(self._command(model_id), self._log(model_id))
            self._workers.move_to_end(model_id)
            worker = self._workers[model_id]
        for worker in leaving:
            worker.close()
        return worker

    def _command(self, model_id: str) -> list[str]:
        settings = self._workspace.settings
        options = {
            "--model-dir": str(self._workspace.model(model_id)),
            "--home": str(self._workspace.home),
            "--idle-minutes": str(settings.chat_idle_minutes),
        }
        return [sys.executable, "-m", "studio.chat.worker", *(part for option in options.items() for part in option)]

    def _log(self, model_id: str) -> Path:
        return self._workspace.home / "logs" / f"chat-{model_id}.log"


def new_request_id() -> str:
    """An id for a request, unique within a pool."""
    return secrets.token_hex(8)
