"""Background jobs, from imports to exports: one registry, known after a restart.

A job is a thread of this process and a small file, ``jobs/KIND/KEY.json``, which says where it stands. Only the newest
job of a key is kept. One whose process is gone is shown as interrupted.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from contextvars import copy_context
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from studio.domain.problem import Problem
from studio.domain.value import Value
from studio.errors import AfinaError, Stopped, from_exception
from studio.storage.files import is_alive, read_value, write_atomic

_WRITE_INTERVAL: Final = 1.0  # seconds between two writes of a progress that changes nothing else
_PATIENCE: Final = 10.0  # seconds that jobs get to end when the studio does


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the studio ended while it was under way


class Job(Value):
    """A background job, as it is shown and as it is kept on disk."""

    kind: str = Field(
        description="`import`, `install`, `checkup`, `insights`, `split`, `measurement`, `suggestions` or `export`."
    )
    key: str = Field(description="What it is about; one job of a kind and a key at a time.")
    project: str = Field(default="", description="Id of the project that it belongs to.")
    state: JobState = JobState.QUEUED
    is_cancelling: bool = Field(default=False, description="Whether a person has asked it to stop.")
    stage: str = Field(default="", description="Name of what it does now, by kind.")
    done: int = Field(default=0, description="Rows or bytes, by kind.")
    total: int = 0
    fraction: float = Field(default=0.0, description="0 to 1.")
    problem: Problem | None = None
    result: str = Field(default="", description="Path of what it made.")
    details: dict[str, str] = Field(default_factory=dict)
    pid: int = Field(default_factory=os.getpid, description="Of the process that it runs in.")
    child_pid: int | None = Field(default=None, description="Of the child process that does the work.")
    created_at: float = Field(default_factory=time.time)

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in (JobState.QUEUED, JobState.RUNNING)


class ActiveJob:
    """A job at work: what its function says of itself, and asks."""

    def __init__(self, job: Job, path: Path) -> None:
        self.job = job
        self.ended = threading.Event()
        self._path = path
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._written = 0.0
        self.update()

    def update(self, **changes: Any) -> None:
        """Changes fields of the job. The file follows at once where more than the progress changed."""
        with self._lock:
            new = self.job.model_copy(update=changes)
            is_news = any(getattr(self.job, name) != getattr(new, name) for name in ("state", "stage", "child_pid"))
            if is_news or time.monotonic() - self._written > _WRITE_INTERVAL:
                self._written = time.monotonic()
                _write(self._path, new)
            self.job = new  # after the file: whoever sees an end finds it on the disk too

    def attach(self, pid: int) -> None:
        """Notes the child process that does the work."""
        self.update(child_pid=pid)

    def is_cancelled(self) -> bool:
        """Whether a person has asked it to stop."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Asks it to stop."""
        self._cancel.set()
        with self._lock:
            self.job = self.job.model_copy(update={"is_cancelling": True})


class JobRegistry:
    """The jobs of a kind. Safe to use from many threads; several processes may look at the same jobs.

    Args:
        at_once: how many may run together; any number where None.
    """

    def __init__(self, home: Path, kind: str, at_once: int | None = None) -> None:
        self._folder, self._kind = home / "jobs" / kind, kind
        self._jobs: dict[str, ActiveJob] = {}
        self._lock = threading.Lock()
        self._turn = threading.BoundedSemaphore(at_once) if at_once else nullcontext()

    def start(self, key: str, work: Callable[[ActiveJob], object], **fields: Any) -> ActiveJob | None:
        """Begins a job in the background, for whoever this thread acts.

        Args:
            work: the function; what it returns becomes the job's result, what it raises its problem.
            fields: of :class:`Job`, as it begins.

        Returns:
            The job; None where one of the same key is under way.
        """
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and known.job.is_active:
                return None
            active = self._jobs[key] = ActiveJob(Job(kind=self._kind, key=key, **fields), self._path(key))
        run = copy_context().run
        threading.Thread(target=run, args=(self._run, active, work), name=self._kind, daemon=True).start()
        return active

    def get(self, key: str) -> Job | None:
        """The newest job about something; None where there was none or it is forgotten."""
        with self._lock:
            active = self._jobs.get(key)
        return active.job if active is not None else self._stored(key)

    def cancel(self, key: str) -> None:
        """Asks a job to stop. Does nothing where none is under way."""
        with self._lock:
            active = self._jobs.get(key)
        if active is not None:
            active.cancel()

    def wait(self, key: str, seconds: float | None = None) -> Job | None:
        """The job about something once it is over, or after so many seconds."""
        with self._lock:
            active = self._jobs.get(key)
        if active is not None:
            active.ended.wait(seconds)
        return self.get(key)

    def forget(self, key: str) -> None:
        """Lets :meth:`get` say None again, unless the job is under way."""
        with self._lock:
            active = self._jobs.get(key)
            if active is None or not active.job.is_active:
                self._jobs.pop(key, None)
                with suppress(OSError):
                    self._path(key).unlink(missing_ok=True)

    def close(self) -> None:
        """Cancels every job and waits a moment for their ends."""
        with self._lock:
            jobs = list(self._jobs.values())
        for active in jobs:
            active.cancel()
        ends = time.monotonic() + _PATIENCE
        for active in jobs:
            active.ended.wait(max(0.0, ends - time.monotonic()))

    def _run(self, active: ActiveJob, work: Callable[[ActiveJob], object]) -> None:
        try:
            with self._turn:
                if active.is_cancelled():
                    raise Stopped
                active.update(state=JobState.RUNNING)
                result = work(active)
            active.update(state=JobState.DONE, fraction=1.0, result=str(result or ""), child_pid=None)
        except Stopped:
            active.update(state=JobState.CANCELLED, child_pid=None)
        except Exception as error:  # whatever it is, the screen must say it
            problem = Problem.of(from_exception(error))
            active.update(state=JobState.FAILED, problem=problem, child_pid=None)
        finally:
            active.ended.set()

    def _stored(self, key: str) -> Job | None:
        """A job of another process, or of an earlier one; that one's child is ended where it still runs."""
        job = read_value(self._path(key), Job)
        if job is None or not job.is_active or is_alive(job.pid, job.created_at):
            return job
        if job.child_pid is not None:
            _end(job.child_pid, job.created_at)
        problem = Problem(code="general.interrupted")
        job = job.model_copy(update={"state": JobState.INTERRUPTED, "problem": problem, "child_pid": None})
        _write(self._path(key), job)
        return job

    def _path(self, key: str) -> Path:
        return self._folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', key)}.json"


def forget_jobs(home: Path, owners: Iterable[str]) -> None:
    """Deletes the stored state of jobs about things that are deleted for good.

    Args:
        owners: keys of the jobs, and what keys of several begin with, such as the run of ``RUN-site``.
    """
    gone = tuple(owners)
    for path in (home / "jobs").glob("*/*.json"):
        if path.stem in gone or path.stem.startswith(tuple(f"{owner}-" for owner in gone)):
            with suppress(OSError):
                path.unlink()


def _write(path: Path, job: Job) -> None:
    with suppress(AfinaError):  # a full disk must not end the job; what it makes says so
        write_atomic(path, job.model_dump_json(indent=1))


def _end(pid: int, since: float) -> None:
    """Ends the child of a process that is gone, where it has not ended with it."""
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.create_time() >= since - 1 and any(part.startswith("studio.") for part in process.cmdline()):
            process.kill()
