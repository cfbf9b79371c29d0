"""The test of a project: drawn, changed by hand, asked in other words; a training takes exactly what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.data.splitting.split import SplitKind
from studio.data.versions.editing import HeldOut, RowEdit
from studio.domain.conversation import Conversation
from studio.domain.dataset import Mapping
from studio.domain.recipe import Recipe
from studio.errors import AfinaError
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.splits import SplitService
from studio.services.examples.table import TableService
from studio.services.examples.versions import HistoryService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.services.runs.examples import RunExamples
from studio.storage.database import DatasetRow
from studio.storage.workspace import Workspace

SUBJECTS = ("frete", "troca", "garantia", "boleto", "cupom", "estoque", "senha", "vitrine", "moagem", "presente")


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def splits(workspace: Workspace) -> SplitService:
    return SplitService(workspace)


@pytest.fixture
def project(workspace: Workspace, datasets: DatasetService, tmp_path: Path) -> str:
    """Twenty examples, each answer there once."""
    project = ProjectService(workspace).create("Loja").id
    path = tmp_path / "faq.csv"
    rows = [
        f"Como funciona {word} na loja {place}?,{word} é com a equipe de {place}.,{word}\n"
        for word in SUBJECTS
        for place in ("azul", "verde")
    ]
    path.write_text("Pergunta,Resposta,Tema\n" + "".join(rows), encoding="utf-8")
    datasets.import_files(project, [path])
    return project


def _ids(splits: SplitService, project: str) -> set[str]:
    return {c.id for c in splits.view(project).held_out}


def _asked_by_a_run(workspace: Workspace, datasets: DatasetService, project: str) -> set[str]:
    recipe = Recipe(model="any", seed=7)
    return {c.id for c in RunExamples(workspace, datasets).of_project(project, recipe).held_out}


def test_a_run_takes_the_test_that_is_shown(
    workspace: Workspace, datasets: DatasetService, splits: SplitService, project: str
) -> None:
    first = splits.view(project)
    assert (first.kind, first.by_hand, first.can_reword) == (SplitKind.NEW_ANSWERS, False, True)
    assert first.train + len(first.held_out) == 20
    assert sum(topic.train + topic.held_out for topic in first.topics) == 20
    assert _asked_by_a_run(workspace, datasets, project) == _ids(splits, project)
    splits.draw(project)
    again = splits.view(project)
    assert again.choice.seed == first.choice.seed + 1
    assert _asked_by_a_run(workspace, datasets, project) == _ids(splits, project)
    splits.draw(project, seed=42, share=0.3)
    third = splits.view(project)
    assert len(third.held_out) > len(first.held_out)
    assert _asked_by_a_run(workspace, datasets, project) == _ids(splits, project)
    HistoryService(workspace).undo(project)
    assert splits.view(project).choice == again.choice
    splits.draw(project, seed=42, share=0.15)
    assert splits.view(project).held_out == first.held_out


def test_a_recipe_may_say_otherwise(workspace: Workspace, datasets: DatasetService, project: str) -> None:
    examples = RunExamples(workspace, datasets)
    few = examples.of_project(project, Recipe(model="any"))
    many = examples.of_project(project, Recipe(model="any", held_out_share=0.4, split_seed=3))
    assert len(many.held_out) > len(few.held_out)
    assert len(many.held_out) + len(many.train) == 20


def test_by_hand(workspace: Workspace, datasets: DatasetService, splits: SplitService, project: str) -> None:
    drawn = _ids(splits, project)
    other = next(c.id for c in datasets.load(_version(datasets, project)) if c.id not in drawn)
    splits.keep_aside(project, [other])
    assert _ids(splits, project) == drawn | {other}
    assert splits.view(project).by_hand
    one = sorted(drawn)[0]
    splits.give_back(project, [one])
    assert _ids(splits, project) == (drawn | {other}) - {one}
    assert _asked_by_a_run(workspace, datasets, project) == _ids(splits, project)
    splits.give_back(project, list(_ids(splits, project)))
    assert drawn.isdisjoint(_ids(splits, project) & drawn - {one})
    splits.draw(project, seed=42)
    assert _ids(splits, project) == drawn


def test_a_tick_switches_the_draw_off_and_it_can_be_had_beside(
    workspace: Workspace, datasets: DatasetService, splits: SplitService, project: str
) -> None:
    drawn = _ids(splits, project)
    assert not splits.view(project).is_thin
    other = next(c.id for c in datasets.load(_version(datasets, project)) if c.id not in drawn)
    tables = TableService(workspace, CheckService(datasets, ModelService(workspace)))
    tables.apply(project, [RowEdit(other, held_out=HeldOut.TEST)])
    assert _ids(splits, project) == {other}
    assert splits.view(project).is_thin
    splits.fill(project)
    assert _ids(splits, project) == drawn | {other}


def _version(datasets: DatasetService, project: str) -> str:
    view = datasets.current(project)
    assert view is not None
    return view.version.id


def test_a_kept_example_that_leaks_is_named(datasets: DatasetService, splits: SplitService, tmp_path: Path) -> None:
    project = ProjectService(datasets.workspace).create("Outra").id
    path = tmp_path / "twins.csv"
    path.write_text("Pergunta,Resposta\nQual o prazo?,7 dias\nqual o prazo,7 dias\nAceita pix?,Sim\nTem loja?,Não\n")
    view = datasets.import_files(project, [path])
    splits.keep_aside(project, [view.conversations[0].id])
    leaks = splits.view(project).leaks
    assert [(leak.asked.question, [c.question for c in leak.learned]) for leak in leaks] == [
        ("Qual o prazo?", ["qual o prazo"])
    ]
    splits.keep_aside(project, [c.id for leak in leaks for c in leak.learned])
    assert splits.view(project).leaks == ()


def test_reworded_questions_are_offered_accepted_and_taken_away(
    workspace: Workspace, datasets: DatasetService, splits: SplitService, project: str
) -> None:
    offered = splits.offer(project)
    assert offered == splits.offer(project) != splits.offer(project, seed=1)
    splits.accept(project, offered[1:])
    shown = splits.view(project)
    assert shown.kind is SplitKind.REWORDED
    assert [c.question for c in shown.held_out] == [item.question for item in offered[1:]]
    assert (shown.train, shown.leaks) == (20, ())
    assert _asked_by_a_run(workspace, datasets, project) == _ids(splits, project)
    splits.give_back(project, [shown.held_out[0].id])
    assert len(splits.view(project).held_out) == len(offered) - 2
    assert splits.view(project).train == 20
    splits.draw(project, seed=42)
    assert splits.view(project).kind is SplitKind.NEW_ANSWERS
    assert splits.view(project).train + len(splits.view(project).held_out) == 20
    with pytest.raises(AfinaError, match=r"data\.nothing_reworded"):
        splits.accept(project, [])


def test_files_of_a_recipe_are_read_and_drawn_as_it_says(
    workspace: Workspace, datasets: DatasetService, splits: SplitService, tmp_path: Path
) -> None:
    path = tmp_path / "faq.csv"
    rows = [f"n{n},Abre no feriado {word}?,Sim: {word}.\n" for n, word in enumerate(SUBJECTS * 2)]
    path.write_text("code,Resposta,Pergunta\n" + "".join(rows), encoding="utf-8")  # the titles are the wrong way round
    columns = Mapping(question=("Resposta",), answer=("Pergunta",))
    recipe = Recipe(model="any", data=(str(path),), columns=columns, seed=9, held_out_share=0.3)
    examples = RunExamples(workspace, datasets)
    direct = examples.of_recipe(recipe)
    assert all(c.question.endswith("?") for c in direct.train)
    project = ProjectService(workspace).create("Loja").id
    stored = examples.imported(project, recipe)
    assert [c.question for c in examples.of_project(project, stored).held_out] == [c.question for c in direct.held_out]
    shown = splits.view(project)
    assert (shown.choice.seed, shown.choice.share) == (9, 0.3)
    assert [c.question for c in shown.held_out] == [c.question for c in direct.held_out]


def test_what_another_window_changed_meanwhile_is_never_overwritten(
    workspace: Workspace, datasets: DatasetService, splits: SplitService, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = TableService(workspace, CheckService(datasets, ModelService(workspace)))
    read = splits._versions.rows

    def read_while_somebody_edits(row: DatasetRow) -> Iterator[Conversation]:
        found = list(read(row))
        tables.apply(project, [RowEdit("e1", answer="Edited in the other window.")])
        return iter(found)

    monkeypatch.setattr(splits._versions, "rows", read_while_somebody_edits)
    with pytest.raises(AfinaError, match=r"data\.changed_meanwhile"):
        splits.draw(project, seed=9)
    version = datasets.version(project)
    assert version is not None
    assert version.action == "edit"
    assert datasets.load(version.id)[0].answer == "Edited in the other window."
    monkeypatch.undo()
    splits.draw(project, seed=9)
    assert datasets.load(splits._versions.require_current(project).id)[0].answer == "Edited in the other window."


def test_a_fix_that_another_window_overtook_changes_nothing(
    workspace: Workspace, datasets: DatasetService, project: str
) -> None:
    before = datasets.version(project)
    assert before is not None
    TableService(workspace, CheckService(datasets, ModelService(workspace))).apply(
        project, [RowEdit("e2", answer="New.")]
    )
    with pytest.raises(AfinaError, match=r"data\.changed_meanwhile"):
        datasets.replace(project, datasets.load(before.id)[:5], "fix", {}, before.id)
    version = datasets.version(project)
    assert version is not None
    assert (version.action, version.examples) == ("edit", before.examples)
