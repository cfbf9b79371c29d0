"""A batch divided among threads: nothing lost, nothing twice, and about as much for each."""

from __future__ import annotations

import random

import pytest

from studio.models.tokenizer import EncodedExample
from studio.training.engines.fused.load_balancing import portions, shares


def examples(count: int, seed: int) -> list[EncodedExample]:
    """Of 20 to 120 tokens, the first of each telling which one it is."""
    rng_state = random.Random(seed)
    sizes = [rng_state.randrange(20, 120) for _ in range(count)]
    return [EncodedExample([n, *range(size - 1)], [i > size // 3 for i in range(size)], False) for n, size in enumerate(sizes)]  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2, 4, 8])
def test_every_example_is_in_one_share(threads: int) -> None:
    for seed in range(10):
        batch = examples(16, seed)
        found = [example.input_ids[0] for share in shares(batch, threads) for example in share]
        assert sorted(found) == list(range(16))
        assert shares(batch, threads) == shares(batch, threads)


@pytest.mark.parametrize(("count", "late"), [(16, 0.12), (3000, 0.02)])
def test_two_threads_have_about_as_much_to_do(count: int, late: float) -> None:
    """One example of 16 is an eighth of a thread's work: nearer to even than half of one cannot be promised."""
    found = []
    for seed in range(50 if count < 100 else 2):
        one, two = (sum(len(example.input_ids) for example in share) for share in shares(examples(count, seed), 2))
        found.append(max(one, two) / ((one + two) / 2) - 1)
    assert max(found) < late
    assert sum(found) / len(found) < late / 2


def test_few_tokens_stay_together() -> None:
    assert len(shares(examples(1, 0), 8)) == 1
    assert len(shares([EncodedExample([1] * 20, [True] * 20, False)] * 6, 8)) == 1


def test_portions_are_of_bounded_size() -> None:
    batch = examples(200, 1)
    found = list(portions(batch))
    assert sorted(example.input_ids[0] for portion in found for example in portion) == list(range(200))
    assert all(sum(len(example.input_ids) for example in portion) <= 2048 for portion in found)
    assert len(list(portions([EncodedExample([1] * 5000, [True] * 5000, False)]))) == 1
