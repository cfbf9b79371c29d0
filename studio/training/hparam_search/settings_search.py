"""A hyperparameter search by Optuna: which settings come next, and which trials are not worth going on with.

Settings are proposed by TPE (Bergstra et al., 2011), weak trials are pruned by successive halving (Jamieson and
Talwalkar, 2016). What was tried is in a database in the study's folder: a killed worker goes on from there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState as OptunaState
from sqlalchemy.exc import SQLAlchemyError

from studio.domain.recipe import Recipe
from studio.domain.study import StudyPlan, Trial, TrialScore, TrialSettings, TrialState
from studio.errors import from_exception
from studio.training.hparam_search.folder import StudyFolder

RUNGS: Final = (1, 2, 4)  # quarters of a trial's passes at which it is scored
MAX_TRIALS: Final = 12
_RANDOM_TRIALS: Final = 5  # before TPE has enough to go by
_FIRST_RATES: Final = (1.0, 0.5, 2.0)  # times the present learning rate, which matters most: tried alone first
_RATE_RANGE: Final = (1 / 3, 3.0)
_MAX_RATE: Final = 1e-2
_MAX_RATE_FULL: Final = 1e-3  # of full fine-tuning
_RANKS: Final = (1.0, 0.5, 2.0)  # times the present rank
_RANK_RANGE: Final = (2, 128)
_PASSES: Final = (1.0, 0.5, 1.5)  # times the present passes


class SettingsSearch:
    """The Optuna study of a search, begun or gone on with.

    Raises:
        AfinaError: ``disk.full``, ``disk.not_writable``, ``storage.damaged``.
    """

    def __init__(self, folder: StudyFolder, recipe: Recipe, plan: StudyPlan) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._full = recipe.method is not None and recipe.method.tunes_whole_weights
        self._present, self._metric = plan.candidates[0], plan.judge
        with _storage_errors():
            self._study = optuna.create_study(
                storage=f"sqlite:///{folder.database}",
                study_name="search",
                load_if_exists=True,
                direction="maximize",
                pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=RUNGS[0], reduction_factor=2),
            )
            tried = len(self._study.get_trials(deepcopy=False))
            self._study.sampler = optuna.samplers.TPESampler(seed=recipe.seed + tried, n_startup_trials=_RANDOM_TRIALS)
            if not tried:
                for factor in _FIRST_RATES:
                    rate = self._rate(factor)
                    self._study.enqueue_trial({**self._present.model_dump(), "learning_rate": rate})

    def next_trial(self) -> optuna.Trial | None:
        """The trial that was at work when the worker ended, else a new one; None after the last."""
        with _storage_errors():
            for begun in self._study.get_trials(deepcopy=False, states=(OptunaState.RUNNING,)):
                return optuna.Trial(self._study, begun._trial_id)
            ended = [trial for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]
            return self._study.ask() if len(ended) < MAX_TRIALS else None

    def settings(self, trial: optuna.Trial) -> TrialSettings:
        """What a trial tries, within sensible ranges around the present settings."""
        low, high = _RANK_RANGE
        ranks = [max(low, min(high, round(self._present.rank * factor))) for factor in _RANKS]
        passes = [max(1.0, round(self._present.epochs * factor)) for factor in _PASSES[1:]]
        with _storage_errors():
            rate = trial.suggest_float("learning_rate", *(self._rate(factor) for factor in _RATE_RANGE), log=True)
            rank = trial.suggest_categorical("rank", _choices(self._present.rank, [] if self._full else ranks))
            epochs = trial.suggest_categorical("epochs", _choices(self._present.epochs, passes))
        if not math.isclose(rate, self._present.learning_rate):
            rate = float(f"{rate:.2g}")  # more digits say nothing
        return TrialSettings(learning_rate=rate, rank=int(rank), epochs=float(epochs))

    def is_promising(self, trial: optuna.Trial, score: TrialScore) -> bool:
        """Whether a trial is among the better half of those that got as far, so that it should go on."""
        with _storage_errors():
            trial.report(score.value(self._metric), RUNGS[score.rung])
            is_weak = trial.should_prune()  # also what others are compared with
            return trial.number == 0 or not is_weak  # the present settings go all the way

    def end(self, trial: optuna.Trial, ended: Trial) -> None:
        """Notes how a trial ended.

        Args:
            ended: the same one as the study's record has it.
        """
        with _storage_errors():
            if ended.state is TrialState.FAILED:
                self._study.tell(trial, state=OptunaState.FAIL)
            elif ended.state is TrialState.DROPPED or ended.score is None:
                self._study.tell(trial, state=OptunaState.PRUNED)
            else:
                self._study.tell(trial, ended.score.value(self._metric))

    def _rate(self, factor: float) -> float:
        present = self._present.learning_rate
        limit = _MAX_RATE_FULL if self._full else _MAX_RATE
        return max(present, min(limit, present * factor)) if factor > 1 else present * factor


def _choices(present: float, others: list[float] | list[int]) -> list[float]:
    return sorted({present, *others})


@contextmanager
def _storage_errors() -> Iterator[None]:
    """What the database of the search raises, as an error that has a sentence."""
    try:
        yield
    except SQLAlchemyError as error:
        raise from_exception(error) from error
    except StorageInternalError as error:
        raise from_exception(error.__cause__ or error) from error
