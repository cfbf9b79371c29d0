"""One LoRA training with TRL's SFTTrainer. Runs in an environment of TRL's own, so it imports nothing of Afina.

``python trl_sft.py JOB.json``: the job names the model folder, the CSV of pairs, rank, batch, passes, the output folder
and the setup. Writes ``OUT/adapter`` in PEFT's format and ``OUT/timing.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import peft
import torch
import transformers
import trl
from datasets import load_dataset

# "default" is what SFTConfig says with the learning rate that its LoRA example names; "best" is what ran fastest and
# learned most here: weights in bf16, nothing computed twice, batches of like length, a higher rate.
SETUPS: dict[str, dict[str, Any]] = {
    "default": {"learning_rate": 2e-4},
    "best": {
        "learning_rate": 1e-3,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 4,
        "gradient_checkpointing": False,
        "train_sampling_strategy": "group_by_length",
        "model_init_kwargs": {"dtype": torch.bfloat16},
    },
}


def main(job: dict[str, Any]) -> None:
    pairs = load_dataset("csv", data_files=job["train"], split="train")
    examples = pairs.map(
        lambda row: {
            "prompt": [{"role": "user", "content": row["question"]}],
            "completion": [{"role": "assistant", "content": row["answer"]}],
        },
        remove_columns=pairs.column_names,
    )
    out = Path(job["out"])
    trainer = trl.SFTTrainer(
        model=job["model"],
        train_dataset=examples,
        args=trl.SFTConfig(
            output_dir=str(out / "trainer"),
            num_train_epochs=job["passes"],
            per_device_train_batch_size=job["batch"],
            save_strategy="no",
            report_to="none",
            seed=job["seed"],
            use_cpu=job.get("use_cpu", True),  # without a card: else SFTConfig refuses its own default of bf16
            **SETUPS[job["setup"]],
        ),
        peft_config=peft.LoraConfig(
            r=job["rank"], lora_alpha=2 * job["rank"], target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    )
    result = trainer.train()
    trainer.save_model(str(out / "adapter"))
    timing = {
        "seconds": result.metrics["train_runtime"],
        "examples": job["passes"] * len(examples),
        "versions": f"trl {trl.__version__}, transformers {transformers.__version__}, peft {peft.__version__}",
    }
    (out / "timing.json").write_text(json.dumps(timing), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
