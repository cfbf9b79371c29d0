"""Hostile and broken inputs, made by code. Each says what must come of it: a number of examples, or the code of a problem."""

from __future__ import annotations

import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from tests.data.hostile.packing import bomb, document, flagged, inline, laughs, lying, workbook, zipped

Content = str | bytes | Callable[[], str | bytes]
MB = 1_000_000
GOOD = "question,answer\nPix?,Sim.\nBoleto?,Nao.\n"
HEAD = "question,answer\n"


@dataclass(frozen=True)
class Hostile:
    """An input.

    Args:
        name: what is wrong with it.
        file: its name.
        content: its bytes, or a function that makes them where they are many.
        reads: how many examples are read from it.
        code: a problem that is named.
    """

    name: str
    file: str
    content: Content
    reads: int = 0
    code: str = ""

    def data(self) -> bytes:
        """The bytes of the file."""
        made = self.content() if callable(self.content) else self.content
        return made.encode("utf-8", "surrogatepass") if isinstance(made, str) else made


def _csv_cell(text: str, name: str = "a.csv") -> Callable[[], str]:
    """A CSV in which one answer is a hostile text."""
    return lambda: HEAD + "Pix?,Sim.\n" + f'Outra?,"{text.replace(chr(34), chr(34) * 2)}"\n'


def _columns(count: int) -> Callable[[], str]:
    return lambda: (",".join(f"c{n}" for n in range(count)) + "\n") * 3


