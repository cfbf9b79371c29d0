"""The final exam decides nothing in a training: whatever it holds, the same is learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.support import PAIRS, finish, held_out_losses, losses, write_run

pytestmark = pytest.mark.model


def test_a_training_never_reads_the_exam(tmp_path: Path, tiny_model: Path) -> None:
    without = write_run(tmp_path / "without", tiny_model, patience=2)
    plain = finish(without, tiny_model)
    with_exam = write_run(tmp_path / "with", tiny_model, patience=2)
    with_exam.exam.mkdir()  # to read it as a file would end the run
    found = finish(with_exam, tiny_model)
    assert losses(with_exam) == losses(without)
    assert held_out_losses(with_exam) == held_out_losses(without)
    assert (found.state, found.best_step, found.best_loss) == (plain.state, plain.best_step, plain.best_loss)
    said = with_exam.events.read_text(encoding="utf-8")
    assert PAIRS[6].question in said  # what it asked itself was the practice part
