"""The health of a project: found, shown, fixed as a new version, and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.data.checks.dataset import ScannedDataset
from studio.data.checks.registry import find_all
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.token_lengths import ModelTokens
from studio.services.examples.versions import HistoryService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace

CSV = (
    "Pergunta;Resposta\nQual o prazo?;Quatro dias úteis.\nQual o prazo?;Quatro dias úteis.\nSou ana@gmail.com;Enviamos.\n"
    "Abre hoje?;.\nPix?;Sim.\nBoleto?;Sim, aceitamos<br>boleto.\n"
)


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def service(workspace: Workspace, datasets: DatasetService) -> CheckService:
    return CheckService(datasets, ModelService(workspace))


@pytest.fixture
def project(workspace: Workspace, datasets: DatasetService, tmp_path: Path) -> str:
    project_id = ProjectService(workspace).create("Loja").id
    path = tmp_path / "sac.csv"
    path.write_text(CSV, encoding="cp1252")
    datasets.import_files(project_id, [path])
    return project_id


def test_a_report_names_what_is_wrong(service: CheckService, project: str) -> None:
    report = service.report(project)
    assert [f.code for f in report.findings] == [
        "html",
        "empty_answers",
        "emails",
        "duplicates",
        "single_phrasing",
        "too_few",
    ]
    assert report.examples == 6
    assert 0 < report.score < 60
    assert len(report.top3) == 3
    assert report.findings[1].params["rows"] == "5"
    assert service.report(project) is report, "a version never changes, so it is checked once"


def test_a_preview_changes_nothing(service: CheckService, datasets: DatasetService, project: str) -> None:
    shown = service.preview(project, "emails")
    assert [(c.before.question, c.after and c.after.question) for c in shown] == [
        ("Sou ana@gmail.com", "Sou [EMAIL_1]")
    ]
    assert service.preview(project, "contradictions") == []
    view = datasets.current(project)
    assert view is not None
    assert view.version.number == 1


def test_a_fix_is_a_version_that_can_be_undone(service: CheckService, workspace: Workspace, project: str) -> None:
    before = service.report(project).score
    view = service.fix(project, ["duplicates", "emails", "html"])
    assert (view.version.number, view.version.action, view.version.examples) == (2, "fix", 5)
    assert view.version.params == {"n": 3, "codes": "duplicates, emails, html", "changed": 2, "removed": 1}
    for locale in LOCALES:
        assert catalog(locale)("examples.version.fix", **view.version.params)
    assert view.version.files == ("sac.csv",)
    assert service.report(project).score > before
    HistoryService(workspace).undo(project)
    assert service.report(project).score == before


def test_no_code_fixes_everything_that_a_click_can(service: CheckService, project: str) -> None:
    view = service.fix(project, [])
    assert [(c.question, c.answer) for c in view.conversations] == [
        ("Qual o prazo?", "Quatro dias úteis."),
        ("Sou [EMAIL_1]", "Enviamos."),
        ("Pix?", "Sim."),
        ("Boleto?", "Sim, aceitamos\nboleto."),
    ]
    assert [f.code for f in service.report(project).findings] == ["single_phrasing", "too_few"]
    assert service.fix(project, ["emails"]).version.number == 2, "where nothing changes no version is made"


def test_a_later_check_still_knows_the_companys_own_phone(
    workspace: Workspace, service: CheckService, datasets: DatasetService, tmp_path: Path
) -> None:
    project_id = ProjectService(workspace).create("Loja").id
    path = tmp_path / "sac.csv"
    asked = ["Qual é o horário da entrega?", "Qual é o horário de entrega?", "Qual o horário da entrega?", "Pix?"]
    lines = [f"{question};Disque (11) 3003-4567." for question in asked]
    path.write_text("\n".join(["Pergunta;Resposta", *lines, "Sou ana@gmail.com;Anotado."]), encoding="utf-8")
    datasets.import_files(project_id, [path])
    assert "phones" not in {finding.code for finding in service.report(project_id).findings}
    service.fix(project_id, ["near_duplicates"])
    left = [item for item in service.dataset(project_id).conversations if "3003" in item.answer]
    assert len(left) == 2, "so few that they would not show whose phone it is"
    service.fix(project_id, ["emails"])
    restarted = CheckService(datasets, ModelService(workspace))
    assert "phones" not in {finding.code for finding in restarted.report(project_id).findings}
    assert "phones" in {finding.code for finding in find_all(ScannedDataset.of(left))}


def test_a_fix_that_leaves_nothing_is_refused(
    service: CheckService, datasets: DatasetService, project: str, tmp_path: Path
) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("question,answer\na?,.\nb?,n/a\n", encoding="utf-8")
    datasets.import_files(project, [path])
    with pytest.raises(AfinaError, match=r"checks\.nothing_left"):
        service.fix(project, ["empty_answers"])
    view = datasets.current(project)
    assert view is not None
    assert view.version.number == 2


def test_without_examples_there_is_nothing_to_check(workspace: Workspace, service: CheckService) -> None:
    with pytest.raises(AfinaError, match=r"data\.no_dataset"):
        service.report(ProjectService(workspace).create("Nova").id)


def test_an_unknown_or_missing_model_is_named(service: CheckService) -> None:
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        service.examine([], "no-such-model")


@pytest.mark.model
def test_lengths_are_those_of_the_training(
    service: CheckService, workspace: Workspace, datasets: DatasetService, project: str, base_model: str, tmp_path: Path
) -> None:
    from studio.domain.recipe import Recipe
    from studio.training.loop.dataloader import Encoder

    long = "Esta frase se repete muitas vezes até não caber mais. " * 200
    path = tmp_path / "long.csv"
    path.write_text(f"question,answer\nConte tudo?,{long}\n", encoding="utf-8")
    datasets.import_files(project, [path], append=True)
    ProjectService(workspace).update(project, model_id=base_model, system_prompt="Seja breve.")
    finding = next(f for f in service.report(project).findings if f.code == "too_long")
    view = datasets.current(project)
    assert view is not None
    assert finding.ids == (view.conversations[-1].id,)
    encoder = Encoder.load(
        workspace.model(base_model), Recipe(model=base_model, max_length=100_000, system_prompt="Seja breve.")
    )
    card = ModelService(workspace).get(base_model)
    lengths = ModelTokens(workspace, card, view.conversations, "Seja breve.").lengths(view.conversations)
    assert list(lengths) == [len(encoder.example(c).input_ids) for c in view.conversations]
    fixed = service.fix(project, ["too_long"]).conversations[-1]
    assert fixed.answer.endswith("caber mais.")
    assert len(encoder.example(fixed).input_ids) <= finding.params["limit"]
