"""Base models from the Hugging Face hub, or a mirror of it.

Only safetensors, configuration and tokenizer files are asked for: never pickle, never code.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.errors import AfinaError, Stopped, from_exception
from studio.models.json_file import read_object
from studio.models.sources.base import Cancelled, Progress, check_hash
from studio.models.weights import PICKLES, card_of_config, slug
from studio.processes.child import run_child, say, work_as_child
from studio.processes.child_limits import limit_file_size, limit_memory
from studio.processes.environment import online_environment

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

ALLOWED: Final = (
    "*.safetensors",
    "model.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
_TIMEOUT: Final = 20.0  # seconds for an answer to a question about a repository
_DESCRIBED_WITHIN: Final = 60.0  # seconds for all of them: an answer may also come letter by letter, or never end
_MEMORY: Final = 1_500_000_000  # bytes that the answers may take
_LARGEST_BESIDE: Final = 200_000_000  # bytes of a file that holds no weights
_LARGEST_CONFIG: Final = 10_000_000  # bytes
_MORE_THAN_SAID: Final = 10_000_000  # bytes


@dataclass(frozen=True)
class HubSource:
    """The hub.

    Args:
        endpoint: address of a mirror; the library's own default where None.
        token: access token for gated repositories.
    """

    endpoint: str | None = None
    token: SecretStr | None = None

    def describe(self, repo_id: str) -> BaseModelCard:
        """The card of a repository, with its size, before anything large is downloaded.

        Raises:
            AfinaError: ``hub.*``, ``net.*``, ``model.pickle_only``, ``model.no_weights``, ``model.is_adapter``,
                ``model.no_config``, ``model.remote_code``.
        """
        repo_id = _clean(repo_id)
        # A folder of its own, not the library's cache: the answer has to come from the hub, with this token.
        with _plain(repo_id), tempfile.TemporaryDirectory() as folder:
            info = self._api().model_info(repo_id, files_metadata=True, timeout=_TIMEOUT)
            files = _wanted(info, repo_id)
            if files["config.json"] > _LARGEST_CONFIG:
                raise AfinaError("model.odd_file", path=f"{repo_id}/config.json", limit_mb=_LARGEST_CONFIG // 1_000_000)
            config = read_object(Path(self._file(repo_id, "config.json", info.sha, Path(folder))))
        if not config:
            raise AfinaError("model.no_config", path=repo_id)
        tags = [tag.partition(":")[2] for tag in info.tags or () if tag.startswith("license:")]
        data: Any = info.card_data or {}
        languages = data.get("language") or []
        languages = [languages] if isinstance(languages, str) else languages
        weights = sum(size for name, size in files.items() if name.endswith(".safetensors"))
        total = info.safetensors.total if info.safetensors else 0
        return card_of_config(
            config,
            id=f"hub-{slug(repo_id)}",
            name=repo_id.rpartition("/")[2],
            source=SourceKind.HUB,
            reference=repo_id,
            parameters=int(total or weights // 2),
            download_bytes=sum(files.values()),
            languages=tuple(str(code) for code in languages if len(str(code)) == 2),
            licence=Licence(name=tags[0] if tags else "", url=f"{self._api().endpoint}/{repo_id}"),
        )

    def describe_in_child(self, repo_id: str, *, seconds: float = _DESCRIBED_WITHIN) -> BaseModelCard:
        """As :meth:`describe`, in a child process with limits of time and memory: a hub may answer anything.

        Raises:
            AfinaError: as :meth:`describe`; ``net.slow`` when it took too long, ``hub.refused`` when too much came.
        """
        ends, answer = time.monotonic() + seconds, dict[str, Any]()
        with tempfile.TemporaryDirectory() as folder:
            asked = {"folder": folder, "repo_id": repo_id, "endpoint": self.endpoint, "token": self._token()}
            try:
                run_child(
                    "studio.models.sources.hub",
                    request=asked,
                    on_message=answer.update,
                    cancelled=lambda: time.monotonic() > ends,
                    variables=online_environment(),
                    memory=_MEMORY,
                )
            except Stopped:
                raise AfinaError("net.slow", path=repo_id, detail="") from None
        if "card" not in answer:
            raise AfinaError("hub.refused", path=repo_id, detail="")
        return BaseModelCard.model_validate(answer["card"])

    def fetch(self, card: BaseModelCard, into: Path, progress: Progress, cancelled: Cancelled) -> Path:
        """See :class:`studio.models.sources.base.Source`. An interrupted file is gone on with where it stopped.

        Raises:
            AfinaError: ``hub.*``, ``net.*``, ``install.hash_mismatch``, ``disk.full``; or :class:`Stopped`.
        """
        into.mkdir(parents=True, exist_ok=True)
        with _plain(card.reference):
            info = self._api().model_info(card.reference, files_metadata=True, timeout=_TIMEOUT)
            files = _wanted(info, card.reference)
            total, done = sum(files.values()), 0
            hashes = {s.rfilename: s.lfs.sha256 for s in info.siblings or () if s.lfs}
            for name, size in sorted(files.items()):
                if cancelled():
                    raise Stopped
                bar = _bar(progress, done, total, cancelled)
                path = Path(self._file(card.reference, name, info.sha, into, bar))
                if name in hashes:
                    check_hash(path, hashes[name], name)
                done += size
                progress(done, total)
        return into

    def _file(self, repo_id: str, name: str, revision: str | None, into: Path, bar: Any = None) -> str:
        from huggingface_hub import hf_hub_download

        return hf_hub_download(
            repo_id,
            name,
            revision=revision,
            local_dir=into,
            endpoint=self.endpoint,
            token=self._token(),
            tqdm_class=bar,
        )

    def _api(self) -> HfApi:
        from huggingface_hub import HfApi

        return HfApi(endpoint=self.endpoint, token=self._token())

    def _token(self) -> str | None:
        return self.token.get_secret_value() if self.token else None


def _clean(repo_id: str) -> str:
    """``org/name`` from what a person pastes: an id or the address of the model's page."""
    text = repo_id.strip().rstrip("/")
    if "://" in text:
        text = "/".join(text.split("://", 1)[1].split("/")[1:3])
    if not text or len(text) > 96:
        raise AfinaError("hub.bad_id", path=text[:96], detail="")
    return text


