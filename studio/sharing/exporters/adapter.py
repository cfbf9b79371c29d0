"""The adapter alone, in the format of PEFT: a few megabytes that belong to one base model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from studio.errors import AfinaError
from studio.models.chat_template import ChatTemplate
from studio.sharing.exporters.base import ExportSource, chat_in_python, folder_size
from studio.sharing.exporters.child import Child
from studio.storage.files import write_atomic

FILES: Final = ("adapter_config.json", "adapter_model.safetensors")


class AdapterExporter:
    """Copies the kept adapter, with the chat template it was trained with."""

    kind: Final = "adapter"
    precision: Final = "float32"

    def check(self, source: ExportSource) -> None:
        """Refuses runs of full tuning, which have no adapter: ``export.no_adapter``."""
        if not source.has_adapter:
            raise AfinaError("export.no_adapter")

    def size(self, source: ExportSource) -> int:
        """As large as what was kept."""
        return folder_size(source.tuned)

    def write(self, source: ExportSource, into: Path, child: Child) -> None:
        """Copies, names the base model by its public name instead of a path of this computer, and loads it again."""
        for name in FILES:
            shutil.copyfile(source.tuned / name, into / name)
        config = json.loads((into / FILES[0]).read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = source.reference or source.card.id
        write_atomic(into / FILES[0], json.dumps(config, indent=2, ensure_ascii=False) + "\n")
        write_atomic(into / "chat_template.jinja", ChatTemplate.load(source.model_dir).source)
        child.report("checking")
        child.run("studio.sharing.exporters.check_adapter", source.run.path, source.model_dir, into)

    def usage(self, source: ExportSource) -> str:
        """How to put the adapter on the base model with PEFT."""
        return f"""```python
from pathlib import Path
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = "{source.reference or "path/to/the/base/model"}"
folder = "path/to/this/folder"

tokenizer = AutoTokenizer.from_pretrained(base)
tokenizer.chat_template = Path(folder, "chat_template.jinja").read_text()
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
```

{chat_in_python(source)}"""
