"""What is compiled ahead is what a step needs: nothing is left to be compiled while somebody waits."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ENGINE = """
import json, sys
from pathlib import Path
from studio.training.engines.fused import kernels, warmup

def compiled():
    found = {name: getattr(kernels, name) for name in kernels.__all__ if name.islower()}
    return {name: len(kernel.signatures) for name, kernel in found.items()}

warmup.compile_now()
before = compiled()

from studio.domain.recipe import Method, Precision, Recipe
from studio.training.loop.dataloader import Encoder
from studio.training.engines.select import build_engine
from tests.training.support import PAIRS

for folder in map(Path, sys.argv[1:]):
    for precision in (Precision.BF16, Precision.FP32):
        recipe = Recipe(model="tiny", method=Method.LORA, rank=4, alpha=8.0, dropout=0.0)
        encoder = Encoder.load(folder, recipe)
        examples = [encoder.example(pair) for pair in PAIRS]
        engine = build_engine(folder, recipe, precision, "cpu", 0)
        assert engine.name == "fused"
        engine.train(examples * 4, 1.0)
        engine.loss(examples)
        engine.matches(examples)
        engine.generate([encoder.prompt(pair) for pair in PAIRS[:2]], frozenset(), 3)
print(json.dumps([before, compiled()]))
"""


@pytest.mark.model
def test_a_step_compiles_nothing_more(tiny_model: Path, tiny_gemma: Path) -> None:
    command = [sys.executable, "-c", _ENGINE, str(tiny_model), str(tiny_gemma)]
    before, after = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert all(before.values())
    assert after == before
