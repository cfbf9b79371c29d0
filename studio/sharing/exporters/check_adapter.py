"""``python -m studio.sharing.exporters.check_adapter RUN_DIR MODEL_DIR EXPORTED``: loads an exported adapter again."""

from __future__ import annotations

import sys
from pathlib import Path

from studio.models.loader import load_base
from studio.processes.child import work_as_child
from studio.sharing.exporters.proof import kept_folder, logits_of, proof_texts, require_exact
from studio.storage.workspace import RunFolder


def check_adapter(run: RunFolder, model_dir: Path, exported: Path) -> None:
    """Loads the kept adapter and the exported one on the same base, and compares their logits.

    Raises:
        AfinaError: ``export.differs``.
    """
    import torch
    from peft import PeftModel

    texts = proof_texts(run, model_dir)
    model = PeftModel.from_pretrained(
        load_base(model_dir, torch.float32, "cpu"), str(kept_folder(run)), torch_device="cpu"
    ).eval()
    expected = logits_of(model, texts)
    model.load_adapter(str(exported), adapter_name="exported")
    model.set_adapter("exported")
    require_exact(expected, logits_of(model.eval(), texts))


if __name__ == "__main__":
    run_dir, base_dir, exported_dir = map(Path, sys.argv[1:4])
    sys.exit(work_as_child(lambda: check_adapter(RunFolder(run_dir), base_dir, exported_dir)))
