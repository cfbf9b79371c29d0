"""After the quick fit the encoder is tuned in the background: real processes, a tiny encoder, a killed child."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from studio.encoders.catalog import MINILM
from studio.processes.job_registry import JobState
from studio.services.selectors import SelectorService
from studio.settings import Settings
from studio.storage.files import read_value, write_atomic
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.client import DecisionClient
from studio.trust.decision import AnswerKind
from studio.trust.jobs import is_tuning_settled, selector_folder, trust_job
from studio.trust.protocol import DecisionRequest
from studio.trust.summary import SelectorSummary, TuningResult, tuned_folder, tuning_file
from studio.trust.tuning_worker import tune_selector
from studio.trust.worker import fitted_selector
from tests.encoders import tiny_encoder
from tests.sharing.conftest import make_run

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

RUN = "run-1"
WAIT = 240.0  # seconds; a limit on waiting, not a measure


@pytest.fixture
def workspace(tiny_model: Path, tmp_path: Path) -> Iterator[Workspace]:
    """With a finished run, and a tiny encoder where that of English is expected."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / tiny_model.name).symlink_to(tiny_model)
    tiny_encoder.make(tmp_path / "models" / MINILM.id)
    opened = Workspace.open(Settings(home=tmp_path / "home", models_dir=tmp_path / "models", tune_encoder=True))
    make_run(opened, RUN)
    yield opened
    opened.database.close()


def learned(run: RunFolder, wordings: int) -> None:
    lines = [each.model_dump_json() + "\n" for each in tiny_encoder.examples() if int(each.id[-1]) < wordings]
    write_atomic(run.train, "".join(lines))


def settled(selectors: SelectorService) -> JobState | None:
    """State of the tuning when it is over."""
    ends = time.monotonic() + WAIT
    while time.monotonic() < ends:
        job = selectors.tuning(RUN)
        if job is not None and not job.is_active:
            return job.state
        time.sleep(0.05)
    return None


def answered(run: RunFolder) -> float:
    summary = SelectorSummary.read(selector_folder(run))
    assert summary is not None
    return summary.curve.level(0.02).answered


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal there")
def test_a_tuned_encoder_takes_over_where_it_answers_more_and_not_before_it_is_whole(workspace: Workspace) -> None:
    run = workspace.run(RUN)
    learned(run, wordings=8)
    selectors = SelectorService(workspace)
    selectors.fit(RUN)
    assert selectors.require(RUN, WAIT)
    first, before = selector_folder(run), answered(run)
    while (job := selectors.tuning(RUN)) is None or (job.is_active and not job.done):
        time.sleep(0.02)
    assert job.child_pid is not None
    psutil.Process(job.child_pid).kill()
    assert settled(selectors) is JobState.FAILED
    assert (selector_folder(run), answered(run)) == (first, before)
    assert not is_tuning_settled(run)
    selectors.fit(RUN)
    assert settled(selectors) is JobState.FAILED, "what failed here is not tried again by itself"
    selectors.close()

    again = SelectorService(workspace)
    stored = again.tuning(RUN)
    assert stored is not None
    write_atomic(
        workspace.home / "jobs" / "tuning" / f"{RUN}.json", stored.model_copy(update={"pid": 1}).model_dump_json()
    )
    again.fit(RUN)
    again.stop_tuning(RUN)
    assert settled(again) is JobState.CANCELLED, "begun anew after a restart, and stopped"
    again.close()
    assert (selector_folder(run), answered(run)) == (first, before)

    torch.set_num_threads(1)  # products this small only wait for a second thread
    tune_selector(trust_job(run, workspace.models, workspace.home))  # as the child does, with the priority of a test
    assert read_value(tuning_file(first), TuningResult) == TuningResult(is_better=True)
    assert selector_folder(run) == tuned_folder(first)
    assert answered(run) > before

    selector, vectors = fitted_selector(trust_job(run, workspace.models, workspace.home))
    client = DecisionClient(workspace)
    questions = tuple(f"{each.question} f1" for each in tiny_encoder.examples()[::8])
    decided = selector.decide(questions, vectors(questions), 0.02)
    assert any(one.kind is AnswerKind.KNOWN for one in decided)
    for question, expected in zip(questions, decided, strict=True):
        reply = client.ask(DecisionRequest(folder=selector_folder(run).resolve(), question=question, careful=0.02))
        assert reply.decision is not None
        assert (reply.decision.kind, reply.decision.answer) == (expected.kind, expected.answer)
        assert reply.decision.confidence == pytest.approx(expected.confidence, abs=1e-3)
    client.close()


@pytest.mark.slow
def test_where_there_is_too_little_to_learn_from_the_first_stays(workspace: Workspace) -> None:
    run = workspace.run(RUN)
    learned(run, wordings=2)
    selectors = SelectorService(workspace)
    taken_over: list[str] = []
    selectors.when_tuned = taken_over.append
    selectors.fit(RUN)
    assert selectors.require(RUN, WAIT)
    first = selector_folder(run)
    assert settled(selectors) is JobState.DONE
    assert read_value(tuning_file(first), TuningResult) == TuningResult(is_better=False)
    assert selector_folder(run) == first
    assert taken_over == []
    learned(run, wordings=3)
    fitted_selector(trust_job(run, workspace.models, workspace.home))
    assert not is_tuning_settled(run), "what is fitted anew is tuned anew"
    selectors.close()