TABLES = [
    Hostile("nothing", "a.csv", b"", code="data.empty_file"),
    Hostile("only a mark", "a.csv", b"\xef\xbb\xbf", code="data.empty_file"),
    Hostile("only spaces", "a.csv", " \n\t\n ", code="data.empty_file"),
    Hostile("only separators", "a.csv", ";;;\n;;;\n", code="data.empty_file"),
    Hostile("only line breaks", "a.csv", "\r\n" * 100_000, code="data.empty_file"),
    Hostile("only NULs", "a.csv", bytes(100_000), code="data.empty_file"),
    Hostile("NULs among letters", "a.csv", "question,answer\nP\0ix?,S\0im.\nB?,N\0\n", 2, "data.control_characters"),
    Hostile("lone surrogates as bytes", "a.csv", HEAD.encode() + b"P\xed\xa0\x80ix?,Sim\nB?,N\n", 2),
    Hostile("lone surrogates in UTF-16", "a.csv", b"\xff\xfe" + HEAD.encode("utf-16-le") + b"a\0\x00\xd8?\0,\0b\0\n\0", 1),
    Hostile("mixed separators", "a.csv", "question;answer\nPix?;Sim, claro.\nBoleto?,Nao;x\n", 2),
    Hostile("mixed line ends", "a.csv", "question,answer\r\nA?,B\rC?,D\nE?,F\r\r\nG?,H", 4),
    Hostile("a quote that never closes", "a.csv", HEAD + '"Pix?,Sim.\nBoleto?,Nao.\n' * 3, code="data.open_quote", reads=4),
    Hostile("quotes inside", "a.csv", HEAD + 'O "pix" vai?,O "sim" vai.\nB?,N\n', 2),
    Hostile("only quotes", "a.csv", HEAD + '"' * MB, code="data.columns_unknown"),
    Hostile("a cell of 10 MB", "a.csv", lambda: GOOD + f'Grande?,"{"x y " * 2_500_000}"\n', 2, "data.cell_too_long"),
    Hostile("a line of 10 MB", "a.csv", lambda: "x" * (10 * MB), code="data.columns_unknown"),
    Hostile("10,000 columns", "a.csv", _columns(10_000), code="data.too_many_columns"),
    Hostile("400 columns", "a.csv", _columns(400), code="data.columns_unknown"),
    Hostile("100,000 empty rows", "a.csv", lambda: GOOD + ",\n" * 100_000, 2),
    Hostile("50,000 rows of one letter", "a.csv", lambda: HEAD + "a,b\n" * 50_000, 50_000),
    Hostile("the same title twice", "a.csv", "question,question,answer\nA?,,B\nC?,,D\n", 2),
    Hostile("titles without names", "a.csv", ",,\nA?,B?,C\nD?,E,F\n", reads=2, code="data.mapping_guessed"),
    Hostile("a title of 1 MB", "a.csv", lambda: "question," + "answer" * 170_000 + "\nA?,B\nC?,D\n", reads=2),
    Hostile("UTF-32", "a.csv", GOOD.encode("utf-32"), 2),
    Hostile("UTF-16 without a mark", "a.csv", GOOD.encode("utf-16-be"), 2),
    Hostile("Windows-1252", "a.csv", "Pergunta;Resposta\nAção?;Não “é” – sim…\nAvô?;Maçã\n".encode("cp1252"), 2),
    Hostile("bad UTF-8 here and there", "a.csv", GOOD.encode() + b"Caf\xff\xfe?,Sim \x80\x81\n", 3),
    Hostile("text that turns around", "a.csv", HEAD + "Pix\u202e?,Sim\u202d\nB\u200b?,N\u2066\n", 2),
    Hostile("families of emoji", "a.csv", HEAD + "👨‍👩‍👧‍👦?,🏳️‍🌈\n🇧🇷?,👍🏽\n", 2),
    Hostile("a tower of accents", "a.csv", _csv_cell("a" + "\u0301" * 50_000), 2),
    Hostile("a byte that ends files", "a.csv", "question,answer\nA?,B\n\x1aC?,D\n", 2),
    Hostile("colours of a terminal", "a.csv", HEAD + "\x1b[31mPix?\x1b[0m,\x1b]0;title\x07Sim\nB?,N\n", 2),
    Hostile("a line that names the separator", "a.csv", "sep=;\nquestion;answer\nA?;B\nC?;D\n", 2),
    Hostile("one column", "a.csv", "question\nA?\nB?\n", code="data.columns_unknown"),
    Hostile("only titles", "a.csv", HEAD, code="data.no_rows"),
    Hostile("more cells than titles", "a.csv", HEAD + "A?,B,C,D\nE?,F\n", 2, "data.extra_cells"),
    Hostile("fewer cells than titles", "a.csv", "question,answer,topic\nA?\nB?,C\n", 1, "data.no_answer"),
    Hostile("formulas", "a.csv", HEAD + "=1+1,\"=cmd|' /C calc'!A0\"\n@SUM(A1),+A1\n-1+2,\"=HYPERLINK(\"\"http://x\"\")\"\n", 3),
    Hostile("scripts", "a.csv", HEAD + "<script>alert(1)</script>?,<img src=x onerror=alert(1)>\nB?,N\n", 2),
    Hostile("templates", "a.csv", HEAD + "{{7*7}} ${7*7} {0.__class__}?,%s %n {question}\nB?,{{N}}\n", 2),
    Hostile("statements", "a.csv", HEAD + "'; DROP TABLE projects;--?,1 OR 1=1\nB?,N\n", 2),
    Hostile("paths", "a.csv", HEAD + "../../etc/passwd?,C:\\Windows\\system32\nB?,file:///etc/passwd\n", 2),
    Hostile("a name like a path", "..%2f..%2fa.csv", GOOD, 2),
    Hostile("a long name", "a" * 200 + ".csv", GOOD, 2),
    Hostile("dots and spaces for a name", ". . .csv", GOOD, 2),
]  # fmt: skip

