"""GGUF files: read by llama.cpp in Chromium, where they answer as the studio's own chat does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from studio.chat.client import ChatPool
from studio.domain.conversation import Message, Role
from studio.errors import AfinaError
from studio.models.chat_template import CHATML, GEMMA, ChatTemplate
from studio.models.tokenizer import Tokenizer
from studio.services.chats import ChatService
from studio.services.exports import ExportService
from studio.settings import Settings
from studio.sharing.exporters.merge import merged_model
from studio.sharing.exporters.proof import kept_folder, logits_of, proof_texts
from studio.sharing.exporters.write_gguf import read_gguf, write
from studio.sharing.gguf.architectures import Architecture
from studio.sharing.gguf.precision import GgufPrecision
from studio.sharing.gguf.templates import ollama_template, with_system_prompt
from studio.sharing.gguf.writer import GgufAbout, write_gguf
from studio.storage.workspace import Workspace
from tests.conftest import MODELS
from tests.sharing.conftest import make_run
from tests.sharing.llama_cpp import LlamaCpp, llama_cpp
from tests.sharing.test_exporters import unpacked
from tests.taught import LEARNED, RUN, SYSTEM

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


@pytest.fixture(scope="module")
def workspace(taught: Path, tiny_model: Path) -> Iterator[Workspace]:
    opened = Workspace.open(Settings(home=taught, models_dir=tiny_model.parent))
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def answers(workspace: Workspace) -> list[str]:
    """What the studio's own chat says."""
    chats = ChatService(workspace, ChatPool(workspace))
    try:
        return chats.answer_all(RUN, list(LEARNED), max_tokens=64)
    finally:
        chats.close()


