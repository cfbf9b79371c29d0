"""Learning rates that fail, in real runs: what the owner reads, and which rate she is told to try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.domain.event import Event
from studio.domain.recipe import Recipe
from studio.domain.run import RunState, RunView, progress_of
from studio.i18n import LOCALES, catalog
from studio.services.runs.chart_commentary import commentary, is_flat, is_ignored
from studio.storage.workspace import RunFolder
from studio.training.run_files.event_log import read_events
from tests.conftest import MODELS
from tests.training.support import finish, write_run

pytestmark = pytest.mark.model


def shown(run: RunFolder, events: list[Event], state: RunState) -> RunView:
    recipe = Recipe.model_validate_json(run.recipe.read_text(encoding="utf-8"))
    facts: dict[str, Any] = {"id": "run-1", "project_id": "p", "name": "Run", "created_at": 0, "model_name": "M"}
    counts = {"train_examples": 6, "held_out_examples": 2}
    return RunView(**facts, **counts, state=state, recipe=recipe, progress=progress_of(events))


def test_a_rate_that_is_too_low_is_called_flat_and_its_answers_unchanged(tiny_model: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", tiny_model, learning_rate=1e-7, epochs=10.0)
    finish(run, tiny_model)
    events = read_events(run.events)[0]
    half = next(place for place, event in enumerate(events) if event.type == "step" and event.step == 28)
    key, params = commentary(shown(run, events[: half + 1], RunState.RUNNING))
    assert (key, params) == ("train.reading.flat", {"rate": 1e-6})
    assert is_flat(progress_of(events))
    assert is_ignored(progress_of(events))
    key, params = commentary(shown(run, events, RunState.FINISHED))
    assert (key, params) == ("train.reading.finished_ignored", {"rate": 3e-7})
    assert all(catalog(locale)(key, **params) for locale in LOCALES)


@pytest.mark.slow
def test_a_rate_that_is_too_high_is_told(base_model: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", MODELS / base_model, learning_rate=0.5, epochs=10.0, schedule="constant")
    finish(run, MODELS / base_model)
    events = read_events(run.events)[0]
    told = {event.problem.code for event in events if event.type == "notice"}
    said = {commentary(shown(run, events[:end], RunState.RUNNING))[0] for end in range(1, len(events))}
    assert "train.went_back" in told or "train.reading.jumping" in said
