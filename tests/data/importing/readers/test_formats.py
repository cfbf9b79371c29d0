"""Every format: a tiny file as its tool writes it, through the real reader, to the exact conversations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.data.importing.pipeline import read_files
from studio.data.importing.readers import READERS, extensions
from studio.domain.dataset import Mapping
from studio.i18n.catalog import LOCALES, catalog
from tests.data.files import assert_sentences, codes

ASSETS = Path(__file__).parents[3] / "assets" / "data"
SHOP_PT = ["u:Qual o prazo? a:São 7 dias úteis.", "u:Aceitam pix? a:Sim."]
SHOP_EN = ["u:Open? a:Yes.", "u:Where? a:Here."]
PASSAGES = [
    "u:The shop opened its doors in a narrow street near the harbour. a:It sold coffee by the sack, and the smell went up "
    "to the third floor. In winter the owner kept the roaster burning until late, so that whoever came from the ships "
    "could warm their hands and taste the last batch of the day.",
    "u:Beans keep best in a closed tin away from the light. a:A bag that was opened should be used within two weeks, since "
    "the oils meet the air and lose what makes them pleasant. Grinding just before brewing costs a minute more and gives "
    "back most of what the weeks on the shelf had taken away from the cup.",
]

FORMATS: dict[str, tuple[str, list[str], list[str]]] = {
    "sac-windows1252.csv": (
        "delimited",
        ["u:Qual o prazo? a:São 7 dias úteis.", "u:Vocês trocam? a:Sim, em 30 dias."],
        [],
    ),
    "table.tsv": ("delimited", ["u:Open today? a:Yes.", "u:Where? a:Main street 4."], []),
    "faq.xlsx": ("sheets", ["u:Qual o prazo? a:São 7 dias úteis.", "u:Quanto? a:10"], ["data.rows_above"]),
    "faq.yml": ("yaml", SHOP_PT, []),
    "thread.mbox": ("mail", ["u:Open today? a:Yes, until six."], ["data.company", "data.quoted_lines"]),
    "faq.qna": ("qna", ["u:Open today? a:Yes, until\nsix.", "u:Hours? a:Yes, until\nsix.", "u:Where? a:Here."], []),
    "faq.xls": ("sheets", SHOP_PT, []),
    "faq.ods": ("sheets", SHOP_PT, []),
    "chat.parquet": ("columnar", SHOP_EN, []),
    "table.arrow": ("columnar", SHOP_EN, []),
    "stream.arrow": ("columnar", SHOP_EN, []),
    "alpaca.json": (
        "json",
        ["s:Be brief. u:Hi a:Hello! u:Answer the customer.\nDo you ship? a:Yes.", "u:What time is it? a:Noon."],
        [],
    ),
    "sharegpt.json": (
        "json",
        [
            's:You help. u:Where is order 7? a:{"name": "find", "arguments": {"id": 7}} '
            't:{"status": "shipped"} a:It is on its way.'
        ],
        ["data.no_answer"],
    ),
    "openai.jsonl": (
        "json",
        [
            "s:Be kind. u:Hi\nOpen? a-:Hello! u:Well? a:Yes.",
            'u:Where is order 7? a:{"name": "find", "arguments": "{\\"id\\": 7}"} t:shipped a:On its way.',
        ],
        ["data.media"],
    ),
    "completion.jsonl": ("json", ["u:Open? -> a:Yes.", "u:Where? -> a:Here."], []),
    "kiln.jsonl": ("json", SHOP_EN, []),
    "preference.json": ("json", ["u:Open? a:Yes, until six.", "u:Where? a:Main street."], ["data.preference"]),
    "preference.jsonl": ("json", SHOP_EN, ["data.preference"]),
    "preference-transcript.jsonl": ("json", ["u:Open? a:Yes.", "u:Hi a:Hello. u:Where? a:Here."], ["data.preference"]),
    "reasoning.jsonl": (
        "json",
        ['s:Use tools. u:Open? a:{"name": "hours"} t:9-18 a:Until six.', "u:Where? a:Here."],
        [],
    ),
    "preference-messages.jsonl": ("json", SHOP_EN, ["data.preference"]),
    "liked.json": ("json", SHOP_EN, ["data.not_preferred"]),
    "glaive-tools.json": (
        "json",
        [
            'u:Is order 7 paid? a:{"name": "find_order", "arguments": {"number": 7}} t:{"paid": true} '
            "a:Yes, order 7 is paid. u:Thanks! a:You are welcome.",
            "u:Can you book a flight? a:No, I can only look orders up.",
        ],
        [],
    ),
    "identity.json": (
        "json",
        ["u:Who are you? a:I am {{name}}, made by {{author}}.", "u:hi a:Hello! I am {{name}}."],
        [],
    ),
    "ranked-alpaca.json": (
        "json",
        ["u:Open? a:Yes.", "u:Answer kindly.\nWhere? a:Here, welcome."],
        ["data.preference"],
    ),
    "rated-alpaca.json": ("json", SHOP_EN, ["data.not_preferred"]),
    "rated-turns.jsonl": ("json", SHOP_EN, ["data.not_preferred"]),
    "prompt-turns.jsonl": ("json", SHOP_EN, []),
    "passages.jsonl": ("json", PASSAGES, ["data.passages"]),
    "prose.txt": ("prose", PASSAGES, ["data.passages"]),
    "media-alpaca.json": ("json", SHOP_EN, ["data.media"]),
    "media-sound.json": ("json", ["u:Open? a:Yes."], ["data.media"]),
    "media-parts.jsonl": ("json", ["u:Open? a:Yes."], ["data.media"]),
    "media.json": ("json", ["u:Open? a:Yes."], ["data.media"]),
    "splits.json": ("json", ["u:Open? a:Yes.", "u:Are you open? a:Yes."], []),
    "columns.json": ("json", SHOP_EN, []),
    "dictionary.json": ("json", SHOP_EN, []),
    "grid.json": ("json", SHOP_EN, []),
    "transcript.jsonl": ("json", SHOP_EN, []),
    "faq.md": (
        "documents",
        [
            "u:Qual é o prazo? a:São **7 dias úteis**.\n- capitais: 4 dias",
            "u:Vocês entregam no sábado? a:Sim, até as 12h.",
            "u:Aceitam pix? a:Aceitamos.",
        ],
        ["data.text_left_out"],
    ),
    "front-matter.md": ("documents", ["u:Do you ship abroad? a:Not yet: only within Brazil."], []),
    "faq-pr.txt": ("documents", ["u:Qual o prazo? a:São 7 dias úteis.\nContados do pagamento.", SHOP_PT[1]], []),
    "faq-qa.txt": ("documents", ["u:Open today? a:Yes.", "u:Where? a:Here."], []),
    "faq-plain.txt": (
        "documents",
        ["u:What time do you open? a:At nine.", "u:Do you close for lunch? a:No, we\nnever close."],
        [],
    ),
    "faq.html": ("web_pages", ["u:Do you ship? a:Yes & fast.", "u:Where are you? a:Main street 4."], []),
    "details.html": (
        "web_pages",
        [
            "u:Aceitam pix? a:Aceitamos.\nNa hora.",
            "u:Têm loja física? a:Não temos.",
            "u:E por boleto? a:Também.",
            "u:Parcelam? a:Em 3 vezes.",
        ],
        [],
    ),
    "headings.html": (
        "web_pages",
        ["u:Open today? a:Yes,\nuntil six.", "u:Where? a:Main street.\nSecond floor."],
        [],
    ),
    "headings.docx": ("word", ["u:Qual o prazo? a:São 7 dias úteis.\nContados do pagamento.", SHOP_PT[1]], []),
    "table.docx": ("word", SHOP_PT, []),
    "several.zip": (
        "archive",
        [*SHOP_EN, "u:Is this outside? a:No.", "u:Really? a:Really."],
        ["data.not_readable.image"],
    ),
    "whatsapp-android.txt": (
        "whatsapp",
        ["u:Oi\nVocês entregam\nno sábado? a:Sim!\nAté as 12h.", "u:Aceitam pix? a:Aceitamos."],
        ["data.company", "data.chat_media", "data.turns_before", "data.turns_after"],
    ),
    "whatsapp-ios.txt": (
        "whatsapp",
        ["u:Do you ship to Rio? a:Yes, in 4 days. u:How much is it? a:R$ 14: flat."],
        ["data.company", "data.chat_media"],
    ),
    "tickets.csv": (
        "delimited",
        [
            "u:Meu pedido não chegou a:Ele chega amanhã, Maria. u:Obrigada! E a nota? a:Vai por e-mail.",
            "u:Aceitam pix? a:Aceitamos.",
        ],
        [],
    ),
}


def _text(conversation: Any) -> str:
    return " ".join(f"{m.role.value[0]}{'' if m.learn else '-'}:{m.content}" for m in conversation.messages)


@pytest.mark.parametrize("name", FORMATS)
def test_format(name: str) -> None:
    reader, expected, problems = FORMATS[name]
    result = read_files([ASSETS / name])
    assert [_text(conversation) for conversation in result.conversations] == expected
    assert codes(result) == problems
    assert {file.reader for file in result.files} == {reader}
    assert_sentences(result)


def test_every_asset_and_every_reader_is_tested() -> None:
    assert {path.name for path in ASSETS.iterdir()} == set(FORMATS)
    assert {reader for reader, _, _ in FORMATS.values()} == {reader.name for reader in READERS}


def test_every_reader_is_described() -> None:
    for locale in LOCALES:
        for reader in READERS:
            assert catalog(locale)(f"examples.reader.{reader.name}")
    assert {".csv", ".xlsx", ".json", ".jsonl", ".tsv", ".parquet", ".docx", ".html", ".md", ".zip"} <= set(
        extensions()
    )


def test_rows_topics_and_splits() -> None:
    faq = read_files([ASSETS / "faq.md"]).conversations
    assert [(c.source.row, c.topic) for c in faq if c.source] == [(8, "Entrega"), (14, "Entrega"), (20, "Pagamento")]
    assert [c.held_out for c in read_files([ASSETS / "splits.json"]).conversations] == [False, True]
    assert [c.held_out for c in read_files([ASSETS / "chat.parquet"]).conversations] == [False, True]
    chat = read_files([ASSETS / "whatsapp-android.txt"]).conversations
    assert [c.source.row for c in chat if c.source] == [3, 10]
    assert [c.topic for c in read_files([ASSETS / "tickets.csv"]).conversations] == ["Entrega", "Pagamento"]


def test_the_company_of_a_chat_can_be_chosen() -> None:
    result = read_files([ASSETS / "whatsapp-ios.txt"], Mapping(company="Ana Lima"))
    assert [name for name, _ in result.files[0].speakers] == ["Ana Lima", "Rui"]
    assert [_text(c) for c in result.conversations] == ["u:Yes, in 4 days. a:How much is it?"]


def test_a_folder_of_all_of_them() -> None:
    result = read_files([ASSETS])
    assert len(result.conversations) == sum(len(expected) for _, expected, _ in FORMATS.values())
    assert all(c.source and c.source.file.startswith("data/") for c in result.conversations)


def test_what_speaks_about_the_files_beside_it_is_no_example(tmp_path: Path) -> None:
    (tmp_path / "faq.jsonl").write_text('{"question": "Open?", "answer": "Yes."}\n', encoding="utf-8")
    about = "# How to use these files?\nDownload them.\n# Who made them?\nWe did.\n"
    (tmp_path / "README.md").write_text(about, encoding="utf-8")
    (tmp_path / "dataset_info.json").write_text('{"faq": {"file_name": "faq.jsonl", "formatting": "alpaca"}}')
    assert [_text(c) for c in read_files([tmp_path]).conversations] == ["u:Open? a:Yes."]
    (tmp_path / "faq.jsonl").unlink()
    (tmp_path / "dataset_info.json").unlink()
    assert len(read_files([tmp_path]).conversations) == 2  # alone, it may well be the FAQ itself
