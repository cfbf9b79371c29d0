"""The whole model with what it learned: a folder that transformers and most servers of models load as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from studio.sharing.exporters.base import ExportSource, chat_in_python
from studio.sharing.exporters.child import Child


class MergedExporter:
    """W + s B A for every tuned matrix W, rounded to bfloat16 once, at the end."""

    kind: Final = "merged"
    precision: Final = "bfloat16"

    def check(self, source: ExportSource) -> None:
        """Every run can be exported so."""

    def size(self, source: ExportSource) -> int:
        """Two bytes a parameter, and the tokenizer."""
        weights = sum(path.stat().st_size for path in source.model_dir.glob("*.safetensors"))
        tokenizer = source.model_dir / "tokenizer.json"
        small = tokenizer.stat().st_size if tokenizer.is_file() else 0
        return max(source.card.parameters * 2, weights) + small

    def write(self, source: ExportSource, into: Path, child: Child) -> None:
        """Merges in a child process, which also loads the result again and compares its logits."""
        child.run("studio.sharing.exporters.merge", source.run.path, source.model_dir, into)

    def usage(self, source: ExportSource) -> str:
        """How to load the folder with transformers."""
        return f"""```python
from transformers import AutoModelForCausalLM, AutoTokenizer

folder = "path/to/this/folder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype="bfloat16")
```

{chat_in_python(source)}"""
