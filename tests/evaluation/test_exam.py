"""A whole exam by the real worker with the tiny model: answers, result, cache, stop, another run, a death."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from studio.domain.proof import Metric, Proof, Verdict
from studio.domain.proof_progress import ProofPhase, ProofState, ProofStatus
from studio.domain.run import RunState
from studio.errors import AfinaError
from studio.evaluation.proof_files import ProofFiles
from studio.evaluation.worker import main
from studio.models import hardware
from studio.services.proof.service import ProofService
from studio.settings import Settings
from studio.storage.files import write_atomic
from studio.storage.run_result import read_result
from studio.storage.uses import using
from studio.storage.workspace import RunFolder, Workspace
from studio.trust.jobs import selector_folder
from studio.trust.summary import SUMMARY_FILE
from tests.training.runs import wait_for
from tests.training.support import PAIRS, finish, write_run

pytestmark = pytest.mark.model
PHASES = ("exam", "lesson", "privacy")  # the question sets take a minute


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Workspace:
    """A workspace with one tuned run of the tiny model, its last two pairs as exam."""
    home = tmp_path_factory.mktemp("proof")
    workspace = Workspace.open(Settings(home=home, models_dir=tiny_model.parent))
    _trained(workspace, "run-a", tiny_model, epochs=6.0)
    return workspace


def _trained(workspace: Workspace, run_id: str, model: Path, **choices: float) -> RunFolder:
    run = write_run(workspace.run(run_id).path, model, **choices)
    run.exam.write_text("".join(c.model_dump_json() + "\n" for c in PAIRS[4:8]), encoding="utf-8")
    finish(run, model)
    return run


@pytest.fixture
def proofs(place: Workspace) -> Iterator[ProofService]:
    service = ProofService(place)
    yield service
    service.close()


def sit(workspace: Workspace, run_id: str, *options: str) -> ProofFiles:
    """The worker in this very process: its imports take longer than such an exam."""
    folder = workspace.run(run_id)
    home = ["--home", str(workspace.home), "--models", str(workspace.models)]
    asked = [] if "--phases" in options else ["--phases", *PHASES]
    assert main([str(folder.path), *home, "--names", '["Monday", "Tiny"]', *options, *asked]) == 0
    return ProofFiles(folder, options[1] if options[:1] == ("--against",) else None)


def test_both_answer_everything_and_the_result_says_so(place: Workspace, proofs: ProofService) -> None:
    files = sit(place, "run-a")
    proof = proofs.result("run-a")
    assert proof is not None, files.log
    assert proofs.status("run-a").state is ProofState.DONE
    assert (proof.n, proof.left_out, proof.headline, proof.run_name) == (4, 0, Metric.FACTS, "Monday")
    assert proof.verdict is Verdict.TOO_LITTLE
    assert proof.more_needed > 0
    assert [answer.expected for answer in proof.answers] == [pair.answer for pair in PAIRS[4:8]]
    assert proof.bars.knows.asked == 6
    assert proof.forgotten is proof.off_topic is None
    assert {result.metric for result in proof.metrics} >= {Metric.WORDS, Metric.EXACT, Metric.LOSS, Metric.PERPLEXITY}
    loss = next(result for result in proof.metrics if result.metric is Metric.LOSS)
    assert loss.after < loss.before  # it has learned something
    assert not proof.exam_also_chose
    assert Proof.model_validate_json(proof.model_dump_json()) == proof


@pytest.mark.slow
def test_the_question_sets_are_asked_too(place: Workspace) -> None:
    proof = sit(place, "run-a", "--phases", "exam", "off_topic", "general").read_result()
    assert proof is not None
    assert proof.forgotten is not None
    assert proof.forgotten.asked == 60
    assert proof.off_topic is not None
    assert proof.off_topic.answered + proof.off_topic.handed + proof.off_topic.refused == proof.off_topic.asked >= 60


def test_an_exam_again_asks_nothing_again(place: Workspace, proofs: ProofService) -> None:
    first = sit(place, "run-a").read_result()
    kept = (place.run("run-a").path / "proof" / "answers.jsonl").read_bytes()
    again = sit(place, "run-a").read_result()
    assert first is not None
    assert again is not None
    assert (place.run("run-a").path / "proof" / "answers.jsonl").read_bytes() == kept
    assert again.answers == first.answers
    assert again.made_at > first.made_at


def test_what_customers_get_is_counted_anew_when_that_has_changed_and_only_then(
    place: Workspace, proofs: ProofService
) -> None:
    made = sit(place, "run-a").read_result()
    assert made is not None
    proofs.count_unasked("run-a")
    assert proofs.status("run-a").state is ProofState.DONE, "it counted with what decides today"
    summary = selector_folder(place.run("run-a")) / SUMMARY_FILE
    later = proofs._files("run-a", None).result.stat().st_mtime + 60
    write_atomic(summary, summary.read_bytes())
    os.utime(summary, (later, later))
    proofs.count_unasked("run-a")
    assert proofs.status("run-a").state in (ProofState.WAITING, ProofState.RUNNING)
    proofs.stop("run-a")
    wait_for(lambda: proofs.status("run-a").state in (ProofState.STOPPED, ProofState.DONE), 120)


def test_a_run_of_two_parts_says_that_its_exam_also_chose(place: Workspace, tiny_model: Path) -> None:
    old = write_run(place.run("run-old").path, tiny_model, epochs=1.0)
    finish(old, tiny_model)
    proof = sit(place, "run-old").read_result()
    assert proof is not None
    assert proof.exam_also_chose
    assert proof.n == 2


def test_two_runs_are_compared_on_what_neither_has_learned(place: Workspace, tiny_model: Path) -> None:
    other = _trained(place, "run-b", tiny_model, epochs=1.0)
    other.exam.write_text("".join(c.model_dump_json() + "\n" for c in PAIRS[4:8]), encoding="utf-8")
    proof = sit(place, "run-a", "--against", "run-b").read_result()
    assert proof is not None
    assert proof.against == "run-b"
    assert [answer.question for answer in proof.answers] == [pair.question for pair in PAIRS[6:8]]
    assert any(advice.code == "seen_by_other" and advice.params["n"] == 2 for advice in proof.advice)


def test_the_service_starts_a_process_watches_it_and_stops_it(
    place: Workspace, tiny_model: Path, proofs: ProofService
) -> None:
    run = _trained(place, "run-c", tiny_model, epochs=1.0)
    assert proofs.status("run-c").state is ProofState.WAITING, "it has just ended: its exam follows by itself"
    result = read_result(run)
    assert result is not None
    write_atomic(run.result, result.model_copy(update={"ended_at": result.ended_at - 3600}).model_dump_json())
    assert proofs.status("run-c").state is ProofState.NONE
    assert (proofs.status("run-c").seconds_left or 0) > 0
    assert proofs.start("run-c").state in (ProofState.WAITING, ProofState.RUNNING)
    files = ProofFiles(place.run("run-c"))
    proofs.stop("run-c")
    wait_for(lambda: proofs.status("run-c").state is ProofState.STOPPED, 120)
    assert proofs.result("run-c") is None
    proofs.start("run-c")
    assert proofs.status("run-c").state in (ProofState.WAITING, ProofState.RUNNING)
    psutil.Process(int(json.loads(files.worker.read_bytes())["pid"])).kill()
    wait_for(lambda: proofs.status("run-c").state is ProofState.FAILED, 120)


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "left to wait"])
def test_an_exam_waits_while_a_chat_has_the_memory(
    place: Workspace, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    full = replace(hardware.machine(), ram_free=100_000_000)
    monkeypatch.setattr(hardware, "machine", lambda: full)
    files = ProofFiles(_trained(place, "run-full-1" if stopped else "run-full-2", tiny_model, epochs=1.0))
    exam = threading.Thread(target=sit, args=(place, files.run.path.name, "--phases", "exam"))
    with using(tiny_model, "chat"):
        exam.start()
        wait_for(lambda: (status := files.read_status()) is not None and status.phase is ProofPhase.MEMORY)
        assert files.read_status() == ProofStatus(state=ProofState.WAITING, phase=ProofPhase.MEMORY)
        if stopped:
            files.stop_request.touch()
            exam.join()
    exam.join()  # other programs are not waited for
    status = files.read_status()
    assert status is not None
    assert status.state is (ProofState.STOPPED if stopped else ProofState.DONE)


def test_the_exam_of_a_deleted_run_does_not_bring_it_back(place: Workspace) -> None:
    assert main([str(place.run("run-gone").path), "--home", str(place.home), "--models", str(place.models)]) == 0
    assert not place.run("run-gone").path.exists()


def test_what_cannot_be_examined_is_refused(place: Workspace, proofs: ProofService) -> None:
    with pytest.raises(AfinaError, match="same_run"):
        proofs.start("run-a", "run-a")
    with pytest.raises(AfinaError, match="not_found"):
        proofs.start("run-none")
    proofs.start_unasked("run-none", RunState.FINISHED)  # nothing happens
