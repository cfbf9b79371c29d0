"""What a row says depends on nobody else: its logits are the same alone, in a pair and among many.

To the last bit in bf16, whose rounding would tip an answer over; in fp32 the order of sums may differ, on AVX2 it does.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from studio.chat.batch_decoder import Row
from studio.chat.engine import Engine
from studio.chat.sampling import Sampling
from studio.models.processor import can_pack
from tests.chat.test_engine import KINDS, _enliven, _make_adapters

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore::FutureWarning")]

TOKENS = 6
PROMPTS = ("Hello, how are you", "One two three four five six seven, eight. " * 6, "So", "The capital of France is")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_do_not_depend_on_who_else_is_answered(
    tiny_model: Path, tmp_path: Path, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    if dtype is torch.bfloat16 and not can_pack(dtype):
        pytest.skip("this processor answers in fp32")
    model = _enliven(tiny_model, tmp_path / "model")
    adapters = _make_adapters(model, tmp_path, {"first": KINDS["lora"], "second": {**KINDS["lora"], "r": 16}})
    engine = Engine(model, dtype)
    (decoder,) = engine.decoders
    logits: dict[Row, list[torch.Tensor]] = {}
    say = decoder._say

    def record(rows: list[Row], new: torch.Tensor) -> list[tuple[Row, int | None]]:
        for row, own in zip(rows, new, strict=True):
            logits.setdefault(row, []).append(own.clone())
        return say(rows, new)

    monkeypatch.setattr(decoder, "_say", record)
    asked = [(prompt, adapter) for prompt in PROMPTS for adapter in (None, *adapters.values())]

    def answered(*groups: list[tuple[str, Path | None]]) -> list[torch.Tensor]:
        """Logits of each answer, ``(tokens, vocabulary)``; each group joins while the ones before it are answered."""
        rows = []
        for group in groups:
            joining = [engine.row(engine.tokenizer.encode(p), TOKENS, a, Sampling())[1] for p, a in group]
            decoder.join(joining)
            rows += joining
            engine.step()
            engine.step()
        while decoder.rows:
            engine.step()
        return [torch.stack(logits[row]) for row in rows]

    alone = [answered([each])[0] for each in asked]
    assert len({tuple(one.argmax(-1).tolist()) for one in alone}) > len(PROMPTS)
    together = {
        "pairs": [one for at in range(0, len(asked), 2) for one in answered(asked[at : at + 2])],
        "in groups": answered(asked[:3], asked[3:7], asked[7:8]) + answered(asked[8:], [])[: len(asked) - 8],
    }
    for how, found in together.items():
        near = 0.0 if dtype is torch.bfloat16 else 1e-3
        for (prompt, adapter), one, other in zip(asked, alone, found, strict=True):
            torch.testing.assert_close(other, one, rtol=0, atol=near, msg=f"{how}: {prompt[:8]}, {adapter}")
