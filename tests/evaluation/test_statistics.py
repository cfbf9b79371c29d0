"""The statistics against those of statsmodels, and against what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from studio.evaluation.statistics import (
    ALPHA,
    MIN_DISCORDANT,
    holm,
    mcnemar,
    more_questions,
    paired_bootstrap,
    paired_permutation,
    wilson,
)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (6, 0), (9, 2), (2, 9), (17, 17), (40, 21)])
def test_mcnemar_is_that_of_statsmodels(won: int, lost: int) -> None:
    table = [[30, lost], [won, 12]]
    expected = 1.0 if not won + lost else reference_mcnemar(table, exact=True).pvalue
    assert mcnemar(won, lost) == pytest.approx(expected)


def test_fewer_than_six_differences_are_never_significant() -> None:
    assert all(mcnemar(won, n - won) >= ALPHA for n in range(MIN_DISCORDANT) for won in range(n + 1))
    assert mcnemar(MIN_DISCORDANT, 0) < ALPHA


@pytest.mark.parametrize("values", [[0.01, 0.04, 0.03, 0.005], [0.5], [], [0.02, 0.02, 0.9, 1.0]])
def test_holm_is_that_of_statsmodels(values: list[float]) -> None:
    expected = multipletests(values, method="holm")[1].tolist() if values else []
    assert holm(values) == pytest.approx(expected)


@pytest.mark.parametrize(("right", "asked"), [(0, 9), (9, 9), (31, 48), (1, 200), (7.5, 12)])
def test_the_interval_of_a_share_is_that_of_statsmodels(right: float, asked: int) -> None:
    found = wilson(right, asked)
    assert (found.low, found.high) == pytest.approx(proportion_confint(right, asked, method="wilson"))


def test_as_many_more_questions_as_it_says_do_tell() -> None:
    assert more_questions(9, 0, 20) == 0
    more = more_questions(3, 0, 30)
    scale = (30 + more) / 30
    assert mcnemar(round(3 * scale), 0) < ALPHA
    assert more_questions(0, 0, 10) > 10
    assert more_questions(2, 2, 40) > more_questions(4, 0, 40)


def test_the_bootstrap_of_single_questions_is_as_wide_as_the_normal_interval() -> None:
    random = np.random.default_rng(1)
    before, after = random.normal(0, 1, 400), random.normal(0.3, 1, 400)
    found = paired_bootstrap(before.tolist(), after.tolist(), range(400))
    differences = after - before
    half = 1.96 * differences.std(ddof=1) / 20
    assert (found.low, found.high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.02)


def test_copies_of_a_question_make_nothing_surer() -> None:
    random = np.random.default_rng(2)
    before, after = random.normal(0, 1, 40), random.normal(0.3, 1, 40)
    alone = paired_bootstrap(before.tolist(), after.tolist(), range(40))
    copied = paired_bootstrap(np.repeat(before, 10).tolist(), np.repeat(after, 10).tolist(), np.repeat(range(40), 10))
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high), abs=0.03)
    p = paired_permutation(before.tolist(), after.tolist(), range(40))
    again = paired_permutation(np.repeat(before, 10).tolist(), np.repeat(after, 10).tolist(), np.repeat(range(40), 10))
    assert again == pytest.approx(p, abs=0.02)


def test_equals_are_rarely_told_apart_even_where_questions_hang_together() -> None:
    random = np.random.default_rng(3)
    false = 0
    for _ in range(120):
        topic = np.repeat(random.normal(0, 1, 30), 5)  # a topic goes well for one of the two, or not
        after = topic + random.normal(0, 0.3, 150)
        found = paired_bootstrap(np.zeros(150).tolist(), after.tolist(), np.repeat(range(30), 5).tolist())
        false += found.low > 0 or found.high < 0
    assert false <= 0.1 * 120  # 95 % intervals by cluster: those by question are wrong about half the time


def test_no_difference_is_none() -> None:
    assert paired_permutation([0.5, 0.1], [0.5, 0.1], [1, 2]) == 1.0
    assert paired_bootstrap([0.0] * 3, [1.0] * 3, ["a"] * 3).low < 0  # one topic tells nothing
    assert paired_bootstrap([], [], []).value == 0.0
