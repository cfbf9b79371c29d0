"""Keys with which programs ask a tuned chatbot."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from studio.domain.value import Value

PER_MINUTE: Final = 60  # questions, unless the owner says otherwise
PER_DAY: Final = 2000


class ApiKey(Value):
    """A key. The key itself is shown once, when it is made, and kept nowhere."""

    id: str = Field(description="By which it is revoked; tells nothing of the key.")
    name: str = Field(description="What the owner calls it: the program that uses it.")
    hint: str = Field(description="The key's last four characters.")
    created_at: float
    revoked_at: float | None = None
    last_used_at: float | None = None
    per_minute: int = Field(description="Questions that are answered in a minute.")
    per_day: int = Field(description="Questions that are answered in a day, UTC.")
    used_today: int = 0

    @property
    def is_open(self) -> bool:
        """Whether programs may use it."""
        return self.revoked_at is None
