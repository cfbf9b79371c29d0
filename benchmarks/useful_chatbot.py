"""From pairs to a chatbot that is of use: right answers and seconds of training with a preset, nothing chosen by hand.

    python -m benchmarks.useful_chatbot [--model DIR] [--preset balanced] [--seed 42] FOLDER …

Each folder holds train.csv and held_out.csv (``../shared/bench/support_pairs.py`` or ``benchmarks.intents``). The worker
sees the training pairs alone; the held-out questions are asked once, at the end, by plain transformers and PEFT in fp32.
An answer is right when it is the desk's answer to the letter. The seconds are those from the first step to the end of
the run, live answers, evaluations and checkpoints included.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmarks.one_run import read_pairs, trained
from benchmarks.train_vs_peers.judge import judge
from studio.domain.recipe import Preset, Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = Path(os.environ.get("AFINA_TEST_MODELS", "models"))
    parser.add_argument("--model", type=Path, default=models / "smollm2-135m-instruct", help="folder of the base model")
    parser.add_argument("--preset", type=Preset, default=Preset.BALANCED, choices=list(Preset))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("folder", type=Path, nargs="+")
    args = parser.parse_args()
    for folder in args.folder:
        pairs = read_pairs(folder / "train.csv")
        recipe = Recipe(model="measured", preset=args.preset, seed=args.seed)
        with trained(args.model, recipe, pairs, []) as outcome:
            verdict = judge(args.model, outcome.adapter, folder / "held_out.csv")
        found = {
            "pairs": folder.name,
            "seed": args.seed,
            "seconds": round(outcome.seconds, 1),
            "step_seconds": round(outcome.step_seconds, 1),
            "right": verdict.right,
            "asked": verdict.asked,
            "share": verdict.right / verdict.asked,
            "held_out_loss": verdict.loss,
            "peak_bytes": outcome.peak_bytes,
            "tokens": outcome.tokens,
            "recipe": outcome.recipe.model_dump(include={"method", "rank", "learning_rate", "batch_size", "epochs"}),
        }
        print(json.dumps(found, default=str), flush=True)


if __name__ == "__main__":
    main()
