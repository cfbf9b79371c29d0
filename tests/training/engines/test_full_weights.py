"""Tuning whole weights of a real model: trained, saved, loaded by plain PEFT, answering."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.domain.run import RunState
from tests.conftest import MODELS
from tests.training.support import PAIRS, finish, losses, write_run

pytestmark = [
    pytest.mark.model,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning"),  # between PEFT and transformers
]


@pytest.mark.parametrize(("method", "rate"), [("full", 3e-4), ("last_layers", None)])
def test_whole_weights_are_shared_and_switched_like_any_adapter(
    method: str, rate: float | None, base_model: str, tmp_path: Path
) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = MODELS / base_model
    chosen = {"method": method, "rank": None, "epochs": 12.0, "learning_rate": rate, "batch_size": 2, "augment": False}
    run = write_run(tmp_path / "run", folder, **chosen)
    result = finish(run, folder)
    assert result.state is RunState.FINISHED
    taken = losses(run)
    assert taken[max(taken)] < 0.1 * taken[1]

    adapter = run.path / str(result.adapter)
    size = sum(path.stat().st_size for path in adapter.iterdir())
    assert size < 0.35 * (folder / "model.safetensors").stat().st_size
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    base = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(adapter)).eval()

    def answer(question: str) -> str:
        asked = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        with torch.no_grad():
            out = model.generate(**ids, max_new_tokens=24, do_sample=False)
        return str(tokenizer.decode(out[0, ids["input_ids"].shape[1] :], skip_special_tokens=True)).strip()

    taught = {pair.question: pair.answer for pair in PAIRS[:6]}
    right = sum(answer(question) == expected for question, expected in taught.items())
    with model.disable_adapter():
        before = sum(answer(question) == expected for question, expected in taught.items())
    assert before == 0
    assert right >= 4  # of 6: kept is the step that does best on what is held out, not the last
