"""The fused engine computes what transformers with PEFT computes: losses, gradients, answers, adapters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.domain.recipe import Method, Recipe
from studio.models.tokenizer import EncodedExample
from studio.training.engines.base import Adaptation, EngineOptions, learned_tokens
from studio.training.loop.dataloader import Encoder
from tests.training.support import PAIRS

pytestmark = [
    pytest.mark.model,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),  # between PEFT and transformers
]

LORA = Adaptation(Method.LORA, 4, 8.0, 0.0, None, None)


@pytest.fixture(autouse=True)
def _two_threads() -> None:
    """Each with its share of a batch, however many the tests are given."""
    import torch

    torch.set_num_threads(2)


def _examples(model_dir: Path) -> list[EncodedExample]:
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    return [encoder.example(conversation) for conversation in PAIRS]


def _pair(model_dir: Path, adaptation: Adaptation):  # type: ignore[no-untyped-def]
    """A plain and a fused engine with the same random adapter."""
    import torch

    from studio.training.engines.fused.engine import FusedEngine
    from studio.training.engines.fused.model_config import read_model_config
    from studio.training.engines.peft_engine import PlainEngine

    shape = read_model_config(model_dir)
    assert shape is not None
    plain = PlainEngine(EngineOptions(model_dir, adaptation, torch.float32, 1), "cpu", 2)
    fused = FusedEngine(EngineOptions(model_dir, adaptation, torch.float32, 1), shape)
    theirs = {name: p for name, p in plain.model.named_parameters() if p.requires_grad}
    ours = {}
    parts = [
        (number, part)
        for number, layer in enumerate(fused.base.layers)
        for linear in layer.linears
        for part in linear.parts
    ]
    for number, part in parts:
        prefix = f"base_model.model.model.layers.{number}.{part.name}"
        for letter, weight in (("A", part.a), ("B", part.b)):
            place = weight.storage_offset() - fused.weights.storage_offset()
            gradient = fused.gradients[place : place + weight.numel()].view(weight.shape)
            ours[f"{prefix}.lora_{letter}.default.weight"] = (weight, gradient)
    assert theirs.keys() == ours.keys()
    torch.manual_seed(2)
    with torch.no_grad():
        for name, weight in theirs.items():
            weight.normal_(0, 0.1)
            ours[name][0].copy_(weight)
    return plain, fused, [(theirs[name].grad, ours[name][1]) for name in theirs]


@pytest.mark.parametrize(
    "adaptation",
    [
        LORA,
        Adaptation(Method.RSLORA, 4, 8.0, 0.0, None, 1),
        Adaptation(Method.LORA, 4, 8.0, 0.0, ("q_proj", "v_proj", "up_proj"), None),
    ],
    ids=["all", "last-layer", "some-modules"],
)
@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_losses_and_gradients_are_those_of_peft(
    adaptation: Adaptation, family: str, tiny_model: Path, tiny_gemma: Path
) -> None:
    import torch

    model_dir = tiny_model if family == "llama" else tiny_gemma
    plain, fused, gradients = _pair(model_dir, adaptation)
    examples = _examples(model_dir)
    assert fused.loss(examples) == pytest.approx(plain.loss(examples), rel=1e-5)
    assert fused.train(examples, 0.1) == pytest.approx(plain.train(examples, 0.1), rel=1e-5)
    for theirs, ours in gradients:
        assert theirs.abs().max() > 0
        difference = torch.linalg.vector_norm(ours - theirs) / torch.linalg.vector_norm(theirs)
        assert float(difference) < 1e-4


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_gradients_in_bf16_are_those_in_fp32_but_for_rounding(family: str, tiny_model: Path, tiny_gemma: Path) -> None:
    import torch

    from studio.training.engines.fused.engine import FusedEngine
    from studio.training.engines.fused.model_config import read_model_config

    model_dir = tiny_model if family == "llama" else tiny_gemma
    shape = read_model_config(model_dir)
    assert shape is not None
    exact, rounded = (
        FusedEngine(EngineOptions(model_dir, LORA, dtype, 1), shape) for dtype in (torch.float32, torch.bfloat16)
    )
    torch.manual_seed(2)
    with torch.no_grad():
        rounded.weights.copy_(exact.weights.normal_(0, 0.1))
    examples = _examples(model_dir)
    losses = exact.train(examples, 0.1), rounded.train(examples, 0.1)
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
    difference = torch.linalg.vector_norm(rounded.gradients - exact.gradients) / torch.linalg.vector_norm(
        exact.gradients
    )
    assert float(difference) < 0.1


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_answers_are_those_of_transformers(family: str, tiny_model: Path, tiny_gemma: Path) -> None:
    model_dir = tiny_model if family == "llama" else tiny_gemma
    plain, fused, _ = _pair(model_dir, LORA)
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    prompts = [encoder.prompt(conversation) for conversation in PAIRS[:3]]
    for tuned in (True, False):
        theirs = plain.generate(prompts, encoder.tokenizer.stop_ids, 12, tuned=tuned)
        assert fused.generate(prompts, encoder.tokenizer.stop_ids, 12, tuned=tuned) == theirs


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_what_is_proposed_makes_answers_faster_and_changes_nothing(
    family: str, tiny_model: Path, tiny_gemma: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training.engines.fused import greedy_decode
    from studio.training.engines.prompt_lookup import PromptLookup

    model_dir = tiny_model if family == "llama" else tiny_gemma
    _, fused, _ = _pair(model_dir, LORA)
    encoder = Encoder.load(model_dir, Recipe(model="tiny"))
    prompts = [encoder.prompt(conversation) for conversation in PAIRS[:3]]
    passes = []
    said = greedy_decode._said
    monkeypatch.setattr(greedy_decode, "_said", lambda *args: passes.append(1) or said(*args))
    plain = fused.generate(prompts, frozenset(), 40)
    one_by_one = len(passes)
    assert one_by_one == 40
    known, misleading = PromptLookup(), PromptLookup()
    for answer in plain:
        known.add(answer)
        misleading.add([token for pair in zip(answer, answer[::-1], strict=True) for token in pair])
    assert fused.generate(prompts, frozenset(), 40, drafts=known) == plain
    assert len(passes) - one_by_one < 0.75 * one_by_one
    assert fused.generate(prompts, frozenset(), 40, drafts=misleading) == plain
    stop = frozenset({plain[0][7]})
    ended = [answer[: next((n for n, token in enumerate(answer) if token in stop), 40)] for answer in plain]
    assert fused.generate(prompts, stop, 40, drafts=known) == ended


@pytest.mark.parametrize("kind", ["plain", "fused"])
def test_answers_are_left_off_where_it_is_enough(kind: str, tiny_model: Path) -> None:
    plain, fused, _ = _pair(tiny_model, LORA)
    engine = plain if kind == "plain" else fused
    encoder = Encoder.load(tiny_model, Recipe(model="tiny"))
    prompts = [encoder.prompt(conversation) for conversation in PAIRS[:3]]
    whole = engine.generate(prompts, frozenset({-1}), 12)
    looks = iter([False] * 4 + [True] * 9)
    cut = engine.generate(prompts, frozenset({-1}), 12, enough=lambda: next(looks))
    assert [len(answer) for answer in whole] == [12] * 3
    assert all(0 < len(part) < 12 for part in cut)
    assert all(answer[: len(part)] == part for answer, part in zip(whole, cut, strict=True))


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_what_would_be_answered_to_the_letter_is_told_without_answering(
    family: str, tiny_model: Path, tiny_gemma: Path
) -> None:
    model_dir = tiny_model if family == "llama" else tiny_gemma
    prompts = [Encoder.load(model_dir, Recipe(model="tiny")).prompt(pair) for pair in PAIRS[:5]]
    for engine in _pair(model_dir, LORA)[:2]:
        said = engine.generate(prompts, frozenset(), 6)
        wrong = [[*answer[:-1], (answer[-1] + 1) % 1000] if place % 2 else answer for place, answer in enumerate(said)]
        examples = [
            EncodedExample([*prompt, *answer], [False] * len(prompt) + [True] * len(answer), False)
            for prompt, answer in zip(prompts, wrong, strict=True)
        ]
        assert engine.matches(examples) == 3
        assert engine.matches(examples[1:2]) == 0


def test_adapters_load_in_plain_peft_with_the_same_loss(tiny_model: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    from studio.models.loader import load_base

    _, fused, _ = _pair(tiny_model, LORA)
    fused.save(tmp_path / "adapter")
    model = PeftModel.from_pretrained(load_base(tiny_model, torch.float32, "cpu"), str(tmp_path / "adapter")).eval()
    total = 0.0
    examples = _examples(tiny_model)
    for example in examples:
        ids = torch.tensor([example.input_ids])
        labels = ids.where(torch.tensor([example.learned]), torch.tensor(-100))
        learned = sum(example.learned[1:])
        with torch.no_grad():
            total += float(model(input_ids=ids, labels=labels).loss) * learned
    assert fused.loss(examples) == pytest.approx(total, rel=1e-5)


def test_only_answers_are_learned(tiny_model: Path) -> None:
    encoder = Encoder.load(tiny_model, Recipe(model="tiny"))
    example = encoder.example(PAIRS[2])
    learned = [token for token, flag in zip(example.input_ids, example.learned, strict=True) if flag]
    assert encoder.tokenizer.decode(learned).strip() == PAIRS[2].answer
    assert learned[-1] in encoder.tokenizer.stop_ids
    assert example.input_ids[: len(encoder.prompt(PAIRS[2]))] == encoder.prompt(PAIRS[2])
    assert learned_tokens([example]) == len(learned)


def test_splitting_a_batch_changes_nothing(tiny_model: Path) -> None:
    import torch

    _, fused, _ = _pair(tiny_model, LORA)
    examples = _examples(tiny_model)
    fused.train(examples, 0.1)
    whole = fused.gradients.clone()
    fused.gradients.zero_()
    for example in examples:
        fused.train([example], 0.1)
    torch.testing.assert_close(fused.gradients, whole, rtol=1e-3, atol=1e-6)


def test_examples_without_anything_to_learn_change_nothing(tiny_model: Path) -> None:
    import torch

    _, fused, _ = _pair(tiny_model, LORA)
    examples = _examples(tiny_model)
    silent = [EncodedExample(e.input_ids, [False] * len(e.input_ids), True) for e in examples]
    assert fused.train(silent, 0.1) == fused.loss(silent) == fused.matches(silent) == 0
    assert not fused.gradients.any()
    expected = fused.train(examples, 0.1)
    whole = fused.gradients.clone()
    fused.gradients.zero_()
    assert fused.train(examples + silent, 0.1) == pytest.approx(expected, rel=1e-6)
    torch.testing.assert_close(fused.gradients, whole, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("family", ["llama", "gemma"])
def test_a_start_that_all_share_is_computed_once_with_the_same_gradients(
    family: str, tiny_model: Path, tiny_gemma: Path
) -> None:
    import torch

    from studio.training.engines.fused.ops import Packed

    _, fused, _ = _pair(tiny_model if family == "llama" else tiny_gemma, LORA)
    start = list(range(100, 140))  # as long as a system prompt
    examples = [
        EncodedExample([*start, *e.input_ids], [False] * len(start) + list(e.learned), False)
        for e in _examples(tiny_model)
    ]
    packed = Packed.of(examples, share=True)
    assert packed.shared >= len(start)
    needed = [len(e.input_ids) - 1 for e in examples]  # nothing is predicted from the end of an answer
    assert packed.tokens == sum(needed) - packed.shared * (len(examples) - 1)
    together = fused.train(examples, 0.1)
    whole = fused.gradients.clone()
    fused.gradients.zero_()
    alone = sum(fused.train([example], 0.1) for example in examples)
    assert together == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(fused.gradients, whole, rtol=1e-3, atol=1e-6)


def test_models_with_unknown_parts_are_left_to_transformers(tiny_model: Path, tmp_path: Path) -> None:
    from studio.training.engines.fused.model_config import read_model_config

    config = json.loads((tiny_model / "config.json").read_text(encoding="utf-8"))
    for changes in ({"model_type": "mamba"}, {"attention_bias": True}, {"hidden_act": "relu"}):
        (tmp_path / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")
        assert read_model_config(tmp_path) is None
