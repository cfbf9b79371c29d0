"""Fits the selection of answers to a run's examples: out-of-fold scores, their probabilities, and the promise."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from studio.domain.conversation import Conversation
from studio.encoders.letters import folded
from studio.errors import AfinaError
from studio.trust.calibration import risk_curve
from studio.trust.decision import MisreadQuestion, RiskCurve
from studio.trust.index import Floats, Index, Ints, KnownQuestions, combined
from studio.trust.selector import AnswerSelector, ChoiceModel, answer_confidence, class_features

FOLDS: Final = 10
_MANY: Final = 600  # known questions from which on fewer folds have to do
_FEWER_FOLDS: Final = 5
MAX_EXAMPLES: Final = 1_500  # fitting is to take seconds; of more examples, so many are taken evenly
MOST_MISREAD: Final = 10
_LANGUAGES: Final = ("en", "pt")
_RIDGE: Final = 1.0
_DECAY: Final = 3.0  # of the conditional logit's weights
_PRIOR: Final = (
    0.5  # each weight's, by deviation of its feature: where no answer has two wordings, nothing else is known
)
_MOST_LIKELY: Final = 50  # answers of a question that are weighed against each other while fitting
_OUTSIDE_WEIGHT: Final = 0.3  # of a question that is not the owner's beside one that is
_OUTSIDE_PASSING: Final = 0.1  # share of "none of these" questions that may be answered all the same
_OWN_HELD_BACK: Final = 0.03  # share of the owner's questions that may be taken for "none of these" or small talk


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


@dataclass(frozen=True)
class OutOfFold:
    """What the other folds say of each known question.

    Args:
        features: see :func:`out_of_fold_features`.
        is_teaching: whether its features say something about its own answer.
        probabilities: of each class, shape ``(questions, classes)``.
    """

    features: Floats
    is_teaching: NDArray[np.bool_]
    probabilities: Floats


def fit(index: Index, seed: int = 0) -> AnswerSelector:
    """Makes what decides about questions, with its risk curve.

    Args:
        index: the known questions with their vectors.
        seed: of the folds.
    """
    with _one_thread():
        return selector_with_curve(index, out_of_fold(assign_folds(index.known, seed), lambda fold: index))


def fit_beside(
    untuned: AnswerSelector, index: Index, folds: Ints, index_without: Callable[[int], Index]
) -> AnswerSelector:
    """A selector whose probabilities are the mean of those of two ways to read: untuned, and tuned to the questions.

    Args:
        untuned: the first of them.
        index: the known questions, read by what has learned from all of them.
        folds: of each known question, its fold.
        index_without: the known questions, read by what has not learned from those of a fold.
    """
    with _one_thread():
        first = out_of_fold(assign_folds(index.known), lambda fold: untuned.index)
        return selector_with_curve(index, out_of_fold(folds, index_without), (untuned, first.probabilities))


def _one_thread() -> AbstractContextManager[object]:
    """The products are short: threads that wait for each other take ten times as long beside a chat or a training."""
    import sklearn.linear_model  # noqa: F401 - its BLAS must be there before it is bound
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(1)
    return limits


def out_of_fold(folds: Ints, index_without: Callable[[int], Index]) -> OutOfFold:
    """What the other folds say of each known question; see :func:`fit_beside`."""
    known = index_without(int(folds[0])).known
    labels = np.array(known.labels)
    features = out_of_fold_features(folds, index_without)
    probabilities = np.zeros((len(labels), known.classes), np.float32)
    teaching = _has_other_wordings(labels, folds, known.none_label)
    for fold in np.unique(folds):
        asked = folds == fold
        learned = teaching & ~asked
        choice = fit_choice(features[learned], labels[learned])
        probabilities[asked] = choice.probabilities(features[asked])
    return OutOfFold(features, teaching, probabilities)


def selector_with_curve(
    index: Index, found: OutOfFold, beside: tuple[AnswerSelector, Floats] | None = None
) -> AnswerSelector:
    """A selector fitted to all known questions, with a curve counted on what the other folds say of each.

    Args:
        index: the known questions.
        found: what the other folds say of them.
        beside: another selector that is asked as well, and what the other folds of its own say.
    """
    known, labels = index.known, np.array(index.known.labels)
    own, outside = labels < known.none_label, labels == known.none_label
    honest = found.probabilities
    if beside is not None:
        honest = np.asarray((honest + beside[1]) / 2, np.float32)
    best = honest[:, : known.none_label].argmax(axis=1)
    outside_limit = float(np.quantile(honest[own, known.none_label :].sum(axis=1), 1 - _OWN_HELD_BACK))
    confidence = answer_confidence(honest, outside_limit)
    floor = float(np.quantile(confidence[outside], 1 - _OUTSIDE_PASSING)) if outside.any() else 0.0
    teaching = found.is_teaching
    curve = risk_curve(confidence[own].astype(np.float64), best[own] != labels[own], floor)
    return AnswerSelector(
        index=index,
        ridge=fit_ridge(_gram(index, np.arange(len(labels))), labels, known.classes),
        choice=fit_choice(found.features[teaching], labels[teaching]),
        curve=_with_misread(curve, known, confidence, best, own & teaching, floor),
        outside_limit=outside_limit,
        untuned=beside[0] if beside is not None else None,
    )


def _with_misread(
    curve: RiskCurve, known: KnownQuestions, confidence: Floats, best: Ints, asked: NDArray[np.bool_], floor: float
) -> RiskCurve:
    """A curve with the questions that hold its thresholds up, and what it would be without them.

    Args:
        curve: counted on all of the owner's questions.
        known: the known questions.
        confidence: of each.
        best: the answer that each is taken for.
        asked: the owner's questions whose answer has another wording. One without any is always taken for another's;
            it needs a second wording, not a clearer one.
        floor: see :func:`studio.trust.calibration.risk_curve`.
    """
    labels = np.array(known.labels)
    wrong = np.flatnonzero(asked & (best != labels) & (confidence > 0))
    misread = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISREAD]
    if not len(misread):
        return curve
    others = labels < known.none_label
    others[misread] = False
    without = risk_curve(confidence[others].astype(np.float64), best[others] != labels[others], floor)
    return curve.model_copy(
        update={
            "misread": tuple(
                MisreadQuestion(
                    question=known.questions[at], source=known.sources[at], taken_for=known.answers[best[at]]
                )
                for at in misread.tolist()
            ),
            "levels": tuple(
                level.model_copy(update={"answered_without": less.answered})
                for level, less in zip(curve.levels, without.levels, strict=True)
            ),
        }
    )


def out_of_fold_features(folds: Ints, index_without: Callable[[int], Index]) -> Floats:
    """Features of every known question by the questions of the other folds.

    Args:
        folds: of each known question, its fold.
        index_without: see :func:`fit_beside`.

    Returns:
        Shape ``(questions, classes, features)``, see :func:`studio.trust.selector.class_features`.
    """
    found: list[tuple[Ints, Floats]] = []
    for fold in np.unique(folds).tolist():
        index = index_without(fold)
        labels = np.array(index.known.labels)
        asked, learned = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        ridge = fit_ridge(_gram(index, learned), labels[learned], index.known.classes)
        linear = np.concatenate([index.among[np.ix_(asked, learned)], index.across[asked]], axis=1) @ ridge
        near = tuple(each[np.ix_(asked, learned)] for each in index.alike)
        to_answers = tuple(each[asked] for each in index.to_answers)
        found.append((asked, class_features(near, to_answers, linear, labels[learned])))
    features = np.zeros((len(folds), *found[0][1].shape[1:]), np.float32)
    for asked, each in found:
        features[asked] = each
    return features


def fit_ridge(gram: Floats, labels: Ints, classes: int) -> Floats:
    """A linear classifier (kernel ridge regression on classes) that learns the answers as questions of their own class.

    Args:
        gram: likeness of learned questions, then answers, to each other.
        labels: class of each learned question.
        classes: the answers, and two more.

    Returns:
        Weights of the likeness to each of them, shape ``(questions and answers, classes)``.
    """
    own = np.eye(classes, dtype=np.float32)[labels]
    targets = np.concatenate([own, np.eye(classes, dtype=np.float32)[: classes - 2]])
    if (labels < classes - 2).any():  # a fold may hold the only question there is
        targets -= own[labels < classes - 2].mean(axis=0)
    return np.asarray(np.linalg.solve(gram + _RIDGE * np.eye(len(gram), dtype=np.float32), targets), np.float32)


def fit_choice(features: Floats, labels: Ints) -> ChoiceModel:
    """The conditional logit of questions whose features were made without them.

    Args:
        features: see :func:`studio.trust.selector.class_features`.
        labels: the right class of each.
    """
    from scipy.optimize import minimize

    deviation = features[:, :-2].reshape(-1, features.shape[2]).std(axis=0) + 1e-6
    importance = np.where(labels < features.shape[1] - 2, 1.0, _OUTSIDE_WEIGHT)
    features, labels = _likely_classes(features, labels)
    count, _, width = features.shape
    scaled = (features / deviation).astype(np.float64)
    rows = np.arange(count)
    decay = np.concatenate([np.full(width, _DECAY), np.full(2, 0.02)])
    prior = np.concatenate([np.full(width, _PRIOR), np.zeros(2)])

    def loss(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = scaled @ values[:width]
        logits[:, -2:] += values[width:]
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        chances = odds / odds.sum(axis=1, keepdims=True)
        from_prior = values - prior
        total = -(importance * np.log(chances[rows, labels] + 1e-12)).sum() + (decay * from_prior**2).sum() / 2
        chances[rows, labels] -= 1
        chances *= importance[:, None]
        slope = np.concatenate([np.tensordot(chances, scaled, ([0, 1], [0, 1])), chances[:, -2:].sum(axis=0)])
        return float(total), slope + decay * from_prior

    found = minimize(loss, prior, jac=True, method="L-BFGS-B").x
    return ChoiceModel(np.asarray(found[:width] / deviation, np.float32), np.asarray(found[width:], np.float32))


def _has_other_wordings(labels: Ints, folds: Ints, answers: int) -> NDArray[np.bool_]:
    """Whether other folds have a question of the same class: else its features say nothing about its own answer."""
    counts = np.zeros((int(labels.max()) + 1, int(folds.max()) + 1), np.int64)
    np.add.at(counts, (labels, folds), 1)
    return np.asarray((labels >= answers) | (counts.sum(axis=1)[labels] > counts[labels, folds]))


def _likely_classes(features: Floats, labels: Ints) -> tuple[Floats, Ints]:
    """Features of each question's likeliest answers, its own among them, and of the two other classes; labels among these."""
    answers = features.shape[1] - 2
    if answers <= _MOST_LIKELY:
        return features, labels
    rows = np.arange(len(labels))
    order = features[:, :answers, -1].copy()
    own = labels < answers
    order[rows[own], labels[own]] = np.inf
    likely = np.argpartition(-order, _MOST_LIKELY - 1, axis=1)[:, :_MOST_LIKELY]
    places = np.concatenate([likely, np.full((len(labels), 2), [answers, answers + 1])], axis=1)
    return np.take_along_axis(features, places[:, :, None], axis=1), (places == labels[:, None]).argmax(axis=1)


def _gram(index: Index, learned: Ints) -> Floats:
    """Similarities of some known questions, then of the answers, to each other."""
    among, across = index.among[np.ix_(learned, learned)], index.across[learned]
    return np.block([[among, across], [across.T, combined(index.answers.likeness(index.answers))]])


def assign_folds(known: KnownQuestions, seed: int = 0, folds: int = FOLDS) -> Ints:
    """The fold of each known question: answers spread evenly, wordings that are the same in one fold.

    Args:
        folds: so many at most; fewer where there are many questions.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = np.array(known.labels)
    _, groups = np.unique([folded(text) for text in known.questions], return_inverse=True)
    count = min(folds, _FEWER_FOLDS if len(labels) > _MANY else folds, len(set(groups.tolist())))
    placed = np.zeros(len(labels), np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # answers that have fewer wordings than there are folds
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        for fold, (_, asked) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups)):
            placed[asked] = fold
    return placed
