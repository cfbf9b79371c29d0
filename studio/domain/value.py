"""The base of all pure values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """What is validated once and never changed; a copy with changes is made by ``model_copy``."""

    model_config = ConfigDict(frozen=True)
