"""Putting a chatbot online for good: its files on the Hugging Face hub, or its page as a static Space there."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.errors import AfinaError, from_exception
from studio.services.exports import ExportService
from studio.sharing.exporters import exporter
from studio.storage.files import require_space, scratch_folder
from studio.storage.workspace import Workspace

_PAGES: Final = ("site", "site_compare")


@dataclass(frozen=True)
class Published:
    """What is online.

    Args:
        address: of its page on the hub.
        page: address at which visitors ask; empty for models.
        files: that were uploaded.
    """

    address: str
    page: str
    files: int


class PublishingService:
    """Uploads exports with the owner's token, which is used and kept nowhere.

    Args:
        workspace: its settings name the hub.
        exports: makes what is uploaded.
    """

    def __init__(self, workspace: Workspace, exports: ExportService) -> None:
        self._workspace, self._exports = workspace, exports

    def publish(
        self,
        run_id: str,
        kind: str,
        repository: str,
        token: str,
        *,
        private: bool = False,
        report: Callable[[str], None] = lambda phase: None,
    ) -> Published:
        """Makes the export where there is none yet, and uploads it in one commit; a second time replaces the first.

        Args:
            run_id: a run that has kept a model.
            kind: of the export: a page becomes a static Space, everything else a model.
            repository: ``owner/name`` on the hub; made where it does not exist.
            token: of the owner, with the right to write.
            private: whether only its owner sees it.
            report: called with ``exporting``, then ``uploading``.

        Returns:
            Where it is.

        Raises:
            AfinaError: what the export raises; ``publish.no_token``, ``hub.bad_id``, ``hub.token_refused``,
                ``hub.refused``, ``net.*``, ``disk.full``.
        """
        exporter(kind)
        if not token.strip():
            raise AfinaError("publish.no_token")
        if repository.count("/") != 1:
            raise AfinaError("hub.bad_id", name=repository[:80])
        report("exporting")
        archive = self._exports.export(run_id, kind)
        scratch = self._workspace.home / "exports"
        require_space(scratch, archive.stat().st_size)
        with scratch_folder(scratch) as folder:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(folder)
            report("uploading")
            try:
                return self._upload(folder / archive.stem, kind in _PAGES, repository, token.strip(), private)
            except Exception as error:
                raise from_exception(error) from error

    def _upload(self, folder: Path, is_page: bool, repository: str, token: str, private: bool) -> Published:
        from huggingface_hub import CommitOperationAdd, HfApi

        api = HfApi(endpoint=self._workspace.settings.hf_endpoint, token=token)
        kind = "space" if is_page else "model"
        made = api.create_repo(
            repository, repo_type=kind, space_sdk="static" if is_page else None, private=private, exist_ok=True
        )
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        api.create_commit(
            repository,
            [CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in files],
            commit_message="Made by Afina",
            repo_type=kind,
        )
        owner, name = (part.lower().replace("_", "-").replace(".", "-") for part in repository.split("/"))
        return Published(str(made), f"https://{owner}-{name}.static.hf.space" if is_page else "", len(files))
