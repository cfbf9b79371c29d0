"""What a person does with examples: bring files, choose columns, edit, undo, see what the model sees, split."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from studio.data.importing.hub_datasets import HubDataset, HubParts
from studio.data.importing.pipeline import Reading, ReadMonitor, read_files
from studio.data.importing.result import ReadResult
from studio.data.jsonl_codec import line_id
from studio.data.limits import MIN_EXAMPLES
from studio.data.splitting.saved_split import Parts
from studio.data.versions.editing import number_of
from studio.data.versions.uploads import Uploads, files_below
from studio.data.versions.versions import Draft, Versions, split_of, version_of
from studio.domain.conversation import Conversation, with_system
from studio.domain.dataset import DatasetVersion, DatasetView, Mapping, Segment, SplitChoice
from studio.errors import AfinaError
from studio.services.examples.split_store import SplitStore
from studio.settings import assets_dir
from studio.storage.workspace import Workspace

_SAMPLE_ROWS_SHOWN: Final = 10  # rows that show how columns are read


class DatasetService:
    """The examples of projects: every change is a new version, and every version stays."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._versions = Versions(workspace)
        self.tests = SplitStore(workspace)
        self._monitor = ReadMonitor()

    @property
    def workspace(self) -> Workspace:
        """Where the examples are kept."""
        return self._workspace

    @property
    def max_bytes(self) -> int:
        """Size above which a file is refused."""
        return self._workspace.settings.max_file_mb * 1_000_000

    def watch(self, monitor: ReadMonitor) -> None:
        """Lets a process that works on one import follow it, and stop it; everything is as it was then."""
        self._monitor = monitor

    def file_of(self, version_id: str) -> Path:
        """The file of a version, one example a line. Raises ``general.not_found``."""
        return self._versions.path(self._versions.get(version_id))

    def read_paths(self, paths: Sequence[Path], mapping: Mapping | None = None) -> ReadResult:
        """Reads files without a project. The limit of uploads does not hold: they are on this computer already."""
        return read_files(list(paths), mapping)

    def import_files(
        self,
        project_id: str,
        paths: Sequence[Path],
        mapping: Mapping | None = None,
        append: bool = False,
        split: SplitChoice | None = None,
    ) -> DatasetView:
        """Makes a version from files; the current one stays reachable by undo.

        Args:
            paths: one file or several, which make one dataset.
            mapping: columns as a person chose them, remembered; recognised where None.
            append: adds to the current examples instead of replacing them.
            split: how the test is drawn; as for the examples before where None.

        Raises:
            AfinaError: what kept every file from being read; ``data.no_usable_rows``, ``data.too_few_rows``,
                ``data.too_large``, ``disk.full`` …; the project is then as it was.
        """
        project = self._versions.project(project_id)
        uploads, began = self._uploads(project_id), time.time()
        remembered = Mapping.model_validate(project.mapping) if project.mapping else None
        try:
            kept = [uploads.keep(path) for path in files_below(paths)]
            view = self._import(project_id, kept, mapping or remembered, "import", append, split)
        except BaseException:
            self.forget_uploads(project_id, since=began)
            raise
        if mapping is not None and mapping.is_complete:
            self._versions.remember(project_id, mapping)
        return view

    def hub_parts(self, dataset: HubDataset) -> HubParts:
        """What there is to choose from in a dataset of the hub. Raises as :meth:`HubDataset.fetch`."""
        return dataset.parts(self._workspace.settings.hf_endpoint)

    def import_hub(self, project_id: str, dataset: HubDataset, append: bool = False) -> DatasetView:
        """Makes a version from the first rows of a dataset of the Hugging Face hub; they are kept like an upload.

        Raises as :meth:`HubDataset.fetch` and :meth:`import_files`.
        """
        endpoint, monitor = self._workspace.settings.hf_endpoint, self._monitor
        with tempfile.TemporaryDirectory(prefix="afina-") as folder:
            path = dataset.fetch(Path(folder), endpoint, monitor.on_rows, monitor.cancelled)
            return self.import_files(project_id, [path], append=append)

    def use_sample(self, project_id: str, locale: str) -> DatasetView:
        """Makes a version of the bundled sample, with its held-out questions. Raises ``data.no_sample``."""
        self._versions.project(project_id)
        folder = assets_dir() / "samples"
        parts = ((folder / f"{locale}.train.csv", False), (folder / f"{locale}.heldout.csv", True))
        if not re.fullmatch(r"[a-z]{2}", locale) or not all(path.is_file() for path, _ in parts):
            raise AfinaError("data.no_sample", locale=locale[:8])
        uploads = self._uploads(project_id)
        return self._import(project_id, [uploads.keep(path, flag) for path, flag in parts], None, "sample")

    def uploaded_bytes(self, project_id: str) -> int:
        """Size of the files that the current version was read from; 0 where there is none."""
        row = self._versions.current(project_id)
        kept = list(row.details.get("uploads", [])) if row is not None else []
        paths = [item.path for item in self._uploads(project_id).inputs(kept)]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def set_mapping(self, project_id: str, mapping: Mapping) -> DatasetView:
        """Reads the files of the current version again with other columns. Later edits stay in the earlier version.

        Raises ``data.mapping_incomplete``, ``data.column_missing``, ``data.no_dataset``; as :meth:`import_files`.
        """
        if not mapping.is_complete and not mapping.company and not mapping.sheets:
            raise AfinaError("data.mapping_incomplete")
        row = self._versions.require_current(project_id)
        columns = set(row.details.get("columns", []))
        missing = [name for name in (*mapping.question, *mapping.answer) if name not in columns]
        if missing:
            raise AfinaError("data.column_missing", column=missing[0])
        kept = list(row.details.get("uploads", []))
        view = self._import(project_id, kept, mapping, "mapping")
        self._versions.remember(project_id, mapping)
        return view

    def replace(
        self,
        project_id: str,
        conversations: Iterable[Conversation | bytes],
        action: str,
        params: dict[str, str | int | float],
        base: str | None = None,
    ) -> DatasetView:
        """Makes a version with other content, from the same files and columns.

        Raises ``data.no_dataset``, ``data.changed_meanwhile``, ``disk.full`` …
        """
        current = self._versions.get(base) if base else self._versions.require_current(project_id)
        draft = Draft.like(current, action, dict(params))
        self._versions.add(project_id, conversations, lambda: draft)
        return self._versions.view(project_id)

    def current(self, project_id: str) -> DatasetView | None:
        """The current version; None before the first import."""
        return self._versions.view(project_id) if self._versions.current(project_id) is not None else None

    def version(self, project_id: str) -> DatasetVersion | None:
        """The current version without its examples; None before the first import. Raises ``general.not_found``."""
        row = self._versions.current(project_id)
        return version_of(row) if row is not None else None

    def model_of(self, project_id: str) -> tuple[str | None, str | None]:
        """The base model that is chosen in a project, and its system prompt. Raises ``general.not_found``."""
        row = self._versions.project(project_id)
        return row.model_id, row.system_prompt

    def load(self, version_id: str) -> list[Conversation]:
        """The examples of a version. Raises ``general.not_found``."""
        return list(self._versions.load(self._versions.get(version_id)))

    def preview(self, project_id: str, conversation_id: str, model_id: str) -> tuple[Segment, ...]:
        """What the model sees of an example and which part it learns, from the function that makes the batches.

        Raises ``general.not_found``, ``model.not_installed``.
        """
        from studio.models.chat_template import ChatTemplate

        row = self._versions.require_current(project_id)
        found = next((c for c in self._versions.rows(row) if c.id == conversation_id), None)
        if found is None:
            raise AfinaError("general.not_found", what=conversation_id[:80])
        system = self._versions.project(project_id).system_prompt
        return ChatTemplate.load(self._workspace.model(model_id)).segments(with_system(found, system))

    def split_choice(self, version_id: str) -> SplitChoice:
        """How the test of a version is drawn. Raises ``general.not_found``."""
        return split_of(self._versions.get(version_id))

    def parts(self, version_id: str, *, estimate: bool = False) -> Parts:
        """The examples of a version to learn from, to practise with, and those of its exam. They stay on disk.

        Raises ``general.not_found``, ``disk.missing`` …
        """
        return self.tests.parts(self._versions.get(version_id), estimate=estimate)

    def forget_uploads(self, project_id: str, since: float) -> None:
        """Removes the files of an import that failed: those that no version was read from, kept since a time."""
        self._uploads(project_id).forget(self._versions.uploads(project_id), since)

    def _uploads(self, project_id: str) -> Uploads:
        return Uploads(self._workspace.project(project_id) / "uploads", self.max_bytes)

    def _import(
        self,
        project_id: str,
        kept: list[dict[str, Any]],
        mapping: Mapping | None,
        action: str,
        append: bool = False,
        split: SplitChoice | None = None,
    ) -> DatasetView:
        inputs = self._uploads(project_id).inputs(kept)
        reading = Reading(inputs, mapping, monitor=self._monitor)
        current = self._versions.current(project_id) if append else None
        earlier = Draft.like(current, action, {})
        before = self._versions.current(project_id)
        names = tuple(item["name"] for item in kept)

        def examples() -> Iterator[Conversation | bytes]:
            last = 0
            for line in self._versions.rows(current).lines() if current is not None else ():
                last = max(last, number_of(line_id(line)))
                yield line
            yield from reading.conversations(last + 1)

        def draft() -> Draft:
            sample = (*earlier.sample[: _SAMPLE_ROWS_SHOWN // 2], *reading.sample)
            return Draft(
                action=action,
                params={"n": len(names), "files": ", ".join(names)[:300]},
                files=(*earlier.files, *names),
                uploads=(*earlier.uploads, *kept),
                columns=tuple(dict.fromkeys((*earlier.columns, *reading.columns))),
                mapping=reading.mapping if reading.mapping != Mapping() else earlier.mapping,
                problems=(*earlier.problems, *reading.findings.problems()),
                tables=(*earlier.tables, *(file.kept for file in reading.files)),
                # Some of both: what was added may have other columns, and they are those that the picture shows.
                sample=sample[:_SAMPLE_ROWS_SHOWN],
                split=split or split_of(before),
                base=earlier.base,  # what is added to must not have changed; what is replaced may have
            )

        self._versions.add(project_id, examples(), draft, minimum=MIN_EXAMPLES)
        return self._versions.view(project_id)
