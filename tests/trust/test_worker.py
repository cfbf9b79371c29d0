"""The child process that fits what decides between a run's answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from studio.domain.conversation import Conversation
from studio.processes.child import run_child
from studio.trust.decision import TrustJob, TrustResult
from studio.trust.selector_files import load_selector


def test_several_that_fit_the_same_run_at_once_all_end_well(tmp_path: Path) -> None:
    """An exam, an export and the terminal may ask for it in the same second."""
    run = tmp_path / "run-1"
    run.mkdir()
    pairs = [("When do you open?", "At nine."), ("opening hours", "At nine."), ("How much is it?", "Five euros.")]
    examples = run / "train.jsonl"
    examples.write_text("".join(f"{Conversation.pair(*pair).model_dump_json()}\n" for pair in pairs), encoding="utf-8")
    job = TrustJob(
        folder=run / "trust", examples=(examples,), language="en", home=tmp_path, questions=("opening hours?",)
    )
    asked = tmp_path / "job.json"
    asked.write_text(job.model_dump_json(), encoding="utf-8")
    outs = [tmp_path / f"out-{number}.json" for number in range(3)]
    with ThreadPoolExecutor() as threads:
        ended = list(threads.map(lambda out: run_child("studio.trust.worker", [asked, out]), outs))
    assert ended == [0, 0, 0]
    answers = [TrustResult.model_validate_json(out.read_bytes()).decisions[0].answer for out in outs]
    assert answers == ["At nine."] * 3
    assert load_selector(job.folder) is not None
