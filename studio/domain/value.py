"""The base of all pure values."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """An immutable value, validated when it is made; ``model_copy`` makes changed copies."""

    model_config = ConfigDict(frozen=True)