def _wanted(info: ModelInfo, repo_id: str) -> dict[str, int]:
    """Names and sizes of the files to download."""
    sizes = {sibling.rfilename: int(sibling.size or 0) for sibling in info.siblings or ()}
    top = {name: size for name, size in sizes.items() if "/" not in name}
    wanted = {name: size for name, size in top.items() if any(fnmatch.fnmatch(name, p) for p in ALLOWED)}
    if "adapter_config.json" in top:
        raise AfinaError("model.is_adapter", path=repo_id)
    if not any(name.endswith(".safetensors") for name in wanted):
        pickled = sorted(name for name in top if name.endswith(PICKLES))
        if pickled:
            raise AfinaError("model.pickle_only", path=repo_id, file=pickled[0])
        raise AfinaError("model.no_weights", path=repo_id)
    if "config.json" not in wanted:
        raise AfinaError("model.no_config", path=repo_id)
    large = next((n for n, s in wanted.items() if s > _LARGEST_BESIDE and not n.endswith(".safetensors")), None)
    if large is not None:
        raise AfinaError("model.odd_file", path=f"{repo_id}/{large}", limit_mb=_LARGEST_BESIDE // 1_000_000)
    if "model.safetensors" in wanted or "model.safetensors.index.json" in wanted:
        wanted = {n: s for n, s in wanted.items() if not n.endswith(".safetensors") or n.startswith("model")}
    return wanted


@contextmanager
def _plain(repo_id: str) -> Iterator[None]:
    """Turns what the hub's library raises into an :class:`AfinaError` that names the repository."""
    log = logging.getLogger("huggingface_hub")
    before = log.level
    log.setLevel(logging.ERROR)  # its warnings speak of settings that the owner does not have
    try:
        yield
    except Exception as error:
        known = from_exception(error)
        if known.code.startswith(("hub.", "net.", "general.")):
            known.params["path"] = repo_id
        raise known from error
    finally:
        log.setLevel(before)


def _bar(progress: Progress, before: int, total: int, cancelled: Cancelled) -> type[Any]:
    """A progress bar class for the hub's library that shows nothing, tells ``progress`` and can be cancelled."""
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            self.seen = int(options.get("initial") or 0)
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> None:
            if cancelled():
                raise Stopped
            self.seen += int(n or 0)
            if before + self.seen > total + _MORE_THAN_SAID:
                raise AfinaError("hub.refused", path="", detail="more data than announced")
            progress(before + self.seen, total)

    return Bar


def main() -> None:
    """The child of :meth:`HubSource.describe_in_child`: what is asked comes on its standard input."""
    asked = json.loads(sys.stdin.readline())
    tempfile.tempdir = asked["folder"]  # the parent removes it, however this process ends
    limit_memory(_MEMORY)
    limit_file_size(_LARGEST_CONFIG * 2)
    source = HubSource(asked["endpoint"], SecretStr(asked["token"]) if asked["token"] else None)

    def describe() -> None:
        try:
            say(card=source.describe(asked["repo_id"]).model_dump(mode="json"))
        except Exception as error:
            if from_exception(error).code == "train.out_of_memory":  # raised by itself, or inside one of the connection
                raise AfinaError("hub.refused", path=asked["repo_id"], detail="too long an answer") from error
            raise

    work_as_child(describe)


if __name__ == "__main__":
    main()
