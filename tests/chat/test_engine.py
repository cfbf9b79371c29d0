"""The engine says, token for token, what transformers and peft say, for every row of a mixed batch."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.chat.batch_decoder import Row
from studio.chat.engine import Engine
from studio.chat.sampling import Sampling
from studio.errors import AfinaError

# peft 0.21 asks transformers 5.23 for a property that is deprecated there.
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

TOKENS = 20
PROMPTS = (
    "Hello, how are you",
    "The capital of France is the city of",
    "One two three four five six seven eight nine ten eleven twelve, thirteen. " * 3,
)
KINDS: dict[str, dict[str, Any]] = {
    "lora": {"r": 8, "lora_alpha": 16, "target_modules": "all-linear"},
    "rslora": {
        "r": 4,
        "lora_alpha": 8,
        "use_rslora": True,
        "target_modules": ["q_proj", "v_proj"],
        "layers_to_transform": [1],
    },
    "dora": {"r": 4, "lora_alpha": 4, "use_dora": True, "target_modules": ["q_proj", "k_proj", "v_proj", "down_proj"]},
}


def _enliven(model_dir: Path, folder: Path) -> Path:
    """A copy with larger weights in its layers: a fresh random model only echoes its last token, whatever is tuned."""
    from transformers import AutoModelForCausalLM

    shutil.copytree(model_dir, folder)
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    for name, parameter in model.named_parameters():
        if name.endswith("_proj.weight"):
            parameter.data *= 12
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def lively_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _enliven(tiny_model, tmp_path_factory.mktemp("lively") / "model")


def _make_adapters(model_dir: Path, folder: Path, kinds: Mapping[str, dict[str, Any]] = KINDS) -> dict[str, Path]:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    for seed, (name, options) in enumerate(kinds.items()):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
        tuned = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
        for parameter_name, parameter in tuned.named_parameters():
            if "lora_B" in parameter_name:
                torch.nn.init.normal_(parameter, std=0.3)
            if "magnitude" in parameter_name:
                parameter.data *= 1 + 0.1 * torch.randn_like(parameter)
        tuned.save_pretrained(folder / name)
    return {name: folder / name for name in kinds}


@pytest.fixture(scope="module")
def adapters(lively_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return _make_adapters(lively_model, tmp_path_factory.mktemp("adapters"))


def _reference(model_dir: Path, adapter: Path | None, prompt: list[int], stops: list[int]) -> list[int]:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    ids = torch.tensor([prompt])
    mask = torch.ones_like(ids)
    said = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=TOKENS, do_sample=False, eos_token_id=stops, pad_token_id=0
    )
    answer: list[int] = said[0, len(prompt) :].tolist()
    return answer[:-1] if answer and answer[-1] in stops else answer


def _run(engine: Engine, rows: list[Row]) -> None:
    while any(not row.is_over for row in rows):
        engine.step()
    engine.sweep()


def _check_mixed_batch(model_dir: Path, adapters: dict[str, Path]) -> None:
    engine = Engine(model_dir, torch.float32)
    stops = sorted(engine.tokenizer.stop_ids)
    wanted = [(prompt, name) for prompt in PROMPTS for name in (None, *adapters)][:8]
    made = [
        engine.row(engine.tokenizer.encode(prompt), TOKENS, adapters[name] if name else None, Sampling())
        for prompt, name in wanted
    ]
    decoder, rows = made[0][0], [row for _, row in made]
    decoder.join(rows[:5])
    for _ in range(4):
        engine.step()
    decoder.join(rows[5:])  # between two tokens of the others
    _run(engine, rows)
    for (prompt, name), row in zip(wanted, rows, strict=True):
        adapter = adapters[name] if name else None
        expected = _reference(model_dir, adapter, engine.tokenizer.encode(prompt), stops)
        assert row.ids == expected, (prompt, name)
    assert len({tuple(row.ids) for row in rows}) > len(adapters), "the model must say different things to tell anything"


def test_a_mixed_batch_says_what_transformers_and_peft_say(lively_model: Path, adapters: dict[str, Path]) -> None:
    _check_mixed_batch(lively_model, adapters)


def test_adapters_change_the_answer_and_do_not_leak_into_the_base(
    lively_model: Path, adapters: dict[str, Path]
) -> None:
    engine = Engine(lively_model, torch.float32)
    prompt = engine.tokenizer.encode(PROMPTS[1])

    def answers(*folders: Path | None) -> list[list[int]]:
        made = [engine.row(prompt, TOKENS, folder, Sampling()) for folder in folders]
        made[0][0].join([row for _, row in made])
        _run(engine, [row for _, row in made])
        return [row.ids for _, row in made]

    alone = answers(None)[0]
    base, lora, dora = answers(None, adapters["lora"], adapters["dora"])
    assert base == alone
    assert len({tuple(base), tuple(lora), tuple(dora)}) == 3
    assert answers(adapters["lora"])[0] == lora


def test_several_runs_of_one_base_answer_together_and_in_turn_as_each_does_alone(
    lively_model: Path, tmp_path: Path
) -> None:
    ranks = {"first": 8, "second": 8, "third": 3}
    kinds = {name: {"r": rank, "lora_alpha": 16, "target_modules": "all-linear"} for name, rank in ranks.items()}
    runs: dict[str, Path | None] = {"base": None, **_make_adapters(lively_model, tmp_path, kinds)}
    engine = Engine(lively_model, torch.float32)
    prompt = engine.tokenizer.encode(PROMPTS[1])

    def answers(*names: str) -> list[list[int]]:
        made = [engine.row(prompt, TOKENS, runs[name], Sampling()) for name in names]
        made[0][0].join([row for _, row in made])
        _run(engine, [row for _, row in made])
        return [row.ids for _, row in made]

    alone = {
        name: _reference(lively_model, folder, prompt, sorted(engine.tokenizer.stop_ids))
        for name, folder in runs.items()
    }
    assert len({tuple(ids) for ids in alone.values()}) == len(runs)
    for asked in (
        ("first",),
        ("second",),  # another run of the same rank
        ("third",),  # and one of another rank
        ("first",),
        ("base", "first"),
        ("base", "second"),
        ("first", "second"),
        ("third", "first", "base", "second"),
        ("second", "first"),
        ("base",),
    ):
        assert answers(*asked) == [alone[name] for name in asked], asked


def test_a_run_that_joins_in_the_middle_of_anothers_answer_changes_neither(lively_model: Path, tmp_path: Path) -> None:
    kinds = {name: {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} for name in ("first", "second")}
    runs = _make_adapters(lively_model, tmp_path, kinds)
    engine = Engine(lively_model, torch.float32)
    prompt = engine.tokenizer.encode(PROMPTS[0])
    made = [engine.row(prompt, TOKENS, folder, Sampling()) for folder in (*runs.values(), None)]
    for decoder, row in made:
        decoder.join([row])
        engine.step()
        engine.step()
    _run(engine, [row for _, row in made])
    stops = sorted(engine.tokenizer.stop_ids)
    expected = [_reference(lively_model, folder, prompt, stops) for folder in (*runs.values(), None)]
    assert [row.ids for _, row in made] == expected


def test_a_long_prompt_is_read_in_blocks(lively_model: Path) -> None:
    engine = Engine(lively_model, torch.float32)
    long = engine.tokenizer.encode("word and again another word, " * 60)[:400]
    made = [engine.row(prompt, 8, None, Sampling()) for prompt in (long, long[:7], long[:230])]
    made[0][0].join([row for _, row in made])
    _run(engine, [row for _, row in made])
    for (_, row), prompt in zip(made, (long, long[:7], long[:230]), strict=True):
        assert row.ids == _reference(lively_model, None, prompt, sorted(engine.tokenizer.stop_ids))[:8]


def test_the_same_seed_gives_the_same_answer(lively_model: Path) -> None:
    engine = Engine(lively_model, torch.float32)
    prompt = engine.tokenizer.encode(PROMPTS[0])
    said = []
    for seed in (1, 1, 2):
        decoder, row = engine.row(prompt, TOKENS, None, Sampling(temperature=1.0, seed=seed))
        decoder.join([row])
        _run(engine, [row])
        said.append(row.ids)
    assert said[0] == said[1]
    assert said[0] != said[2]


def test_fully_tuned_weights_answer_beside_their_base(lively_model: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(lively_model, dtype=torch.float32)
    torch.manual_seed(5)
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    model.save_pretrained(tmp_path / "full")
    engine = Engine(lively_model, torch.float32)
    prompt = engine.tokenizer.encode(PROMPTS[0])
    made = [engine.row(prompt, TOKENS, folder, Sampling()) for folder in (None, tmp_path / "full")]
    for decoder, row in made:
        decoder.join([row])
    _run(engine, [row for _, row in made])
    stops = sorted(engine.tokenizer.stop_ids)
    assert made[0][1].ids == _reference(lively_model, None, prompt, stops)
    assert made[1][1].ids == _reference(tmp_path / "full", None, prompt, stops)


def test_an_adapter_of_another_model_is_refused(lively_model: Path, adapters: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import save_file

    engine = Engine(lively_model, torch.float32)
    with pytest.raises(AfinaError, match=r"chat\.adapter_missing"):
        engine.row([1], 1, tmp_path / "nothing", Sampling())
    other = tmp_path / "other"
    other.mkdir()
    (other / "adapter_config.json").write_bytes((adapters["lora"] / "adapter_config.json").read_bytes())
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_{}.weight"
    save_file(
        {name.format("A"): torch.zeros(8, 32), name.format("B"): torch.zeros(32, 8)},
        other / "adapter_model.safetensors",
    )
    with pytest.raises(AfinaError, match=r"chat\.adapter_other"):
        engine.row([1], 1, other, Sampling())


def test_gemma_with_its_sliding_layers_says_what_transformers_says(tmp_path: Path, tiny_model: Path) -> None:
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    torch.manual_seed(3)
    config = Gemma3TextConfig(
        vocab_size=49152,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        max_position_embeddings=512,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    folder = tmp_path / "tiny-gemma"
    Gemma3ForCausalLM(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(tiny_model / name, folder / name)
    lively = _enliven(folder, tmp_path / "lively")
    _check_mixed_batch(lively, {"lora": _make_adapters(lively, tmp_path)["lora"]})
