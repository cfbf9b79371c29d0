"""The job that fits a run's selector: its examples, its encoder, and the folder of the result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from studio.data.checks.language_detection import language
from studio.data.jsonl_codec import parsed
from studio.encoders.catalog import encoder_for
from studio.errors import AfinaError
from studio.storage.workspace import RunFolder
from studio.trust.decision import DEFAULT_CAREFUL, TrustJob
from studio.trust.summary import SelectorSummary, tuned_folder, tuning_file

_SAMPLE: Final = 300  # examples by which their language is told


def selector_folder(run: RunFolder) -> Path:
    """Where the selector of a run is kept: in its folder, and deleted with it. That of a tuned encoder is preferred."""
    first = _first_folder(run)
    tuned = tuned_folder(first)
    return tuned if SelectorSummary.read(tuned) is not None else first


def is_tuning_settled(run: RunFolder) -> bool:
    """Whether it is known if a tuned encoder is better for a run."""
    return tuning_file(_first_folder(run)).is_file()


def installed_encoder(models: Path, spoken: str) -> str:
    """Id of the encoder of a language; empty if none is installed, and only letters are compared."""
    encoder = encoder_for(spoken).id
    return encoder if (models / encoder / "model.safetensors").is_file() else ""


def trust_job(
    run: RunFolder, models: Path, home: Path, questions: Sequence[str] = (), careful: float = DEFAULT_CAREFUL
) -> TrustJob:
    """A job that fits the selector of a run, if needed, and decides how questions are answered.

    Args:
        run: folder of the run.
        models: where encoders are installed.
        home: of the workspace.
        questions: to decide about; none only fits.
        careful: at most this share of them may get a wrong known answer.
    """
    spoken = language_of(run)
    encoder = installed_encoder(models, spoken)
    return TrustJob(
        examples=(run.train,),
        folder=_first_folder(run),
        encoder_dir=models / encoder if encoder else None,
        encoder=encoder,
        language=spoken,
        questions=tuple(questions),
        careful=careful,
        home=home,
    )


def language_of(run: RunFolder) -> str:
    """The language of most examples that a run learned from; English where none can be told."""
    try:
        with run.train.open("rb") as lines:
            heads = [parsed(line) for line, _ in zip(lines, range(_SAMPLE), strict=False)]
    except (OSError, AfinaError):  # gone, or damaged
        return "en"
    counts = Counter(code for each in heads if (code := language(f"{each.question} {each.answer}")))
    return counts.most_common(1)[0][0] if counts else "en"


def _first_folder(run: RunFolder) -> Path:
    return run.path / "trust"
