"""Whether a difference between two models is more than chance: paired tests, bootstrap by topic, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final

from studio.domain.proof import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA: Final = 0.05
MIN_DISCORDANT: Final = 6  # fewer can never be significant: 2 · 0.5**5 = 0.0625
_RESAMPLES: Final = 4_999
_SEED: Final = 20_26
_BALANCED: Final = 0.75  # share of the better side assumed where as many were won as lost
_MOST_MORE: Final = 10_000


def mcnemar(won: int, lost: int) -> float:
    """The exact McNemar test (McNemar, 1947; two-sided binomial) of two models on the same questions.

    Args:
        won: questions that only the second answered rightly.
        lost: questions that only the first answered rightly.
    """
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost, 0.5).pvalue) if won + lost else 1.0


def more_questions(won: int, lost: int, asked: int) -> int:
    """About how many more questions would tell, if they went as those that were asked; 0 where these tell already.

    Args:
        won: as in :func:`mcnemar`.
        lost: as in :func:`mcnemar`.
        asked: questions on which the two were compared.
    """
    discordant = won + lost
    if mcnemar(won, lost) < ALPHA:
        return 0
    better = max(won, lost) / discordant if discordant else 1.0
    share = better if better > 0.5 else _BALANCED
    rate = max(discordant, 0.5) / max(1, asked)
    for needed in range(max(MIN_DISCORDANT, discordant + 1), _MOST_MORE):
        ahead = math.floor(share * needed + 0.5)
        if mcnemar(ahead, needed - ahead) < ALPHA:
            return min(_MOST_MORE, max(1, math.ceil(needed / rate) - asked))
    return _MOST_MORE


def wilson(right: float, asked: int) -> Interval:
    """A share with its 95 % interval (Wilson, 1927); 0 to 1 where nothing was asked.

    Args:
        right: how many; where several people judged a question, the sum of their mean judgements.
        asked: of how many.
    """
    from scipy.stats import binomtest

    if not asked:
        return Interval(value=0.0, low=0.0, high=1.0)
    result = binomtest(int(right), asked)
    result.k = right  # the test takes whole numbers only; the interval is defined for any share
    found = result.proportion_ci(1 - ALPHA, method="wilson")
    return Interval(value=right / asked, low=float(found.low), high=float(found.high))


def paired_bootstrap(before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """The mean difference with its 95 % percentile interval; whole clusters are drawn, not questions.

    Questions of one topic are answered alike, so that drawing them one by one would make the interval too narrow.

    Args:
        before: a score for each question.
        after: the other model's, in the same order.
        clusters: the topic of each question.

    Returns:
        ``after`` less ``before``; as wide as the scores allow where there are fewer than two clusters.
    """
    import numpy as np
    from scipy.stats import bootstrap, norm, t

    differences = np.asarray(after, float) - np.asarray(before, float)
    if not len(differences):
        return Interval(value=0.0, low=-1.0, high=1.0)
    value = float(differences.mean())
    sums, counts = _by_cluster(differences, clusters)
    if len(sums) < 2:
        reach = max(1.0, float(np.abs(differences).max()))
        return Interval(value=value, low=-reach, high=reach)
    found = bootstrap(
        (sums, counts),
        lambda drawn, of, axis: drawn.sum(axis) / of.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=_RESAMPLES,
        confidence_level=1 - ALPHA,
        method="percentile",
        rng=np.random.default_rng(_SEED),
        batch=500,
    ).confidence_interval
    # The bootstrap of few clusters is too narrow: as much as the normal distribution is against Student's t, and as
    # dividing by their number is against dividing by one less.
    wider = math.sqrt(len(sums) / (len(sums) - 1)) * float(
        t.ppf(1 - ALPHA / 2, len(sums) - 1) / norm.ppf(1 - ALPHA / 2)
    )
    low, high = value - wider * (value - float(found.low)), value + wider * (float(found.high) - value)
    return Interval(value=value, low=low, high=high)


def paired_permutation(before: Sequence[float], after: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Two-sided p of the mean difference: the two models are exchanged in whole clusters, as chance might have it.

    Args: as for :func:`paired_bootstrap`.
    """
    import numpy as np
    from scipy.stats import permutation_test

    differences = np.asarray(after, float) - np.asarray(before, float)
    if not np.any(differences):
        return 1.0
    sums, _ = _by_cluster(differences, clusters)
    if len(sums) < 2:
        return 1.0

    def total(drawn: Any, axis: int) -> Any:
        return drawn.sum(axis)

    found = permutation_test(
        (sums,),
        total,
        permutation_type="samples",
        vectorized=True,
        n_resamples=_RESAMPLES,
        rng=np.random.default_rng(_SEED),
        batch=500,
    )
    return float(found.pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """Corrects several p-values (Holm, 1979), in their order; each is then compared with :data:`ALPHA` as it is."""
    corrected = [1.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def _by_cluster(differences: NDArray[np.float64], clusters: Sequence[Hashable]) -> tuple[Any, Any]:
    """Sum and number of the differences of each cluster."""
    import numpy as np

    codes: dict[Hashable, int] = {}
    places = np.asarray([codes.setdefault(cluster, len(codes)) for cluster in clusters])
    return np.bincount(places, differences), np.bincount(places)
