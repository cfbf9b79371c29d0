"""Scores the owner's distinct answers for a question. NumPy and scikit-learn only: vectors are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from studio.encoders.letters import letter_vectorizer, unit
from studio.trust.decision import AnswerKind, Decision, RiskCurve

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LETTER_WEIGHT: Final = 0.5  # of the letters' cosine beside the vectors'
NEAREST: Final = 3  # questions of an answer that say how near it is
FEATURES: Final = 8


class KnownQuestions(BaseModel):
    """The owner's questions and those that no owner answers.

    Args:
        questions: all of them, as they are asked.
        labels: position of each question's answer among ``answers``; one or two more for the other classes.
        sources: id of the example of each question; empty for those that are not the owner's.
        answers: the owner's distinct answers, to the letter.
    """

    model_config = ConfigDict(frozen=True)

    questions: tuple[str, ...]
    labels: tuple[int, ...]
    sources: tuple[str, ...]
    answers: tuple[str, ...] = Field(min_length=1)

    @property
    def none_label(self) -> int:
        """Class of the questions that go to a person."""
        return len(self.answers)

    @property
    def small_talk_label(self) -> int:
        """Class of greetings and thanks."""
        return len(self.answers) + 1


@dataclass(frozen=True)
class Head:
    """A linear classifier on vectors (as of SetFit, Tunstall et al. 2022, the encoder being as it is).

    Args:
        weights: shape ``(classes, dimensions)``.
        bias: shape ``(classes,)``.
    """

    weights: Floats
    bias: Floats

    def probabilities(self, vectors: Floats) -> Floats:
        """Of each class, shape ``(texts, classes)``."""
        logits = vectors @ self.weights.T + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)


@dataclass(frozen=True)
class Index:
    """The known questions as vectors.

    Args:
        known: the questions.
        vectors: of the encoder, as it gives them, shape ``(questions, dimensions)``; no dimensions without an encoder.
        answer_vectors: likewise, shape ``(answers, dimensions)``.
    """

    known: KnownQuestions
    vectors: Floats
    answer_vectors: Floats

    @cached_property
    def mean(self) -> Floats:
        """Of the owner's questions: what all of them have in common tells none of them apart."""
        own = np.array(self.known.labels) < self.known.none_label
        return np.asarray(self.vectors[own].mean(axis=0), np.float32)

    @cached_property
    def centred(self) -> Floats:
        """The vectors about that mean, of length 1."""
        return unit(self.vectors - self.mean)

    @cached_property
    def _vectorizer(self) -> Any:
        return letter_vectorizer().fit(self.known.questions)

    @property
    def letter_pieces(self) -> list[str]:
        """The pieces of letters that count."""
        return list(self._vectorizer.vocabulary_)

    @cached_property
    def _letters(self) -> csr_matrix:
        return self._vectorizer.transform(self.known.questions)

    def likeness(self, texts: tuple[str, ...], vectors: Floats) -> Floats:
        """How alike texts are to each known question, shape ``(texts, questions)``."""
        letters = (self._vectorizer.transform(texts) @ self._letters.T).toarray()
        return np.asarray(unit(vectors - self.mean) @ self.centred.T + LETTER_WEIGHT * letters, np.float32)

    @cached_property
    def _answer_letters(self) -> csr_matrix:
        return self._vectorizer.transform(self.known.answers)

    @cached_property
    def _centred_answers(self) -> Floats:
        return unit(self.answer_vectors - self.answer_vectors.mean(axis=0))

    def answer_likeness(self, texts: tuple[str, ...], vectors: Floats) -> Floats:
        """How alike texts are to each answer itself, shape ``(texts, answers)``: "wholesale?" is in no other question."""
        letters = (self._vectorizer.transform(texts) @ self._answer_letters.T).toarray()
        meant = unit(vectors - self.mean) @ self._centred_answers.T
        return np.asarray(meant + LETTER_WEIGHT * letters, np.float32)

    def head_input(self, texts: tuple[str, ...], vectors: Floats) -> Floats:
        """What the head reads: vectors about the mean, or the letters where there is no encoder."""
        if self.vectors.shape[1]:
            return unit(vectors - self.mean)
        return unit((self._vectorizer.transform(texts) @ self._letters.T).toarray())


def class_scores(likeness: Floats, labels: Ints, classes: int) -> Floats:
    """Mean likeness of the nearest questions of each class, shape ``(texts, classes)``; -1 for a class without any."""
    scores = np.full((len(likeness), classes), -1.0, np.float32)
    for label in range(classes):
        own = likeness[:, labels == label]
        if own.shape[1]:
            count = min(NEAREST, own.shape[1])
            scores[:, label] = np.partition(own, -count, axis=1)[:, -count:].mean(axis=1)
    return scores


