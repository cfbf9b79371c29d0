"""Whether the verdict of an exam is right.

``python -m benchmarks.verdicts runs [--seeds 20] [--model DIR] [--kinds good two_seeds …]`` trains each kind of run and has it
sit the exam. Each result is kept on disk (``--out``), so that what was interrupted goes on; ``table`` prints what is there.
``python -m benchmarks.verdicts draws [--draws 1000]`` draws right and wrong answers of two models, in topics that go well or
badly together, and counts the verdicts. Tables are in Markdown; results are in ``benchmarks/verdicts.md``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from benchmarks.verdicts.draws import print_draws
from benchmarks.verdicts.kinds import KINDS
from benchmarks.verdicts.runs import VerdictRuns
from benchmarks.verdicts.table import print_table

_RESULTS: Final = Path(".cache/verdicts")
_TOKENIZER: Final = Path(".cache/models/smollm2-135m-instruct")


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("runs", "table", "draws"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--model", type=Path, help="folder of an installed base model; without one, small random ones")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        default=_TOKENIZER,
        help="installed model after whose tokenizer the small one's is made",
    )
    parser.add_argument("--out", type=Path, default=_RESULTS, help="folder of the results")
    parser.add_argument("--draws", type=int, default=1000)
    args = parser.parse_args()
    if args.what == "draws":
        print_draws(args.draws)
        return
    runs = VerdictRuns(args.out / (args.model.name if args.model else "small"), args.model, args.tokenizer)
    if args.what == "runs":
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            runs.sit_all(args.kinds, seed)
    print_table(runs.results)


if __name__ == "__main__":
    main()
