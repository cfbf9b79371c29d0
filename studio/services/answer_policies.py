"""The answer policy of a project: how careful its chatbots are, and what they say when they hand a question over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from studio.data.text import clean
from studio.errors import AfinaError
from studio.i18n.catalog import LOCALES, catalog
from studio.storage.database import ProjectRow, RunRow
from studio.storage.workspace import Workspace
from studio.trust.decision import DEFAULT_CAREFUL

ALONE: Final = 1.0  # the tuned model writes every answer
CAREFUL_CHOICES: Final = (0.005, 0.01, 0.02, 0.05, 0.1, ALONE)
MAX_SENTENCE: Final = 400
MAX_CONTACT: Final = 200


@dataclass(frozen=True)
class AnswerPolicy:
    """The owner's choices for a project.

    Args:
        careful: at most this share of all questions may get a wrong known answer; :data:`ALONE` promises nothing.
        contact: where the person is reached; empty where none was given.
        is_handover_chosen: whether the owner was asked for both and answered.
    """

    careful: float = DEFAULT_CAREFUL
    sentence: str = ""
    contact: str = ""
    is_handover_chosen: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether the tuned model writes every answer."""
        return self.careful >= ALONE

    def handed_over(self, language: str) -> str:
        """What is said when a question is handed over, the contact below it.

        Args:
            language: of the examples; the default sentence is in it.
        """
        return "\n".join(filter(None, [self.sentence or default_sentence(language), self.contact]))


def default_sentence(language: str) -> str:
    """The default sentence for a question that is handed over."""
    return catalog(language if language in LOCALES else "en")("trust.handed_over")


class AnswerPolicyService:
    """The policies of the projects of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, project_id: str) -> AnswerPolicy:
        """The policy of a project; the default where nothing was chosen. Raises ``general.not_found``."""
        with self._workspace.database.session() as session:
            row = session.get(ProjectRow, project_id)
        if row is None:
            raise AfinaError("general.not_found", what=project_id[:80])
        careful = DEFAULT_CAREFUL if row.careful is None else row.careful
        is_chosen = row.handover_sentence is not None
        return AnswerPolicy(careful, row.handover_sentence or "", row.handover_contact or "", is_chosen)

    def of_run(self, run_id: str) -> AnswerPolicy:
        """The policy of the project of a run; the default for one that belongs to none."""
        with self._workspace.database.session() as session:
            row = session.get(RunRow, run_id)
        return self.read(row.project_id) if row is not None else AnswerPolicy()

    def choose_careful(self, project_id: str, careful: float) -> None:
        """Sets how careful the chatbots of a project are: one of :data:`CAREFUL_CHOICES`.

        Raises:
            AfinaError: ``general.not_found``, ``trust.unknown_level``.
        """
        if careful not in CAREFUL_CHOICES:
            raise AfinaError("trust.unknown_level", careful=f"{100 * careful:g}")
        self._change(project_id, careful=careful)

    def write_handover(self, project_id: str, sentence: str, contact: str) -> None:
        """Sets what is said when a question is handed over; an empty sentence is the default one.

        Raises:
            AfinaError: ``general.not_found``, ``trust.long_sentence``.
        """
        for text, limit in ((sentence, MAX_SENTENCE), (contact, MAX_CONTACT)):
            if len(text.strip()) > limit:
                raise AfinaError("trust.long_sentence", limit=limit)
        cleaned = [clean(text)[0].strip() for text in (sentence, contact)]
        self._change(project_id, handover_sentence=cleaned[0], handover_contact=cleaned[1])

    def _change(self, project_id: str, **values: object) -> None:
        self.read(project_id)
        with self._workspace.database.session() as session:
            row = session.get_one(ProjectRow, project_id)
            for name, value in values.items():
                setattr(row, name, value)
