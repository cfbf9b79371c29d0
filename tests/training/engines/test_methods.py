"""What the methods and settings promise, on a tiny model, in both engines."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from studio.domain.recipe import Method, Recipe
from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import Adaptation, EngineOptions
from studio.training.engines.regularization import NONE, Regularisation, embedding_noise
from studio.training.loop.dataloader import Encoder
from tests.training.support import PAIRS

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),  # between PEFT and transformers
]
LORA = Adaptation(Method.LORA, 4, 8.0, 0.0, None, None)
ENGINES = ("fused", "plain")


def engine(
    kind: str,
    model_dir: Path,
    adaptation: Adaptation = LORA,
    regular: Regularisation = NONE,
    *,
    recompute: bool = False,
) -> Any:
    import torch

    from studio.training.engines.fused.engine import FusedEngine
    from studio.training.engines.fused.model_config import read_model_config
    from studio.training.engines.peft_engine import PlainEngine

    options = EngineOptions(model_dir, adaptation, torch.float32, 1, regular, recompute)
    if kind == "plain":
        made: Any = PlainEngine(options, "cpu", 2)
    else:
        shape = read_model_config(model_dir)
        assert shape is not None
        made = FusedEngine(options, shape)
    torch.manual_seed(3)
    with torch.no_grad():
        made.weights.add_(torch.randn_like(made.weights), alpha=0.02)
    return made


def examples(model_dir: Path) -> list[EncodedExample]:
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    return [encoder.example(conversation) for conversation in PAIRS]


def answer_of(model: Any, model_dir: Path) -> list[list[int]]:
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    prompts = [encoder.prompt(conversation) for conversation in PAIRS[:2]]
    return list(model.generate(prompts, encoder.tokenizer.stop_ids, 8))


def test_the_noise_of_neftune_has_the_stated_reach() -> None:
    import torch

    torch.manual_seed(0)
    lengths = torch.tensor([10.0, 40.0])
    rows = torch.tensor([0] * 10 + [1] * 40)
    noise = embedding_noise(lengths, rows, torch.zeros(50, 576), alpha=5.0)
    for row, length in enumerate((10, 40)):
        reach = 5.0 / math.sqrt(length * 576)
        drawn = noise[rows == row]
        assert float(drawn.abs().max()) <= reach
        assert float(drawn.std()) == pytest.approx(reach / math.sqrt(3), rel=0.05)  # of a uniform distribution
        assert abs(float(drawn.mean())) < 0.05 * reach


@pytest.mark.parametrize("kind", ENGINES)
def test_noise_is_there_in_training_and_not_in_an_evaluation_or_an_answer(kind: str, tiny_model: Path) -> None:
    import torch

    quiet, noisy = engine(kind, tiny_model), engine(kind, tiny_model, regular=Regularisation(neftune=40.0))
    seen = examples(tiny_model)
    assert noisy.loss(seen) == quiet.loss(seen)
    assert answer_of(noisy, tiny_model) == answer_of(quiet, tiny_model)
    losses = []
    for dice in (1, 1, 2):
        torch.manual_seed(dice)
        losses.append(noisy.train(seen, 0.1))
    assert losses[0] == losses[1], "the same dice draw the same noise: resume stays exact"
    assert len({*losses, quiet.train(seen, 0.1)}) == 3
    assert noisy.loss(seen) == quiet.loss(seen)


@pytest.mark.parametrize("kind", ENGINES)
def test_label_smoothing_is_that_of_torch(kind: str, tiny_model: Path) -> None:
    import torch
    from torch.nn import functional as F

    model = engine(kind, tiny_model, regular=Regularisation(label_smoothing=0.1))
    seen = examples(tiny_model)
    found = model.train(seen, 0.1)
    plain = engine("plain", tiny_model)
    if kind == "fused":  # the same adapter in both
        _copy_adapter(model, plain)
    plain.model.train()
    expected = torch.zeros(())
    for example in seen:
        ids = torch.tensor([example.input_ids])
        targets = ids.where(torch.tensor([example.learned]), torch.tensor(-100))
        logits = plain.model(input_ids=ids).logits
        flat = targets[:, 1:].flatten()
        expected = expected + F.cross_entropy(logits[0, :-1], flat, reduction="sum", label_smoothing=0.1)
    (expected * 0.1).backward()
    assert found == pytest.approx(float(expected.detach()), rel=1e-5)
    ours, theirs = model.gradients.norm(), plain.gradients.norm()
    assert float(ours) == pytest.approx(float(theirs), rel=1e-4)
    assert model.loss(seen) < found


def _copy_adapter(fused: Any, plain: Any) -> None:
    import torch

    theirs = dict(plain.model.named_parameters())
    with torch.no_grad():
        for number, layer in enumerate(fused.base.layers):
            for part in (part for linear in layer.linears for part in linear.parts):
                prefix = f"base_model.model.model.layers.{number}.{part.name}"
                theirs[f"{prefix}.lora_A.default.weight"].copy_(part.a)
                theirs[f"{prefix}.lora_B.default.weight"].copy_(part.b)


@pytest.mark.parametrize("kind", ENGINES)
def test_computing_layers_twice_changes_no_gradient(kind: str, tiny_model: Path) -> None:
    import torch

    adaptation = Adaptation(Method.LORA, 4, 8.0, 0.2, None, None)  # dropout must fall the same way twice
    once, twice = engine(kind, tiny_model, adaptation), engine(kind, tiny_model, adaptation, recompute=True)
    seen = examples(tiny_model)
    losses = []
    for model in (once, twice):
        torch.manual_seed(5)
        losses.append(model.train(seen, 0.1))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    torch.testing.assert_close(once.gradients, twice.gradients, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize(
    ("adaptation", "tuned"),
    [
        (Adaptation(Method.LAST_LAYERS, 4, 8.0, 0.0, None, None), {1}),
        (Adaptation(Method.LAST_LAYERS, 4, 8.0, 0.0, ("q_proj", "down_proj"), 1), {1}),
        (Adaptation(Method.LORA, 4, 8.0, 0.0, None, None, (0,)), {0}),
        (Adaptation(Method.FULL, 4, 8.0, 0.0, None, None), {0, 1}),
    ],
    ids=["last-layers", "some-modules", "first-only", "full"],
)
def test_only_the_chosen_layers_are_tuned_and_plain_peft_reads_what_is_saved(
    kind: str, adaptation: Adaptation, tuned: set[int], tiny_model: Path, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel

    from studio.models.loader import load_base

    model = engine(kind, tiny_model, Adaptation(*_with_rank(adaptation, 64)))
    seen = examples(tiny_model)
    model.train(seen, 0.1)
    assert float(model.gradients.abs().max()) > 0
    with torch.no_grad():
        model.weights.sub_(model.gradients, alpha=0.05)
    if hasattr(model, "_stale"):
        model._stale = True
    model.save(tmp_path)
    saved = PeftModel.from_pretrained(load_base(tiny_model, torch.float32, "cpu"), str(tmp_path)).eval()
    numbers = {int(name.split(".layers.")[1].split(".")[0]) for name, _ in saved.named_parameters() if "lora_A" in name}
    assert numbers == tuned
    total = 0.0
    for example in seen:
        ids = torch.tensor([example.input_ids])
        labels = ids.where(torch.tensor([example.learned]), torch.tensor(-100))
        with torch.no_grad():
            total += float(saved(input_ids=ids, labels=labels).loss) * sum(example.learned[1:])
    assert model.loss(seen) == pytest.approx(total, rel=2e-4)  # a change of full rank 64 fits into rank 64


def _with_rank(adaptation: Adaptation, rank: int) -> tuple[Any, ...]:
    whole = adaptation.method.tunes_whole_weights
    rank = rank if whole else adaptation.rank
    return (
        adaptation.method, rank, adaptation.alpha, adaptation.dropout, adaptation.target_modules,
        adaptation.last_layers, adaptation.layers,
    )  # fmt: skip


def test_layers_are_chosen_by_number_or_from_the_end() -> None:
    assert LORA.tuned_layers(4) == [0, 1, 2, 3]
    assert Adaptation(Method.LORA, 4, 8.0, 0.0, None, 3).tuned_layers(8) == [5, 6, 7]
    assert Adaptation(Method.LAST_LAYERS, 4, 8.0, 0.0, None, None).tuned_layers(30) == list(range(22, 30))
    assert Adaptation(Method.LORA, 4, 8.0, 0.0, None, None, (7, 2, 2, 99)).tuned_layers(8) == [2, 7]
