"""Exports of real files: loaded by transformers and peft as a stranger would, and compared with base and adapter."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from studio.domain.recipe import Method
from studio.errors import AfinaError
from studio.services.exports import ExportService
from studio.sharing.exporters.proof import kept_folder
from studio.storage.workspace import Workspace
from tests.sharing.conftest import make_run

# peft still asks transformers by a name that transformers is about to drop.
pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]


def unpacked(path: Path, into: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(into)
    return into / path.stem


@pytest.mark.parametrize("method", [Method.LORA, Method.DORA])
def test_the_merged_model_answers_like_base_and_adapter(
    tiny_workspace: Workspace, tmp_path: Path, method: Method
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run_id = make_run(tiny_workspace, method=method)
    folder = unpacked(ExportService(tiny_workspace).export(run_id, "merged"), tmp_path / "out")
    merged = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    base = AutoModelForCausalLM.from_pretrained(tiny_workspace.model("tiny-llama"), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Abre domingo?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    with torch.inference_mode():
        plain = base(**prompt).logits
        tuned = PeftModel.from_pretrained(base, kept_folder(tiny_workspace.run(run_id)))(**prompt).logits
        found = merged(**prompt).logits
    assert (found - tuned).norm() < 0.02 * tuned.norm()  # bfloat16 keeps eight bits
    assert (found - plain).norm() > 0.2 * plain.norm()  # the adapter is really in it
    assert (
        tokenizer.decode(prompt["input_ids"][0]) == "<|im_start|>user\nAbre domingo?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == [
        0,
        2,
    ]  # both of its stop tokens
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"


def test_full_tuning_exports_its_weights_as_merged_and_no_adapter(tiny_workspace: Workspace, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    run_id = make_run(tiny_workspace, method=Method.FULL)
    exports = ExportService(tiny_workspace)
    with pytest.raises(AfinaError, match=r"export\.no_adapter"):
        exports.export(run_id, "adapter")
    folder = unpacked(exports.export(run_id, "merged"), tmp_path)
    kept = load_file(kept_folder(tiny_workspace.run(run_id)) / "model.safetensors")
    found = load_file(folder / "model.safetensors")
    assert found.keys() == kept.keys()
    assert all(torch.equal(found[name], kept[name].to(torch.bfloat16)) for name in kept)
    assert "with every weight tuned" in (folder / "README.md").read_text()


def test_the_adapter_loads_with_peft_and_tells_nothing_of_this_computer(
    tiny_workspace: Workspace, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    run_id = make_run(tiny_workspace)
    folder = unpacked(ExportService(tiny_workspace).export(run_id, "adapter"), tmp_path / "out")
    names = {path.name for path in folder.iterdir()}
    assert names == {"README.md", "adapter_config.json", "adapter_model.safetensors", "chat_template.jinja"}
    base = AutoModelForCausalLM.from_pretrained(tiny_workspace.model("tiny-llama"), dtype=torch.float32)
    PeftModel.from_pretrained(base, folder)
    kept = load_file(kept_folder(tiny_workspace.run(run_id)) / "adapter_model.safetensors")
    found = load_file(folder / "adapter_model.safetensors")
    assert all(torch.equal(found[name], kept[name]) for name in kept)
    for name in ("adapter_config.json", "README.md"):
        assert str(tiny_workspace.home) not in (folder / name).read_text()
        assert str(tiny_workspace.models) not in (folder / name).read_text()


def test_an_adapter_that_does_not_fit_is_not_offered(tiny_workspace: Workspace) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    run_id = make_run(tiny_workspace)
    path = kept_folder(tiny_workspace.run(run_id)) / "adapter_model.safetensors"
    save_file({name: torch.full_like(tensor, float("nan")) for name, tensor in load_file(path).items()}, path)
    exports = ExportService(tiny_workspace)
    for kind in ("adapter", "merged", "gguf"):
        with pytest.raises(AfinaError, match=r"export\.differs"):
            exports.export(run_id, kind)
        assert exports.path(run_id, kind) is None
    assert not list((tiny_workspace.home / "exports").rglob("*.zip"))
    assert not list((tiny_workspace.home / "exports").glob(".*.tmp"))
