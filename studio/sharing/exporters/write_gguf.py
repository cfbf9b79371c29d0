"""``python -m studio.sharing.exporters.write_gguf RUN_DIR MODEL_DIR OUT PRECISION NAME REFERENCE [base]``: a GGUF file."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from studio.domain.model import BaseModelCard
from studio.domain.recipe import Recipe
from studio.models.chat_template import ChatTemplate
from studio.processes.child import say, work_as_child
from studio.sharing.exporters.merge import merged_model
from studio.sharing.exporters.proof import ROUNDED, kept_folder, logits_of, proof_texts, require_close
from studio.sharing.gguf.architectures import Array
from studio.sharing.gguf.precision import GgufPrecision
from studio.sharing.gguf.writer import GgufAbout, require_writable, write_gguf
from studio.storage.workspace import RunFolder

if TYPE_CHECKING:
    import torch

# Mean divergence in nats a token that four bits a weight may cost; eight bits and more cost less than bfloat16 may.
_FOUR_BITS: Final = 1.0


def write(
    run: RunFolder,
    model_dir: Path,
    out: Path,
    precision: GgufPrecision,
    name: str,
    reference: str,
    *,
    tuned: bool = True,
) -> None:
    """Merges, writes, reads the file again with transformers and compares.

    Args:
        run: its folder.
        model_dir: folder of the base model.
        out: the GGUF file.
        precision: number format of its matrices.
        name: that it gets.
        reference: public name of the base model, or empty.
        tuned: the tuned model; else its base as it came.

    Raises:
        AfinaError: ``export.differs``, ``export.gguf_architecture``, ``export.gguf_tokenizer``.
    """
    require_writable(model_dir)
    say(phase="merging")
    texts = proof_texts(run, model_dir)
    merged, expected = merged_model(kept_folder(run) if tuned else model_dir, model_dir, texts)
    card = BaseModelCard.model_validate_json(run.model.read_bytes())
    recipe = Recipe.model_validate_json(run.recipe.read_bytes())
    template = ChatTemplate.load(model_dir).source
    about = GgufAbout(name, recipe.system_prompt, template, card.licence.name, reference, tuple(card.languages))
    say(phase="writing")
    write_gguf(out, model_dir, _tensors(merged), precision, about)
    del merged
    say(phase="checking")
    allowed = _FOUR_BITS if precision is GgufPrecision.Q4_0 else ROUNDED
    require_close(expected, logits_of(read_gguf(out), texts), allowed)


def _tensors(model: torch.nn.Module) -> Iterator[tuple[str, Array]]:
    for name, values in model.state_dict().items():
        yield name, values.float().numpy()


def read_gguf(path: Path) -> Any:
    """The file as transformers reads it, which shares no code with what wrote it."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    with _quick_reading():
        return AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, local_files_only=True
        ).eval()


@contextmanager
def _quick_reading() -> Iterator[None]:
    """Lets transformers read a file once, without its words: it asks for it three times, each minutes for 262,144 words."""
    import gguf

    class Reader(gguf.GGUFReader):  # type: ignore[misc]
        """Passes over lists of texts, of which the package makes an array each."""

        def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list[Any], list[int], list[Any]]:
            kind = self._get(orig_offs, np.uint32)[0]
            if raw_type != gguf.GGUFValueType.ARRAY or kind != gguf.GGUFValueType.STRING:
                found: tuple[int, list[Any], list[int], list[Any]] = super()._get_field_parts(orig_offs, raw_type)
                return found
            end, data = orig_offs + 12, memoryview(self.data)  # after the kind and the number of the texts
            for _ in range(int(self._get(orig_offs + 4, np.uint64)[0])):
                end += 8 + int.from_bytes(data[end : end + 8], "little")
            return end - orig_offs, [], [], [gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.STRING]

    slow = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = functools.cache(Reader), functools.cache(slow[1])
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = slow


if __name__ == "__main__":
    run_dir, base_dir, out_file = map(Path, sys.argv[1:4])
    kind, title, public_name = GgufPrecision(sys.argv[4]), sys.argv[5], sys.argv[6]
    is_tuned = sys.argv[7:] != ["base"]
    sys.exit(
        work_as_child(lambda: write(RunFolder(run_dir), base_dir, out_file, kind, title, public_name, tuned=is_tuned))
    )
