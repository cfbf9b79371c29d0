"""From scores to a threshold that keeps a promise."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.trust.decision import RiskCurve, RiskLevel

CAREFUL_LEVELS: Final = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
CERTAINTY: Final = 0.7


def risk_curve(
    confidence: NDArray[np.float64], is_wrong: NDArray[np.bool_], floor: float = 0.0, certainty: float = CERTAINTY
) -> RiskCurve:
    """The threshold of each level by Learn then Test (Angelopoulos, Bates, Candès, Jordan, Lei 2021).

    The risk is the share of all questions that get a wrong known answer. It falls as the threshold rises, so thresholds
    are tested from the strictest on, each with an exact binomial test, and the last one that passes is taken. A level
    that no threshold passes is not promised; it answers above the surest wrong one, and never below ``1 - careful``. The risk is within the level on average
    over draws of the questions as well (conformal risk control, Angelopoulos et al. 2024).

    Args:
        confidence: of the best known answer of each question, from a model that had not seen the question.
        is_wrong: whether that answer is another than the owner's; shape as ``confidence``.
        floor: no threshold is below it.
        certainty: probability that the risk is within the level.
    """
    wrong_sorted = -np.sort(-confidence[is_wrong])
    levels = []
    for careful in CAREFUL_LEVELS:
        allowed = allowed_wrong(len(confidence), careful, certainty)
        blocking = max(allowed, 0)  # so many wrong ones may lie above the threshold, the next may not
        least = floor if allowed >= 0 else max(floor, 1 - careful)
        threshold = max(least, float(wrong_sorted[blocking]) if blocking < len(wrong_sorted) else 0.0)
        answered = confidence > threshold
        levels.append(
            RiskLevel(
                careful=careful,
                threshold=threshold,
                answered=float(answered.mean()) if len(answered) else 0.0,
                wrong=float((answered & is_wrong).mean()) if len(answered) else 0.0,
                is_promised=allowed >= 0,
            )
        )
    return RiskCurve(levels=tuple(levels), questions=len(confidence), certainty=certainty)


def allowed_wrong(questions: int, careful: float, certainty: float = CERTAINTY) -> int:
    """How many wrong ones among so many questions still show that the risk is within a level; -1 where not even none."""
    from scipy.stats import binom

    counts = np.arange(questions + 1)
    is_certain = binom.cdf(counts, questions, careful) <= 1 - certainty
    on_average = (counts + 1) / (questions + 1) <= careful
    passing = is_certain & on_average
    return int(counts[passing][-1]) if passing.any() else -1
