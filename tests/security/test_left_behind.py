"""What killed processes and deleted projects leave behind: removed at the next start, and never what is being made."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from studio.data.versions.uploads import Uploads
from studio.domain.run import RunState
from studio.services.cleanup import clean_up
from studio.services.examples.datasets import DatasetService
from studio.services.projects import ProjectService
from studio.services.runs.state_reader import RunReader
from studio.storage.database import RunRow
from studio.storage.files import atomic_folder, atomic_path, scratch_folder
from studio.storage.workspace import Workspace

_MAKER = """
import sys
from pathlib import Path
from studio.storage.files import atomic_folder, atomic_path, scratch_folder
home = Path(sys.argv[1])
with (
    atomic_path(home / "projects" / "p-1" / "data-1.jsonl") as one,
    atomic_folder(home / "runs" / "run-1" / "adapters" / "step-1") as two,
    scratch_folder(home / "exports") as three,
    scratch_folder(home / "tmp") as four,
    atomic_folder(Path(sys.argv[2]) / "hub-x") as five,
):
    for folder in (two, three, four, five):
        (folder / "weights").write_bytes(bytes(1000))
    print(".", flush=True)
    sys.stdin.read()
"""


def _half_made(workspace: Workspace) -> list[Path]:
    places = (workspace.home, workspace.models)
    return sorted({path for place in places for path in place.rglob(".*.tmp")})


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    from studio.settings import Settings

    return Workspace.open(Settings(home=tmp_path / "home"))


def test_what_a_killed_process_was_making_goes_and_what_a_living_one_makes_stays(
    own: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", _MAKER, str(own.home), str(own.models)]
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout is not None
        other.stdout.read(1)
        assert len(_half_made(own)) == 5
        assert clean_up(own) == []
        assert len(_half_made(own)) == 5
        other.kill()
    with caplog.at_level(logging.WARNING):
        removed = clean_up(own)
    assert len(removed) == 5
    assert _half_made(own) == []
    assert all(str(path) in caplog.text for path in removed)


def test_a_number_that_went_to_another_program_does_not_keep_a_file(own: Workspace) -> None:
    left = own.home / "tmp" / f".scratch.{os.getpid()}-abc.tmp"
    left.mkdir(parents=True)
    os.utime(left, (1_000_000_000,) * 2)
    assert clean_up(own) == [left]


def test_what_this_process_makes_has_its_number(tmp_path: Path) -> None:
    mark = f".{os.getpid()}-"
    with atomic_path(tmp_path / "a") as one, atomic_folder(tmp_path / "b") as two, scratch_folder(tmp_path) as three:
        assert all(mark in path.name for path in (one, two, three))
        one.write_text("x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_uploads_of_failed_imports_go_and_those_of_versions_stay(own: Workspace, tmp_path: Path) -> None:
    project = ProjectService(own, RunReader()).create("Loja").id
    datasets = DatasetService(own)
    good, bad = tmp_path / "good.csv", tmp_path / "bad.png"
    good.write_text("Pergunta;Resposta\nPix?;Sim.\nBoleto?;Não.")
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    datasets.import_files(project, [good])
    folder = own.project(project) / "uploads"
    with pytest.raises(Exception, match="not_readable"):
        datasets.import_files(project, [bad])
    (kept,) = folder.iterdir()
    uploads = Uploads(folder, 1_000_000)
    left = folder / uploads.keep(bad)["stored"]
    assert clean_up(own) == []  # an import of another server may be reading it
    os.utime(left, (time.time() - 100_000,) * 2)
    os.utime(kept, (time.time() - 100_000,) * 2)
    assert clean_up(own) == [left]
    assert list(folder.iterdir()) == [kept]


def test_files_that_the_database_does_not_know_stay(own: Workspace) -> None:
    lost = own.home / "projects" / "project-lost" / "uploads" / "a.csv"
    lost.parent.mkdir(parents=True)
    lost.write_text("x")
    os.utime(lost, (1_000_000_000,) * 2)
    assert clean_up(own) == []
    assert lost.exists()


def test_exports_go_with_their_run(own: Workspace) -> None:
    projects = ProjectService(own, RunReader())
    project = projects.create("Loja").id
    for number in (1, 2, 3):
        (own.run(f"run-{number}").path).mkdir()
        (own.exports(f"run-{number}") / "step-000001").mkdir(parents=True)
        (own.exports(f"run-{number}") / "step-000001" / "x.zip").write_text("merged")
    (own.home / "exports" / "run-3-merged.log").write_text("x")
    row = RunRow(
        id="run-1", project_id=project, name="Treino 1", created_at=0.0, state=RunState.FINISHED.value, position=1.0,
        model_id="m", model_name="M", train_examples=1, held_out_examples=1,
    )  # fmt: skip
    with own.database.session() as session:
        session.add(row)
    projects.delete(project)
    assert own.exports("run-1").exists(), "it can still be restored"
    projects.erase(project)
    assert not own.exports("run-1").exists()
    own.run("run-3").path.rmdir()  # deleted by an older version
    assert sorted(path.name for path in clean_up(own)) == ["run-3", "run-3-merged.log"]
    assert own.exports("run-2").exists()


_PARENT = """
import sys, threading
from pathlib import Path
from studio.sharing.exporters.child import Child
Child(Path(sys.argv[1]), lambda phase: print(phase, flush=True), lambda: False).run("tests.security.busy_child")
"""


def test_an_export_ends_with_the_server_that_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.is_running()
        parent.kill()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()
