"""API keys: made, listed and revoked by the owner; shown by programs that ask."""

from __future__ import annotations

from typing import Final

from studio.domain.api_key import PER_DAY, PER_MINUTE, ApiKey
from studio.errors import AfinaError
from studio.sharing.api_keys import PREFIX, ApiKeyStore
from studio.storage.workspace import Workspace

MAX_NAME: Final = 80
_LONGEST_KEY: Final = 200  # characters; what is longer was never made here


class ApiKeyService:
    """What the Share screen, the command line and the API do with keys."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = ApiKeyStore(workspace.database)

    def add(self, name: str, *, per_minute: int = PER_MINUTE, per_day: int = PER_DAY) -> tuple[ApiKey, str]:
        """Makes a key.

        Args:
            name: the program that will use it; at most 80 characters.
            per_minute: questions that are answered in a minute.
            per_day: questions that are answered in a day.

        Returns:
            What is kept of it, and the key itself, which cannot be shown again.

        Raises:
            AfinaError: ``key.no_name``, ``key.long_name``, ``key.bad_limit``.
        """
        name = " ".join(name.split())
        if not name:
            raise AfinaError("key.no_name")
        if len(name) > MAX_NAME:
            raise AfinaError("key.long_name", limit=MAX_NAME)
        if not (0 < per_minute <= 10_000 and 0 < per_day <= 10_000_000):
            raise AfinaError("key.bad_limit")
        return self._store.add(name, per_minute, per_day)

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones too; the newest first."""
        return self._store.list()

    def revoke(self, key: str) -> ApiKey:
        """Closes a key for good: what it asks just then ends, too.

        Args:
            key: its id, or its name where only one open key is called so.

        Raises:
            AfinaError: ``general.not_found``, ``key.same_name``.
        """
        named = [known for known in self._store.list() if known.name == key and known.is_open]
        if len(named) > 1:
            raise AfinaError("key.same_name", name=key, ids=", ".join(known.id for known in named))
        return self._store.revoke(named[0].id if named else key)

    def authenticate(self, key: str) -> ApiKey:
        """The key that a program has shown. Raises ``api.no_key``, ``api.wrong_key``."""
        if not key:
            raise AfinaError("api.no_key")
        found = self._store.find(key) if key.startswith(PREFIX) and len(key) <= _LONGEST_KEY else None
        if found is None or not found.is_open:
            raise AfinaError("api.wrong_key")
        return found

    def require_open(self, key_id: str) -> None:
        """Looks again whether a key is open.

        Raises:
            AfinaError: ``api.wrong_key`` once it was revoked.
        """
        if not self._store.get(key_id).is_open:
            raise AfinaError("api.wrong_key")

    def count(self, key: ApiKey) -> None:
        """Counts a question.

        Raises:
            AfinaError: ``api.too_fast`` with the seconds to wait as ``n``, ``api.day_used_up``.
        """
        self._store.count(key.id)
