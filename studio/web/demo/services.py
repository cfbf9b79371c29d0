"""The services of the studio that the demo pages use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from studio.services.chats import ChatService
    from studio.services.links import LinkService
    from studio.services.suggested_answers import SuggestedAnswerService
    from studio.services.trusted_answers import TrustedAnswerService
    from studio.storage.workspace import Workspace


class DemoServices(Protocol):
    """The services that the demo page needs; implemented by :class:`studio.services.container.Services`."""

    @property
    def workspace(self) -> Workspace: ...
    @property
    def links(self) -> LinkService: ...
    @property
    def chats(self) -> ChatService: ...
    @property
    def suggested(self) -> SuggestedAnswerService: ...
    @property
    def trust(self) -> TrustedAnswerService: ...
