"""Datasets of the Hugging Face hub: their first rows as a file, so that they are kept and read like any upload.

The library loads torch, so it runs in a child process: ``python -m studio.data.importing.hub_datasets OPTIONS``. It says what it does
in JSON lines. No code of a dataset is ever run; pictures and sounds are left out.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError, from_exception
from studio.processes.child import Cancelled, end_with_parent, never, run_child, say
from studio.processes.environment import online_environment

DEFAULT_ROWS: Final = 10_000
_ID: Final = re.compile(r"[\w][\w.-]{0,95}(?:/[\w][\w.-]{0,95})?")
_KNOWN: Final = re.compile(r"\[(.*)\]", re.DOTALL)
_TOLD_EVERY: Final = 500  # rows
_FOREIGN: Final = "don't belong to"  # the library's words, and ours where it has none
_OF_THE_HUB: Final = frozenset(("hf", "file", "local", "zip", "tar", "dir", "filecache", "blockcache", "simplecache"))
_PROBE_TIMEOUT: Final = 20.0  # seconds


@dataclass(frozen=True)
class HubParts:
    """What there is to choose from in a dataset of the hub."""

    configs: tuple[str, ...]  # its configurations, often languages or versions; most have one
    config: str  # the one whose splits are listed
    splits: tuple[str, ...]  # of that configuration

    @property
    def split(self) -> str:
        """The split that is taken where none is named."""
        return "train" if "train" in self.splits or not self.splits else self.splits[0]


@dataclass(frozen=True)
class HubDataset:
    """What is wanted of a dataset of the hub."""

    reference: str | Path  # ``org/name``; a path is a folder on this computer
    config: str | None = None  # its first where None
    split: str | None = None  # ``train``, else its first, where None
    rows: int = DEFAULT_ROWS  # at most so many
    token: str | None = field(default=None, repr=False)  # for one that asks for it; never written anywhere

    def fetch(
        self,
        into: Path,
        endpoint: str | None = None,
        on_progress: Callable[[int], None] = lambda _: None,
        cancelled: Cancelled = never,
    ) -> Path:
        """Writes its first rows as JSON lines into a folder.

        Args:
            into: the folder.
            endpoint: address of the hub; the usual one where None.
            on_progress: called now and then with the number of rows.
            cancelled: asked all the time; True ends it with :class:`Stopped`.

        Raises:
            AfinaError: ``data.hub_bad_id``, ``data.hub_not_found``, ``data.hub_config`` and ``data.hub_split`` with those
                that there are, ``data.hub_script``, ``hub.gated``, ``net.unreachable`` …
        """
        target = into / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', str(self.reference)).strip('-')[-80:]}.jsonl"
        self._run({"out": str(target)}, endpoint, cancelled, lambda message: on_progress(int(message["rows"])))
        return target

    def parts(self, endpoint: str | None = None) -> HubParts:
        """Lists its configurations, and the splits of one of them; no rows are fetched. Raises as :meth:`fetch`."""
        listing: dict[str, Any] = {}
        self._run({"list": True}, endpoint, never, listing.update)
        return HubParts(tuple(listing["configs"]), listing["config"], tuple(listing["splits"]))

    def _run(
        self,
        options: dict[str, Any],
        endpoint: str | None,
        cancelled: Cancelled,
        on_message: Callable[[dict[str, Any]], object],
    ) -> None:
        """Runs this module in a child process, where the library may use as much memory as the parent's limits allow."""
        if isinstance(self.reference, str) and not _ID.fullmatch(self.reference):
            raise AfinaError("data.hub_bad_id", what=self.reference[:80])
        wanted = {"reference": str(self.reference), "config": self.config, "split": self.split, "rows": self.rows}
        options = {**wanted, "local": isinstance(self.reference, Path), **options}
        chosen = {"HF_ENDPOINT": endpoint, "HF_TOKEN": self.token, "HF_HUB_DISABLE_TELEMETRY": "1"}
        code = run_child(
            "studio.data.importing.hub_datasets",
            [json.dumps(options)],
            on_message=on_message,
            cancelled=cancelled,
            variables=online_environment() | {name: value for name, value in chosen.items() if value},
        )
        if code:
            raise AfinaError("general.unexpected", kind="datasets", detail=f"exit {code}")


