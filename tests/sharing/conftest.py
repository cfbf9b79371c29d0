"""A finished run, on the tiny model or another, made without training: an adapter with weights that change every answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.domain.conversation import Conversation
from studio.domain.model import BaseModelCard
from studio.domain.recipe import Method, Recipe, Schedule
from studio.domain.run import RunResult, RunState
from studio.settings import Settings
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import write_atomic
from studio.storage.workspace import Workspace


@pytest.fixture
def tiny_workspace(tiny_model: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace whose only base model is the tiny one."""
    opened = Workspace.open(Settings(home=tmp_path / "home", models_dir=tiny_model.parent))
    yield opened
    opened.database.close()


def keep(
    workspace: Workspace, run_id: str, method: Method, step: int = 5, rank: int = 4, model: str = "tiny-llama"
) -> None:
    """Puts what training would have kept into the run's folder."""
    import torch
    from peft import LoraConfig, get_peft_model

    from studio.models.loader import load_base

    run = workspace.run(run_id)
    base = load_base(workspace.model(model), torch.float32, "cpu")
    adapter = run.adapters / f"step-{step:06d}"
    torch.manual_seed(step)
    if method is Method.FULL:
        with torch.no_grad():
            for parameter in base.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.05)
        base.save_pretrained(str(adapter))
    else:
        config = LoraConfig(
            r=rank,
            lora_alpha=2 * rank,
            target_modules="all-linear",
            use_dora=method is Method.DORA,
            use_rslora=method is Method.RSLORA,
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(base, config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.normal_(std=0.2)
        model.save_pretrained(str(adapter))
    write_atomic(run.best, json.dumps({"step": step, "adapter": f"adapters/step-{step:06d}"}))


def make_run(
    workspace: Workspace,
    run_id: str = "run-1",
    method: Method = Method.LORA,
    name: str = "Pão & Cia",
    rank: int = 4,
    loss: float = 1.2345,
    model: str = "tiny-llama",
) -> str:
    """A run in the database and on disk."""
    card = BaseModelCard.model_validate_json((workspace.model(model) / "afina.json").read_bytes())
    with workspace.database.session() as session:
        session.merge(ProjectRow(id="project-1", name="Loja", created_at=0.0, updated_at=0.0))
        session.flush()
        counts = {"position": 1.0, "train_examples": 2, "held_out_examples": 1}
        about = {"created_at": 0.0, "state": "finished", "model_id": card.id, "model_name": card.name}
        session.add(RunRow(id=run_id, project_id="project-1", name=name, **about, **counts))
    run = workspace.run(run_id)
    recipe = Recipe(
        model=card.id,
        method=method,
        rank=rank,
        alpha=2 * rank,
        learning_rate=1e-3,
        schedule=Schedule.COSINE,
        epochs=3,
        system_prompt='Você é "a" padaria.',
    )
    write_atomic(run.recipe, recipe.model_dump_json())
    write_atomic(run.model, card.model_dump_json())
    pair = Conversation.pair("Vocês abrem aos domingos?", "Sim, das 7h às 13h.")
    write_atomic(run.train, (pair.model_dump_json() + "\n") * 2)
    write_atomic(run.held_out, pair.model_dump_json() + "\n")
    keep(workspace, run_id, method, rank=rank, model=model)
    kept = {"best_step": 5, "best_loss": loss, "adapter": "adapters/step-000005"}
    result = RunResult(state=RunState.FINISHED, steps=9, ended_at=time.time(), **kept)
    write_atomic(run.result, result.model_dump_json())
    return run_id
