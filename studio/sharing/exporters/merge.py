"""``python -m studio.sharing.exporters.merge RUN_DIR MODEL_DIR OUT``: writes the merged model into the folder OUT."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.domain.conversation import Message, Role
from studio.errors import AfinaError
from studio.models.chat_template import ChatTemplate
from studio.models.loader import load_base
from studio.models.tokenizer import Tokenizer
from studio.processes.child import say, work_as_child
from studio.sharing.exporters.proof import kept_folder, logits_of, proof_texts, require_close, require_exact
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder

if TYPE_CHECKING:
    import torch

_TOKENIZER: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
)


def merge(run: RunFolder, model_dir: Path, out: Path) -> None:
    """Merges, writes, loads again and compares.

    The sum W + s B A is made in float32 (Hu et al. 2021, https://arxiv.org/abs/2106.09685, section 4.1) by PEFT,
    which also knows the variants DoRA and rsLoRA; weights are rounded to bfloat16 as they are written.

    Raises:
        AfinaError: ``export.differs`` when the written model does not answer like base and adapter.
    """
    import torch

    say(phase="merging")
    texts = proof_texts(run, model_dir)
    tuned, expected = merged_model(kept_folder(run), model_dir, texts)
    tuned.to(torch.bfloat16).save_pretrained(str(out), max_shard_size="4GB")
    del tuned
    _write_tokenizer(model_dir, out)
    say(phase="checking")
    require_close(expected, logits_of(load_base(out, torch.float32, "cpu"), texts))
    _require_tokenizer(model_dir, out)


def merged_model(kept: Path, model_dir: Path, texts: list[list[int]]) -> tuple[Any, list[torch.Tensor]]:
    """The merged model in float32, and the logits of the model as it was trained: base and adapter apart."""
    import torch

    if not (kept / "adapter_config.json").is_file():
        whole = load_base(kept, torch.float32, "cpu")
        return whole, logits_of(whole, texts)
    from peft import PeftModel

    adapted = PeftModel.from_pretrained(
        load_base(model_dir, torch.float32, "cpu"), str(kept), torch_device="cpu"
    ).eval()
    expected = logits_of(adapted, texts)
    merged = adapted.merge_and_unload()
    require_exact(expected, logits_of(merged, texts))
    return merged, expected


def _write_tokenizer(model_dir: Path, out: Path) -> None:
    for name in _TOKENIZER:
        if (model_dir / name).is_file():
            shutil.copyfile(model_dir / name, out / name)
    write_atomic(out / "chat_template.jinja", ChatTemplate.load(model_dir).source)
    path = model_dir / "generation_config.json"
    generation = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    tokenizer = Tokenizer.load(model_dir)
    # Without the end-of-turn token here, other tools would let the model talk on after its answer.
    generation |= {"eos_token_id": sorted(tokenizer.stop_ids), "pad_token_id": tokenizer.pad_id}
    write_atomic(out / "generation_config.json", json.dumps(generation, indent=2) + "\n")


def _require_tokenizer(model_dir: Path, out: Path) -> None:
    """Checks that transformers makes the same tokens of a question as the studio does."""
    from transformers import AutoTokenizer

    question = [Message(role=Role.USER, content="Vocês abrem aos domingos?")]
    ours = Tokenizer.load(model_dir).encode(ChatTemplate.load(model_dir).prompt(question))
    theirs = AutoTokenizer.from_pretrained(str(out), local_files_only=True).apply_chat_template(
        [{"role": "user", "content": question[0].content}], add_generation_prompt=True, return_dict=False
    )
    if list(theirs) != ours:
        raise AfinaError("export.differs", difference="tokenizer")


if __name__ == "__main__":
    run_dir, base_dir, out_dir = map(Path, sys.argv[1:4])
    sys.exit(work_as_child(lambda: merge(RunFolder(run_dir), base_dir, out_dir)))
