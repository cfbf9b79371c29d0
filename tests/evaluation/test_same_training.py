"""Two runs of one recipe on the same examples are told from two that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.domain.conversation import Conversation
from studio.domain.proof import Bar, Interval, Proof, Verdict
from studio.domain.recipe import Recipe
from studio.evaluation.same_training import training_key
from studio.evaluation.verdict import decide
from studio.services.proof.table import make_table
from studio.storage.workspace import RunFolder
from tests.proof_sample import sample_proof

MANY = [Conversation.pair(f"Question {n}?", f"Answer {n}.") for n in range(500)]
FEW = MANY[:40]


def _run(folder: Path, train: list[Conversation], practice: list[Conversation], **choices: object) -> RunFolder:
    folder.mkdir()
    run = RunFolder(folder)
    run.recipe.write_text(Recipe.model_validate({"model": "tiny", "rank": 8, **choices}).model_dump_json())
    for path, examples in ((run.train, train), (run.held_out, practice)):
        path.write_text("".join(f"{each.model_dump_json()}\n" for each in examples))
    return run


def test_another_seed_is_the_same_training_and_anything_else_is_not(tmp_path: Path) -> None:
    key = training_key(_run(tmp_path / "one", FEW, FEW[:5], seed=1))
    assert key == training_key(_run(tmp_path / "seed", FEW[::-1], FEW[5:9], seed=2, split_seed=3, data=["a.csv"]))
    assert key != training_key(_run(tmp_path / "rank", FEW, FEW[:5], rank=16))
    assert key != training_key(_run(tmp_path / "mended", [*FEW[1:], Conversation.pair("Question 0?", "Mended.")], []))
    assert training_key(RunFolder(tmp_path / "none")) is None


def test_which_of_many_examples_are_practised_with_is_a_matter_of_the_seed(tmp_path: Path) -> None:
    one = training_key(_run(tmp_path / "one", MANY[50:], MANY[:50]))
    assert one == training_key(_run(tmp_path / "other", MANY[:450], MANY[450:], seed=2))
    assert one != training_key(_run(tmp_path / "fewer", MANY[:450], MANY[440:450]))


@pytest.mark.parametrize(("won", "lost"), [(20, 2), (2, 20)])
def test_neither_of_two_trained_alike_is_called_better(won: int, lost: int) -> None:
    bar = Bar(asked=48, before=20, after=20 + won - lost)
    difference = Interval(value=(won - lost) / 48, low=0.2 if won > lost else -0.6, high=0.6 if won > lost else -0.2)
    lesson = Bar(asked=40, before=38, after=39)
    assert decide(won, lost, bar, difference, 0.001, lesson).verdict in (Verdict.BETTER, Verdict.WORSE)
    alike = decide(won, lost, bar, difference, 0.001, lesson, trained_alike=True)
    assert alike.verdict is Verdict.NO_CLEAR_CHANGE


def test_the_table_names_no_winner_among_runs_trained_alike() -> None:
    proofs = [_sat("run-1", right=4), _sat("run-2", right=20)]
    assert [pair.winner for pair in make_table(proofs, lambda run_id: run_id).pairs] == ["run-2"]
    (alike,) = make_table(proofs, lambda _: "the same").pairs
    assert (alike.winner, alike.trained_alike) == (None, True)


def _sat(run_id: str, right: int) -> Proof:
    one = sample_proof(run_id).answers[0]
    answers = tuple(
        one.model_copy(update={"question": f"{n}?", "topic": f"topic {n}", "right_after": n < right}) for n in range(24)
    )
    return sample_proof(run_id, answers=answers, n=len(answers))
