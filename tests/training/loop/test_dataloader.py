"""Which examples a step sees follows from the seed and the step alone."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from studio.domain.recipe import Recipe
from studio.training.loop.dataloader import Encoder, Plan
from tests.training.support import PAIRS

pytestmark = pytest.mark.model


def _plan(model_dir: Path, **changes: object) -> Plan:
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    chosen = {"batch_size": 3, "epochs": 2.0, "seed": 1, "augment": False} | changes
    return Plan(PAIRS, encoder, **chosen)  # type: ignore[arg-type]


def test_each_pass_sees_every_example_once(tiny_model: Path) -> None:
    plan = _plan(tiny_model, batch_size=4)
    assert plan.total_steps == 4
    first = [tuple(example.input_ids) for step in (1, 2) for example in plan.batch(step)]
    second = [tuple(example.input_ids) for step in (3, 4) for example in plan.batch(step)]
    assert len(set(first)) == len(PAIRS)
    assert Counter(first) == Counter(second)
    assert first != second


def test_the_same_seed_gives_the_same_batches_in_any_order_of_asking(tiny_model: Path) -> None:
    one, other = _plan(tiny_model, augment=True), _plan(tiny_model, augment=True)
    forward = [one.batch(step) for step in range(1, 6)]
    backward = [other.batch(step) for step in range(5, 0, -1)]
    assert forward == backward[::-1]
    assert forward != [_plan(tiny_model, augment=True, seed=2).batch(step) for step in range(1, 6)]


def test_a_pass_is_shuffled_once_in_the_order_of_its_seed(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled: list[object] = []

    class Counted(random.Random):
        def __init__(self, seed: str) -> None:
            shuffled.append(seed)
            super().__init__(seed)

    expected = {f"1/order/{epoch}": list(range(len(PAIRS))) for epoch in range(3)}
    for seed, order in expected.items():
        random.Random(seed).shuffle(order)
    plan = _plan(tiny_model, epochs=3.0)
    wanted = [list(plan.encoder.example(PAIRS[index]).input_ids) for order in expected.values() for index in order]
    monkeypatch.setattr("studio.training.loop.dataloader.random.Random", Counted)
    seen = [list(example.input_ids) for step in range(1, plan.total_steps + 1) for example in plan.batch(step)]
    assert seen == wanted[: len(seen)]
    assert shuffled == list(expected), "not once an example"


def test_the_first_pass_is_never_varied(tiny_model: Path) -> None:
    plain, varied = _plan(tiny_model, batch_size=8), _plan(tiny_model, batch_size=8, augment=True)
    assert plain.batch(1) == varied.batch(1)


def test_a_system_prompt_is_said_once(tiny_model: Path) -> None:
    encoder = Encoder.load(tiny_model, Recipe(model="tiny", system_prompt="You are Ana."))
    text = encoder.tokenizer.decode(encoder.prompt(PAIRS[0]))
    assert text.count("You are Ana.") == 1
    own = PAIRS[0].model_copy(update={"messages": PAIRS[0].pair("Hi", "Hello", system="You are Bia.").messages})
    assert "Ana" not in encoder.tokenizer.decode(encoder.prompt(own))
