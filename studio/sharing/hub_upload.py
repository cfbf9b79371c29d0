"""Uploads to the Hugging Face hub: whose token it is, whether a name is free, and the files in one commit."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.errors import AfinaError, Stopped, from_exception

Progress = Callable[[int, int], None]
"""Called with the bytes that were sent and those of all files."""


class HubUploader:
    """What one token may do on the hub. Every method raises ``publish.bad_token``, ``publish.no_write_right`` (whose
    token it is may not write there), ``hub.*`` and ``net.*`` as ``AfinaError``.

    Args:
        endpoint: address of the hub; None for the public one.
        token: of the owner.
    """

    def __init__(self, endpoint: str | None, token: str) -> None:
        from huggingface_hub import HfApi

        self._api: Any = HfApi(endpoint=endpoint, token=token)

    def account(self) -> str:
        """The account name of the token's owner. A read-only token is refused."""
        found = self._asked(self._api.whoami)
        if found.get("auth", {}).get("accessToken", {}).get("role") == "read":
            raise AfinaError("publish.no_write_right", what=str(found["name"]))
        return str(found["name"])

    def exists(self, repository: str, kind: str) -> bool:
        """Whether there is such a repository. Its kind is ``model`` or ``space``."""
        return bool(self._asked(self._api.repo_exists, repository, repo_type=kind))

    def upload(
        self,
        folder: Path,
        repository: str,
        kind: str,
        *,
        private: bool,
        report: Progress,
        is_cancelled: Callable[[], bool],
    ) -> tuple[str, int, bool]:
        """Uploads every file of a folder in one commit, making the repository if there is none.

        Args:
            folder: the files.
            repository: ``owner/name``.
            kind: ``model`` or ``space``, which is a static one.
            private: whether only its owner sees it; a public one that is there already becomes private before anything is
                sent, a private one is never made public.
            report: told of every piece that is sent.
            is_cancelled: asked before every piece.

        Returns:
            Its address, the number of files, and whether only its owner sees it.

        Raises:
            Stopped: when it was cancelled; the commit is then not made.
        """
        sdk = "static" if kind == "space" else None
        made = self._asked(
            self._api.create_repo, repository, repo_type=kind, space_sdk=sdk, private=private, exist_ok=True
        )
        is_private = bool(self._asked(self._api.repo_info, repository, repo_type=kind).private)
        if private and not is_private:
            self._asked(self._api.update_repo_settings, repository, private=True, repo_type=kind)
            is_private = True
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        sent = _Sent(sum(path.stat().st_size for path in paths), report, is_cancelled)
        files = [_SentFile(path, sent) for path in paths]
        try:
            self._commit(folder, list(zip(paths, files, strict=True)), repository, kind, sent)
        finally:
            for file in files:
                file.close()
        return str(made), len(files), is_private

    def _commit(
        self, folder: Path, files: list[tuple[Path, _SentFile]], repository: str, kind: str, sent: _Sent
    ) -> None:
        from huggingface_hub import CommitOperationAdd

        operations = [CommitOperationAdd(path.relative_to(folder).as_posix(), file) for path, file in files]
        sent.begin()  # until here the files were read for their checksums only
        self._asked(self._api.create_commit, repository, operations, commit_message="Made by Afina", repo_type=kind)

    def _asked(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            return function(*args, **options)
        except AfinaError:
            raise
        except HfHubHTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status == 401:
                raise AfinaError("publish.bad_token") from error
            if status == 403:
                raise AfinaError("publish.no_write_right", what=str(args[0]) if args else "") from error
            raise from_exception(error) from error
        except RuntimeError as error:  # a failed upload says only which file it was
            raise from_exception(error.__cause__ or error) from error
        except Exception as error:
            raise from_exception(error) from error


class _Sent:
    """Counts the bytes sent over all files."""

    def __init__(self, total: int, report: Progress, is_cancelled: Callable[[], bool]) -> None:
        self._total, self._report, self._is_cancelled = total, report, is_cancelled
        self._sent, self._counts = 0, False

    def begin(self) -> None:
        self._counts = True
        self.add(0)

    def add(self, count: int) -> None:
        if self._is_cancelled():
            raise Stopped
        if self._counts:
            self._sent = min(self._total, self._sent + count)  # a piece that the network lost is sent again
            self._report(self._sent, self._total)


class _SentFile(io.BufferedReader):
    """A file that counts the bytes read from it, as the hub's client neither reports progress nor can be cancelled."""

    def __init__(self, path: Path, sent: _Sent) -> None:
        super().__init__(io.FileIO(path))
        self._of = sent

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._of.add(len(piece))
        return piece
