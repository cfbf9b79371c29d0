"""Compiled layers: tried where enough of a run is left, the same gradients, and taken back where they do not pay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from studio.domain.event import Notice
from studio.domain.recipe import Method
from studio.domain.run import RunState
from studio.storage.compute_lock import ComputeLock
from studio.training.engines.base import Adaptation, EngineOptions
from studio.training.run_files.event_log import EventLog, read_events
from tests.training.engines.test_methods import answer_of, examples
from tests.training.support import losses, write_run

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),  # between PEFT and transformers
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning"),  # torch asks while it traces
]
STEPS = 11  # that are watched before anything is decided
HOUR = 36_000  # steps of a tenth of a second


class Counting:
    """A compiler that compiles nothing, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, graph: Any, _inputs: object) -> Any:
        self.asked += 1
        return graph.forward


def failing(_graph: object, _inputs: object) -> Any:
    raise RuntimeError("no compiler on this machine")


def engine(model_dir: Path, method: Method, backend: Any) -> Any:
    import torch

    from studio.training.engines.peft_engine import PlainEngine

    adaptation = Adaptation(method, 4, 8.0, 0.0, None, None)
    made = PlainEngine(EngineOptions(model_dir, adaptation, torch.float32, 1), "cpu", 2, backend=backend)
    torch.manual_seed(3)
    with torch.no_grad():
        made.weights.add_(torch.randn_like(made.weights), alpha=0.02)
    return made


def pace(model: Any, seconds: float = 0.1, left: int = HOUR) -> list[bool]:
    """As many steps of that time as are watched."""
    return [model.hasten(seconds, left) for _ in range(STEPS)]


@pytest.mark.parametrize("backend", ["counting", pytest.param("inductor", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("family", "method"),
    [
        ("llama", Method.LORA),
        pytest.param("llama", Method.DORA, marks=pytest.mark.slow),
        pytest.param("gemma", Method.FULL, marks=pytest.mark.slow),
    ],
)
def test_compiled_layers_give_the_same_gradients_and_answers(
    family: str, method: Method, backend: str, tiny_model: Path, tiny_gemma: Path
) -> None:
    import torch

    if backend == "inductor" and shutil.which("g++") is None:
        pytest.skip("needs a compiler")
    model_dir = tiny_model if family == "llama" else tiny_gemma
    counting = Counting()
    model = engine(model_dir, method, counting if backend == "counting" else backend)
    seen = examples(model_dir)
    loss, before, said = model.train(seen, 0.1), model.gradients.clone(), answer_of(model, model_dir)
    assert pace(model) == [False] * (STEPS - 1) + [True]
    model.gradients.zero_()
    assert model.train(seen, 0.1) == pytest.approx(loss, rel=1e-5)
    assert float((model.gradients - before).norm() / before.norm()) < 1e-4
    if backend == "counting":
        assert counting.asked > 0
    asked = counting.asked
    assert answer_of(model, model_dir) == said
    assert model.loss(seen) == pytest.approx(loss, rel=1e-5)
    assert counting.asked == asked, "answers are not compiled: their lengths have no end"
    torch.compiler.reset()


def test_a_run_that_is_over_soon_is_left_alone(tiny_model: Path) -> None:
    counting = Counting()
    model = engine(tiny_model, Method.LORA, counting)
    assert not any(pace(model, left=1000) + pace(model))
    model.train(examples(tiny_model), 0.1)
    assert counting.asked == 0
    assert not any(pace(engine(tiny_model, Method.LORA, None)))


@pytest.mark.parametrize(("after", "stays"), [(0.08, True), (0.099, False), (0.3, False)])
def test_what_is_not_faster_is_taken_back(after: float, stays: bool, tiny_model: Path) -> None:
    import torch

    counting = Counting()
    model = engine(tiny_model, Method.LORA, counting)
    pace(model)
    assert not any(pace(model, after) + pace(model))
    model.train(examples(tiny_model), 0.1)
    assert (counting.asked > 0) is stays
    assert model.fall_back() is stays
    assert model.fall_back() is False
    torch.compiler.reset()


def test_a_run_goes_on_where_compiling_fails(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from studio.training.engines import torch_compile

    monkeypatch.setattr(torch_compile, "_SECONDS", 0.0)
    found = []
    for backend in (None, failing):
        run = write_run(tmp_path / str(backend is None), tiny_model, method="dora")
        result = _train(run, tiny_model, backend)
        assert result.state is RunState.FINISHED
        found.append(losses(run))
    told = [event.problem.code for event in read_events(run.events)[0] if isinstance(event, Notice)]
    assert told.count("train.compiling") == 1
    assert len(found[0]) > STEPS
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    torch.compiler.reset()


def _train(run: Any, model_dir: Path, backend: Any) -> Any:
    """A whole run in this process, with a compiler that a processor would not be given."""
    from studio.domain.recipe import Recipe
    from studio.training.engines.torch_compile import Compilation
    from studio.training.loop.factory import assemble

    recipe = Recipe.model_validate_json(run.recipe.read_text(encoding="utf-8"))
    with EventLog(run.events) as log:
        loop, checkpoint = assemble(run, recipe, model_dir, ComputeLock(run.path), log, live=False)
        model: Any = loop.engine
        model._compilation = Compilation(model.model, backend)
        return loop.run(checkpoint)
