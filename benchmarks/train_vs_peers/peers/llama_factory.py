"""One LoRA training with LLaMA-Factory's command. Runs in an environment of its own, so it imports nothing of Afina.

``python llama_factory.py JOB.json``: the job names the model folder, the CSV of pairs, rank, batch, passes, the output
folder and the setup. Writes ``OUT/adapter`` in PEFT's format and ``OUT/timing.json``.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

# "default" is the project's LoRA example for supervised training, which loads the weights in bf16; "best" learns most here.
EXAMPLE: dict[str, Any] = {
    "learning_rate": 1e-4,
    "lr_scheduler_type": "cosine",
    "warmup_ratio": 0.1,
    "bf16": True,
    "cutoff_len": 2048,
    "max_samples": 1000,
    "preprocessing_num_workers": 1,
}
SETUPS: dict[str, dict[str, Any]] = {
    "default": EXAMPLE,
    "best": EXAMPLE
    | {
        "learning_rate": 1e-3,
        "disable_gradient_checkpointing": True,
        "train_sampling_strategy": "group_by_length",
    },
}


def main(job: dict[str, Any]) -> None:
    out = Path(job["out"])
    with Path(job["train"]).open(newline="", encoding="utf-8") as file:
        pairs = [{"instruction": row["question"], "input": "", "output": row["answer"]} for row in csv.DictReader(file)]
    (out / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    (out / "dataset_info.json").write_text(json.dumps({"pairs": {"file_name": "pairs.json"}}), encoding="utf-8")
    recipe = {
        "model_name_or_path": job["model"],
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora",
        "lora_rank": job["rank"],
        "lora_alpha": 2 * job["rank"],
        "lora_target": "all",
        "dataset": "pairs",
        "dataset_dir": str(out),
        "template": "chatml",  # the turns that the others write: the model's own, without its default system turn
        "output_dir": str(out / "adapter"),
        "overwrite_output_dir": True,
        "per_device_train_batch_size": job["batch"],
        "gradient_accumulation_steps": 1,
        "num_train_epochs": job["passes"],
        "save_strategy": "no",
        "report_to": "none",
        "seed": job["seed"],
        "use_cpu": True,
        **SETUPS[job["setup"]],
    }
    (out / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    command = Path(sys.executable).with_name("llamafactory-cli")
    subprocess.run(
        [str(command), "train", str(out / "recipe.yaml")], check=True, env=os.environ | {"WANDB_MODE": "off"}
    )
    results = json.loads((out / "adapter" / "all_results.json").read_text(encoding="utf-8"))
    names = ("llamafactory", "transformers", "peft")
    timing = {
        "seconds": results["train_runtime"],
        "examples": job["passes"] * len(pairs),
        "versions": ", ".join(f"{name} {version(name)}" for name in names),
    }
    (out / "timing.json").write_text(json.dumps(timing), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
