"""What every export format does, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from studio.domain.model import BaseModelCard
from studio.domain.proof import Proof
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.sharing.exporters.child import Child
from studio.sharing.site_page import KnownAnswers, SiteFiles
from studio.storage.kept_adapter import require_adapter
from studio.storage.run_result import read_result
from studio.storage.workspace import RunFolder


@dataclass(frozen=True)
class ExportSource:
    """A run whose best model was kept.

    Args:
        run: its folder.
        name: what the owner calls it.
        model_dir: folder of the installed base model.
        reference: name by which others find the base model, such as ``org/name``; empty when it is not public.
        card: of the base model.
        recipe: what was done.
        tuned: folder with what was kept: a PEFT adapter, or whole weights after full tuning.
        step: at which it was kept.
        loss: on the held-out examples, in nats a token; None when not known.
        ended_at: seconds since 1970; 0 when the run still goes on.
        examples: trained on.
        held_out: examples kept aside.
        proof: what the final exam said of it, against the base model; None where it has not been sat.
        home: of the workspace, where tools are kept.
        title: that visitors read; empty for the name.
        questions: suggested to visitors.
        locale: of the visitors' page.
        site_files: gives the files of a page.
        reader_bytes: that reading questions adds to a page, about.
        known_answers: makes what decides between the owner's own answers, which may take a while; asks ``cancelled`` all
            the time. None where the tuned chatbot is to write every answer.
    """

    run: RunFolder
    name: str
    model_dir: Path
    reference: str
    card: BaseModelCard
    recipe: Recipe
    tuned: Path
    step: int
    loss: float | None
    ended_at: float
    examples: int
    held_out: int
    proof: Proof | None = None
    home: Path = Path()
    title: str = ""
    questions: tuple[str, ...] = ()
    locale: str = "en"
    site_files: SiteFiles = lambda page: {}
    reader_bytes: int = 0
    known_answers: Callable[[Callable[[], bool]], KnownAnswers | None] = lambda cancelled: None

    @property
    def has_adapter(self) -> bool:
        """False after full tuning: then the kept folder holds whole weights."""
        return (self.tuned / "adapter_config.json").is_file()


class Exporter(Protocol):
    """One format."""

    @property
    def kind(self) -> str:
        """Its name in addresses, on the command line and in catalog keys (``export.KIND.name``)."""
        ...

    @property
    def precision(self) -> str:
        """Number format of the weights, for people who know them."""
        ...

    def check(self, source: ExportSource) -> None:
        """Refuses a run that cannot be exported so.

        Raises:
            AfinaError: why not.
        """
        ...

    def size(self, source: ExportSource) -> int:
        """Bytes of the exported files, about."""
        ...

    def write(self, source: ExportSource, into: Path, child: Child) -> None:
        """Writes the files into an empty folder and proves by loading them again that they answer the same.

        Raises:
            AfinaError: ``export.differs``, ``export.failed``, ``general.stopped`` …
        """
        ...

    def usage(self, source: ExportSource) -> str:
        """Markdown that shows how to load the files and ask."""
        ...


def read_source(run: RunFolder, name: str, model_dir_of: ModelFolders, reference: str) -> ExportSource:
    """Reads from disk what a run has kept.

    Args:
        run: its folder.
        name: what the owner calls it.
        model_dir_of: gives the folder of a base model by its id.
        reference: public name of the base model, or empty.

    Raises:
        AfinaError: ``export.not_ready`` when nothing was kept yet; ``run.damaged``.
    """
    try:
        card = BaseModelCard.model_validate_json(run.model.read_bytes())
        recipe = Recipe.model_validate_json(run.recipe.read_bytes())
    except (OSError, ValueError) as error:
        raise AfinaError("export.not_ready") from error
    kept = require_adapter(run, "export.not_ready")
    result = read_result(run)
    return ExportSource(
        run=run,
        name=name,
        model_dir=model_dir_of(card.id),
        reference=reference,
        card=card,
        recipe=recipe,
        tuned=kept.folder,
        step=kept.step,
        loss=result.best_loss if result else None,
        ended_at=result.ended_at if result else 0.0,
        examples=_lines(run.train),
        held_out=_lines(run.exam if run.exam.is_file() else run.held_out),
    )


def chat_in_python(source: ExportSource) -> str:
    """Python that asks a ``model`` with its ``tokenizer``, as both exports for transformers load them."""
    prompt = source.recipe.system_prompt
    system = f'{{"role": "system", "content": {prompt!r}}}, ' if prompt else ""
    return f"""```python
messages = [{system}{{"role": "user", "content": "Your question"}}]
prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
answer = model.generate(**prompt, max_new_tokens=256, do_sample=False)
print(tokenizer.decode(answer[0][prompt["input_ids"].shape[1]:], skip_special_tokens=True))
```"""


class ModelFolders(Protocol):
    """Gives the folder of a base model by its id."""

    def __call__(self, model_id: str, /) -> Path: ...


def _lines(path: Path) -> int:
    try:
        with path.open(encoding="utf-8") as file:
            return sum(bool(line.strip()) for line in file)
    except OSError:
        return 0


def folder_size(folder: Path) -> int:
    """Bytes of the files directly in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
