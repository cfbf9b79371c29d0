"""Use cases of base models: the list, whether they fit, their installation, their terms."""

from __future__ import annotations

import hashlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from studio.domain.model import BaseModelCard, BrokenCard, Fit, SourceKind
from studio.domain.recipe import Method
from studio.domain.run import RunState
from studio.errors import AfinaError, Stopped
from studio.models import hardware
from studio.models.catalog import Catalog
from studio.models.estimate import fit
from studio.models.install import install, is_installed
from studio.models.probe import Speed, known_speed, measure_speed
from studio.models.sources import sources
from studio.models.sources.folder import describe_path
from studio.models.sources.hub import HubSource
from studio.processes.job_registry import ActiveJob, Job, JobRegistry
from studio.storage.database import AcceptanceRow, AddedModelRow, RunRow
from studio.storage.files import used_bytes
from studio.storage.trash import not_in_trash
from studio.storage.uses import uses_of
from studio.storage.workspace import Workspace

_WATCH_SECONDS: Final = 0.1
_LOOK_SECONDS: Final = 5.0


class ModelService:
    """Base models of a workspace. Every method may be called from any thread."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._catalog = Catalog(workspace)
        self._jobs = JobRegistry(workspace.home, "install")
        self._tokens: dict[str, SecretStr] = {}
        self._looked: tuple[float, hardware.Machine | None] = (0.0, None)
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def cards(self) -> list[BaseModelCard]:
        """All base models: built-in first, then the added ones."""
        return list(self._catalog.cards())

    def broken(self) -> list[BrokenCard]:
        """Added models whose cards cannot be used, to be shown and removed."""
        return list(self._catalog.broken())

    def get(self, model_id: str) -> BaseModelCard:
        """The card of a model. Raises ``general.not_found``."""
        return self._catalog.get(model_id)

    def recommended(self, locale: str) -> str:
        """Id of the first choice for a screen language."""
        cards = self.cards()
        return next((card.id for card in cards if locale in card.recommended_for), cards[0].id)

    def fit(
        self, model_id: str, batch: int = 8, length: int = 128, method: Method = Method.LORA, rank: int = 16
    ) -> Fit:
        """Whether a model suits this machine, with the arithmetic."""
        machine = self._machine()
        return fit(self.get(model_id), machine, known_speed(self._workspace.home, machine), method, rank, batch, length)

    def measure_speed(self) -> Speed:
        """The measured speed of this machine; takes about 2 seconds the first time."""
        return measure_speed(self._workspace.home, hardware.machine(), self._closed.is_set)

    def is_installed(self, model_id: str) -> bool:
        """Whether a model can be used now."""
        return is_installed(self._workspace.model(model_id))

    def disk_bytes(self, model_id: str) -> int:
        """What a model takes on the disk: its files, and what is left of a download that did not end."""
        return used_bytes(self.folder(model_id)) + used_bytes(self._workspace.models / ".downloads" / model_id)

    def folder(self, model_id: str) -> Path:
        """Where the files of a model are, or will be once it is installed."""
        return self._workspace.model(model_id).resolve()

    def install(self, model_id: str) -> None:
        """Begins to install a model in the background; does nothing when it is there or on its way.

        What goes wrong is kept in :meth:`install_progress`.

        Raises:
            AfinaError: ``general.not_found``.
        """
        card = self.get(model_id)
        if not self.is_installed(model_id):
            self._jobs.start(model_id, lambda job: self._install(card, job))

    def install_progress(self, model_id: str) -> Job | None:
        """Where the newest installation of a model stands; None where it is installed, or was never tried.

        Its stage is ``downloading`` or ``converting``; ``done`` and ``total`` are bytes of the download.
        """
        return None if self.is_installed(model_id) else self._jobs.get(model_id)

    def cancel_install(self, model_id: str) -> None:
        """Stops an installation; what was downloaded so far is kept for the next try."""
        self._jobs.cancel(model_id)

    def wait_installed(self, model_id: str, on_progress: Callable[[Job], None] | None = None) -> None:
        """Installs a model and waits for the end.

        Args:
            on_progress: called about ten times a second.

        Raises:
            AfinaError: what went wrong; :class:`Stopped` when somebody cancelled it.
        """
        self.install(model_id)
        while not self.is_installed(model_id):
            job = self._jobs.wait(model_id, _WATCH_SECONDS)
            if job is None or not job.is_active:
                if self.is_installed(model_id):
                    return
                raise AfinaError(job.problem.code, **job.problem.params) if job and job.problem else Stopped()
            if on_progress:
                on_progress(job)

    def add_hub(self, repo_id: str, token: str | None = None) -> BaseModelCard:
        """Adds a model of the Hugging Face hub to the list, after looking at it; downloads nothing large.

        Args:
            repo_id: ``org/name``, or the address of its page.
            token: for a gated model; kept in memory only. The one in the settings is used where None.

        Raises:
            AfinaError: ``hub.*``, ``net.*``, ``model.*``.
        """
        settings = self._workspace.settings
        secret = SecretStr(token.strip()) if token and token.strip() else settings.hf_token
        card = self._add(HubSource(settings.hf_endpoint, secret).describe_in_child(repo_id))
        if secret:
            with self._lock:
                self._tokens[card.id] = secret
        return card

    def add_folder(self, path: Path) -> BaseModelCard:
        """Adds a folder with safetensors, or a GGUF file, to the list.

        Raises:
            AfinaError: ``model.no_folder``, ``model.no_weights``, ``model.pickle_only``, ``model.weights_damaged`` …
        """
        return self._add(describe_path(path))

    def remove(self, model_id: str) -> None:
        """Removes the files of a model; one that a person added also leaves the list. Her own folder stays.

        Raises:
            AfinaError: ``model.busy`` while it is being installed; ``model.in_use.run``, ``model.in_use.chat``,
                ``model.in_use.exam`` or ``model.in_use.export`` while something needs it; ``general.not_found``.
        """
        known = {card.id for card in self.cards()} | {card.id for card in self.broken()}
        if model_id not in known:
            raise AfinaError("general.not_found", what=model_id[:80])
        self._require_unused(model_id)
        job = self._jobs.get(model_id)
        if job is not None and job.is_active:
            raise AfinaError("model.busy", name=self.get(model_id).name)
        self._jobs.forget(model_id)
        with self._lock:
            self._tokens.pop(model_id, None)
        folder = self._workspace.model(model_id)
        (folder / "afina.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self._workspace.models / ".downloads" / model_id, ignore_errors=True)
        with self._workspace.database.session() as session:
            session.query(AddedModelRow).filter_by(id=model_id).delete()

    def _require_unused(self, model_id: str) -> None:
        with self._workspace.database.session() as session:
            rows = session.query(RunRow).filter(RunRow.model_id == model_id, not_in_trash()).all()
        for row in rows:
            if not RunState(row.state).is_over and not self._workspace.run(row.id).result.exists():
                raise AfinaError("model.in_use.run", run=row.name)
        for what in uses_of(self._workspace.model(model_id)):
            raise AfinaError(f"model.in_use.{what}")

    def accepted(self, model_id: str) -> bool:
        """Whether the terms of a model need no acceptance, or were accepted."""
        card = self.get(model_id)
        if not card.licence.must_accept:
            return True
        with self._workspace.database.session() as session:
            row = session.get(AcceptanceRow, model_id)
            return row is not None and row.licence == card.licence.name

    def accept_licence(self, model_id: str) -> None:
        """Notes that the owner accepted the terms of a model."""
        name = self.get(model_id).licence.name
        with self._workspace.database.session() as session:
            session.merge(AcceptanceRow(model_id=model_id, licence=name, accepted_at=time.time()))

    def close(self) -> None:
        """Stops the measurement, and installations in the background, and waits a moment for these."""
        self._closed.set()
        self._jobs.close()

    def _add(self, card: BaseModelCard) -> BaseModelCard:
        taken = {other.id: other.reference for other in self.cards()}
        if taken.get(card.id, card.reference) != card.reference:
            digest = hashlib.sha256(card.reference.encode()).hexdigest()[:6]
            card = card.model_copy(update={"id": f"{card.id}-{digest}"})
        row = AddedModelRow(
            id=card.id,
            source=str(card.source),
            reference=card.reference,
            card=card.model_dump(mode="json"),
            added_at=time.time(),
        )
        with self._workspace.database.session() as session:
            session.merge(row)
        return card

    def _machine(self) -> hardware.Machine:
        """This machine, looked at again every few seconds: a page asks once a card, and a driver answers slowly."""
        with self._lock:
            looked, found = self._looked
            if found is None or time.monotonic() - looked > _LOOK_SECONDS:
                found = hardware.machine()
                self._looked = (time.monotonic(), found)
            return found

    def _install(self, card: BaseModelCard, job: ActiveJob) -> Path:
        if not self.accepted(card.id):
            raise AfinaError("model.licence", name=card.name, url=card.licence.url)
        with self._lock:
            token = self._tokens.get(card.id)
        source = sources(self._workspace.settings, token)[SourceKind(card.source)]
        install(self._workspace, card, source, job.update, job.is_cancelled)
        self.measure_speed()
        return self.folder(card.id)
