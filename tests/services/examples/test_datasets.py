from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from studio.data.importing.pipeline import ReadMonitor
from studio.data.splitting.split import plan
from studio.domain.conversation import with_system
from studio.domain.dataset import DatasetView, Mapping
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES
from studio.services.examples.datasets import DatasetService
from studio.services.projects import ProjectService
from studio.settings import Settings
from studio.storage.workspace import Workspace
from tests.pasting import paste

CSV = "Pergunta,Resposta,Nota\nQuanto é o frete?,Dez reais.,a\nAbre hoje?,Sim.,b\nAceita pix?,Aceitamos.,c\n"


@pytest.fixture
def datasets(workspace: Workspace) -> DatasetService:
    return DatasetService(workspace)


@pytest.fixture
def project(workspace: Workspace) -> str:
    return ProjectService(workspace).create("Loja").id


@pytest.fixture
def faq(tmp_path: Path) -> Path:
    path = tmp_path / "faq.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def _questions(view: DatasetView | None) -> list[str]:
    return [c.question for c in view.conversations] if view else []


def test_an_import_is_found_again_after_a_restart(
    workspace: Workspace, datasets: DatasetService, project: str, faq: Path
) -> None:
    view = datasets.import_files(project, [faq])
    faq.unlink()
    again = DatasetService(Workspace.open(workspace.settings))
    assert again.current(project) == view
    assert _questions(view) == ["Quanto é o frete?", "Abre hoje?", "Aceita pix?"]
    assert [c.id for c in view.conversations] == ["e1", "e2", "e3"]
    assert (view.version.number, view.version.action, view.version.examples) == (1, "import", 3)
    assert again.load(view.version.id) == list(view.conversations)


def test_a_project_without_examples(datasets: DatasetService, project: str) -> None:
    assert datasets.current(project) is None
    assert datasets.version(project) is None
    with pytest.raises(AfinaError, match=r"data\.no_dataset"):
        datasets.preview(project, "e1", "gemma-3-270m")


def test_columns_can_be_changed_and_are_remembered(datasets: DatasetService, project: str, faq: Path) -> None:
    datasets.import_files(project, [faq])
    mapping = Mapping(question=("Pergunta", "Nota"), answer=("Resposta",))
    view = datasets.set_mapping(project, mapping)
    assert _questions(view)[0] == "Quanto é o frete?\na"
    assert view.version.action == "mapping"
    assert datasets.import_files(project, [faq]).mapping == mapping
    for wrong, code in ((Mapping(), "mapping_incomplete"), (Mapping(question=("x",), answer=("y",)), "column_missing")):
        with pytest.raises(AfinaError, match=code):
            datasets.set_mapping(project, wrong)


def test_appending_keeps_what_was_there(datasets: DatasetService, project: str, faq: Path, tmp_path: Path) -> None:
    datasets.import_files(project, [faq])
    more = tmp_path / "more.jsonl"
    more.write_text('{"question": "Troca?", "answer": "Sim, em 7 dias."}\n', encoding="utf-8")
    view = datasets.import_files(project, [more], append=True)
    assert _questions(view)[-1] == "Troca?"
    assert len({c.id for c in view.conversations}) == 4
    assert view.version.files == ("faq.csv", "more.jsonl")


def test_a_failed_import_changes_nothing(
    workspace: Workspace, datasets: DatasetService, project: str, faq: Path, tmp_path: Path
) -> None:
    view = datasets.import_files(project, [faq])
    one = tmp_path / "one.csv"
    one.write_text("question,answer\nA?,B\n", encoding="utf-8")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    half = tmp_path / "half.csv"
    half.write_text("question,answer\nA?,\n,B\n", encoding="utf-8")
    wanted = {
        one: "data.too_few_rows",
        empty: "data.empty_file",
        half: "data.no_usable_rows",
        tmp_path / "no": "disk.missing",
    }
    for path, code in wanted.items():
        with pytest.raises(AfinaError) as caught:
            datasets.import_files(project, [path])
        assert caught.value.code == code
        assert datasets.current(project) == view
    assert len(list((workspace.project(project) / "datasets").iterdir())) == 1


def test_a_large_upload_is_refused_before_it_is_read(tmp_path: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "home", max_file_mb=100))
    project = ProjectService(workspace).create("Loja").id
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(AfinaError) as caught:
        DatasetService(workspace).import_files(project, [path])
    assert (caught.value.code, caught.value.params["size_mb"]) == ("data.too_large", 200)
    assert not (workspace.project(project) / "uploads").exists()


def test_no_disk_space(
    workspace: Workspace, datasets: DatasetService, project: str, faq: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = datasets.import_files(project, [faq])
    usage = shutil.disk_usage(workspace.home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10))
    with pytest.raises(AfinaError, match=r"disk\.full"):
        datasets.import_files(project, [faq])
    monkeypatch.undo()
    assert datasets.current(project) == before


