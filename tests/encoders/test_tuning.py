"""An encoder tuned to questions tells new wordings of them apart, and is read from disk as it was tuned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from studio.encoders.encoder import Encoder
from studio.encoders.letters import unit
from studio.encoders.tuning import (
    LAYERS_FILE,
    LowerStates,
    can_tune,
    load_tuned,
    lower_states,
    rounded,
    save_layers,
    tune,
    upper_layers,
    vectors,
)
from studio.errors import AfinaError
from tests.encoders import tiny_encoder

pytestmark = pytest.mark.model


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Products this small only wait for a second thread."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    tiny_encoder.make(folder)
    return Encoder.load(folder)


def test_tuning_brings_wordings_together_that_it_has_not_seen(encoder: Encoder, tmp_path: Path) -> None:
    examples = tiny_encoder.examples()
    questions = [each.question for each in examples]
    answers = sorted({each.answer for each in examples})
    labels = np.array([answers.index(each.answer) for each in examples])
    wording = np.arange(len(examples)) % 8
    learned, asked = np.flatnonzero(wording < 6), np.flatnonzero(wording >= 6)
    states = lower_states(encoder, questions)

    def right(read: np.ndarray) -> int:
        alike = unit(read[asked]) @ unit(read[learned]).T
        near = [np.sort(alike[:, labels[learned] == label], axis=1)[:, -3:].mean(axis=1) for label in range(8)]
        return int((np.argmax(near, axis=0) == labels[asked]).sum())

    assert can_tune(encoder)
    before = encoder.encode(questions)
    assert np.allclose(vectors(upper_layers(encoder), states), before, atol=1e-5)
    steps: list[None] = []
    said = lower_states(encoder, answers)
    layers = rounded(
        tune(
            upper_layers(encoder), states.subset(learned), labels[learned], said, before_step=lambda: steps.append(None)
        )
    )
    after = vectors(layers, states)
    assert right(after) >= right(before) + 2
    assert len(steps) > 5
    assert np.allclose(encoder.encode(questions), before), "the encoder itself stays as it was"

    save_layers(layers, tmp_path)
    kept = load_tuned(encoder, tmp_path)
    assert np.allclose(kept.encode(questions), np.concatenate([before, after], axis=1), atol=1e-4)
    (tmp_path / LAYERS_FILE).write_bytes(b"damaged")
    with pytest.raises(AfinaError, match=r"model\.weights_damaged"):
        load_tuned(encoder, tmp_path)


def test_questions_that_share_no_answer_can_be_tuned_to_all_the_same(encoder: Encoder) -> None:
    texts = ["f1 f2", "f3 f4", "f5"]
    states: LowerStates = lower_states(encoder, texts)
    layers = tune(upper_layers(encoder), states, np.array([0, 1, 2]), lower_states(encoder, ["a", "b"]))
    assert np.isfinite(vectors(layers, states)).all()
