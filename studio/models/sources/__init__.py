"""Where base models come from: one file a source, one line here."""

from __future__ import annotations

from pydantic import SecretStr

from studio.domain.model import SourceKind
from studio.models.sources.base import Source
from studio.models.sources.folder import FolderSource
from studio.models.sources.hub import HubSource
from studio.models.sources.package import PackageSource
from studio.settings import Settings


def sources(settings: Settings, token: SecretStr | None = None) -> dict[SourceKind, Source]:
    """All sources by kind.

    Args:
        token: of the hub; before the one in the settings.
    """
    return {
        SourceKind.PACKAGE: PackageSource(),
        SourceKind.HUB: HubSource(settings.hf_endpoint, token or settings.hf_token),
        SourceKind.FOLDER: FolderSource(),
    }
