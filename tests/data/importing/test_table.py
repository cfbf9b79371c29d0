"""Tables as people really save them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from studio.data.importing.pipeline import read_files
from studio.domain.dataset import Mapping
from studio.domain.problem import Severity
from tests.data.files import codes, pairs, read

TEXT = "Pergunta;Resposta\nQual é o preço?;São R$ 10,50 à vista.\nAbre amanhã?;Não, só na segunda.\n"
EXPECTED = [("Qual é o preço?", "São R$ 10,50 à vista."), ("Abre amanhã?", "Não, só na segunda.")]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, line_end: str) -> None:
    result = read(tmp_path, "faq.csv", TEXT.replace("\n", line_end).encode(encoding))
    assert pairs(result) == EXPECTED
    assert codes(result) == []


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str) -> None:
    rows = [["question", "answer"], ["How much, in total?", "Ten; or 9|8"], ["Open\ttoday?", "Yes"]]
    text = "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows)
    assert pairs(read(tmp_path, "faq.txt", text)) == [(rows[1][0], rows[1][1]), ("Open\ttoday?", "Yes")]


def test_accents_only_at_the_end_of_a_long_file(tmp_path: Path) -> None:
    text = "pergunta,resposta\n" + "Abre hoje?,Sim.\n" * 20_000 + "Abre amanhã?,Não.\n"
    assert pairs(read(tmp_path, "a.csv", text.encode("cp1252")))[-1] == ("Abre amanhã?", "Não.")


def test_central_european_letters(tmp_path: Path) -> None:
    text = "question;answer\n" + "Gdzie są państwa sklepy? Proszę o pomoc;Łódź, źródło i żółć są tutaj, proszę\n" * 5
    assert pairs(read(tmp_path, "a.csv", text.encode("cp1250")))[0][1] == "Łódź, źródło i żółć są tutaj, proszę"


def test_a_few_windows_lines_in_a_utf8_file(tmp_path: Path) -> None:
    good = "Não sei?;Pergunte à loja.\n".encode() * 40
    text = b"Pergunta;Resposta\n" + good + "Amanhã?;Não.\n".encode("cp1252") + good
    result = read(tmp_path, "a.csv", text)
    assert ("Amanhã?", "Não.") in pairs(result)
    assert len(result.conversations) == 81


def test_quoted_line_breaks_and_rows_by_their_line(tmp_path: Path) -> None:
    text = 'question,answer\n"How\nmany?","Two:\r\n- one\r\n- two"\n"Why ""so""?",Because\n'
    result = read(tmp_path, "a.csv", text)
    assert pairs(result) == [("How\nmany?", "Two:\n- one\n- two"), ('Why "so"?', "Because")]
    assert [c.source.row for c in result.conversations if c.source] == [2, 6]


def test_excel_separator_hint(tmp_path: Path) -> None:
    result = read(tmp_path, "a.csv", "sep=;\nquestion;answer\nA, b?;C, d\nE, f?;G, h\n")
    assert pairs(result) == [("A, b?", "C, d"), ("E, f?", "G, h")]
    assert [c.source.row for c in result.conversations if c.source] == [3, 4]


def test_rows_without_question_or_answer_are_named(tmp_path: Path) -> None:
    text = "Pergunta,Resposta\nA?,B\n,C\nD?,\nE?,F\n  , \n,G\n"
    result = read(tmp_path, "sac.csv", text)
    assert pairs(result) == [("A?", "B"), ("E?", "F")]
    found = {problem.code: problem for problem in result.problems}
    assert found["data.no_question"].rows == (3, 7)
    assert found["data.no_answer"].rows == (4,)
    assert found["data.no_question"].file == "sac.csv"
    assert found["data.no_question"].severity is Severity.WARNING


def test_an_unquoted_separator_in_the_answer_loses_nothing(tmp_path: Path) -> None:
    result = read(tmp_path, "a.csv", "question,answer\nOpen?,Yes\nWhen?,Monday, Tuesday, Friday\nWhere?,Here\n")
    assert pairs(result)[1] == ("When?", "Monday, Tuesday, Friday")
    assert codes(result) == ["data.extra_cells"]


def test_an_open_quotation_mark_costs_its_own_row_only(tmp_path: Path) -> None:
    rows = "".join(f"Question {n}?,Answer {n}\n" for n in range(10))
    result = read(tmp_path, "a.csv", 'question,answer\nHow big?,"42 inches\n' + rows)
    assert len(result.conversations) == 11
    assert pairs(result)[0] == ("How big?", '"42 inches')
    assert codes(result) == ["data.open_quote"]
    assert result.problems[0].rows == (2,)


def test_no_header(tmp_path: Path) -> None:
    text = "What time do you open on Sundays?,We open at ten and close at four on Sundays.\nDo you ship?,Yes, we ship to every state.\n"
    result = read(tmp_path, "a.csv", text.replace("Yes, we", "Yes we"))
    assert len(result.conversations) == 2
    assert result.mapping == Mapping(question=("A",), answer=("B",))
    assert codes(result) == ["data.no_header", "data.mapping_guessed"]


def test_chosen_columns_win_and_join(tmp_path: Path) -> None:
    text = "a,b,c\nDo you ship?,To Recife,Yes we do\nOpen?,On Sunday,No\n"
    mapping = Mapping(question=("a", "b"), answer=("c",))
    result = read(tmp_path, "a.csv", text, mapping=mapping)
    assert pairs(result)[0] == ("Do you ship?\nTo Recife", "Yes we do")
    assert result.mapping == mapping
    assert codes(result) == []


def test_held_out_topic_and_extra_columns(tmp_path: Path) -> None:
    text = "question,answer,topic,split,ticket,shift\nA?,B,ship,train,7,day\nC?,D,ship,test,8,night\n"
    first, second = read(tmp_path, "a.csv", text).conversations
    assert (first.held_out, second.held_out, second.topic, second.extra) == (False, True, "ship", {"shift": "night"})
    assert second.source is not None
    assert second.source.key == "8"


def test_several_files_make_one_dataset_and_a_bad_one_stops_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nA?,B\n", encoding="utf-8")
    (tmp_path / "b.csv").write_bytes(b"")
    (tmp_path / "c.json").write_text('[{"pergunta": "C?", "resposta": "D"}]', encoding="utf-8")
    result = read_files([tmp_path / name for name in ("a.csv", "b.csv", "c.json", "missing.csv")])
    assert pairs(result) == [("A?", "B"), ("C?", "D")]
    assert [(p.code, p.file) for p in result.problems] == [
        ("data.empty_file", "b.csv"),
        ("disk.missing", "missing.csv"),
    ]


def test_control_characters_and_lone_surrogates(tmp_path: Path) -> None:
    result = read(
        tmp_path,
        "a.jsonl",
        '{"question": "A\\u0000?", "answer": "B \\ud800 c"}\n{"question":"D?","answer":"\\ud83d\\ude00"}',
    )
    assert pairs(result) == [("A?", "B  c"), ("D?", "😀")]
    assert codes(result) == ["data.control_characters"]
    assert pairs(read(tmp_path, "a.csv", "question,answer\nA\0?,B\nC?,D\n")) == [("A?", "B"), ("C?", "D")]


def _workbook(rows: dict[str, list[list[object]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, cells in rows.items():
        sheet = book.create_sheet(name)
        for row in cells:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_workbook_with_a_title_above_the_header(tmp_path: Path) -> None:
    rows = [
        ["Relatório do SAC"],
        [],
        ["Nº", "Pergunta", "Resposta"],
        [1, "Quanto?", 10.0],
        [2, "Abre?", "Sim"],
        [3, "Só isso?", None],
    ]
    result = read(tmp_path, "sac.xlsx", _workbook({"Plan1": rows}))
    assert pairs(result) == [("Quanto?", "10"), ("Abre?", "Sim")]
    assert [c.source.row for c in result.conversations if c.source] == [4, 5]
    assert [(p.code, p.rows) for p in result.problems] == [("data.rows_above", (1,)), ("data.no_answer", (6,))]


def test_a_workbook_called_csv_is_read_by_content(tmp_path: Path) -> None:
    book = _workbook({"Plan1": [["question", "answer"], ["A?", "B"], ["C?", "D"]]})
    assert pairs(read(tmp_path, "faq.csv", book)) == [("A?", "B"), ("C?", "D")]


def test_sheets_with_pairs_are_read_and_others_named(tmp_path: Path) -> None:
    book = _workbook(
        {
            "Trocas": [["Pergunta", "Resposta"], ["A?", "B"]],
            "Vendas": [["Mês", "Total"], ["jan", 10], ["fev", 20]],
            "Frete": [["Pergunta", "Resposta"], ["C?", "D"]],
        }
    )
    result = read(tmp_path, "sac.xlsx", book)
    assert pairs(result) == [("A?", "B"), ("C?", "D")]
    assert [c.source.sheet for c in result.conversations if c.source] == ["Trocas", "Frete"]
    assert [(p.code, p.file) for p in result.problems] == [("data.columns_unknown", "sac.xlsx › Vendas")]


def test_formulas_in_a_workbook_are_not_run(tmp_path: Path) -> None:
    book = _workbook({"P": [["question", "answer"], ["A?", '=HYPERLINK("http://x")'], ["B?", "C"]]})
    assert pairs(read(tmp_path, "a.xlsx", book)) == [("B?", "C")]


def test_a_workbook_that_names_a_far_cell_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    source = io.BytesIO(_workbook({"P": [["question", "answer"], ["A?", "B"]]}))
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for entry in old.infolist():
            data = old.read(entry)
            if entry.filename.endswith("sheet1.xml"):
                data = data.replace(b'r="B2"', b'r="SD1048576"').replace(b'<row r="2"', b'<row r="1048576"')
                assert b"SD1048576" in data
            new.writestr(entry, data)
    assert codes(read(tmp_path, "a.xlsx", target.getvalue())) == ["data.too_many_rows"]
