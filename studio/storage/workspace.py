"""Where everything is: the paths of a workspace, and the database in it."""

from __future__ import annotations

import errno
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING, Final

from studio.errors import AfinaError, from_exception
from studio.settings import Settings
from studio.storage.privacy import close_to_others

if TYPE_CHECKING:
    from studio.storage.database import Database

_NO_ROOM: Final = 100_000  # bytes
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def new_id(prefix: str) -> str:
    """A fresh id such as ``run-4f1c09ab33d2``: lower case, safe in a path and an address."""
    return f"{prefix}-{secrets.token_hex(6)}"


class Within:
    """A path below ``path`` of the folder that it is read from."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: RunFolder, owner: object = None) -> Path:
        return folder.path / self._name


@dataclass(frozen=True)
class RunFolder:
    """The paths in a run's folder. Disk is the truth about a run: everything shown is read from here."""

    path: Path

    recipe = Within("recipe.json")
    model = Within("model.json")  # the BaseModelCard that the run was made with
    train = Within("train.jsonl")
    held_out = Within(
        "held_out.jsonl"
    )  # practice: the only part that a run asks itself; in old two-part runs the exam too
    exam = Within("exam.jsonl")  # which nothing reads before the run is over; not there in two-part runs
    events = Within("events.jsonl")
    checkpoints = Within("checkpoints")
    adapters = Within("adapters")
    best = Within("best.json")  # names the kept adapter: {"step": 120, "adapter": "adapters/step-000120"}
    stop_request = Within("stop")  # its presence asks the worker to stop at the next step and keep the best so far
    pause_request = Within("pause")  # as above, to pause; what is in it says why, empty when a person asked
    cancel_request = Within("cancel")  # its presence asks the supervisor to end the worker at once
    adjustments = Within("adjustments.json")  # what was changed on the way: a smaller batch, a lower learning rate
    worker = Within("worker.json")  # the worker's pid and process_started, seconds since 1970 as psutil gives it
    log = Within("worker.log")
    result = Within("result.json")


@dataclass(frozen=True)
class Workspace:
    """A folder with the projects, runs and models of one installation."""

    settings: Settings

    @classmethod
    def open(cls, settings: Settings) -> Workspace:
        """Makes the folders where needed and brings the database to the newest schema.

        Raises:
            AfinaError: ``disk.not_writable``, ``disk.full_at`` or ``storage.newer`` (made by a newer Afina).
        """
        with names_full_disk(settings.home):
            try:
                for folder in (settings.home, settings.models_path, settings.home / "runs", settings.home / "projects"):
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                close_to_others(settings.home)
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                raise AfinaError("disk.full" if full else "disk.not_writable", path=str(settings.home)) from error
            workspace = cls(settings)
            workspace.database.upgrade()
        return workspace

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def models(self) -> Path:
        return self.settings.models_path

    @cached_property
    def database(self) -> Database:
        from studio.storage.database import Database  # SQLAlchemy, a fifth of a second that a worker does not need

        return Database(self.settings.database)

    def run(self, run_id: str) -> RunFolder:
        """The folder of a run, which need not exist yet."""
        return RunFolder(self.home / "runs" / _checked(run_id))

    def exports(self, run_id: str) -> Path:
        """The folder of what was exported of a run, which need not exist."""
        return self.home / "exports" / _checked(run_id)

    def project(self, project_id: str) -> Path:
        """The folder of a project's uploads and dataset versions."""
        return self.home / "projects" / _checked(project_id)

    def model(self, model_id: str) -> Path:
        """The folder of an installed base model: ``model.safetensors``, ``config.json``, ``tokenizer.json`` …"""
        return self.models / _checked(model_id)


def _checked(identifier: str) -> str:
    if not _ID.fullmatch(identifier):
        raise AfinaError("general.not_found", what=identifier[:80])
    return identifier


@contextmanager
def names_full_disk(home: Path) -> Iterator[None]:
    """Says of a full disk at the start which one it is: nothing else on the screen would tell.

    Raises:
        AfinaError: ``disk.full_at`` with the ``path``; any other failure passes as it is.
    """
    try:
        yield
    except (OSError, AfinaError) as error:
        code = from_exception(error).code
        # SQLite calls it an error of input and output when there is no room for its shared memory.
        if code == "disk.full" or (code == "storage.database" and disk_usage(home).free < _NO_ROOM):
            raise AfinaError("disk.full_at", path=str(home)) from error
        raise
