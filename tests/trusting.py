"""A project a language with the sample's examples and a finished run on the tiny model, to be fitted in the test."""

from __future__ import annotations

from studio.domain.project import Link
from studio.services.container import Services
from studio.storage.database import ProjectRow, RunRow
from studio.storage.files import write_atomic
from tests.sharing.conftest import make_run

KNOWN = {"pt": "qual o prazo de entrega", "en": "how long does delivery take"}
OUTSIDE = {"pt": "quem ganhou o jogo de futebol de ontem?", "en": "who won the football match yesterday?"}


def trusting_project(services: Services, locale: str) -> Link:
    """Makes the project ``project-<locale>`` with the run ``run-<locale>``, and a demo link of it."""
    project, run = f"project-{locale}", f"run-{locale}"
    make_run(services.workspace, run, name=f"Version {locale}")
    with services.workspace.database.session() as session:
        session.add(ProjectRow(id=project, name=f"Shop {locale}", created_at=0.0, updated_at=0.0))
        session.flush()
        session.get_one(RunRow, run).project_id = project
    services.datasets.use_sample(project, locale)
    services.projects.update(project, model_id="tiny-llama")
    current = services.datasets.current(project)
    assert current is not None
    lines = [f"{one.model_dump_json()}\n" for one in current.conversations]
    write_atomic(services.workspace.run(run).train, "".join(lines))
    return services.links.create(run, f"Shop {locale}", [KNOWN[locale]], locale)