# Texts on which a careless pattern of a check would take hours.
PATTERNS = [
    Hostile(f"pattern: {name}", "a.csv", _csv_cell(text), 2)
    for name, text in {
        "tags that never close": "<a " * 30_000,
        "tags in tags": "<" * 90_000,
        "attributes": "<a " + "x=1 " * 20_000,
        "comments": "<!--" * 20_000,
        "scripts": "<script " * 10_000,
        "scripts that close elsewhere": "<script>" * 10_000,
        "entities": "&amp;" * 18_000,
        "entities cut off": "&" * 90_000,
        "letters read wrong": "Ã" * 45_000 + "§" * 40_000,
        "letters read wrong thrice": "ÃƒÂ§" * 20_000,
        "mail addresses": "a@a." * 22_000,
        "one long mail address": "a" * 45_000 + "@" + "a." * 20_000,
        "many at signs": "@" * 90_000,
        "at in brackets": "a (at) " * 12_000,
        "spoken addresses": "a at a dot " * 8_000,
        "digits": "1" * 95_000,
        "digits apart": "1 " * 45_000,
        "digits and dots": "1." * 45_000,
        "brackets and digits": "(1" * 45_000,
        "brackets": "(" * 90_000,
        "phones": "11 98765-4321 " * 6_000,
        "cards": "4111 1111 1111 1111 " * 4_500,
        "CPFs": "529.982.247-25 " * 6_000,
        "account numbers": "DE00 AAAA BBBB CCCC " * 4_500,
        "one long account number": "DE00" + "A" * 90_000,
        "CNPJs": "AB.CDE.FGH/0001-" * 5_000,
        "names": "my name is " * 8_000,
        "a name of many words": "meu nome é " + "Ana " * 20_000,
        "titles": "Sr. A" * 15_000,
        "streets": "Rua A " * 15_000,
        "house numbers": "1 A " * 20_000,
        "orders": "pedido nº " * 9_000,
        "order numbers": "pedido " + "A1-" * 25_000,
        "quotes": "> " * 45_000,
        "lines of quotes": ">\n" * 45_000,
        "mails quoted": "On Mon wrote\n" * 7_000,
        "introductions": "Em " * 30_000 + "escreveu",
        "heads of mails": "From: a\nb\n" * 9_000,
        "signatures": "--\n" * 30_000,
        "closings": "Att,\n" * 18_000,
        "notices": "\nThis e-mail is " * 5_000,
        "spaces": " " * 45_000 + "x" + " " * 45_000,
        "line breaks": "\n" * 90_000 + "x",
        "our": "our " * 22_000 + "11 98765-4321",
        "please see": "please " * 14_000,
        "see the": "see the " * 15,
        "masks": "[EMAIL_9999999] " * 5_000,
    }.items()
]

