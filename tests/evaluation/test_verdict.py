"""Which counts make which verdict, and what is advised."""

from __future__ import annotations

import pytest

from studio.cli.prove import exit_code, summary
from studio.domain.proof import Bar, Bars, Interval, Verdict
from studio.evaluation.verdict import advice, decide, is_regression
from tests.proof_sample import sample_proof

NOTHING = Bar(asked=0, before=0, after=0)


@pytest.mark.parametrize(
    ("won", "lost", "asked", "after", "interval", "knows", "verdict"),
    [
        (20, 2, 48, 30, (0.2, 0.5), (40, 0, 38), Verdict.BETTER),
        (20, 2, 48, 30, (-0.1, 0.6), (40, 0, 30), Verdict.NO_CLEAR_CHANGE),  # a few lucky topics
        (5, 0, 10, 5, (0.2, 0.8), (10, 0, 9), Verdict.TOO_LITTLE),
        (0, 0, 48, 0, (0.0, 0.0), (40, 0, 0), Verdict.TOO_LITTLE),  # an untrained adapter
        (12, 9, 48, 30, (-0.1, 0.2), (40, 27, 30), Verdict.NO_CLEAR_CHANGE),
        (2, 20, 48, 3, (-0.5, -0.2), (40, 20, 4), Verdict.WORSE),
        (2, 3, 48, 4, (-0.1, 0.1), (40, 4, 40), Verdict.MEMORISED),
        (2, 20, 48, 4, (-0.5, -0.2), (40, 5, 40), Verdict.MEMORISED),
        (1, 1, 6, 1, (-0.3, 0.3), (40, 4, 40), Verdict.TOO_LITTLE),  # too few new questions to say that it memorised
    ],
)
def test_verdicts(
    won: int,
    lost: int,
    asked: int,
    after: int,
    interval: tuple[float, float],
    knows: tuple[int, int, int],
    verdict: Verdict,
) -> None:
    before = after - won + lost
    difference = Interval(value=(after - before) / asked, low=interval[0], high=interval[1])
    lesson = Bar(asked=knows[0], before=knows[1], after=knows[2])
    found = decide(won, lost, Bar(asked=asked, before=before, after=after), difference, 0.01, lesson)
    assert found.verdict is verdict
    assert (found.more_needed > 0) is (verdict is Verdict.TOO_LITTLE)


def test_a_difference_that_whole_topics_do_not_bear_out_is_no_clear_change() -> None:
    difference = Interval(value=0.3, low=0.1, high=0.5)
    found = decide(20, 2, Bar(asked=48, before=12, after=30), difference, 0.2, NOTHING)
    assert found.verdict is Verdict.NO_CLEAR_CHANGE


def test_exit_codes_are_a_gate() -> None:
    worse = Interval(value=-0.3, low=-0.5, high=-0.1)
    codes = {verdict: exit_code(sample_proof(verdict=verdict)) for verdict in Verdict}
    assert codes == {
        Verdict.BETTER: 0,
        Verdict.NO_CLEAR_CHANGE: 3,
        Verdict.TOO_LITTLE: 3,
        Verdict.MEMORISED: 3,
        Verdict.WORSE: 4,
    }
    assert exit_code(sample_proof(verdict=Verdict.MEMORISED, difference=worse)) == 4
    assert is_regression(Verdict.MEMORISED, worse)
    said = summary(sample_proof())
    assert (said["verdict"], said["metric"], said["interval"], said["n"]) == ("better", "facts", [0.1, 0.7], 10)


def test_what_matters_most_is_advised_first() -> None:
    proof = sample_proof()
    found = advice(Verdict.MEMORISED, proof.bars, proof.answers, 0, proof.forgotten, proof.off_topic, proof.privacy)
    codes = [each.code for each in found]
    assert codes[:3] == ["remove_personal", "fewer_passes", "add_wordings"]
    assert "teach_limits" in codes
    calm = Bars(knows=Bar(asked=20, before=1, after=19), reworded=NOTHING, new=Bar(asked=9, before=1, after=8))
    assert [each.code for each in advice(Verdict.BETTER, calm, (), 0, None, None, None)] == ["share"]
