"""The picture of an example: which column is what, why, and what a click changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import Workbook

from studio.domain.dataset import ColumnRole, DatasetView, Mapping
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.services.container import Services
from studio.web.ui.components import Ui
from studio.web.ui.pages.examples.mapping import _changed
from studio.web.ui.pages.examples.mapping_view import render_mapping
from tests.pasting import paste

CSV = (
    "Chamado;Tema;O que o cliente perguntou;Detalhe;O que respondemos\n"
    "1;frete;Entregam <b>no Rio</b>?;É urgente.;Sim, em 4 dias.\n2;troca;Trocam?;Sem nota.;Sim, em 30 dias.\n"
)


@pytest.fixture
def project(services: Services) -> str:
    return services.projects.create("Loja").id


@pytest.fixture
def view(services: Services, project: str, tmp_path: Path) -> DatasetView:
    path = tmp_path / "sac.csv"
    path.write_text(CSV, encoding="utf-8")
    return services.datasets.import_files(project, [path])


def _ui(services: Services, locale: str = "en") -> Ui:
    return Ui(services, catalog(locale), None)


@pytest.mark.parametrize("locale", LOCALES)
def test_each_part_is_named_by_its_column(services: Services, view: DatasetView, locale: str) -> None:
    html = render_mapping(_ui(services, locale), view, "Seja <i>breve</i>.")
    for words in ("O que o cliente perguntou", "O que respondemos", "Entregam &lt;b&gt;no Rio", "Sim, em 4 dias."):
        assert words in html
    assert "Seja &lt;i&gt;breve" in html
    assert catalog(locale)("examples.mapping.why.header") in html
    assert catalog(locale)("examples.mapping.optional.topic", column="Tema") in html
    assert catalog(locale)("examples.mapping.optional.id", column="Chamado") in html
    assert "af-picker" not in html


@pytest.mark.parametrize("role", [role for role in ColumnRole if role is not ColumnRole.HELD_OUT])
def test_the_columns_of_each_part_are_offered(services: Services, view: DatasetView, role: ColumnRole) -> None:
    html = render_mapping(_ui(services), view, "", role)
    assert catalog("en")(f"examples.mapping.pick.{role.value}") in html
    assert f'data-action="take" data-role="{role.value}" data-column="Detalhe"' in html
    assert 'title="É urgente."' in html


def test_a_click_takes_joins_drops_and_swaps(view: DatasetView) -> None:
    before = view.mapping
    joined = _changed(view, {"action": "join", "role": "question", "column": "Detalhe"})
    assert joined.question == ("O que o cliente perguntou", "Detalhe")
    after = view.model_copy(update={"mapping": joined})
    assert _changed(after, {"action": "drop", "role": "question", "column": "Detalhe"}) == before
    swapped = _changed(view, {"action": "swap"})
    assert (swapped.question, swapped.answer) == (before.answer, before.question)
    # A column that another part needs changes places with it, so that neither is left empty.
    assert _changed(view, {"action": "take", "role": "question", "column": before.answer[0]}) == swapped
    taken = _changed(view, {"action": "take", "role": "system", "column": "Tema"})
    assert (taken.system, taken.topic) == (("Tema",), None)
    assert _changed(view, {"action": "take", "role": "topic", "column": ""}).topic is None
    with pytest.raises(AfinaError, match=r"data\.mapping_incomplete"):
        _changed(view, {"action": "drop", "role": "answer", "column": before.answer[0]})


def test_what_is_chosen_is_read_and_remembered(
    services: Services, project: str, view: DatasetView, tmp_path: Path
) -> None:
    chosen = _changed(view, {"action": "join", "role": "question", "column": "Detalhe"})
    again = services.datasets.set_mapping(project, chosen)
    assert again.conversations[0].question == "Entregam <b>no Rio</b>?\nÉ urgente."
    assert catalog("en")("examples.mapping.why.chosen") in render_mapping(_ui(services), again, "")
    other = tmp_path / "mais.csv"
    other.write_text(CSV.replace("frete", "prazo"), encoding="utf-8")
    assert services.datasets.import_files(project, [other]).mapping == chosen


def test_what_was_added_under_other_headers_is_shown_by_its_columns(
    services: Services, project: str, view: DatasetView
) -> None:
    pasted = "pergunta\tresposta\nTem estacionamento?\tSim, grátis.\nTem wi-fi?\tSim."
    added = paste(services.datasets, project, pasted, append=True)
    html = render_mapping(_ui(services), added, "")
    assert "Tem estacionamento?" in html
    assert catalog("en")("examples.mapping.why_turns") not in html


def test_sheets_are_left_out_and_taken_in(services: Services, project: str, tmp_path: Path) -> None:
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name in ("2023", "2024"):
        sheet = workbook.create_sheet(name)
        for row in (("Pergunta", "Resposta"), (f"Abre em {name}?", "Sim."), (f"Fecha em {name}?", "Não.")):
            sheet.append(row)
    path = tmp_path / "faq.xlsx"
    workbook.save(path)
    both = services.datasets.import_files(project, [path])
    assert [(table.sheet, table.examples, table.chosen) for table in both.tables] == [
        ("2023", 2, True),
        ("2024", 2, True),
    ]
    only = _changed(both, {"action": "sheet", "name": "2023"})
    assert only.sheets == ("2024",)
    view = services.datasets.set_mapping(project, only)
    assert [c.question for c in view.conversations] == ["Abre em 2024?", "Fecha em 2024?"]
    assert [(table.sheet, table.chosen) for table in view.tables] == [("2023", False), ("2024", True)]
    assert catalog("en")("examples.mapping.left_out") in render_mapping(_ui(services), view, "")
    assert services.datasets.import_files(project, [path]).version.examples == 2
    with pytest.raises(AfinaError, match=r"data\.no_sheet_left"):
        _changed(view, {"action": "sheet", "name": "2024"})
    assert _changed(view, {"action": "sheet", "name": "2023"}).sheets == ()
    workbook.remove(workbook["2024"])
    workbook.create_sheet("Outra")
    workbook.save(path)
    later = services.datasets.import_files(project, [path])
    assert later.version.examples == 2
    assert "data.no_sheet" in [problem.code for problem in later.problems]


def test_who_is_the_company_is_shown_with_counts(services: Services, project: str, tmp_path: Path) -> None:
    chat = tmp_path / "chat.txt"
    day = "{n}/03/2024 10:00 - Ana: Entregam?\n{n}/03/2024 10:01 - Loja: Sim.\n{n}/03/2024 10:02 - Ana: Oba!\n"
    chat.write_text("".join(day.format(n=n) for n in (12, 14, 16)), encoding="utf-8")
    view = services.datasets.import_files(project, [chat])
    assert view.tables[0].speakers == (("Ana", 6), ("Loja", 3))
    html = render_mapping(_ui(services), view, "")
    assert "Ana · 6 messages" in html
    assert "Loja · 3 messages" in html
    changed = services.datasets.set_mapping(project, _changed(view, {"action": "company", "name": "Ana"}))
    assert changed.mapping == Mapping(company="Ana")
    assert [c.answer for c in changed.conversations] == ["Oba!"] * 3
