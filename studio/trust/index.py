"""The owner's questions and answers as vectors, and the similarity of a text to each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from studio.encoders.letters import letter_vectorizer, unit
from studio.encoders.sentences import sentence_vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LETTER_WEIGHT: Final = 0.7  # of the letters' cosine beside the mean of the vectors'


class KnownQuestions(BaseModel):
    """The owner's questions, and questions that no owner's answer fits.

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

    @property
    def classes(self) -> int:
        """The owner's answers, and the two others."""
        return len(self.answers) + 2


@dataclass(frozen=True)
class Reading:
    """Texts in each representation that an index uses.

    Args:
        vectors: by way, shape ``(texts, dimensions)``, each row of length 1.
        letters: TF-IDF of pieces of letters.
    """

    vectors: tuple[Floats, ...]
    letters: csr_matrix

    def likeness(self, others: Reading) -> tuple[Floats, ...]:
        """Cosines to other texts, shape ``(texts, others)``: of each way, then of the letters."""
        return (
            *(mine @ theirs.T for mine, theirs in zip(self.vectors, others.vectors, strict=True)),
            np.asarray((self.letters @ others.letters.T).toarray(), np.float32),
        )


def combined(likeness: tuple[Floats, ...]) -> Floats:
    """The mean of the vectors' similarities, plus the weighted similarity of letters."""
    *vectors, letters = likeness
    if not vectors:
        return LETTER_WEIGHT * letters
    return np.asarray(np.mean(vectors, axis=0) + LETTER_WEIGHT * letters, np.float32)


@dataclass(frozen=True)
class Index:
    """The known questions as vectors.

    Args:
        known: the questions.
        vectors: of an encoder, as it gives them, shape ``(questions, dimensions)``; no dimensions without an encoder.
        answer_vectors: likewise, shape ``(answers, dimensions)``.
        sentences: those of :mod:`studio.encoders.sentences` for questions, then answers; None reads without them.
    """

    known: KnownQuestions
    vectors: Floats
    answer_vectors: Floats
    sentences: Floats | None = None

    @classmethod
    def of(cls, known: KnownQuestions, read: Callable[[tuple[str, ...]], Floats]) -> Index:
        """An index that reads in every way there is.

        Args:
            known: the questions.
            read: the encoder; gives no dimensions where there is none.
        """
        sentences = sentence_vectors([*known.questions, *known.answers])
        return cls(known, read(known.questions), read(known.answers), sentences)

    def read(self, texts: tuple[str, ...], vectors: Floats) -> Reading:
        """Texts as this index reads them; ``vectors`` are the encoder's, shape ``(texts, dimensions)``."""
        ways = [vectors] if self.vectors.shape[1] else []
        if self.sentences is not None:
            ways.append(sentence_vectors(texts))
        centred = tuple(unit(each - mean) for each, mean in zip(ways, self._means, strict=True))
        return Reading(centred, self._vectorizer.transform(texts))

    @cached_property
    def questions(self) -> Reading:
        """The known questions."""
        centred = tuple(unit(each - mean) for (each, _), mean in zip(self.ways, self._means, strict=True))
        return Reading(centred, self._vectorizer.transform(self.known.questions))

    @cached_property
    def answers(self) -> Reading:
        """The answers, as if they were asked."""
        centred = tuple(unit(each - mean) for (_, each), mean in zip(self.ways, self._means, strict=True))
        return Reading(centred, self._vectorizer.transform(self.known.answers))

    @cached_property
    def answers_apart(self) -> Reading:
        """The answers about their own mean: what tells them from each other."""
        return Reading(tuple(unit(each - each.mean(axis=0)) for _, each in self.ways), self.answers.letters)

    @cached_property
    def alike(self) -> tuple[Floats, ...]:
        """Likeness of the known questions to each other, by way of reading; see :meth:`Reading.likeness`."""
        return self.questions.likeness(self.questions)

    @cached_property
    def among(self) -> Floats:
        """:attr:`alike`, :func:`combined`."""
        return combined(self.alike)

    @cached_property
    def across(self) -> Floats:
        """Likeness of the known questions to the answers, :func:`combined`."""
        return combined(self.questions.likeness(self.answers))

    @cached_property
    def to_answers(self) -> tuple[Floats, ...]:
        """Likeness of the known questions to :attr:`answers_apart`, by way of reading."""
        return self.questions.likeness(self.answers_apart)

    @property
    def letter_pieces(self) -> list[str]:
        """The pieces of letters that count."""
        return list(self._vectorizer.vocabulary_)

    @cached_property
    def _vectorizer(self) -> Any:
        return letter_vectorizer().fit(self.known.questions)

    @cached_property
    def ways(self) -> tuple[tuple[Floats, Floats], ...]:
        """Vectors of the questions and of the answers, by way."""
        ways = [(self.vectors, self.answer_vectors)] if self.vectors.shape[1] else []
        if self.sentences is not None:
            count = len(self.known.questions)
            ways.append((self.sentences[:count], self.sentences[count:]))
        return tuple(ways)

    @cached_property
    def _means(self) -> tuple[Floats, ...]:
        """Of the owner's questions: what all of them have in common tells none of them apart."""
        own = np.array(self.known.labels) < self.known.none_label
        return tuple(np.asarray(questions[own].mean(axis=0), np.float32) for questions, _ in self.ways)