Q = {"question": "Pix?", "answer": "Sim."}
TURNS = [{"role": "user", "content": "Pix?"}, {"role": "assistant", "content": "Sim."}]
LISTS = [
    Hostile("deep lists", "a.json", lambda: "[" * 200_000 + "]" * 200_000, code="data.json_too_deep"),
    Hostile("deep objects", "a.json", lambda: '{"a":' * 100_000 + "1" + "}" * 100_000, code="data.json_too_deep"),
    Hostile("deep lists in a record", "a.json", lambda: f'[{{"question":"A?","answer":{"[" * 50_000}{"]" * 50_000}}}]', code="data.json_too_deep"),
    Hostile("a number", "a.json", "42", code="data.json_shape"),
    Hostile("a text", "a.json", '"oi"', code="data.json_shape"),
    Hostile("nothing as JSON", "a.json", "null", code="data.json_shape"),
    Hostile("a truth", "a.json", "true", code="data.json_shape"),
    Hostile("another shape", "a.json", '{"a": {"b": [1]}}', code="data.json_shape"),
    Hostile("lists of lists", "a.json", "[[1,2],[3,4]]", code="data.fields_unknown"),
    Hostile("numbers", "a.json", "[1,2,3]", code="data.not_a_record"),
    Hostile("nulls", "a.json", lambda: json.dumps([None] * 100_000), code="data.not_a_record"),
    Hostile("cut off", "a.json", '[{"question": "A?", "answer": "B"}, {"question": "C', code="data.broken_json"),
    Hostile("a comma too many", "a.json", '[{"question":"A?","answer":"B"},]', code="data.broken_json"),
    Hostile("comments", "a.json", '// x\n[{"question":"A?","answer":"B"}]', code="data.no_rows"),
    Hostile("single quotes", "a.json", "[{'question':'A?','answer':'B'}]", code="data.broken_json"),
    Hostile("not a number", "a.json", '[{"question":"A?","answer":NaN},{"question":"B?","answer":Infinity},{"question":"C?","answer":"D"}]', reads=2, code="data.no_answer"),
    Hostile("a number of 5,000 digits", "a.json", '[{"question":"A?","answer":' + "9" * 5_000 + "}]", code="data.broken_json"),
    Hostile("1e999", "a.json", '[{"question":"A?","answer":1e999},{"question":"B?","answer":"C"}]', reads=2),
    Hostile("keys twice", "a.json", '[{"question":"A?","question":"B?","answer":"C"},{"question":"D?","answer":"E"}]', 2),
    Hostile("lone surrogates escaped", "a.json", '[{"question":"A\\ud800?","answer":"B\\udfff"},{"question":"C?","answer":"D"}]', 2, "data.control_characters"),
    Hostile("NULs escaped", "a.json", '[{"question":"A\\u0000?","answer":"B"},{"question":"C?","answer":"D"}]', 2, "data.control_characters"),
    Hostile("10,000 keys", "a.json", lambda: json.dumps([{f"k{n}": "x" for n in range(10_000)}]), code="data.too_many_columns"),
    Hostile("keys of Python", "a.json", json.dumps([{"__class__": "x", "__proto__": {"a": 1}, **Q}] * 2), 2),
    Hostile("a text of 10 MB", "a.json", lambda: json.dumps([Q, {"question": "B?", "answer": "x" * 10 * MB}]), 1, "data.cell_too_long"),
    Hostile("records of different shapes", "a.json", json.dumps([Q, {"a": 1}, [], "x", {"question": "B?"}, None, {"answer": "C"}]), 1),
    Hostile("turns that are a number", "a.json", json.dumps([{"messages": 5}, {"messages": TURNS}]), 1),
    Hostile("turns that are numbers", "a.json", json.dumps([{"messages": [1, None, "x"]}, {"messages": TURNS}]), 1),
    Hostile("turns of nobody", "a.json", json.dumps([{"messages": [{"content": "x"}, {"role": "wizard", "content": "y"}]}, {"messages": TURNS}]), 1),
    Hostile("turns without words", "a.json", json.dumps([{"messages": [{"role": "user"}, {"role": "assistant", "content": None}]}, {"messages": TURNS}]), 1),
    Hostile("turns with pictures", "a.json", json.dumps([{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]}, TURNS[1]]}, {"messages": TURNS}]), reads=1, code="data.media"),
    Hostile("10,000 turns", "a.json", lambda: json.dumps([{"messages": TURNS * 5_000}]), 1),
    Hostile("ShareGPT without words", "a.json", json.dumps([{"conversations": [{"from": "human"}, {"value": "x"}]}, {"conversations": [{"from": "human", "value": "A?"}, {"from": "gpt", "value": "B"}]}]), 1),
    Hostile("lines with rubbish", "a.jsonl", json.dumps(Q) + "\n{oops\n\n" + json.dumps(Q) + "\n[1]\n", 2),
    Hostile("lines without breaks", "a.jsonl", json.dumps(Q) + json.dumps(Q), code="data.broken_json"),
    Hostile("lines of UTF-16", "a.jsonl", ("\n".join([json.dumps(Q)] * 3)).encode("utf-16"), 3),
    Hostile("a JSON with a mark", "a.json", b"\xef\xbb\xbf" + json.dumps([Q, Q]).encode(), 2),
    Hostile("a pickle called JSON", "a.json", b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.", code="data.not_readable.binary"),
]  # fmt: skip


STRINGS = "xl/sharedStrings.xml"


def _bomb(said: int | None = None) -> Callable[[], bytes]:
    return lambda: bomb(workbook(inline(("question", "answer"), ("A?", "B"))), STRINGS, 1_200 * MB, said)


def _small_lie() -> bytes:
    return lying(
        zipped(workbook(inline(("question", "answer"), ("A?", "B"), ("C?", "D")))), "xl/worksheets/sheet1.xml", 80
    )


