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
    are tested from the strictest on, and the last one that passes is taken. A level that no threshold passes is not
    promised; it answers above the surest wrong one, and never below ``1 - careful``. The risk is within the level on
    average over draws of the questions as well (conformal risk control, Angelopoulos et al. 2024).

    Args:
        confidence: of the best known answer of each question, from a model that had not seen the question.
        is_wrong: whether that answer is another than the owner's; shape as ``confidence``.
        floor: no threshold is below it.
        certainty: probability that the risk is within the level.
    """
    levels = []
    for careful in CAREFUL_LEVELS:
        allowed = allowed_wrong(len(confidence), careful, certainty)
        least = floor if allowed >= 0 else max(floor, 1 - careful)
        threshold = max(least, _threshold(confidence, is_wrong, max(allowed, 0.0)))
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


def allowed_wrong(questions: int, careful: float, certainty: float = CERTAINTY) -> float:
    """How many wrong ones among so many questions still show that the risk is within a level; -1 where not even none.

    The risk above the surest wrong answer but k has the distribution Beta(k + 1, questions - k). A part of a question is
    a part of the way to the next wrong one: see :func:`_threshold`.
    """
    from scipy.optimize import brentq
    from scipy.special import betainc

    on_average = careful * (questions + 1) - 1

    def spare(allowed: float) -> float:
        return float(betainc(allowed + 1, questions - allowed, careful)) - certainty

    if on_average < 0 or spare(0.0) < 0:
        return -1.0
    return on_average if spare(on_average) >= 0 else float(brentq(spare, 0.0, on_average))


def _threshold(confidence: NDArray[np.float64], is_wrong: NDArray[np.bool_], allowed: float) -> float:
    """The confidence above which there are so many wrong ones, and a part of the questions between them and the next.

    The wrong ones yet to come lie lower in that gap rather than higher, as long as a surer answer is not oftener wrong.
    """
    wrong = [*(-np.sort(-confidence[is_wrong])).tolist(), 0.0, 0.0]
    above, below = wrong[min(int(allowed), len(wrong) - 2) :][:2]
    between = -np.sort(-confidence[(confidence < above) & (confidence > below)])
    passed = int((allowed - int(allowed)) * len(between))
    return float(between[passed]) if passed else above
