"""GGUF: one file for llama.cpp, Ollama and LM Studio, with a ``Modelfile`` beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from studio.sharing.exporters.base import ExportSource
from studio.sharing.exporters.child import Child
from studio.sharing.file_names import slug
from studio.sharing.gguf.modelfile import modelfile
from studio.sharing.gguf.precision import GgufPrecision
from studio.sharing.gguf.writer import require_writable
from studio.storage.files import write_atomic


@dataclass(frozen=True)
class GgufExporter:
    """The merged model in one file.

    Args:
        format: number format of its weights.
    """

    format: GgufPrecision = GgufPrecision.Q8_0

    @property
    def kind(self) -> str:
        """``gguf`` in the usual precision, ``gguf_f16`` … in others."""
        return "gguf" if self.format is GgufPrecision.Q8_0 else f"gguf_{self.format}"

    @property
    def precision(self) -> str:
        return self.format.name

    def check(self, source: ExportSource) -> None:
        """Refuses models that llama.cpp does not know: ``export.gguf_architecture``, ``export.gguf_tokenizer``."""
        require_writable(source.model_dir)

    def size(self, source: ExportSource) -> int:
        """The weights in their format, and the words."""
        words = source.model_dir / "tokenizer.json"
        return int(source.card.parameters * self.format.bytes_a_weight) + words.stat().st_size

    def write(self, source: ExportSource, into: Path, child: Child) -> None:
        """Merges and writes in a child process, which also reads the file again and compares its logits."""
        name = file_name(source)
        child.run("studio.sharing.exporters.write_gguf", source.run.path, source.model_dir, into / name, self.format, source.name, source.reference)  # fmt: skip
        write_atomic(into / "Modelfile", modelfile(name, source.model_dir, source.recipe.system_prompt))

    def usage(self, source: ExportSource) -> str:
        """Three lines for Ollama and three for LM Studio."""
        name, file = slug(source.name), file_name(source)
        return f"""**Ollama** (https://ollama.com), in this folder:

```sh
ollama create {name} -f Modelfile
ollama run {name}
```

It then also answers programs at `http://localhost:11434/v1`, as model `{name}`.

**LM Studio** (https://lmstudio.ai):

1. In "My Models", open the models folder and put `{file}` into `{name}/{name}/` there.
2. Load it in the chat, and set the temperature to 0 and the repeat penalty to off: so it was compared.
3. The system prompt that it was tuned with is inside the file; leave LM Studio's own empty.

**llama.cpp**: `llama-cli -m {file} --temp 0`"""


def file_name(source: ExportSource) -> str:
    """What the GGUF file of a run is called."""
    return f"{slug(source.name)}.gguf"
