"""A workspace that an earlier version made opens with all that is in it: examples, runs, adapters, checkpoints, links.

``tests/assets/workspaces/2026-11-22.zip`` was made by the version of that day: a project of forty examples, cleaned once,
with a finished run, a run that was paused in the middle, an open demo link and one that is switched off.
"""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.domain.run import RunState
from studio.services.container import Services
from studio.settings import Settings
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.model
WORKSPACE = REPOSITORY / "tests" / "assets" / "workspaces" / "2026-11-22.zip"


@pytest.fixture
def earlier(tmp_path: Path, tiny_model: Path) -> Iterator[tuple[Services, dict[str, str]]]:
    """The services on that workspace, and the names of what is in it."""
    from studio.app import build_services

    home, models = tmp_path / "home", tmp_path / "models"
    with zipfile.ZipFile(WORKSPACE) as archive:
        archive.extractall(home)
    names = json.loads((home / "expected.json").read_text(encoding="utf-8"))
    shutil.copytree(tiny_model, models / names["model"])
    card = json.loads((tiny_model / "afina.json").read_text(encoding="utf-8")) | {"id": names["model"]}
    (models / names["model"] / "afina.json").write_text(json.dumps(card), encoding="utf-8")
    services = build_services(Settings(home=home, models_dir=models))
    yield services, names
    services.close()


def wait(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def test_its_examples_and_their_history_are_there(earlier: tuple[Services, dict[str, str]]) -> None:
    services, names = earlier
    project = services.projects.get(names["project"])
    assert (project.name, project.model_id, project.system_prompt) == ("Loja Aurora", names["model"], "Seja breve.")
    view = services.datasets.current(project.id)
    assert view is not None
    assert view.version.examples == 41
    assert "[EMAIL_1]" in view.conversations[-1].question
    assert services.checks.report(project.id).examples == 41
    services.history.undo(project.id)
    before = services.datasets.current(project.id)
    assert before is not None
    assert before.version.examples == 42


def test_its_links_open_as_they_were(earlier: tuple[Services, dict[str, str]]) -> None:
    services, names = earlier
    links = {link.token: link for link in services.links.list()}
    assert links[names["link"]].title == "Fale com a Aurora"
    assert links[names["link"]].revoked_at is None
    assert links[names["revoked"]].revoked_at is not None


def test_its_runs_stand_as_they_were_and_a_paused_one_goes_on(earlier: tuple[Services, dict[str, str]]) -> None:
    services, names = earlier
    finished, paused = services.runs.view(names["finished"]), services.runs.view(names["paused"])
    assert (finished.state, paused.state) == (RunState.FINISHED, RunState.PAUSED)
    folder = services.workspace.run(names["paused"])
    known = len(folder.events.read_bytes())

    def steps() -> list[int]:
        """Those that were taken since, of whole lines."""
        lines = folder.events.read_bytes()[known:].split(b"\n")[:-1]
        return [event["step"] for event in map(json.loads, lines) if event.get("step")]

    services.runs.supervise()
    services.runs.resume(names["paused"])
    wait(lambda: bool(steps()))
    assert steps()[0] > 1_300, "it went on from its checkpoint"
    services.runs.stop(names["paused"])
    wait(lambda: services.runs.view(names["paused"]).state is RunState.STOPPED)
