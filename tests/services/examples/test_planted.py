"""Ten planted problems in a file as an old program writes it: found, what is safe fixed by one call, the rest when asked."""

from __future__ import annotations

from pathlib import Path

from studio.services.examples.checks import CheckService
from studio.services.examples.datasets import DatasetService
from studio.services.examples.versions import HistoryService
from studio.services.models import ModelService
from studio.services.projects import ProjectService
from studio.storage.workspace import Workspace

CLEAN = [(f"{start} {thing}?", f"Sim, temos {thing} na loja e no site.") for thing in ("caneca", "camiseta", "boné", "meia", "garrafa", "mochila", "agenda", "caneta", "chaveiro", "adesivo") for start in ("Vocês vendem", "Tem")]  # fmt: skip
PLANTED = {
    "duplicates": [CLEAN[0]],
    "contradictions": [
        ("Abre no domingo?", "Sim, das 9h às 13h."),
        ("Abre no domingo?", "Não, só de segunda a sábado."),
    ],
    "empty_answers": [("Qual é a garantia?", "n/a")],
    "boilerplate": [("Cadê minha encomenda?", "Recebemos sua mensagem e em breve retornaremos.")],
    "greetings": [("Bom dia!", "Bom dia! Em que posso ajudar?")],
    "emails": [("Podem mandar para ana.lima@uol.com.br?", "Podemos, enviamos agora.")],
    "cpf": [("A nota sai no CPF 529.982.247-25?", "Sai, sem problema.")],
    "phones": [("Meu celular é (11) 98765-4321, me ligam?", "Ligamos hoje.")],
    "html": [("Como devolvo?", "<p>Clique em <b>devolver</b>.</p>")],
    "encoding": [("Fazem troca?", "Sim, atÃ© trinta dias depois da compra.")],
}

ROWS = [*CLEAN, *(row for planted in PLANTED.values() for row in planted)]
TO_DECIDE = ("boilerplate", "greetings", "contradictions")  # each may hold something true: a person decides
FIXED = [
    ("Abre no domingo?", "Não, só de segunda a sábado."),
    ("Podem mandar para [EMAIL_1]?", "Podemos, enviamos agora."),
    ("A nota sai no CPF [CPF_1]?", "Sai, sem problema."),
    ("Meu celular é [TELEFONE_1], me ligam?", "Ligamos hoje."),
    ("Como devolvo?", "Clique em devolver."),
    ("Fazem troca?", "Sim, até trinta dias depois da compra."),
]


def write_export(folder: Path) -> Path:
    """A file as an old program writes it: semicolons, Windows-1252, odd headers, a column without a name."""
    path = folder / "Exportação SAC (1).csv"
    lines = [" Dúvida do cliente ;;Retorno da equipe", *(f'"{q}";;"{a}"' for q, a in ROWS)]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    return path


def test_ten_planted_problems_are_found_and_fixed(workspace: Workspace, tmp_path: Path) -> None:
    path = write_export(tmp_path)
    datasets = DatasetService(workspace)
    project = ProjectService(workspace).create("Loja").id
    view = datasets.import_files(project, [path])
    assert [(c.question, c.answer) for c in view.conversations] == ROWS
    service = CheckService(datasets, ModelService(workspace))
    report = service.report(project)
    found = {finding.code for finding in report.findings}
    assert found - {"single_phrasing"} == set(PLANTED)
    fixed = service.fix(project, [])
    assert {f.code for f in service.report(project).findings} - {"single_phrasing"} == set(TO_DECIDE)
    kept = {(c.question, c.answer) for c in fixed.conversations}
    assert {row for code in TO_DECIDE for row in PLANTED[code]} <= kept
    fixed = service.fix(project, TO_DECIDE)
    assert {f.code for f in service.report(project).findings} <= {"single_phrasing"}
    assert service.report(project).score > report.score
    answers = [(c.question, c.answer) for c in fixed.conversations]
    assert answers == [*CLEAN, *FIXED]
    HistoryService(workspace).undo(project)
    HistoryService(workspace).undo(project)
    assert datasets.load(view.version.id) == list(view.conversations)
    assert datasets.version(project) == view.version
