"""Makes an installed model out of what a source fetched: ``python -m studio.models.convert SRC OUT``.

Runs in a child process, since it needs torch and much memory. ``SRC`` is a GGUF file or a folder with safetensors;
``OUT`` is an existing, empty folder. On failure the last line of the output is the error as JSON.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError
from studio.models.chat_template import PLAIN, embedded_template
from studio.models.gguf_file import read_head
from studio.models.json_file import read_object
from studio.models.tokenizer import Tokenizer
from studio.processes.child import work_as_child

_TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


def convert(source: Path, out: Path) -> None:
    """Writes bf16 safetensors, configuration, tokenizer, chat template and generation settings into ``out``.

    Raises:
        AfinaError: ``model.*`` when the files are not a causal language model that transformers knows.
    """
    folder, gguf_file = (source.parent, source.name) if source.is_file() else (source, None)
    if gguf_file is None:
        check_architecture(folder)
    template = _save_tokenizer(folder, gguf_file, out)
    _save_weights(folder, gguf_file, out)
    (out / "chat_template.jinja").write_text(template, encoding="utf-8")
    settings = read_object(out / "generation_config.json")
    kept = {
        name: settings[name] for name in ("bos_token_id", "pad_token_id", "transformers_version") if name in settings
    }
    stops = sorted(Tokenizer.load(out).stop_ids)
    (out / "generation_config.json").write_text(json.dumps({**kept, "eos_token_id": stops}, indent=2))


def check_architecture(folder: Path) -> None:
    """Checks that transformers itself can build the model of a ``config.json``.

    Raises:
        AfinaError: ``model.no_config``, ``model.remote_code`` or ``model.unknown_architecture``.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = read_object(folder / "config.json")
    kind = config.get("model_type")
    if not kind:
        raise AfinaError("model.no_config", path=str(folder))
    if kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        return
    if config.get("auto_map"):
        raise AfinaError("model.remote_code", path=str(folder), detail=str(kind))
    raise AfinaError("model.unknown_architecture", path=str(folder), detail=str(kind))


def _save_tokenizer(folder: Path, gguf_file: str | None, out: Path) -> str:
    """Writes the tokenizer's files; returns the model's own chat template or a plain one."""
    from transformers import AutoTokenizer

    own: str | None = None
    if gguf_file is None and (folder / "tokenizer.json").is_file():
        for name in _TOKENIZER_FILES:
            if (folder / name).is_file():
                shutil.copyfile(folder / name, out / name)
        jinja = folder / "chat_template.jinja"
        own = jinja.read_text(encoding="utf-8") if jinja.is_file() else None
    else:
        options = {"gguf_file": gguf_file} if gguf_file else {}
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True, **options)
        tokenizer.save_pretrained(out)
        own = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else None
        if gguf_file:
            _restore_digits(folder / gguf_file, out)
    if not (out / "tokenizer.json").is_file():
        raise AfinaError("model.no_tokenizer", path=str(folder))
    return own or embedded_template(read_object(out / "tokenizer_config.json")) or PLAIN


def _restore_digits(gguf: Path, out: Path) -> None:
    """SmolLM splits numbers into digits before anything else; the reader of GGUF files in transformers forgets it.

    Source: the ``smollm`` case of llama.cpp's ``llama-vocab.cpp``.
    """
    import tokenizers
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    if read_head(gguf).settings.get("tokenizer.ggml.pre") != "smollm":
        return
    path = str(out / "tokenizer.json")
    tokenizer = tokenizers.Tokenizer.from_file(path)
    tokenizer.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    tokenizer.save(path)


def _save_weights(folder: Path, gguf_file: str | None, out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"gguf_file": gguf_file} if gguf_file else {"use_safetensors": True}
    model, report = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.bfloat16,
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
        **options,
    )
    wrong = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
    if wrong:
        raise AfinaError("model.weights_mismatch", path=str(folder), detail=", ".join(wrong)[:200])
    # What is saved is no longer quantized; these marks would make the next load look for a GGUF file.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    model.save_pretrained(out)


def _read_gguf_once() -> None:
    """Lets transformers' reader of GGUF files parse a file once: it asks for the same one three times, each slow."""
    import gguf

    gguf.GGUFReader = functools.cache(gguf.GGUFReader)


def main(arguments: list[str]) -> int:
    """Entry point of the child process."""
    from transformers.utils import logging

    _read_gguf_once()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    return work_as_child(lambda: convert(Path(arguments[0]), Path(arguments[1])))


if __name__ == "__main__":
    # Without the usual way out: the thread that reads standard input may still hold it.
    os._exit(main(sys.argv[1:]))