@pytest.mark.parametrize("locale", LOCALES)
def test_the_sample(datasets: DatasetService, project: str, locale: str) -> None:
    view = datasets.use_sample(project, locale)
    assert view.problems == ()
    split = plan(view.conversations, 0)
    train, held_out = split.train, split.held_out
    assert len(train) >= 150
    assert len(held_out) >= 40
    assert {c.answer for c in held_out} <= {c.answer for c in train}
    assert view.version.held_out == len(held_out)
    assert all(c.topic for c in view.conversations)


def test_a_sample_in_another_language(datasets: DatasetService, project: str) -> None:
    for locale in ("xx", "../../etc"):
        with pytest.raises(AfinaError, match=r"data\.no_sample"):
            datasets.use_sample(project, locale)


def test_stopping_an_import_leaves_everything_as_it_was(datasets: DatasetService, project: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("question,answer\n" + "A?,B\n" * 5_000, encoding="utf-8")
    seen: list[int] = []
    with pytest.raises(AfinaError, match=r"general\.stopped"):
        datasets.watch(ReadMonitor(on_rows=seen.append, cancelled=lambda: bool(seen)))
        datasets.import_files(project, [path])
    assert seen == [1_000]
    assert datasets.current(project) is None


def test_the_system_prompt_goes_before_the_question(datasets: DatasetService, project: str, faq: Path) -> None:
    example = datasets.import_files(project, [faq]).conversations[0]
    prompted = with_system(example, "Seja breve.")
    assert [m.role.value for m in prompted.messages] == ["system", "user", "assistant"]
    assert with_system(prompted, "Outra.") == prompted
    assert with_system(example, None) == example


def test_a_table_can_be_pasted(datasets: DatasetService, project: str) -> None:
    view = paste(datasets, project, "Pergunta\tResposta\nAbre hoje?\tSim.\nAbre amanhã?\tNão.\n")
    assert _questions(view) == ["Abre hoje?", "Abre amanhã?"]
    assert _questions(paste(datasets, project, "P: Troca?\nR: Sim.\n", append=True))[2:] == ["Troca?"]


def test_a_folder_of_files(datasets: DatasetService, project: str, tmp_path: Path) -> None:
    folder = tmp_path / "faq"
    folder.mkdir()
    for name, question in (("a", "Open?"), ("b", "Where?")):
        (folder / f"{name}.md").write_text(f"---\nquestion: {question}\n---\nYes, {name}.\n", encoding="utf-8")
    assert _questions(datasets.import_files(project, [folder])) == ["Open?", "Where?"]


def _template(folder: Path) -> None:
    """An installed model as far as the preview is concerned: a template and its special tokens."""
    folder.mkdir(parents=True)
    turns = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    asks = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    (folder / "chat_template.jinja").write_text(turns + asks, encoding="utf-8")
    tokens = '{"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}'
    (folder / "tokenizer_config.json").write_text(tokens, encoding="utf-8")


def test_the_preview_marks_what_is_learned(tmp_path: Path, faq: Path) -> None:
    workspace = Workspace.open(Settings(home=tmp_path / "own"))
    datasets, projects = DatasetService(workspace), ProjectService(workspace)
    project = projects.create("Loja").id
    projects.update(project, system_prompt="Seja breve.")
    _template(workspace.model("preview-only"))
    view = datasets.import_files(project, [faq])
    segments = datasets.preview(project, view.conversations[0].id, "preview-only")
    learned = "".join(segment.text for segment in segments if segment.learned)
    read = "".join(segment.text for segment in segments if not segment.learned)
    assert "Dez reais." in learned
    assert "Quanto é o frete?" in read
    assert "Seja breve." in read
    with pytest.raises(AfinaError, match=r"general\.not_found"):
        datasets.preview(project, "e99", "preview-only")


def test_the_company_of_a_chat_can_be_changed(datasets: DatasetService, project: str, tmp_path: Path) -> None:
    chat = tmp_path / "chat.txt"
    day = "{n}/03/2024 10:00 - Ana: Entregam?\n{n}/03/2024 10:01 - Loja: Sim.\n{n}/03/2024 10:02 - Ana: Oba!\n"
    chat.write_text("".join(day.format(n=n) for n in (12, 14, 16)), encoding="utf-8")
    view = datasets.import_files(project, [chat])
    assert (view.mapping.company, [c.answer for c in view.conversations]) == ("Loja", ["Sim."] * 3)
    changed = datasets.set_mapping(project, Mapping(company="Ana"))
    assert (changed.mapping.company, [c.answer for c in changed.conversations]) == ("Ana", ["Oba!"] * 3)


def test_what_a_killed_process_left_half_written_goes_away(
    workspace: Workspace, datasets: DatasetService, project: str, faq: Path
) -> None:
    folder = workspace.project(project) / "datasets"
    folder.mkdir(parents=True)
    left, being_written = folder / ".data-a.jsonl.x1.tmp", folder / ".data-b.jsonl.x2.tmp"
    for path in (left, being_written):
        path.write_text("{", encoding="utf-8")
    os.utime(left, (time.time() - 7_200,) * 2)
    datasets.import_files(project, [faq])
    assert not left.exists()
    assert being_written.exists()
