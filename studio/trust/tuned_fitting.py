"""Fits a selector anew with an encoder that is tuned to the owner's answers. Imports torch: for child processes only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from studio.encoders.encoder import Encoder
from studio.encoders.tuning import STEPS, lower_states, rounded, tune, upper_layers, vectors
from studio.trust.fitting import assign_folds, fit_beside
from studio.trust.index import Index, Ints
from studio.trust.selector import AnswerSelector

if TYPE_CHECKING:
    import torch

TUNING_FOLDS: Final = 5
_WORDINGS: Final = 3  # of a question on average, below which there is nothing to learn from


def is_worth_tuning(index: Index) -> bool:
    """Whether an answer has enough questions, on average, that they can be brought together."""
    own = sum(label < index.known.none_label for label in index.known.labels)
    return own >= _WORDINGS * len(index.known.answers)


def fit_tuned(
    untuned: AnswerSelector,
    encoder: Encoder,
    *,
    seed: int = 0,
    in_bf16: bool = False,
    before_step: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[AnswerSelector, torch.nn.ModuleList]:
    """A selector that reads with the encoder as it was made and with a tuned one, and the tuned layers.

    What is promised is counted on questions that the encoder which read them had not learned from, either: for each
    fold another encoder is tuned, to the questions of all other folds.

    Args:
        untuned: fitted to the known questions.
        encoder: as it was made.
        seed: of the folds and the batches.
        in_bf16: see :func:`studio.encoders.tuning.tune`.
        before_step: called with the number of steps that are done and of all.
    """
    known, labels = untuned.index.known, np.array(untuned.index.known.labels)
    folds = assign_folds(known, seed, TUNING_FOLDS)
    questions, answers = lower_states(encoder, known.questions), lower_states(encoder, known.answers)
    numbers = np.unique(folds).tolist()
    done = 0

    def step() -> None:
        nonlocal done
        before_step(done, STEPS * (len(numbers) + 1))
        done += 1

    def tuned_to(learned: Ints) -> tuple[Index, torch.nn.ModuleList]:
        layers = tune(
            upper_layers(encoder), questions.subset(learned), labels[learned], answers,
            seed=seed, in_bf16=in_bf16, before_step=step,
        )  # fmt: skip
        layers = rounded(layers)
        read, said = vectors(layers, questions), vectors(layers, answers)
        return replace(untuned.index, vectors=read, answer_vectors=said), layers

    without = {fold: tuned_to(np.flatnonzero(folds != fold))[0] for fold in numbers}
    index, layers = tuned_to(np.arange(len(labels)))
    return fit_beside(untuned, index, folds, without.__getitem__), layers


def is_better(new: AnswerSelector, old: AnswerSelector, careful: float) -> bool:
    """Whether a selector answers more at a position of "how careful?"; where both answer as many, more of them right."""
    one, other = new.curve.level(careful), old.curve.level(careful)
    return (one.answered, -one.wrong) > (other.answered, -other.wrong)
