"""How good an answer is: right facts, same meaning, same words, the same to the letter; and which of them decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from studio.data.text import plain
from studio.domain.proof import FactReport, Metric
from studio.evaluation.fact_check import FactIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_FACTS_DECIDE: Final = 0.5  # share of expected answers with facts from which facts are the headline
_SHORT: Final = 24  # letters: the median of expected answers that are fixed phrases
# From which two answers say the same, set by benchmarks/same_meaning.py; 0 is as unlike as two different answers of the owner.
_SAME_MEANING: Final = 0.35
_FEWEST_TO_CALIBRATE: Final = 3  # different answers
_MAX_TO_CALIBRATE: Final = 200
_SAME_WORDS: Final = 0.5  # chrF from which they do, where there is no encoder


@dataclass(frozen=True)
class Score:
    """One answer.

    Args:
        values: by metric, 0 to 1.
        facts: of the answer against those expected.
        is_right: by the headline.
    """

    values: dict[Metric, float]
    facts: FactReport
    is_right: bool


class Scorer:
    """Scores answers to one exam.

    Args:
        owner_answers: all answers of the owner, for what is invented.
        expected: the answers that the exam expects, for the headline.
        encode: vectors of texts by a sentence encoder, of unit length; without one there is no meaning.
    """

    def __init__(self, owner_answers: Sequence[str], expected: Sequence[str], encode: Encode | None = None) -> None:
        self._index = FactIndex([*owner_answers, *expected])
        self._expected = expected
        self._encode = encode
        self._vectors: dict[str, Any] = {}

    @cached_property
    def headline(self) -> Metric:
        """The metric that decides: facts where most answers have some, the letter where they are short and fixed."""
        if not self._expected:
            return Metric.WORDS
        with_facts = sum(bool(self._index.facts(text)) for text in self._expected)
        if with_facts >= _FACTS_DECIDE * len(self._expected):
            return Metric.FACTS
        if median(map(len, self._expected)) <= _SHORT:
            return Metric.EXACT
        return Metric.WORDS if self._encode is None else Metric.MEANING

    @cached_property
    def _unlike(self) -> float:
        """The mean cosine of two different answers of the owner: encoders differ much in it, and shops as well."""
        import numpy as np

        texts = list(dict.fromkeys(self._expected))[:_MAX_TO_CALIBRATE]
        if len(texts) < _FEWEST_TO_CALIBRATE:
            return 0.0
        self.prepare(texts)
        vectors = np.stack([self._vectors[text] for text in texts])
        products = vectors @ vectors.T
        return min(0.99, max(0.0, float((products.sum() - np.trace(products)) / (len(texts) * (len(texts) - 1)))))

    def prepare(self, texts: Sequence[str]) -> None:
        """Makes the vectors of many texts at once."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if self._encode is not None and fresh:
            self._vectors.update(zip(fresh, self._encode(fresh), strict=True))

    def score(self, answer: str, expected: str, question: str) -> Score:
        """Scores one answer.

        Args:
            answer: what a model said.
            expected: the owner's answer.
            question: what was asked.
        """
        facts = self._index.check(answer, expected, question)
        values = {
            Metric.EXACT: float(plain(answer) == plain(expected)),
            Metric.WORDS: chrf(answer, expected),
        }
        false = len(facts.contradicted) + len(facts.invented)
        wanted = len(facts.missing) + len({fact.text for fact in facts.present})
        if wanted:
            values[Metric.FACTS] = (wanted - len(facts.missing)) / (wanted + false)
        if self._encode is not None:
            self.prepare((answer, expected))
            cosine = float(self._vectors[answer] @ self._vectors[expected])
            values[Metric.MEANING] = min(1.0, max(0.0, (cosine - self._unlike) / (1 - self._unlike)))
        return Score(values, facts, self._is_right(values, facts))

    def _is_right(self, values: dict[Metric, float], facts: FactReport) -> bool:
        if values[Metric.EXACT] == 1.0:
            return True
        if self.headline is Metric.EXACT:
            return False
        if facts.invented or facts.contradicted or facts.missing:
            return False
        if self.headline is Metric.FACTS and Metric.FACTS in values:
            return True
        if Metric.MEANING in values:
            return values[Metric.MEANING] >= _SAME_MEANING
        return values[Metric.WORDS] >= _SAME_WORDS


def chrf(answer: str, expected: str) -> float:
    """chrF (Popović, 2015) as a share."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().sentence_score(answer, [expected]).score) / 100 if answer.strip() else 0.0