def _entities(text: str, head: str) -> bytes:
    entries = workbook(
        b'<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
        + inline(("x", "y"), ("A?", "B"), ("C?", "D"))[len(inline(("x", "y"))) :]
    )
    xml = entries["xl/sharedStrings.xml"].replace(b"<sst", head.encode() + b"<sst")
    entries["xl/sharedStrings.xml"] = xml.replace(
        b"</sst>", f"<si><t>question{text}</t></si><si><t>answer</t></si></sst>".encode()
    )
    return zipped(entries)


def _sheet(cells: bytes, **more: bytes) -> bytes:
    return zipped(workbook(cells, **more))


ROWS = inline(("question", "answer"), ("A?", "B"), ("C?", "D"))
OLE = bytes.fromhex("d0cf11e0a1b11ae1")
ODS_HEAD = '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet><table:table table:name="S">'
ODS_END = "</table:table></office:spreadsheet></office:body></office:document-content>"


def _ods(rows: str) -> bytes:
    return zipped(
        {
            "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": (ODS_HEAD + rows + ODS_END).encode(),
        }
    )


SHEETS = [
    Hostile("a workbook that is well", "a.xlsx", _sheet(ROWS), 2),
    Hostile("a sheet that unpacks to 1.2 GB", "a.xlsx", _bomb(), code="data.unpacks_too_large"),
    Hostile("a directory that hides 1.2 GB", "a.xlsx", _bomb(1_000), code="data.unpacks_too_large"),
    Hostile("a directory that lies a little", "a.xlsx", _small_lie, code="data.broken_workbook"),
    Hostile("a billion laughs in a workbook", "a.xlsx", lambda: _entities("&l9;", laughs()), code="data.broken_workbook"),
    Hostile("a workbook that asks for a file", "a.xlsx", lambda: _entities("&x;", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), code="data.broken_workbook"),
    Hostile("a cell at the end of the world", "a.xlsx", _sheet(ROWS + b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), code="data.too_many_columns"),
    Hostile("a million rows", "a.xlsx", _sheet(ROWS + b'<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), reads=2, code="data.no_answer"),
    Hostile("10,000 columns in a sheet", "a.xlsx", lambda: _sheet(b'<row r="1">' + b"".join(b'<c r="ABC1"><v>1</v></c>' for _ in range(3)) + b'<c r="NTP1"><v>1</v></c></row>'), code="data.too_many_columns"),
    Hostile("formulas in a workbook", "a.xlsx", _sheet(ROWS + b'<row r="4"><c r="A4"><f>WEBSERVICE("http://127.0.0.1:1/")</f><v>1</v></c><c r="B4"><f>cmd|"/c calc"!A0</f><v>2</v></c></row>'), reads=3),
    Hostile("texts that are not there", "a.xlsx", _sheet(b'<row r="1"><c r="A1" t="s"><v>999999999</v></c></row>'), code="data.broken_workbook"),
    Hostile("a text before the first", "a.xlsx", _sheet(b'<row r="1"><c r="A1" t="s"><v>-1</v></c></row>'), code="data.broken_workbook"),
    Hostile("numbers beyond all bounds", "a.xlsx", _sheet(ROWS + b'<row r="4"><c r="A4"><v>1e999</v></c><c r="B4"><v>NaN</v></c></row>'), reads=3),
    Hostile("cells without a place", "a.xlsx", _sheet(b'<row><c t="inlineStr"><is><t>question</t></is></c></row><row r="x"><c r="1A"><v>1</v></c></row>'), code="data.broken_workbook"),
    Hostile("rows backwards", "a.xlsx", _sheet(b'<row r="9"><c r="B9"><v>1</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>'), code="data.columns_unknown"),
    Hostile("no sheet", "a.xlsx", zipped({k: v for k, v in workbook(ROWS).items() if "sheet1" not in k}), code="data.broken_workbook"),
    Hostile("rubbish for a workbook", "a.xlsx", zipped({"xl/workbook.xml": b"<nope"}), code="data.broken_workbook"),
    Hostile("a workbook cut off", "a.xlsx", _sheet(ROWS)[:900], code="data.broken_workbook"),
    Hostile("macros", "a.xlsm", _sheet(ROWS, xl__vbaProject___bin=b"Attribute VB_Name"), 2),
    Hostile("paths in a workbook", "a.xlsx", zipped(workbook(ROWS) | {"../../evil.txt": b"x", "/etc/evil": b"x"}), 2),
    Hostile("a workbook with a password", "a.xlsx", OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600), code="data.password"),
    Hostile("an old workbook of rubbish", "a.xls", OLE + random.Random(1).randbytes(20_000), code="data.broken_workbook"),
    Hostile("an old workbook of zeros", "a.xls", OLE + bytes(20_000), code="data.broken_workbook"),
    Hostile("OpenDocument rows without end", "a.ods", _ods('<table:table-row table:number-rows-repeated="1000000000"><table:table-cell office:value-type="string" table:number-columns-repeated="1000"><text:p>x</text:p></table:table-cell></table:table-row>'), code="data.too_many_rows"),
    Hostile("OpenDocument of rubbish", "a.ods", _ods("<table:table-row><oops"), code="data.broken_workbook"),
    Hostile("a billion laughs in OpenDocument", "a.ods", lambda: zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": ("<?xml version='1.0'?>" + laughs() + ODS_HEAD + "<table:table-row><table:table-cell office:value-type='string'><text:p>&l9;</text:p></table:table-cell></table:table-row>" + ODS_END).encode()}), code="data.broken_workbook"),
]  # fmt: skip


def _many() -> bytes:
    return zipped({f"{n}.txt": b"x" for n in range(10_050)}, zipfile.ZIP_STORED)


def _links() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("passwd.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.csv", GOOD)
    return buffer.getvalue()


def _twice() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", GOOD)
        archive.writestr("b.csv", GOOD)
    return buffer.getvalue().replace(b"b.csv", b"a.csv")


def _broken_sum() -> bytes:
    return zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_STORED).replace(b"Sim.", b"Sum.")


ARCHIVES = [
    Hostile("paths in a zip", "a.zip", zipped({"../../../tmp/evil.csv": GOOD.encode(), "/etc/evil.csv": GOOD.encode(), "C:\\evil.csv": GOOD.encode()}), 6),
    Hostile("a zip in a zip", "a.zip", zipped({"b.zip": zipped({"a.csv": GOOD.encode()})}), code="data.nested_archive"),
    Hostile("a zip bomb", "a.zip", lambda: bomb({"a.csv": GOOD.encode()}, "b.csv", 1_200 * MB), code="data.unpacks_too_large", reads=2),
    Hostile("a zip that hides its size", "a.zip", lambda: lying(zipped({"a.csv": GOOD.encode() * 1_000}), "a.csv", 10), code="data.broken_archive"),
    Hostile("a zip with a password", "a.zip", flagged(zipped({"a.csv": GOOD.encode()}), 1), code="data.password"),
    Hostile("links in a zip", "a.zip", _links, 2),
    Hostile("10,050 files", "a.zip", _many, code="data.too_many_files"),
    Hostile("one name twice", "a.zip", _twice, 4),
    Hostile("an empty zip", "a.zip", zipped({}), code="data.empty_archive"),
    Hostile("a zip cut off", "a.zip", zipped({"a.csv": GOOD.encode()})[:60], code="data.broken_archive"),
    Hostile("a zip with a wrong sum", "a.zip", _broken_sum, code="data.broken_archive"),
    Hostile("a zip of programs", "a.zip", zipped({"a.exe": b"MZ\0\0" + bytes(500), "b.png": b"\x89PNG\r\n\x1a\n" + bytes(99)}), code="data.not_readable.program"),
    Hostile("a zip of folders", "a.zip", zipped({"a/": b"", "b/c/": b""}), code="data.empty_archive"),
    Hostile("line breaks in names", "a.zip", zipped({"a\n<script>.csv": GOOD.encode()}), 2),
    Hostile("LZMA", "a.zip", zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_LZMA), 2),
    Hostile("an unknown packing", "a.zip", zipped({"a.csv": GOOD.encode()}, zipfile.ZIP_STORED).replace(b"\x14\0\0\0\0\0", b"\x14\0\0\0\x63\0"), code="data.broken_archive"),
    Hostile("data before the zip", "a.zip", b"#!/bin/sh\nrm -rf /\n" + zipped({"a.csv": GOOD.encode()}), code="data.not_readable.binary"),
]  # fmt: skip


