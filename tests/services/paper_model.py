"""A base model on paper: its card and a real tokenizer of a few words, for tests that never train."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from studio.domain.model import BaseModelCard, Licence, SourceKind
from studio.models.catalog import builtin_cards
from studio.storage.database import AddedModelRow
from studio.storage.workspace import Workspace

PAPER = "folder-paper"


def install_paper_model(workspace: Workspace, *, must_accept: bool = False, parameters: int = 1_000_000) -> str:
    """Adds the model to the catalog and puts its files in place; returns its id."""
    card = paper_card(must_accept=must_accept, parameters=parameters)
    with workspace.database.session() as session:
        row = AddedModelRow(id=card.id, source="folder", reference="x", card=card.model_dump(mode="json"), added_at=0)
        session.merge(row)
    folder = workspace.model(card.id)
    folder.mkdir(parents=True)
    write_files(folder)
    (folder / "afina.json").write_text(card.model_dump_json(), encoding="utf-8")
    return card.id


def paper_card(*, must_accept: bool, parameters: int) -> BaseModelCard:
    return BaseModelCard(
        id=PAPER,
        name="Paper",
        source=SourceKind.FOLDER,
        reference="x",
        parameters=parameters,
        licence=Licence(name="Paper terms", must_accept=must_accept),
        layers=2,
        hidden_size=64,
        intermediate_size=128,
        vocabulary=3,
        context_length=512,
        chat_template=builtin_cards()[0].chat_template,
    )


def write_files(folder: Path) -> None:
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[EOS]": 1, "[PAD]": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(["[EOS]", "[PAD]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"eos_token": "[EOS]", "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"eos_token_id": 1}), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(builtin_cards()[0].chat_template or "", encoding="utf-8")
