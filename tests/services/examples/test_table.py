"""The table of examples: pages, filters, changes by hand, find and replace."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.domain.author import acting_as
from studio.domain.conversation import Conversation, Role
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.table import HeldOut, Query, Replacement, RowEdit, Sort, TablePage, TableService
from studio.services.examples.versions import HistoryService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace

CSV = (
    "Pergunta,Resposta,Assunto\nQuanto é o frete?,Dez reais.,Frete\nAbre hoje?,Sim.,Loja\n"
    'Aceita “pix”?,"Aceitamos, em \\ todas as lojas.",Pagamento\nManda para ana@uol.com.br?,Frete grátis.,Frete\n'
)


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def tables(workspace: Workspace, datasets: DatasetService) -> TableService:
    return TableService(workspace, CheckService(datasets, ModelService(workspace)))


@pytest.fixture
def project(workspace: Workspace, datasets: DatasetService, tmp_path: Path) -> str:
    project_id = ProjectService(workspace).create("Loja").id
    path = tmp_path / "faq.csv"
    path.write_text(CSV, encoding="utf-8")
    datasets.import_files(project_id, [path])
    return project_id


def numbers(page: TablePage) -> list[int]:
    return [row.place for row in page.rows]


def all_rows(datasets: DatasetService, project: str) -> list[Conversation]:
    version = datasets.version(project)
    return datasets.load(version.id) if version else []


def test_pages(tables: TableService, project: str) -> None:
    page = tables.page(project, size=3)
    assert (numbers(page), page.total, page.page, page.pages) == ([1, 2, 3], 4, 1, 2)
    assert page.rows[0].conversation.question == "Quanto é o frete?"
    assert page.topics == ("Frete", "Loja", "Pagamento")
    for beyond in (2, 99):
        assert numbers(tables.page(project, size=3, page=beyond)) == [4]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (Query("FRETE"), [1, 4]),
        (Query("gratis"), [4]),
        (Query("“pix”"), [3]),
        (Query("em \\ todas"), [3]),
        (Query("e1"), []),
        (Query("messages"), []),
        (Query(topic="Frete"), [1, 4]),
        (Query("dez", topic="Loja"), []),
        (Query(sort=Sort.QUESTION), [2, 3, 4, 1]),
        (Query(sort=Sort.ANSWER), [3, 1, 4, 2]),
        (Query(sort=Sort.SHORTEST), [2, 1, 4, 3]),
        (Query(topic="Frete", sort=Sort.LONGEST), [4, 1]),
    ],
)
def test_search_filter_and_order(tables: TableService, project: str, query: Query, wanted: list[int]) -> None:
    page = tables.page(project, query)
    assert (numbers(page), page.total) == (wanted, len(wanted))


def test_rows_with_a_problem(tables: TableService, project: str) -> None:
    assert tables.page(project).rows[3].problems == (), "not checked yet, and a page does not wait"
    page = tables.page(project, problem="emails")
    assert numbers(page) == [4]
    assert "emails" in page.rows[0].problems
    assert "emails" in tables.page(project).rows[3].problems
    assert numbers(tables.page(project, Query("abre"), problem="emails")) == []
    assert numbers(tables.page(project, problem="cards")) == []


def test_what_a_row_is_for(tables: TableService, project: str) -> None:
    tables.apply(project, [RowEdit("e2", held_out=HeldOut.TEST), RowEdit("e3", held_out=HeldOut.TRAIN)])
    assert [numbers(tables.page(project, Query(held_out=purpose))) for purpose in HeldOut] == [[2], [3], [1, 4]]
    tables.apply(project, [RowEdit("e2", held_out=HeldOut.AUTO)])
    assert numbers(tables.page(project, Query(held_out=HeldOut.TEST))) == []


def test_changes_are_a_version(
    tables: TableService, datasets: DatasetService, workspace: Workspace, project: str
) -> None:
    before = all_rows(datasets, project)
    edits = [
        RowEdit("e1", question=" Qual o\r\nfrete? "),
        RowEdit(question="Nova?", answer="Sim.", held_out=HeldOut.TEST),
        RowEdit(question=" ", answer=""),
        RowEdit("e4", question="", answer=""),
    ]
    with acting_as("Ana"):
        version = tables.apply(project, edits, ["e2"])
    after = all_rows(datasets, project)
    assert [(c.id, c.question) for c in after] == [("e1", "Qual o\nfrete?"), ("e3", "Aceita “pix”?"), ("e5", "Nova?")]
    assert after[0].source == before[0].source
    assert after[2].held_out is True
    assert (version.action, version.author, version.examples, version.held_out) == ("edit", "Ana", 3, 1)
    assert version.params == {"added": 1, "removed": 2, "changed": 1}
    assert version.files == ("faq.csv",)
    history = HistoryService(workspace)
    history.undo(project)
    assert all_rows(datasets, project) == before
    history.redo(project)
    assert all_rows(datasets, project) == after
    for locale in LOCALES:
        assert catalog(locale)("examples.version.edit", **version.params)


def test_no_change_makes_no_version(tables: TableService, project: str) -> None:
    assert tables.apply(project, [RowEdit("e1", question="Quanto é o frete?"), RowEdit()]).number == 1


def test_examples_can_be_typed_without_any_file(workspace: Workspace, tables: TableService) -> None:
    project = ProjectService(workspace).create("Nova").id
    version = tables.apply(project, [RowEdit(question="Abre?", answer="Sim.")])
    assert (version.examples, version.number, version.parent) == (1, 1, None)


@pytest.mark.parametrize(
    ("edits", "deleted", "code", "rows"),
    [
        ([RowEdit("e3", answer=" ")], [], "data.edit_incomplete", "4"),
        ([RowEdit(question="A?", answer="B"), RowEdit(question="C?", answer=" ")], [], "data.edit_incomplete", "#6"),
        ([], ["e1", "e2", "e3", "e4"], "data.edit_empty", None),
        ([RowEdit("e7", answer="x")], [], "data.edit_conflict", "#7"),
    ],
)
def test_what_is_refused_changes_nothing(
    tables: TableService, project: str, edits: list[RowEdit], deleted: list[str], code: str, rows: str | None
) -> None:
    with pytest.raises(AfinaError) as caught:
        tables.apply(project, edits, deleted)
    assert (caught.value.code, caught.value.params.get("rows")) == (code, rows)
    assert tables.page(project).version.number == 1
    for locale in LOCALES:
        assert code not in catalog(locale).error(caught.value)


def test_two_windows(tables: TableService, datasets: DatasetService, project: str) -> None:
    shown = tables.page(project).version.id
    tables.apply(project, [RowEdit("e1", answer="Onze reais.")], ["e2"], shown)
    tables.apply(project, [RowEdit("e3", answer="Só aqui.")], base=shown)
    assert [c.answer for c in all_rows(datasets, project)] == ["Onze reais.", "Só aqui.", "Frete grátis."]
    for edit in (RowEdit("e1", answer="Doze reais."), RowEdit("e2", answer="Não.")):
        with pytest.raises(AfinaError, match=r"data\.edit_conflict"):
            tables.apply(project, [edit, RowEdit("e4", answer="Não salvo.")], base=shown)
    assert all_rows(datasets, project)[2].answer == "Frete grátis."


@pytest.mark.parametrize(
    ("wanted", "places", "rows"),
    [
        (Replacement("frete", "envio"), 2, 2),
        (Replacement("frete", "envio", match_case=True), 1, 1),
        (Replacement("frete", "envio", roles=(Role.USER,)), 1, 1),
        (Replacement("s", "x", whole_words=True), 0, 0),
        (Replacement("\\", "/"), 1, 1),
        (Replacement(".", "!", roles=(Role.ASSISTANT,)), 4, 4),
        (Replacement("", "x"), 0, 0),
    ],
)
def test_find_and_replace(
    tables: TableService, datasets: DatasetService, project: str, wanted: Replacement, places: int, rows: int
) -> None:
    before = all_rows(datasets, project)
    found = tables.matches(project, wanted)
    assert (found.places, found.examples, len(found.changes)) == (places, rows, rows)
    version = tables.replace(project, wanted)
    after = all_rows(datasets, project)
    assert version.number == (2 if places else 1)
    assert [c.id for c in after] == [c.id for c in before]
    changed = {old.id: new for old, new in zip(before, after, strict=True) if old != new}
    assert changed == {change.before.id: change.after for change in found.changes}
    if places:
        assert version.params == {"n": places, "examples": rows, "find": wanted.find, "put": wanted.put}


def test_replacing_is_literal(tables: TableService, datasets: DatasetService, project: str) -> None:
    tables.replace(project, Replacement("Dez reais.", r"R$ 10 \1 \g<0>"))
    assert all_rows(datasets, project)[0].answer == r"R$ 10 \1 \g<0>"


def test_a_replacement_that_empties_an_answer_is_refused(tables: TableService, project: str) -> None:
    with pytest.raises(AfinaError) as caught:
        tables.replace(project, Replacement("sim."))
    assert (caught.value.code, caught.value.params["rows"]) == ("data.replace_empties", "3")
    assert tables.page(project).version.number == 1


def test_other_turns_stay(tables: TableService, datasets: DatasetService, workspace: Workspace, tmp_path: Path) -> None:
    project = ProjectService(workspace).create("Conversas").id
    path = tmp_path / "chat.jsonl"
    turns = '{"messages": [{"role": "user", "content": "Oi"}, {"role": "assistant", "content": "Olá"}, '
    path.write_text(
        turns + '{"role": "user", "content": "Abre?"}, {"role": "assistant", "content": "Sim"}]}\n'
        '{"messages": [{"role": "user", "content": "Fecha?"}, {"role": "assistant", "content": "Não"}]}\n',
        encoding="utf-8",
    )
    datasets.import_files(project, [path])
    tables.apply(project, [RowEdit("e1", question="Abre hoje?", answer="Claro")])
    assert [m.content for m in all_rows(datasets, project)[0].messages] == ["Oi", "Olá", "Abre hoje?", "Claro"]