def _parquet(**columns: object) -> bytes:
    import pyarrow
    import pyarrow.parquet

    buffer = BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def _good_parquet() -> bytes:
    return _parquet(question=["A?", "C?"], answer=["B", "D"])


COLUMNAR = [
    Hostile("Parquet cut off", "a.parquet", lambda: _good_parquet()[:-20], code="data.broken_columnar"),
    Hostile("Parquet without its end", "a.parquet", lambda: _good_parquet()[:200], code="data.broken_columnar"),
    Hostile("Parquet with an end of 2 GB", "a.parquet", lambda: _good_parquet()[:-8] + b"\xff\xff\xff\x7fPAR1", code="data.broken_columnar"),
    Hostile("Parquet with a crooked middle", "a.parquet", lambda: _good_parquet()[:40] + bytes(100) + _good_parquet()[140:], code="data.broken_columnar"),
    Hostile("Parquet without rows", "a.parquet", lambda: _parquet(question=[], answer=[]), code="data.no_rows"),
    Hostile("Parquet of bytes", "a.parquet", lambda: _parquet(question=[b"\xff\xfe", b"A?"], answer=[b"\x00", b"B"]), reads=1, code="data.no_pair"),
    Hostile("Parquet of lists", "a.parquet", lambda: _parquet(question=[["A?"], []], answer=[[["B"]], None]), code="data.fields_unknown"),
    Hostile("Parquet of nulls", "a.parquet", lambda: _parquet(question=[None, None], answer=[None, None]), code="data.fields_unknown"),
    Hostile("Parquet with 1,000 columns", "a.parquet", lambda: _parquet(**{f"c{n}": ["x"] for n in range(1_000)}), code="data.too_many_columns"),
    Hostile("Arrow of rubbish", "a.arrow", b"ARROW1\0\0" + random.Random(2).randbytes(5_000), code="data.broken_columnar"),
    Hostile("Arrow with a length of 2 GB", "a.arrow", b"\xff\xff\xff\xff\xff\xff\xff\x7f" + bytes(200), code="data.not_readable.binary"),
]  # fmt: skip


