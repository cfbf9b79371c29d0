"""``torch.compile`` where it pays back within the run: tried on the way, measured, and taken back where it does not.

Compiled layers leave out small kernels and what these read and write, but compiling takes a while, and how much it gains
depends on the card and the model. So the first steps are timed as they are; if enough of the run is left, the layers are
compiled; and if the steps after that are not faster, or fail, the rest goes on as before.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

Backend = str | Callable[..., Any]

_WATCHED: Final = 8  # steps whose median counts
_UNSETTLED: Final = 3  # steps before these: memory is found, kernels are loaded, and compiled
_SECONDS: Final = 60.0  # that compiling may take; one layer is compiled for all
_EXPECTED_GAIN: Final = 0.2  # share of a step that it may save; what it does save is measured
_FASTER: Final = 0.97  # of the time before: slower than that is not worth another way to compute


class Compilation:
    """The compiled layers of a model, or the plain ones: whichever is faster.

    Compiling one of the layers, which are all alike, and not the whole model makes it take seconds instead of minutes;
    see PyTorch's recipe on regional compilation.

    Args:
        model: of transformers, with adapters or without; computed as it is until :meth:`hasten` says otherwise.
        backend: of ``torch.compile``; None never compiles.
    """

    def __init__(self, model: torch.nn.Module, backend: Backend | None) -> None:
        self._layers = _layers(model) if backend is not None else []
        self._backend = backend
        self._seconds: list[float] = []
        self._before: float | None = None
        self._settled = not self._layers
        self.is_on = False

    def hasten(self, seconds: float, steps_left: int) -> bool:
        """Decides after a step.

        Returns:
            Whether the next step compiles.
        """
        if self._settled:
            return False
        self._seconds.append(seconds)
        if len(self._seconds) < _UNSETTLED + _WATCHED:
            return False
        usual, self._seconds = statistics.median(self._seconds[_UNSETTLED:]), []
        if self._before is not None:
            self._settled = True
            self.is_on = usual < _FASTER * self._before
            return False
        if usual * steps_left * _EXPECTED_GAIN < _SECONDS:
            self._settled = True
            return False
        self._before = usual
        for layer in self._layers:
            layer.compile(backend=self._backend, dynamic=True)
        self.is_on = True
        return True

    def fall_back(self) -> bool:
        """Computes as before from now on; whether that makes a difference."""
        was_on, self.is_on, self._settled = self.is_on, False, True
        return was_on

    @contextmanager
    def applied(self, *, training: bool) -> Iterator[None]:
        """Within it a model that learns is computed in compiled form, if that is on; an answer never is.

        The lengths of an answer grow with each token, and its memory of what came before is another for each layer:
        there would be no end of compiling.
        """
        if self._before is None or (self.is_on and training):
            yield
            return
        with torch.compiler.set_stance("force_eager"):
            yield


def _layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers that follow each other in a model; none where it is built in another way."""
    count = getattr(getattr(model, "config", None), "num_hidden_layers", 0)
    stacks = (module for module in model.modules() if isinstance(module, torch.nn.ModuleList))
    return next((list(stack) for stack in stacks if len(stack) == count), [])