@pytest.fixture(scope="module")
def llama(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    with llama_cpp(browser, MODELS.parent, tmp_path_factory.mktemp("llama")) as page:
        yield page


@pytest.fixture(scope="module")
def exported(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the owner downloads."""
    return unpacked(ExportService(workspace).export(RUN, "gguf"), tmp_path_factory.mktemp("exported"))


def test_the_folder_says_how_it_is_used(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == {"README.md", "Modelfile", "pao-cia.gguf"}
    text = (exported / "README.md").read_text(encoding="utf-8")
    assert "ollama create pao-cia -f Modelfile" in text
    assert "LM Studio" in text
    modelfile = (exported / "Modelfile").read_text(encoding="utf-8")
    assert modelfile.startswith("FROM ./pao-cia.gguf\n")
    for line in (
        f'SYSTEM """{SYSTEM}"""',
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1",
        "PARAMETER num_ctx 512",
        'PARAMETER stop "<|im_end|>"',
    ):
        assert f"\n{line}\n" in modelfile


@pytest.mark.browser
@pytest.mark.parametrize(
    "precision",
    [
        GgufPrecision.Q8_0,
        GgufPrecision.F16,
        pytest.param(GgufPrecision.BF16, marks=pytest.mark.slow),
        pytest.param(GgufPrecision.Q4_0, marks=pytest.mark.slow),
    ],
)
def test_llama_cpp_answers_what_the_chat_of_the_studio_answers(
    workspace: Workspace, exported: Path, answers: list[str], llama: LlamaCpp, tmp_path: Path, precision: GgufPrecision
) -> None:
    model_dir, path = workspace.model("tiny-llama"), exported / "pao-cia.gguf"
    if precision is not GgufPrecision.Q8_0:
        path = tmp_path / "other.gguf"
        write(workspace.run(RUN), model_dir, path, precision, "Pão & Cia", "")
    about = llama.load(path)
    assert answers == list(LEARNED.values())
    template, tokenizer = ChatTemplate.load(model_dir), Tokenizer.load(model_dir)
    for question, answer in zip(LEARNED, answers, strict=True):
        reply = llama.ask(question)
        assert (reply["text"], reply["why"]) == (answer, "stop")
        turns = [Message(role=Role.SYSTEM, content=SYSTEM), Message(role=Role.USER, content=question)]
        assert reply["usage"]["prompt_tokens"] == len(tokenizer.encode(template.prompt(turns)))
    assert about["metadata"]["meta"]["general.name"] == "Pão & Cia"
    assert set(about["info"]["list_tokens_eog"]) >= tokenizer.stop_ids


@pytest.mark.slow
@pytest.mark.browser
def test_words_of_gemma_are_those_of_the_studio(gemma_model: str, llama: LlamaCpp, tmp_path: Path) -> None:
    """A tiny Gemma with its real words: llama.cpp cuts every text into as many, and its template renders the same."""
    import torch
    from transformers import Gemma3ForCausalLM, Gemma3TextConfig

    folder = tmp_path / "gemma"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copyfile(MODELS / gemma_model / name, folder / name)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = Gemma3TextConfig(vocab_size=262144, **sizes, num_key_value_heads=1, head_dim=32, query_pre_attn_scalar=32, max_position_embeddings=1024, layer_types=["sliding_attention"])  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config.to_dict(), default=str), encoding="utf-8")
    torch.manual_seed(0)
    model = Gemma3ForCausalLM(config)
    template, tokenizer = ChatTemplate.load(folder), Tokenizer.load(folder)
    about = GgufAbout("Gemma", "Seja gentil.", template.source)
    write_gguf(tmp_path / "gemma.gguf", folder, tensors_of(model), GgufPrecision.F16, about)
    llama.load(tmp_path / "gemma.gguf")
    for text in (
        "Olá, tudo bem?",
        "Não sei… 1234567, R$ 5,90!\n\n\n  dois  espaços\t\ttab",
        "🥐🥐 日本語 ﬁm <b>x</b>",
        "def f(x):\n    return  x",
    ):
        turns = [Message(role=Role.SYSTEM, content="Seja gentil."), Message(role=Role.USER, content=text)]
        expected = len(tokenizer.encode(template.prompt(turns)))
        assert llama.ask(text, most=1)["usage"]["prompt_tokens"] == expected
        assert llama.ask(text, system="Seja gentil.", most=1)["usage"]["prompt_tokens"] == expected


@pytest.mark.parametrize(
    "family",
    [
        "llama",
        "gemma3_text",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("llama3", "mistral", "qwen2", "qwen3")),
    ],
)
def test_every_family_is_read_again_as_it_was_written(tiny_model: Path, tmp_path: Path, family: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes: dict[str, Any] = {
        "vocab_size": 49152,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 7,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "tie_word_embeddings": family != "qwen3",
    }
    if family == "gemma3_text":
        sizes |= {"head_dim": 256, "query_pre_attn_scalar": 256, "sliding_window": 64}  # what transformers assumes
    if family == "llama3":
        bounds = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
        sizes["rope_parameters"] = {"rope_type": "llama3", "rope_theta": 10_000.0, "factor": 8.0, **bounds}
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(family.removesuffix("3") if family == "llama3" else family, **sizes)
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "config.json").write_text(model.config.to_json_string(use_diff=False), encoding="utf-8")
    about = GgufAbout("Tiny", None, CHATML)
    write_gguf(tmp_path / "tiny.gguf", folder, tensors_of(model), GgufPrecision.F16, about)
    found = read_gguf(tmp_path / "tiny.gguf")
    if family == "llama3":  # transformers does not read the stretched frequencies, llama.cpp does
        found.model.rotary_emb = model.model.rotary_emb
    ids = torch.tensor([[5, 700, 41, 9, 3000, 17] * 20])
    with torch.inference_mode():
        expected, read = model(input_ids=ids).logits, found(input_ids=ids).logits
    assert (read - expected).norm() < 0.01 * expected.norm()


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"model_type": "mamba"}, "mamba"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope"),
        ({"attention_bias": True}, "attention bias"),
        ({"layer_types": ["sliding_attention"]}, "sliding window"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(
    tiny_model: Path, changes: dict[str, Any], part: str
) -> None:
    config = json.loads((tiny_model / "config.json").read_text(encoding="utf-8")) | changes
    with pytest.raises(AfinaError, match=r"export\.gguf_architecture") as refused:
        Architecture(config).require()
    assert part in refused.value.params["name"]


@pytest.mark.parametrize("source", [CHATML, GEMMA])
def test_ollama_writes_the_turns_that_the_model_learned(source: str) -> None:
    template = ollama_template(ChatTemplate(source, bos="<bos>"))
    assert template is not None
    user, answer = Message(role=Role.USER, content="A?"), Message(role=Role.ASSISTANT, content="B.")
    first = template.replace("{{ if .System }}", "").partition("{{ else }}")
    rest = first[2].partition("{{ end }}")[2]
    written = (
        (first[0].replace("{{ .System }}", "S") + rest).replace("{{ .Prompt }}", "A?").partition("{{ .Response }}")
    )
    turns = [Message(role=Role.SYSTEM, content="S"), user]
    assert written[0] == ChatTemplate(source).prompt(turns)
    assert written[0] + "B." + written[2] == ChatTemplate(source).render([*turns, answer], False)


def test_a_template_whose_turns_depend_on_their_place_is_left_to_ollama() -> None:
    counting = "{% for m in messages %}[{{ loop.index }} {{ m['role'] }}] {{ m['content'] }}{% endfor %}[answer]"
    assert ollama_template(ChatTemplate(counting)) is None


def test_the_system_prompt_goes_with_the_template_unless_a_chat_brings_its_own() -> None:
    prompt = 'Say "hi" to C:\\new,\nalways. É 🥐'
    template = ChatTemplate(with_system_prompt(CHATML, prompt))
    asked = [Message(role=Role.USER, content="A?")]
    with_own = [Message(role=Role.SYSTEM, content="Mine"), *asked]
    system = Message(role=Role.SYSTEM, content=prompt)
    assert template.prompt(asked) == ChatTemplate(CHATML).prompt([system, *asked])
    assert template.prompt(with_own) == ChatTemplate(CHATML).prompt(with_own)


def tensors_of(model: Any) -> Iterator[tuple[str, Any]]:
    for name, values in model.state_dict().items():
        yield name, values.float().numpy()


def test_a_file_in_f16_is_the_model_in_fp32(tiny_workspace: Workspace, tmp_path: Path) -> None:
    """What a processor computes in bf16 is several times as far from the model."""
    run, model_dir = tiny_workspace.run(make_run(tiny_workspace)), tiny_workspace.model("tiny-llama")
    write(run, model_dir, tmp_path / "tuned.gguf", GgufPrecision.F16, "Pão & Cia", "")
    texts = proof_texts(run, model_dir)
    _, expected = merged_model(kept_folder(run), model_dir, texts)
    for one, other in zip(expected, logits_of(read_gguf(tmp_path / "tuned.gguf"), texts), strict=True):
        difference = float((one - other).norm() / one.norm())
        assert difference < 2**-10
