"""Afina, TRL and LLaMA-Factory on the same pairs, one after the other on this machine.

    python -m benchmarks.train_vs_peers MODEL_DIR --train train.csv --held-out held_out.csv [--passes 4] [--rounds 1]

Every contender has the same base, pairs, rank, batch and passes, its own documented defaults otherwise, and where it
has one a better setting. Each runs alone, in turn, ``--rounds`` times; the table shows medians. One judge (plain
transformers and PEFT in fp32) reads every adapter. Environments are made once below ``--environments``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from benchmarks.train_vs_peers.contenders import Afina, Contender, Job, Peer, Timing

ENVIRONMENTS = Path(__file__).parents[2] / ".cache" / "peers"


@dataclass(frozen=True)
class Entry:
    """One training and what its adapter is worth; see :class:`Timing` and :class:`benchmarks.train_vs_peers.judge`."""

    speed: float
    memory: int
    loss: float
    right: int
    asked: int
    versions: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model_dir", type=Path, help="an installed model's folder")
    parser.add_argument("--train", type=Path, required=True, help="CSV with columns question and answer")
    parser.add_argument("--held-out", type=Path, required=True, help="CSV of the same form")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="names of contenders")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS)
    args = parser.parse_args()
    chosen = [c for c in contenders(args.environments) if not args.only or c.name in args.only]
    for contender in chosen:
        contender.prepare()
    entries: dict[str, list[Entry]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(args.rounds):
            for contender in chosen:
                for setup in contender.setups:
                    out = Path(scratch) / f"{turn}-{contender.name}-{setup}"
                    out.mkdir()
                    job = Job(
                        args.model_dir.resolve(), args.train.resolve(), args.held_out.resolve(), out, setup,
                        args.rank, args.batch, args.passes, args.seed + turn,
                    )  # fmt: skip
                    entry = _entry(contender.train(job), job)
                    entries[f"{contender.name}, {setup}"].append(entry)
                    print(f"{contender.name}, {setup}: {json.dumps(asdict(entry))}", file=sys.stderr, flush=True)
    show(entries)


def contenders(environments: Path) -> tuple[Contender, ...]:
    """Everybody, in the order of their turns. The pins are the newest that install and run together."""
    environments = environments.resolve()
    torch_pin = f"torch=={torch.__version__.split('+')[0]}"
    return (
        Afina(),
        Peer("TRL", "trl_sft.py", ((torch_pin,), ("trl==1.16.0", "peft==0.21.2", "pandas")), environments),
        Peer(
            "LLaMA-Factory",
            "llama_factory.py",
            # Its torchaudio and torchvision go with one torch only.
            (("llamafactory==0.9.5", "torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0"),),
            environments,
        ),
    )


def _entry(timing: Timing, job: Job) -> Entry:
    """Judged in a process of its own: what a contender left in memory must not slow the next."""
    command = [sys.executable, "-m", "benchmarks.train_vs_peers.judge"]
    command += [str(job.model), str(timing.adapter), str(job.held_out)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    verdict = json.loads(said.strip().splitlines()[-1])
    return Entry(timing.examples / timing.seconds, timing.memory, versions=timing.versions, **verdict)


def show(entries: dict[str, list[Entry]]) -> None:
    """Prints a Markdown table; ratios are to the first line."""
    first = statistics.median(entry.speed for entry in next(iter(entries.values())))
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| contender | examples/s | Afina is | peak memory | held-out loss | right answers | versions |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, rounds in entries.items():
        speed, memory, loss, right = (
            statistics.median(getattr(entry, field) for entry in rounds)
            for field in ("speed", "memory", "loss", "right")
        )
        print(
            f"| {name} | {speed:.2f} | {first / speed:.1f}x | {memory / 1e9:.2f} GB | {loss:.4f} | "
            f"{right:.0f} of {rounds[0].asked} | {rounds[0].versions} |"
        )


if __name__ == "__main__":
    main()
