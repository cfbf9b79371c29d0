"""Exports in the background: progress, restarts, full disks, runs that went on."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from studio.domain.recipe import Method
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.processes.job_registry import JobState
from studio.services.chat_targets import find_subject
from studio.services.exports import ExportService, _drop_older
from studio.services.links import LinkService
from studio.storage import files
from studio.storage.workspace import Workspace
from tests.sharing.conftest import keep, make_run, tiny_workspace

__all__ = ["tiny_workspace"]  # a fixture of the tests of sharing
# peft still asks transformers by a name that transformers is about to drop.
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


def wait(exports: ExportService, run_id: str, kind: str) -> list[str]:
    """Phases seen until the export is over."""
    phases: list[str] = []
    for _ in range(2400):
        job = exports.progress(run_id, kind)
        if job is None or not job.is_active:
            return phases
        if job.stage and job.stage not in phases:
            phases.append(job.stage)
        time.sleep(0.05)
    raise AssertionError(f"still {phases}")


def test_closed_on_the_way_then_in_the_background_and_found_after_a_restart(tiny_workspace: Workspace) -> None:
    run_id = make_run(tiny_workspace)
    exports = ExportService(tiny_workspace)
    assert exports.progress(run_id, "merged") is None
    exports.start(run_id, "merged")
    exports.close()
    job = exports.progress(run_id, "merged")
    assert job is not None
    assert job.state is JobState.CANCELLED
    assert not list((tiny_workspace.home / "exports").glob(".*.tmp"))
    exports = ExportService(tiny_workspace)
    exports.start(run_id, "merged")
    exports.start(run_id, "merged")  # a second click
    phases = wait(exports, run_id, "merged")
    exports.close()
    assert set(phases) <= {"starting", "merging", "checking", "packing"}
    for locale in LOCALES:
        for phase in phases:
            assert catalog(locale)(f"share.export.phase.{phase}")
    again = ExportService(tiny_workspace)
    job, path = again.progress(run_id, "merged"), again.path(run_id, "merged")
    assert job is not None
    assert path is not None
    assert (job.state, job.result) == (JobState.DONE, str(path))
    assert path.name == "pao-cia-merged.zip"
    with zipfile.ZipFile(path) as archive:
        assert {Path(name).parts[0] for name in archive.namelist()} == {"pao-cia-merged"}
    assert sorted(entry.name for entry in (tiny_workspace.home / "exports").iterdir()) == [run_id]


def test_a_copy_goes_where_it_is_asked_for_and_a_run_that_went_on_is_exported_anew(
    tiny_workspace: Workspace, tmp_path: Path
) -> None:
    run_id = make_run(tiny_workspace)
    exports = ExportService(tiny_workspace)
    assert exports.export(run_id, "adapter", out=tmp_path) == tmp_path / "pao-cia-adapter.zip"
    first = exports.export(run_id, "adapter", out=tmp_path / "new" / "mine.zip")
    assert first.read_bytes() == (tmp_path / "pao-cia-adapter.zip").read_bytes()
    keep(tiny_workspace, run_id, Method.LORA, step=9)
    assert exports.path(run_id, "adapter") is None
    second = exports.export(run_id, "adapter")
    assert first.read_bytes() != second.read_bytes()


def test_what_cannot_be_exported_is_told_at_once(tiny_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = make_run(tiny_workspace)
    exports = ExportService(tiny_workspace)
    with pytest.raises(AfinaError, match=r"export\.unknown_kind"):
        exports.start(run_id, "onnx")
    with pytest.raises(AfinaError, match=r"export\.not_ready"):
        exports.start("run-2", "adapter")
    with monkeypatch.context() as patch:
        patch.setattr(files.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
        with pytest.raises(AfinaError, match=r"disk\.full"):
            exports.start(run_id, "merged")
    assert exports.progress(run_id, "merged") is None
    moved = Workspace(tiny_workspace.settings.model_copy(update={"models_dir": tiny_workspace.home / "empty"}))
    with pytest.raises(AfinaError, match=r"export\.no_base"):
        ExportService(moved).start(run_id, "adapter")


def test_a_damaged_adapter_is_told_as_such_and_not_as_nothing_kept(tiny_workspace: Workspace) -> None:
    run_id = make_run(tiny_workspace)
    kept = tiny_workspace.run(run_id).adapters / "step-000005" / "adapter_model.safetensors"
    kept.write_bytes(kept.read_bytes()[:100])
    exports = ExportService(tiny_workspace)
    for refused in (
        lambda: exports.start(run_id, "merged"),
        lambda: exports.export(run_id, "adapter"),
        lambda: LinkService(tiny_workspace).create(run_id, "Loja"),
        lambda: find_subject(tiny_workspace, run_id, needs_tuned=True),
    ):
        with pytest.raises(AfinaError, match=r"run\.damaged"):
            refused()
    assert exports.progress(run_id, "merged") is None
    assert find_subject(tiny_workspace, run_id, needs_tuned=False).tuned is None
    for locale in LOCALES:
        assert catalog(locale)("errors.run.damaged") != catalog(locale)("errors.export.not_ready")


def test_a_page_made_anew_takes_the_older_one_away_and_nothing_else(tmp_path: Path) -> None:
    names = ("step-000005-aaaa/bot-site.zip", "step-000005-bbbb/bot-site.zip", "step-000005-aaaa/bot-site_compare.zip")
    older, target, other, gguf = made = [tmp_path / name for name in (*names, "step-000005/bot-gguf.zip")]
    for path in made:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"zip")
    _drop_older(target)
    assert [path for path in made if path.exists()] == [target, other, gguf]
    assert not older.exists()
