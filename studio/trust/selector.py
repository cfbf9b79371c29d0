"""Scores the owner's distinct answers for a question, from vectors, with NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from studio.encoders.letters import folded
from studio.trust.decision import AnswerKind, Decision, RiskCurve
from studio.trust.index import Floats, Index, Ints, KnownQuestions, Reading, combined

__all__ = ["AnswerSelector", "ChoiceModel", "Floats", "Index", "KnownQuestions", "class_features"]

NEAREST: Final = (3, 1)  # so many nearest questions of an answer say how near it is
_SMALL_TALK: Final = 0.7  # probability that a greeting has; "e lá?" is short, too, and asks something
_FAR: Final = -0.2  # likeness of a class without questions
_TINY: Final = 1e-12


@dataclass(frozen=True)
class ChoiceModel:
    """Conditional logit (McFadden 1974): the probability of each class by the features of all.

    Args:
        weights: of each feature.
        outside_bias: added to the two classes that are no answer of the owner's.
    """

    weights: Floats
    outside_bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """Of each class, shape ``(texts, classes)``; ``features`` are those of :func:`class_features`."""
        logits = features @ self.weights
        logits[:, -2:] += self.outside_bias
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


def class_features(
    likeness: tuple[Floats, ...], to_answers: tuple[Floats, ...], linear: Floats, labels: Ints
) -> Floats:
    """What tells which class a text is of.

    Args:
        likeness: of texts to the learned questions, by way of reading.
        to_answers: of texts to the answers, by way of reading.
        linear: output of a linear classifier, shape ``(texts, classes)``.
        labels: class of each learned question.

    Returns:
        Shape ``(texts, classes, features)``: of each way the mean likeness of the three nearest questions, that of the
        nearest, and that of the answer itself; then the classifier's.
    """
    classes = linear.shape[1]
    found = []
    for alike in likeness:
        near = np.full((len(NEAREST), len(alike), classes), _FAR, np.float32)
        for label in range(classes):
            own = alike[:, labels == label]
            for at, count in enumerate(NEAREST):
                if own.shape[1]:
                    most = min(count, own.shape[1])
                    near[at, :, label] = np.partition(own, -most, axis=1)[:, -most:].mean(axis=1)
        found += list(near)
    for alike in to_answers:
        found.append(np.pad(alike, ((0, 0), (0, classes - alike.shape[1]))))
    return np.asarray(np.stack([*found, linear], axis=2), np.float32)


def answer_confidence(probabilities: Floats, outside_limit: float) -> Floats:
    """How much likelier the best of the owner's answers is than the next: of both together, its share.

    Args:
        probabilities: shape ``(texts, classes)``, see :meth:`AnswerSelector.probabilities`.
        outside_limit: where both classes that are no answer have more than this together, the confidence is 0.
    """
    first, second = np.zeros(len(probabilities), np.float32), np.zeros(len(probabilities), np.float32)
    for column in probabilities[:, :-2].T:
        second = np.maximum(second, np.minimum(first, column))
        first = np.maximum(first, column)
    is_outside = probabilities[:, -2:].sum(axis=1) > outside_limit
    return np.where(is_outside, 0, first / (first + second + _TINY)).astype(np.float32)


@dataclass(frozen=True)
class AnswerSelector:
    """Decides who answers a question.

    Args:
        index: the known questions.
        ridge: of a linear classifier by likeness to the known questions, then the answers, shape ``(texts, classes)``.
        choice: fitted to features of questions that nothing else had seen.
        curve: what each carefulness means.
        outside_limit: see :func:`answer_confidence`.
        untuned: another, whose encoder is not tuned: probabilities are the mean of both. Vectors are then those of its
            encoder, followed by those of this one's.
    """

    index: Index
    ridge: Floats
    choice: ChoiceModel
    curve: RiskCurve
    outside_limit: float
    untuned: AnswerSelector | None = None

    def probabilities(self, texts: tuple[str, ...], vectors: Floats) -> Floats:
        """Of each of the owner's answers, "none of these" and small talk, shape ``(texts, classes)``.

        Args:
            texts: questions.
            vectors: the encoder's, shape ``(texts, dimensions)``.
        """
        return self._mean_probabilities(self._read(texts, vectors), texts, vectors)

    def _read(self, texts: tuple[str, ...], vectors: Floats) -> Reading:
        return self.index.read(texts, vectors[:, vectors.shape[1] - self.index.vectors.shape[1] :])

    def _mean_probabilities(self, reading: Reading, texts: tuple[str, ...], vectors: Floats) -> Floats:
        probabilities = self._probabilities(reading)
        if self.untuned is None:
            return probabilities
        others = self.untuned.probabilities(texts, vectors[:, : vectors.shape[1] - self.index.vectors.shape[1]])
        return np.asarray((probabilities + others) / 2, np.float32)

    def _probabilities(self, reading: Reading) -> Floats:
        likeness = reading.likeness(self.index.questions)
        linear = (
            np.concatenate([combined(likeness), combined(reading.likeness(self.index.answers))], axis=1) @ self.ridge
        )
        to_answers = reading.likeness(self.index.answers_apart)
        features = class_features(likeness, to_answers, linear, np.array(self.index.known.labels))
        return self.choice.probabilities(features)

    @cached_property
    def _own_examples(self) -> dict[str, int]:
        """The owner's own questions without case, accents and punctuation, each with one example that has it.

        A question that the owner answers in two ways is left out.
        """
        known, examples, contradicted = self.index.known, dict[str, int](), set[str]()
        for place, (question, label) in enumerate(zip(known.questions, known.labels, strict=True)):
            first = examples.setdefault(folded(question), place) if label < known.none_label else place
            if known.labels[first] != label:
                contradicted.add(folded(question))
        return {question: place for question, place in examples.items() if question not in contradicted}

    def decide(self, texts: tuple[str, ...], vectors: Floats, careful: float) -> list[Decision]:
        """One decision a text, each by itself.

        Args:
            texts: questions.
            vectors: the encoder's, shape ``(texts, dimensions)``.
            careful: at most this share of all questions may get a wrong known answer.
        """
        if not texts:
            return []
        known, level = self.index.known, self.curve.level(careful)
        reading = self._read(texts, vectors)
        probabilities = self._mean_probabilities(reading, texts, vectors)
        alike = combined(reading.likeness(self.index.questions))
        decisions = []
        confidences = answer_confidence(probabilities, self.outside_limit).tolist()
        for place, (row, confidence) in enumerate(zip(probabilities, confidences, strict=True)):
            best = int(row[: known.none_label].argmax())
            if (example := self._own_examples.get(folded(texts[place]))) is not None:
                answer, source = known.answers[known.labels[example]], known.sources[example]
                decisions.append(Decision(kind=AnswerKind.KNOWN, answer=answer, confidence=1.0, source=source))
            elif row[known.small_talk_label] > _SMALL_TALK:
                decisions.append(Decision(kind=AnswerKind.WRITTEN, confidence=confidence))
            elif confidence > level.threshold:
                own = np.flatnonzero(np.array(known.labels) == best)
                source = known.sources[own[int(alike[place, own].argmax())]]
                answer = known.answers[best]
                decisions.append(Decision(kind=AnswerKind.KNOWN, answer=answer, confidence=confidence, source=source))
            else:
                decisions.append(Decision(kind=AnswerKind.HANDED_OVER, confidence=confidence))
        return decisions

    def decide_in_context(
        self, texts: tuple[str, str], vectors: Floats, careful: float, given: Sequence[str]
    ) -> Decision:
        """A decision about a question of a conversation.

        Args:
            texts: the question, and the question with those before it.
            vectors: of both, shape ``(2, dimensions)``.
            careful: see :meth:`decide`.
            given: answers that were given in the conversation.
        """
        alone, together = self.decide(texts, vectors, careful)
        if alone.kind is not AnswerKind.HANDED_OVER or together.kind is not AnswerKind.KNOWN:
            return alone
        # The same answer once more is no answer to what was asked next: the model writes one.
        return (
            together
            if together.answer not in given
            else Decision(kind=AnswerKind.WRITTEN, confidence=together.confidence)
        )
