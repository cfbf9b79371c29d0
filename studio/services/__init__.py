"""Use cases: what a button, a command or an API route calls. They know nothing of screens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.services.answer_policies import AnswerPolicyService
    from studio.services.api_keys import ApiKeyService
    from studio.services.chats import ChatService
    from studio.services.conversations import ConversationService
    from studio.services.examples.background_checks import CheckupService
    from studio.services.examples.checks import CheckService
    from studio.services.examples.datasets import DatasetService
    from studio.services.examples.imports import ImportService
    from studio.services.examples.insights import InsightService
    from studio.services.examples.pruning import PruningService
    from studio.services.examples.splits import SplitService
    from studio.services.examples.table import TableService
    from studio.services.examples.versions import HistoryService
    from studio.services.exports import ExportService
    from studio.services.links import LinkService
    from studio.services.models import ModelService
    from studio.services.projects import ProjectService
    from studio.services.proof.service import ProofService
    from studio.services.proof_changes import ProofChangeService
    from studio.services.proof_reports import ProofReportService
    from studio.services.publication import PublicationService
    from studio.services.publishing import PublishingService
    from studio.services.runs.comparison import ComparisonService
    from studio.services.runs.service import RunService
    from studio.services.selectors import SelectorService
    from studio.services.studies.service import StudyService
    from studio.services.suggested_answers import SuggestedAnswerService
    from studio.services.suggestions import SuggestionService
    from studio.services.trusted_answers import TrustedAnswerService
    from studio.services.votes import VoteService
    from studio.services.widgets import WidgetService
    from studio.storage.workspace import Workspace


@dataclass(frozen=True)
class Services:
    """Every service of one workspace, as :func:`studio.app.build_services` puts them together."""

    workspace: Workspace
    projects: ProjectService
    models: ModelService
    datasets: DatasetService
    checks: CheckService
    checkups: CheckupService
    tables: TableService
    history: HistoryService
    imports: ImportService
    pruning: PruningService
    insights: InsightService
    splits: SplitService
    runs: RunService
    studies: StudyService
    comparison: ComparisonService
    conversations: ConversationService
    chats: ChatService
    policies: AnswerPolicyService
    selectors: SelectorService
    trust: TrustedAnswerService
    links: LinkService
    widgets: WidgetService
    keys: ApiKeyService
    publication: PublicationService
    suggestions: SuggestionService
    suggested: SuggestedAnswerService
    exports: ExportService
    publishing: PublishingService
    proofs: ProofService
    votes: VoteService
    proof_changes: ProofChangeService
    reports: ProofReportService

    def close(self) -> None:
        """Ends the supervisor and the chat workers; training workers go on."""
        self.publication.close()
        self.imports.close()
        self.datasets.tests.close()
        self.insights.close()
        self.runs.close()
        self.trust.close()
        self.chats.close()
        self.suggestions.close()
        self.publishing.close()
        self.exports.close()
        self.models.close()
        self.workspace.database.close()
