"""A recipe is checked as a whole: every problem is named at once, with its field and what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from studio.domain.problem import Problem, Severity
from studio.domain.recipe import Recipe
from studio.i18n import LOCALES, catalog
from studio.services.examples.datasets import DatasetService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.services.runs.service import RunService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from studio.training.recipes.validation import linear_kinds
from tests.services.paper_model import PAPER, install_paper_model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def checked(workspace: Workspace, tmp_path: Path) -> Any:
    """Checks the fields of a recipe against a project of 40 examples and a model on paper."""
    import numpy as np

    install_paper_model(workspace)
    names = [f"model.layers.{n}.{kind}.weight" for n in range(2) for kind in ("self_attn.q_proj", "mlp.up_proj")]
    weights = {name: np.zeros((4, 4), np.float32) for name in names} | {"model.norm.weight": np.zeros(4, np.float32)}
    save_file(weights, workspace.model(PAPER) / "model.safetensors")
    datasets, models = DatasetService(workspace), ModelService(workspace)
    runs = RunService(workspace, models, datasets)
    project = ProjectService(workspace).create("Shop").id
    rows = [f"What does item {n} cost in shop {n * 7}?,It costs {n} coins." for n in range(40)]
    (tmp_path / "faq.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    datasets.import_files(project, [tmp_path / "faq.csv"])
    return lambda **values: runs.check({"model": PAPER, **values}, project)


def test_eight_things_wrong_are_named_at_once_each_with_field_and_remedy(checked: Any) -> None:
    recipe, problems = checked(
        rank=0,
        learning_rate="fast",
        schedule="spiral",
        colour="blue",
        max_length=9999,
        layers=(1, 7),
        last_layers=1,
        target_modules=("q_proj", "x_proj"),
        method="qlora",
        micro_batch=64,
        batch_size=8,
    )
    assert recipe is None
    found = {(problem.field, problem.code) for problem in problems}
    assert found >= {
        ("rank", "recipe.too_small"),
        ("learning_rate", "recipe.bad_value"),
        ("schedule", "recipe.not_a_choice"),
        ("colour", "recipe.unknown_field"),
        ("max_length", "recipe.length_over_context"),
        ("layers", "recipe.no_such_layer"),
        ("layers", "recipe.layers_twice"),
        ("target_modules", "recipe.no_such_module"),
        ("method", "recipe.qlora_needs_cuda"),
        ("micro_batch", "recipe.micro_over_batch"),
    }
    _all_can_be_said(problems)


def _all_can_be_said(problems: list[Problem]) -> None:
    for locale in LOCALES:
        for problem in problems:
            sentence = catalog(locale)(f"errors.{problem.code}", **problem.params)
            assert sentence.count(".") + sentence.count(":") > 1, f"{sentence} names no remedy"


def test_what_does_nothing_is_a_warning(checked: Any) -> None:
    recipe, problems = checked(
        method="last_layers", dropout=0.1, evaluations=2, patience=4, warmup_ratio=0.9, neftune=50, label_smoothing=0.5
    )
    assert recipe is not None
    wanted = {"dropout", "patience", "warmup_ratio", "neftune", "label_smoothing"}
    assert {problem.field for problem in problems if problem.severity is Severity.WARNING} >= wanted
    assert not [problem for problem in problems if problem.severity is Severity.ERROR]
    _all_can_be_said(problems)


def test_a_sound_recipe_has_no_problem(checked: Any) -> None:
    recipe, problems = checked(method="last_layers", last_layers=1, target_modules=["up_proj"], epochs=2)
    assert problems == []
    assert isinstance(recipe, Recipe)


def test_kinds_of_layers_are_read_from_the_weights(checked: Any, workspace: Workspace, tmp_path: Path) -> None:
    assert linear_kinds(workspace.model(PAPER)) == ("q_proj", "up_proj")
    shutil.copytree(workspace.model(PAPER), tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\xff" * 40)
    assert linear_kinds(tmp_path / "broken") == ()
    assert json.loads((workspace.model(PAPER) / "afina.json").read_text(encoding="utf-8"))["layers"] == 2