def _stay_at_the_hub() -> None:
    """Takes every other host away from the library, which would follow an address in what a dataset says of itself."""
    from fsspec import AbstractFileSystem
    from fsspec.registry import known_implementations, register_implementation

    class Elsewhere(AbstractFileSystem):  # type: ignore[misc]
        """Stands for the files of any other place."""

        def __init__(self, *_: Any, **__: Any) -> None:
            raise ValueError(_FOREIGN)

    for protocol in set(known_implementations) - _OF_THE_HUB:
        register_implementation(protocol, Elsewhere, clobber=True)


def _write(options: dict[str, Any]) -> None:
    """Streams the rows into the file; runs in the child."""
    import datasets

    reference, config = options["reference"], options["config"]
    config = config or datasets.get_dataset_config_names(reference)[0]
    splits = datasets.get_dataset_split_names(reference, config)
    split = options["split"] or HubParts((), config, tuple(splits)).split
    stream = datasets.load_dataset(reference, config, split=split, streaming=True).decode(False)
    count = 0
    with Path(options["out"]).open("w", encoding="utf-8", newline="\n") as file:
        for row in stream.take(options["rows"]):
            file.write(json.dumps(_plain(row), ensure_ascii=False, default=str) + "\n")
            count += 1
            if count % _TOLD_EVERY == 0:
                say(rows=count)
    say(rows=count)


def _probe(reference: str) -> None:
    """Asks once whether the dataset is there: the library would try an unreachable hub for half a minute."""
    import huggingface_hub

    huggingface_hub.HfApi().dataset_info(reference, timeout=_PROBE_TIMEOUT)


def _list(options: dict[str, Any]) -> None:
    """Says what there is to choose from; runs in the child."""
    import datasets

    configs = datasets.get_dataset_config_names(options["reference"])
    config = options["config"] or configs[0]
    splits = datasets.get_dataset_split_names(options["reference"], config)
    say(configs=configs, config=config, splits=splits)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return None
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _problem(error: Exception, options: dict[str, Any]) -> AfinaError:
    """The library's exceptions are told apart by their names and words: it has no codes."""
    text, what = str(error), options["reference"][-80:]
    found = _KNOWN.search(text)
    known = found[1].replace("'", "")[:300] if found else "?"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "RepositoryNotFoundError" in kinds and "GatedRepoError" not in kinds:
        return AfinaError("data.hub_not_found", what=what)
    if _FOREIGN in text:
        return AfinaError("data.hub_foreign_files", what=what)
    if "gated" in text.lower():
        return AfinaError("hub.gated", path=what)
    if isinstance(error, ValueError) and "split" in text.lower() and found:
        return AfinaError("data.hub_split", what=what, split=str(options["split"])[:80], known=known)
    if isinstance(error, ValueError) and found:
        return AfinaError("data.hub_config", what=what, config=str(options["config"])[:80], known=known)
    if "scripts are no longer supported" in text:
        return AfinaError("data.hub_script", what=what)
    if kinds & {"DatasetNotFoundError", "DataFilesNotFoundError", "EmptyDatasetError"}:
        return AfinaError("data.hub_not_found", what=what)
    return from_exception(error)


def main() -> None:
    """Runs in the child process: the options are its only argument."""
    end_with_parent()
    options = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="afina-") as empty:
        if not options["local"]:
            os.chdir(empty)  # the library takes a folder of that name for the dataset
        try:
            if not options["local"]:
                _stay_at_the_hub()
                _probe(options["reference"])
            (_list if options.get("list") else _write)(options)
        except Exception as error:
            known = _problem(error, options)
            say(error=known.code, params=known.params)
        finally:
            os.chdir("/")


if __name__ == "__main__":
    main()
