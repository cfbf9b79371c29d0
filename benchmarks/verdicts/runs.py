"""Trains runs that are known beforehand and has them sit the exam, all in this process; what is done stays on disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.verdicts.kinds import KINDS, Kind, sample
from benchmarks.verdicts.small_model import make_small_model
from studio.domain.model import BaseModelCard
from studio.domain.proof import Proof
from studio.domain.recipe import Method, Precision, Recipe
from studio.evaluation.proof_files import ProofFiles
from studio.storage.files import write_atomic
from studio.storage.workspace import RunFolder
from studio.training.recipes.presets import resolve

_SMALL: Final[dict[str, Any]] = {
    "method": Method.FULL,
    "learning_rate": 2e-3,
    "batch_size": 8,
    "precision": Precision.FP32,
}
_PASSES: Final = {True: 30.0, False: 4.0}  # of a good run: of the small model, of a real one
_PRACTICE: Final = 20  # examples that training looks at


class VerdictRuns:
    """Runs of one base model.

    Args:
        folder: where everything is kept: ``KIND-SEED.json`` a result.
        model: folder of an installed base model; None: a small random one.
        tokenizer: folder of an installed model after whose tokenizer the small one's is made.
    """

    def __init__(self, folder: Path, model: Path | None, tokenizer: Path) -> None:
        self._folder, self._model, self._tokenizer = folder, model, tokenizer

    @property
    def results(self) -> dict[tuple[str, int], Proof]:
        """What is there, by kind and seed."""
        found = {}
        for path in sorted(self._folder.glob("*.json")):
            kind, _, seed = path.stem.rpartition("-")
            found[kind, int(seed)] = Proof.model_validate_json(path.read_bytes())
        return found

    def sit_all(self, kinds: Sequence[str], seed: int) -> None:
        """Has each kind sit the exam with a seed, unless it has."""
        for name in kinds:
            if not self._path(name, seed).exists():
                proof = self._sit(name, seed)
                write_atomic(self._path(name, seed), proof.model_dump_json())
                print(
                    f"{name} {seed}: {proof.verdict}, {proof.n} asked, {proof.won} won, {proof.lost} lost", flush=True
                )

    def _path(self, kind: str, seed: int) -> Path:
        return self._folder / f"{kind}-{seed}.json"

    def _sit(self, name: str, seed: int) -> Proof:
        from studio.evaluation.worker import main as examine

        home = self._folder / "home"  # with the answers of the base model, which are asked for once
        model = self._model or make_small_model(home / "models", self._tokenizer)
        kind = KINDS[name]
        run = self._trained(home, model, "good" if kind.is_twin else name, seed)
        other = self._trained(home, model, "good", seed + 1) if kind.is_twin else None
        against = other.path.name if other else None
        options = [
            "--home",
            str(home),
            "--models",
            str(model.parent),
            "--phases",
            "exam",
            "lesson",
            "--seconds",
            "7200",
        ]
        assert examine([str(run.path), *options, *(["--against", against] if against else [])]) == 0
        files = ProofFiles(run, against)
        proof = files.read_result()
        assert proof is not None, files.read_status()
        if not kind.is_twin and name != "good":  # a good one is compared with the next
            shutil.rmtree(run.path)
        return proof

    def _trained(self, home: Path, model: Path, kind: str, seed: int) -> RunFolder:
        """The run of a kind and a seed; trained, unless it is."""
        from studio.training.worker import main as train

        run = RunFolder(home / "runs" / f"{kind}-{seed}")
        if not run.result.exists():
            shutil.rmtree(run.path, ignore_errors=True)
            self._write(run, model, KINDS[kind], seed)
            assert train([str(run.path), "--home", str(home), "--model-dir", str(model)]) == 0
        return run

    def _write(self, run: RunFolder, model: Path, kind: Kind, seed: int) -> None:
        card = BaseModelCard.model_validate_json((model / "afina.json").read_text(encoding="utf-8"))
        train, exam = kind.sides(seed, self._model is None)
        is_small = self._model is None
        chosen = dict(_SMALL) if is_small else {}
        if kind.rate is not None:
            chosen["learning_rate"] = kind.rate
        recipe = Recipe(
            model=card.id,
            seed=seed,
            epochs=kind.effort * _PASSES[is_small],
            patience=0,
            evaluations=1,
            **chosen,
        )
        run.path.mkdir(parents=True)
        run.recipe.write_text(resolve(recipe, card, len(train), _PRACTICE, 40.0).model_dump_json(), encoding="utf-8")
        run.model.write_text(card.model_dump_json(), encoding="utf-8")
        practice = sample("en", "train")[:_PRACTICE]
        for path, examples in ((run.train, train), (run.held_out, practice), (run.exam, exam)):
            path.write_text("".join(each.model_dump_json() + "\n" for each in examples), encoding="utf-8")
