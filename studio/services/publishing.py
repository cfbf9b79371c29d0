"""Putting a chatbot online for good: its files on the Hugging Face hub, or its page as a static Space there."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import select

from studio.errors import AfinaError
from studio.processes.job_registry import ActiveJob, Job, JobRegistry
from studio.services.exports import ExportService
from studio.sharing.exporters import exporter
from studio.sharing.file_names import slug
from studio.sharing.hub_upload import HubUploader, Progress
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import require_space, scratch_folder, write_atomic
from studio.storage.workspace import Workspace

_PAGES: Final = ("site", "site_compare")
_MOST: Final = 500  # publications that are remembered


class Published(BaseModel):
    """What is online.

    Args:
        run_id: the run it was made of.
        repository: ``owner/name`` on the hub.
        address: of its page on the hub.
        page: address at which visitors ask; empty for models.
        files: that were uploaded.
        private: whether only its owner sees it.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    kind: str
    repository: str
    address: str
    page: str = ""
    files: int = 0
    private: bool = False


_ALL: Final = TypeAdapter(list[Published])


class PublishingService:
    """Uploads exports with the owner's token, which is stored only on request.

    Args:
        workspace: its settings name the hub; it remembers what is online in ``published.json``.
        exports: makes what is uploaded.
    """

    def __init__(self, workspace: Workspace, exports: ExportService) -> None:
        self._workspace, self._exports = workspace, exports
        self._list, self._token = workspace.home / "published.json", workspace.home / "hub_token"
        self._jobs = JobRegistry(workspace.home, "publish", at_once=1)

    def start(
        self, run_id: str, kind: str, repository: str, token: str, *, private: bool, replaces: bool, keeps_token: bool
    ) -> None:
        """Begins :meth:`publish` in the background; does nothing while the run is being published.

        Args:
            token: empty for the one that was kept.
            keeps_token: whether it is kept on this computer, once the hub has accepted it, for the next time.

        Raises:
            AfinaError: ``publish.no_token``, ``export.unknown_kind``.
        """
        exporter(kind)
        token = token.strip() or self._known_token()
        if not token:
            raise AfinaError("publish.no_token")

        def work(job: ActiveJob) -> str:
            def report(stage: str) -> None:
                job.update(stage=stage, done=0, total=0)
                if stage == "exporting" and keeps_token:
                    write_atomic(self._token, token)

            def sent(done: int, total: int) -> None:
                job.update(done=done, total=total, fraction=done / max(1, total))

            done = self.publish(
                run_id,
                kind,
                repository,
                token,
                private=private,
                replaces=replaces,
                report=report,
                sent=sent,
                is_cancelled=job.is_cancelled,
            )
            return done.address

        self._jobs.start(run_id, work, stage="asking")

    def progress(self, run_id: str) -> Job | None:
        """Where the newest publishing of a run stands: ``asking``, ``exporting`` or ``uploading`` (then in bytes)."""
        return self._jobs.get(run_id)

    def cancel(self, run_id: str) -> None:
        """Ends the publishing of a run; what was there before stays."""
        self._jobs.cancel(run_id)

    def list(self, run_id: str | None = None) -> list[Published]:
        """What is online, the newest first; of one run or of all."""
        try:
            known = _ALL.validate_json(self._list.read_bytes())
        except (OSError, ValueError):
            return []
        return [one for one in known if run_id in (None, one.run_id)]

    def suggested_name(self, run_id: str) -> str:
        """How a chatbot is called on the hub, unless its owner says otherwise: as it was before, else as its project.

        Raises:
            AfinaError: ``general.not_found``.
        """
        with self._workspace.database.session() as session:
            run = session.get(RunRow, run_id)
            if run is None:
                raise AfinaError("general.not_found", what=run_id[:80])
            runs = set(session.scalars(select(RunRow.id).where(RunRow.project_id == run.project_id)))
            project = session.get_one(ProjectRow, run.project_id).name
        return next((one.repository for one in self.list() if one.run_id in runs), slug(project))

    @property
    def keeps_token(self) -> bool:
        """Whether a token lies on this computer."""
        return self._token.is_file()

    def forget_token(self) -> None:
        """Takes the kept token away."""
        with suppress(FileNotFoundError):
            self._token.unlink()

    def close(self) -> None:
        """Ends what is being published."""
        self._jobs.close()

    def publish(
        self,
        run_id: str,
        kind: str,
        repository: str,
        token: str,
        *,
        private: bool = False,
        replaces: bool = False,
        report: Callable[[str], None] = lambda stage: None,
        sent: Progress = lambda done, total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Published:
        """Makes the export where there is none yet, and uploads it in one commit; a second time replaces the first.

        Args:
            run_id: a run that has kept a model.
            kind: of the export: a page becomes a static Space, everything else a model.
            repository: ``owner/name`` on the hub, or a name of the token's owner; made where it does not exist.
            token: of the owner, with the right to write.
            private: whether only its owner sees it; what is private on the hub already stays so.
            replaces: whether files of a repository that was not published from here may be replaced.
            report: called with ``asking``, ``exporting``, then ``uploading``.
            sent: called with bytes while uploading.
            is_cancelled: asked again and again.

        Returns:
            Where it is.

        Raises:
            AfinaError: what the export raises; ``publish.no_token``, ``publish.bad_token``, ``publish.no_write_right``,
                ``publish.name_taken``, ``hub.bad_id``, ``hub.refused``, ``net.*``, ``disk.full``.
            Stopped: when it was cancelled.
        """
        exporter(kind)
        if not token.strip():
            raise AfinaError("publish.no_token")
        report("asking")
        hub, kind_there = HubUploader(self._workspace.settings.hf_endpoint, token.strip()), _kind_there(kind)
        name = self._full_name(hub, repository.strip(), kind_there, replaces)  # before the export, which takes minutes
        report("exporting")
        archive = self._exports.export(run_id, kind, is_cancelled=is_cancelled)
        scratch = self._workspace.home / "exports"
        require_space(scratch, archive.stat().st_size)
        with scratch_folder(scratch) as folder:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(folder)
            report("uploading")
            address, files, is_private = hub.upload(
                folder / archive.stem, name, kind_there, private=private, report=sent, is_cancelled=is_cancelled
            )
        page = _page(name) if kind_there == "space" else ""
        done = Published(
            run_id=run_id, kind=kind, repository=name, address=address, page=page, files=files, private=is_private
        )
        self._remember(done)
        return done

    def _full_name(self, hub: HubUploader, name: str, kind_there: str, replaces: bool) -> str:
        """The name of a repository with its owner. Raises where there is one that must not be replaced."""
        if not name or name.count("/") > 1:
            raise AfinaError("hub.bad_id", path=name[:80])
        account = hub.account()  # asked in any case: a token that is none is found out here
        name = name if "/" in name else f"{account}/{name}"
        ours = any((one.repository, _kind_there(one.kind)) == (name, kind_there) for one in self.list())
        if not (ours or replaces) and hub.exists(name, kind_there):
            raise AfinaError("publish.name_taken", what=name)
        return name

    def _known_token(self) -> str:
        try:
            return self._token.read_text(encoding="utf-8").strip()
        except OSError:
            known = self._workspace.settings.hf_token
            return known.get_secret_value() if known else ""

    def _remember(self, done: Published) -> None:
        others = [one for one in self.list() if (one.repository, one.page) != (done.repository, done.page)]
        write_atomic(self._list, _ALL.dump_json([done, *others][:_MOST]))


def _kind_there(kind: str) -> str:
    return "space" if kind in _PAGES else "model"


def _page(repository: str) -> str:
    """Where the hub serves a static Space."""
    owner, name = (part.lower().replace("_", "-").replace(".", "-") for part in repository.split("/"))
    return f"https://{owner}-{name}.static.hf.space"
