"""Makers of zip files, workbooks and documents, the wrong ones too."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

Entries = dict[str, bytes]
_TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = b"http://schemas.openxmlformats.org/package/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zipped(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip file of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def workbook(sheet: bytes, strings: bytes = b"", **more: bytes) -> Entries:
    """The members of a workbook with one sheet.

    Args:
        sheet: content of ``sheetData``.
        strings: content of ``sst``.
        more: members to add, by name; ``/`` is written ``__``.
    """
    head = b'<?xml version="1.0"?>'
    relation = b'<Relationship Id="r%d" Type="' + _OFFICE + b'/%s" Target="%s"/>'
    entries = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": head
        + b'<Relationships xmlns="'
        + _PACKAGE
        + b'">'
        + relation % (1, b"officeDocument", b"xl/workbook.xml")
        + b"</Relationships>",
        "xl/workbook.xml": head
        + b'<workbook xmlns="'
        + _MAIN
        + b'" xmlns:r="'
        + _OFFICE
        + b'"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": head
        + b'<Relationships xmlns="'
        + _PACKAGE
        + b'">'
        + relation % (1, b"worksheet", b"worksheets/sheet1.xml")
        + relation % (2, b"sharedStrings", b"sharedStrings.xml")
        + b"</Relationships>",
        "xl/worksheets/sheet1.xml": head
        + b'<worksheet xmlns="'
        + _MAIN
        + b'"><sheetData>'
        + sheet
        + b"</sheetData></worksheet>",
        "xl/sharedStrings.xml": head + b'<sst xmlns="' + _MAIN + b'">' + strings + b"</sst>",
    }
    return entries | {name.replace("__", "/"): data for name, data in more.items()}


def inline(*rows: tuple[str, ...]) -> bytes:
    """Rows of a sheet with their texts in the cells."""
    cells = ""
    for number, row in enumerate(rows, start=1):
        cells += f'<row r="{number}">'
        for column, text in enumerate(row):
            cells += f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{text}</t></is></c>'
        cells += "</row>"
    return cells.encode()


def document(body: str, head: str = "") -> bytes:
    """A Word document with this content; ``head`` stands before the root."""
    types = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Override PartName="/word/document.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    xml = f'<?xml version="1.0"?>{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": types.encode(), "word/document.xml": xml.encode()})


def laughs(depth: int = 9) -> str:
    """Entities that expand a billion times."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, depth + 1))
    return f'<!DOCTYPE x [<!ENTITY l0 "lol">{entities}]>'


def lying(packed: bytes, member: str, size: int, method: int | None = None) -> bytes:
    """A zip file that says that ``member`` unpacks to ``size`` bytes, and how it is packed."""
    data = bytearray(packed)
    name = member.encode()
    for mark, lengths, text, packing, sizes in ((b"PK\1\2", 28, 46, 10, 24), (b"PK\3\4", 26, 30, 8, 22)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            length = struct.unpack_from("<H", data, at + lengths)[0]
            if data[at + text : at + text + length] == name:
                struct.pack_into("<I", data, at + sizes, size)
                if method is not None:
                    struct.pack_into("<H", data, at + packing, method)
    return bytes(data)


def bomb(entries: Entries, member: str, size: int, said: int | None = None) -> bytes:
    """A zip file in which ``member`` unpacks to ``size`` zeros; its directory says ``said``, or the truth."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = piece * (size // 10_000_000) + b"\3\0"  # pieces after a full flush stand for themselves
    stored = zipped(entries | {member: stream}, zipfile.ZIP_STORED)
    return lying(stored, member, size if said is None else said, zipfile.ZIP_DEFLATED)


def flagged(packed: bytes, flag: int) -> bytes:
    """A zip file whose members carry a general purpose flag, such as 1 for a password."""
    data = bytearray(packed)
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + offset] |= flag
    return bytes(data)