@dataclass(frozen=True)
class Scored:
    """What is known of some texts.

    Args:
        best: position of the likeliest of the owner's answers.
        is_small_talk: whether a text is a greeting or the like.
        features: what says how sure the best one is, shape ``(texts, FEATURES)``.
    """

    best: Ints
    is_small_talk: NDArray[np.bool_]
    features: Floats


def score(similar: Floats, probabilities: Floats, to_answers: Floats, none_label: int, answer_weight: float) -> Scored:
    """Puts nearest questions, the head and the answers themselves together.

    Args:
        similar: see :func:`class_scores`.
        probabilities: of the head, same shape.
        to_answers: see :meth:`Index.answer_likeness`.
        none_label: the class of questions for a person; small talk comes after it.
        answer_weight: of the answers themselves; canned ones that name no subject tell little.
    """
    rows = np.arange(len(similar))
    logs = np.log(probabilities + 1e-6)
    total = (
        standardized(similar[:, :none_label])
        + standardized(logs[:, :none_label])
        + answer_weight * standardized(to_answers)
    )
    order = np.argsort(-total, axis=1, kind="stable")
    best = order[:, 0]
    runner_up = order[:, min(1, none_label - 1)]
    ahead = total[rows, best] - total[rows, runner_up]
    nearest_own = similar[rows, best]
    other = np.max(
        np.where(np.arange(none_label) == best[:, None], -np.inf, similar[:, :none_label]), axis=1, initial=-1.0
    )
    outside = similar[:, none_label:].max(axis=1)
    features = np.stack(
        [
            nearest_own,
            nearest_own - other,
            nearest_own - outside,
            logs[rows, best],
            logs[rows, best] - logs[:, none_label:].max(axis=1),
            to_answers[rows, best],
            ahead,
            (similar[:, :none_label].argmax(axis=1) == logs[:, :none_label].argmax(axis=1)).astype(np.float32),
        ],
        axis=1,
    )
    talk = (similar.argmax(axis=1) == none_label + 1) & (probabilities.argmax(axis=1) == none_label + 1)
    return Scored(best, talk, np.asarray(features, np.float32))


def standardized(scores: Floats) -> Floats:
    """Each row with mean 0 and deviation 1."""
    deviation = scores.std(axis=1, keepdims=True)
    return np.asarray((scores - scores.mean(axis=1, keepdims=True)) / np.maximum(deviation, 1e-6), np.float32)


@dataclass(frozen=True)
class Certainty:
    """Probability that the best answer is right, as a logistic function of the features of :func:`score`.

    Args:
        mean: of each feature.
        deviation: of each feature.
        weights: of each standardized feature.
        bias: a number.
    """

    mean: Floats
    deviation: Floats
    weights: Floats
    bias: np.float32

    def __call__(self, features: Floats) -> NDArray[np.float64]:
        """One probability a row."""
        logits = ((features - self.mean) / self.deviation) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -40, 40))))


@dataclass(frozen=True)
class AnswerSelector:
    """Decides who answers a question.

    Args:
        index: the known questions.
        head: fitted to them.
        certainty: fitted to scores of questions that the head had not seen.
        curve: what each carefulness means.
        answer_weight: see :func:`score`.
    """

    index: Index
    head: Head
    certainty: Certainty
    curve: RiskCurve
    answer_weight: float = 1.0

    def scored(self, texts: tuple[str, ...], vectors: Floats) -> Scored:
        """Scores of texts; ``vectors`` are the encoder's, shape ``(texts, dimensions)``."""
        known = self.index.known
        similar = class_scores(self.index.likeness(texts, vectors), np.array(known.labels), known.small_talk_label + 1)
        return score(
            similar,
            self.head.probabilities(self.index.head_input(texts, vectors)),
            self.index.answer_likeness(texts, vectors),
            known.none_label,
            self.answer_weight,
        )

    def decide(self, texts: tuple[str, ...], vectors: Floats, careful: float) -> list[Decision]:
        """One decision a text, each by itself."""
        scored, level = self.scored(texts, vectors), self.curve.level(careful)
        decisions = []
        for place, confidence in enumerate(self.certainty(scored.features).tolist()):
            if scored.is_small_talk[place]:
                decisions.append(Decision(kind=AnswerKind.WRITTEN, confidence=confidence))
            elif confidence > level.threshold:
                decisions.append(self._known(texts[place], vectors[place], int(scored.best[place]), confidence))
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

    def _known(self, text: str, vector: Floats, label: int, confidence: float) -> Decision:
        known = self.index.known
        own = np.flatnonzero(np.array(known.labels) == label)
        nearest = own[int(self.index.likeness((text,), vector[None])[0, own].argmax())]
        return Decision(
            kind=AnswerKind.KNOWN,
            answer=known.answers[label],
            confidence=confidence,
            source=known.sources[nearest],
        )
