"""Fits the selection of answers to a run's examples: out-of-fold scores, their probabilities, and the promise."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.domain.conversation import Conversation
from studio.encoders.letters import folded
from studio.errors import AfinaError
from studio.trust.calibration import risk_curve
from studio.trust.selector import (
    FEATURES,
    AnswerSelector,
    Certainty,
    Floats,
    Head,
    Index,
    Ints,
    KnownQuestions,
    Scored,
    class_scores,
    score,
)

FOLDS: Final = 5
_ANSWER_WEIGHTS: Final = (0.0, 0.5, 1.0)
MAX_EXAMPLES: Final = 2_000  # fitting is to take seconds; of more examples, so many are taken evenly
_LANGUAGES: Final = ("en", "pt")
_REGULARIZATION: Final = 10.0
_TOO_NEAR: Final = 0.5  # quantile of the owner's own likenesses: a "none of these" question that is nearer is hers
_OUTSIDE_PASSING: Final = 0.15  # share of "none of these" questions that may be answered all the same


def question_set(name: str, language: str) -> tuple[str, ...]:
    """The questions of a list in this package, in a language; in English where there are none in it."""
    chosen = language if language in _LANGUAGES else "en"
    text = (files("studio.trust") / "question_sets" / f"{name}.{chosen}.txt").read_text(encoding="utf-8")
    return tuple(text.splitlines())


def known_questions(examples: Sequence[Conversation], language: str) -> KnownQuestions:
    """The owner's questions with their distinct answers, and those of the other classes.

    Args:
        examples: with one turn each; of longer ones, the first.
        language: of most of them.

    Raises:
        AfinaError: ``data.no_dataset`` where no example has a question and an answer.
    """
    pairs = [(each.question.strip(), each.answer.strip(), each.id) for each in examples if each.question.strip()]
    pairs = [pair for pair in pairs if pair[1]]
    if not pairs:
        raise AfinaError("data.no_dataset")
    if len(pairs) > MAX_EXAMPLES:
        pairs = [pairs[i] for i in np.linspace(0, len(pairs) - 1, MAX_EXAMPLES).astype(int)]
    places: dict[str, int] = {}
    answers: list[str] = []
    labels = []
    for _, answer, _ in pairs:
        place = places.setdefault(" ".join(folded(answer).split()), len(answers))
        if place == len(answers):
            answers.append(answer)
        labels.append(place)
    none, talk = question_set("none_of_these", language), question_set("small_talk", language)
    return KnownQuestions(
        questions=(*(question for question, _, _ in pairs), *none, *talk),
        labels=(*labels, *[len(answers)] * len(none), *[len(answers) + 1] * len(talk)),
        sources=(*(source for _, _, source in pairs), *[""] * (len(none) + len(talk))),
        answers=tuple(answers),
    )


def fit_head(inputs: Floats, labels: Ints, classes: int) -> Head:
    """A logistic regression of the class on vectors; classes without a question are never likely."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_REGULARIZATION, max_iter=300).fit(inputs, labels)
    weights = np.zeros((classes, inputs.shape[1]), np.float32)
    bias = np.full(classes, -20.0, np.float32)
    weights[model.classes_], bias[model.classes_] = model.coef_, model.intercept_
    return Head(weights, bias)


def out_of_fold(index: Index, seed: int = 0) -> tuple[Scored, float]:
    """Scores of every known question by questions of the other folds; wordings that are the same stay in one fold.

    Returns:
        The scores, and the weight of the answers with which most of the owner's questions found theirs.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    known = index.known
    labels = np.array(known.labels)
    classes = known.small_talk_label + 1
    likeness = index.likeness(known.questions, index.vectors)
    inputs = index.head_input(known.questions, index.vectors)
    _, groups = np.unique([folded(text) for text in known.questions], return_inverse=True)
    similar = np.zeros((len(labels), classes), np.float32)
    probabilities = np.zeros_like(similar)
    for learned, asked in _folds(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed), labels, groups):
        similar[asked] = class_scores(likeness[np.ix_(asked, learned)], labels[learned], classes)
        probabilities[asked] = fit_head(inputs[learned], labels[learned], classes).probabilities(inputs[asked])
    to_answers = index.answer_likeness(known.questions, index.vectors)
    own = labels < known.none_label
    tried = [
        (score(similar, probabilities, to_answers, known.none_label, weight), weight) for weight in _ANSWER_WEIGHTS
    ]
    return max(tried, key=lambda one: (one[0].best == labels)[own].mean())


def fit(index: Index, seed: int = 0) -> AnswerSelector:
    """Makes what decides about questions, with its risk curve.

    Args:
        index: the known questions with their vectors.
        seed: of the folds.
    """
    import sklearn.linear_model  # noqa: F401 - its BLAS must be there before it is bound
    from threadpoolctl import threadpool_limits

    # The products are short: threads that wait for each other take ten times as long beside a chat or a training.
    with threadpool_limits(1):
        return _fit(index, seed)


def _fit(index: Index, seed: int) -> AnswerSelector:
    known = index.known
    labels = np.array(known.labels)
    scored, answer_weight = out_of_fold(index, seed)
    own, outside = labels < known.none_label, labels == known.none_label
    own_near = np.quantile(scored.features[own, 0], _TOO_NEAR)
    outside &= scored.features[:, 0] < own_near
    is_right = own & (scored.best == labels)
    counted = own | outside
    features, targets = scored.features[counted], is_right[counted]
    honest = np.zeros(len(labels))
    honest[counted] = _crossed(features, targets, seed)
    floor = float(np.quantile(honest[outside], 1 - _OUTSIDE_PASSING)) if outside.any() else 0.0
    return AnswerSelector(
        index=index,
        head=fit_head(index.head_input(known.questions, index.vectors), labels, known.small_talk_label + 1),
        certainty=fit_certainty(features, targets),
        curve=risk_curve(honest[own], ~is_right[own], floor),
        answer_weight=answer_weight,
    )


def fit_certainty(features: Floats, is_right: NDArray[np.bool_]) -> Certainty:
    """The probability of being right as a logistic function of the features.

    Where all are right, or none is, there is nothing to fit: how near the nearest questions are then orders the answers.
    """
    from sklearn.linear_model import LogisticRegression

    mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
    if is_right.all() or not is_right.any():
        weights = np.eye(1, FEATURES, dtype=np.float32)[0]
        return Certainty(mean, deviation, weights, np.float32(0))
    model = LogisticRegression(C=1.0, max_iter=300).fit((features - mean) / deviation, is_right)
    return Certainty(mean, deviation, np.asarray(model.coef_[0], np.float32), np.float32(model.intercept_[0]))


def _crossed(features: Floats, is_right: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """The probability of each by a function that was fitted to the others."""
    from sklearn.model_selection import KFold

    found = np.zeros(len(features))
    for learned, asked in KFold(FOLDS, shuffle=True, random_state=seed).split(features):
        found[asked] = fit_certainty(features[learned], is_right[learned])(features[asked])
    return found


def _folds(splitter: object, labels: Ints, groups: Ints) -> Iterator[tuple[Ints, Ints]]:
    """The folds, without scikit-learn's warning about answers that have fewer wordings than folds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield from splitter.split(np.zeros(len(labels)), labels, groups)  # type: ignore[attr-defined]
