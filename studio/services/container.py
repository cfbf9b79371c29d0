"""All services of one workspace, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from studio.chat.client import ChatPool
from studio.services.answer_policies import AnswerPolicyService
from studio.services.api_keys import ApiKeyService
from studio.services.browser_answers import BrowserAnswerService
from studio.services.chats import ChatService
from studio.services.conversations import ConversationService
from studio.services.encoders import EncoderService
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
from studio.services.publication import Opener, PublicationService, Reach
from studio.services.publishing import PublishingService
from studio.services.runs.comparison import ComparisonService
from studio.services.runs.service import RunService
from studio.services.runs.state_reader import RunReader
from studio.services.selectors import SelectorService
from studio.services.studies.service import StudyService
from studio.services.suggested_answers import SuggestedAnswerService
from studio.services.suggestions import SuggestionService
from studio.services.trusted_answers import TrustedAnswerService
from studio.services.votes import VoteService
from studio.services.widgets import WidgetService
from studio.sharing.site_page import SiteFiles

if TYPE_CHECKING:
    from studio.storage.workspace import Workspace


class Services:
    """Every service of one workspace.

    Args:
        site_files: of the screens: the files of a demo page that is exported.
        openers: of the screens: the ways by which others reach the demo pages of these services.
    """

    def __init__(
        self,
        workspace: Workspace,
        site_files: SiteFiles,
        openers: Callable[[Services], Mapping[Reach, Opener]],
    ) -> None:
        reader = RunReader()
        self.workspace = workspace
        self.projects = ProjectService(workspace, reader)
        self.models = ModelService(workspace)
        self.datasets = DatasetService(workspace)
        self.encoders = EncoderService(workspace)
        self.checks = CheckService(self.datasets, self.models)
        self.checkups = CheckupService(self.datasets, self.checks)
        self.tables = TableService(workspace, self.checks)
        self.history = HistoryService(workspace)
        self.imports = ImportService(self.datasets)
        self.pruning = PruningService(workspace, self.imports)
        self.insights = InsightService(self.datasets, self.models, self.checks, self.encoders)
        self.splits = SplitService(workspace, self.datasets.tests)
        self.runs = RunService(workspace, self.models, self.datasets, reader=reader)
        self.studies = StudyService(workspace, self.models, self.runs)
        self.comparison = ComparisonService(workspace, self.runs)
        self.conversations = ConversationService(workspace)
        self.chats = ChatService(workspace, ChatPool(workspace))
        self.policies = AnswerPolicyService(workspace)
        self.selectors = SelectorService(workspace)
        self.trust = TrustedAnswerService(workspace, self.chats, self.selectors, self.policies)
        self.links = LinkService(workspace)
        self.widgets = WidgetService(workspace, self.links)
        self.keys = ApiKeyService(workspace)
        self.publication = PublicationService(workspace, openers(self))
        self.suggestions = SuggestionService(workspace, self.chats, self.links)
        self.suggested = SuggestedAnswerService(workspace, self.tables)
        self.exports = ExportService(workspace, site_files, BrowserAnswerService(workspace, self.policies))
        self.publishing = PublishingService(workspace, self.exports)
        self.proofs = ProofService(workspace)
        self.votes = VoteService(workspace, self.proofs)
        self.proof_changes = ProofChangeService(self.runs, self.proofs)
        self.reports = ProofReportService(self.proofs, self.votes, self.policies)

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