def _heading(text: str) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


FAQ = (
    _heading("Pix?")
    + "<w:p><w:r><w:t>Sim.</w:t></w:r></w:p>"
    + _heading("Boleto?")
    + "<w:p><w:r><w:t>Nao.</w:t></w:r></w:p>"
)
DOCUMENTS = [
    Hostile("a document that is well", "a.docx", document(FAQ), 2),
    Hostile("a billion laughs in Word", "a.docx", document(_heading("Pix &l9;?") + "<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>", laughs()), code="data.broken_document"),
    Hostile("a document that asks for a file", "a.docx", document(_heading("Pix?") + "<w:p><w:r><w:t>&x;</w:t></w:r></w:p>", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), code="data.broken_document"),
    Hostile("tables in tables", "a.docx", lambda: document("<w:tbl><w:tr><w:tc>" * 3_000 + "</w:tc></w:tr></w:tbl>" * 3_000), code="data.no_questions_in_text"),
    Hostile("a document cut off", "a.docx", document(FAQ)[:300], code="data.broken_document"),
    Hostile("a document of 1.1 GB", "a.docx", lambda: bomb({"[Content_Types].xml": b"<Types/>"}, "word/document.xml", 1_100 * MB), code="data.unpacks_too_large"),
    Hostile("a document without text", "a.docx", zipped({"[Content_Types].xml": b"<Types/>", "word/other.xml": b"<x/>"}), code="data.empty_archive"),
    Hostile("deep boxes", "a.html", lambda: "<html><body>" + "<div>" * 100_000 + "x", code="data.no_questions_in_text"),
    Hostile("details in details", "a.html", lambda: "<html><body>" + "<details><summary>A?</summary>B" * 3_000, reads=3000),
    Hostile("a page of scripts", "a.html", "<html><script>alert(1)</script><h2>Pix?</h2><p>Sim<script>x</script>.</p><h2>Boleto?</h2><p onclick=x>Nao.</p></html>", 2),
    Hostile("a comment that never ends", "a.html", "<html><!-- " + "x" * MB, code="data.no_questions_in_text"),
    Hostile("an attribute of 1 MB", "a.html", lambda: f'<html><h2 title="{"x" * MB}">Pix?</h2><p>Sim.</p><h2>B?</h2><p>N.</p>', 2),
    Hostile("a page with NULs", "a.html", b"<html>\0<h2>P\0ix?</h2><p>S\0im.</p><h2>B?</h2><p>N.</p>", reads=2, code="data.control_characters"),
    Hostile("a page that says it is JSON", "a.html", '<html><script type="application/ld+json">{"@type":"FAQPage","mainEntity":' + "[" * 50_000 + "</script></html>", code="data.no_questions_in_text"),
    Hostile("100,000 number signs", "a.md", "#" * 100_000 + " x\n", code="data.not_readable.text"),
    Hostile("headings without texts", "a.md", "# A?\n# B?\n# C?\n", code="data.no_questions_in_text"),
    Hostile("a head that never ends", "a.md", "---\nquestion: A?\n" * 1_000, reads=1),
    Hostile("a head that is a program", "a.md", "---\nquestion: !!python/object/apply:os.system ['id']\n---\nSim.\n", reads=1),
    Hostile("a head of laughs", "a.md", '---\na: &a ["x","x"]\nb: &b [*a,*a]\nc: &c [*b,*b]\nquestion: *c\n---\nSim.\n', reads=1),
    Hostile("questions without answers", "a.txt", "Q: A?\nQ: B?\nQ: C?\n", code="data.no_questions_in_text"),
    Hostile("50,000 questions", "a.txt", lambda: "Q: A?\nA: B.\n" * 50_000, 50_000),
    Hostile("prose", "a.txt", "Era uma vez uma loja.\n" * 1_000, code="data.not_readable.text"),
    Hostile("a chat of 5,000 people", "chat.txt", lambda: "".join(f"01/02/2026 10:{n % 60:02} - P{n}: oi {n}\n" for n in range(5_000)), reads=1),
    Hostile("a chat of one", "chat.txt", "01/02/2026 10:00 - Ana: oi\n" * 50, code="data.no_answer"),
    Hostile("a chat on the 99th", "chat.txt", "99/99/9999 99:99 - Ana: oi?\n99/99/9999 99:99 - Loja: sim\n" * 9, reads=1, code="data.company"),
    Hostile("a chat of pictures", "chat.txt", "01/02/2026 10:00 - Ana: <Media omitted>\n01/02/2026 10:01 - Loja: <Media omitted>\n" * 9, code="data.chat_media"),
]  # fmt: skip

OTHERS = [
    Hostile(name, file, content, code=f"data.not_readable.{kind}")
    for name, file, content, kind in (
        ("a picture", "a.csv", b"\x89PNG\r\n\x1a\n" + bytes(500), "image"),
        ("a photo", "a.json", b"\xff\xd8\xff\xe0" + bytes(500), "image"),
        ("a PDF", "a.xlsx", b"%PDF-1.7\n" + bytes(500), "pdf"),
        ("a program", "a.csv", b"\x7fELF" + bytes(500), "program"),
        ("a database", "a.csv", b"SQLite format 3\0" + bytes(500), "database"),
        ("a gzip", "a.csv", b"\x1f\x8b\x08" + bytes(500), "archive"),
        ("a RAR", "a.zip", b"Rar!\x1a\x07" + bytes(500), "archive"),
        ("a film", "a.csv", b"RIFF" + bytes(500), "media"),
        ("noise", "a.csv", random.Random(3).randbytes(100_000), "binary"),
    )
]

CORPUS = (*TABLES, *PATTERNS, *LISTS, *SHEETS, *ARCHIVES, *COLUMNAR, *DOCUMENTS, *OTHERS)
