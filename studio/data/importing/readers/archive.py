"""Archives and folders of files: everything in them that is a dataset is read, everything else is named."""

from __future__ import annotations

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final

from studio.data.importing.exports import dialogflow
from studio.data.importing.exports.base import PAIRS
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.limits import MAX_ENTRIES, MAX_UNPACKED
from studio.domain.problem import Severity
from studio.errors import AfinaError

_PASSED_OVER: Final = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", ".git", "dataset_info.json")
_ABOUT: Final = re.compile(r"readme(_\w+)?\.(md|txt|rst)", re.I)  # speaks about the files beside it
_CHUNK: Final = 1 << 20
_LARGEST_INTENT: Final = 20_000_000  # bytes


def _sniff(source: SourceFile) -> float:
    return 0.5 if source.head.startswith(b"PK") else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    if source.depth:
        raise AfinaError("data.nested_archive", file=source.name)
    left = MAX_UNPACKED
    found = False
    try:
        with zipfile.ZipFile(source.path) as archive, tempfile.TemporaryDirectory(prefix="afina-") as folder:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MAX_ENTRIES:
                raise AfinaError("data.too_many_files", file=source.name, n=len(entries), limit=MAX_ENTRIES)
            pairs, of_agent = dialogflow.agent_files(entry.filename for entry in entries)
            if pairs:
                found = True
                rows = dialogflow.agent_rows(pairs, partial(_content, archive, source.name))
                yield Table(source.name, PAIRS, rows, detail="Dialogflow")
                entries = [entry for entry in entries if entry.filename not in of_agent]
            about = {entry.filename for entry in entries if _ABOUT.fullmatch(PurePosixPath(entry.filename).name)}
            for number, entry in enumerate(entries):
                if entry.filename in about and len(about) < len(entries):
                    continue
                if any(part in _PASSED_OVER for part in PurePosixPath(entry.filename).parts):
                    continue
                # The name inside the archive is only ever shown: what is written lies under a name of ours.
                target = Path(folder) / str(number)
                if entry.flag_bits & 1:
                    raise AfinaError("data.password", file=source.name)
                with archive.open(entry) as packed:
                    left -= _copy(packed, target, left, source.name)
                for table in _member(source, target, entry.filename, source.depth + 1):
                    found = True
                    yield table
                target.unlink()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise AfinaError("data.broken_archive", file=source.name) from error
    if not found:
        raise AfinaError("data.empty_archive", file=source.name)


def _content(archive: zipfile.ZipFile, name: str, member: str) -> bytes:
    """What a small file of an archive holds."""
    entry = archive.getinfo(member)
    if entry.flag_bits & 1:
        raise AfinaError("data.password", file=name)
    with archive.open(entry) as packed:
        content = packed.read(_LARGEST_INTENT + 1)
    if len(content) > _LARGEST_INTENT:
        limit = _LARGEST_INTENT // 1_000_000
        raise AfinaError("data.unpacks_too_large", file=name, size_mb=limit, limit_mb=limit)
    return content


def _copy(packed: IO[bytes], target: Path, left: int, name: str) -> int:
    """Unpacks one file and returns its size, which is measured and not believed."""
    size = 0
    with target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            size += len(chunk)
            if size > left:
                limit = round(MAX_UNPACKED / 1e6)
                raise AfinaError("data.unpacks_too_large", file=name, size_mb=limit, limit_mb=limit)
            file.write(chunk)
    return size


def _member(source: SourceFile, path: Path, name: str, depth: int) -> Iterator[Table]:
    """The tables of a file inside an archive or a folder; one that cannot be read is named, and the others go on."""
    from studio.data.importing import readers

    shown = f"{source.name}/{name}"
    member = SourceFile(path, shown, source.findings, depth)
    try:
        yield from readers.choose(member).read(member)
    except AfinaError as error:
        source.findings.file(
            error.code, shown, Severity.WARNING, **{key: value for key, value in error.params.items() if key != "file"}
        )


def read_folder(source: SourceFile) -> Iterator[Table]:
    """The tables of every file below a folder, in the order of their names. Links are not followed."""
    paths = sorted(path for path in source.path.rglob("*") if path.is_file() and not path.is_symlink())
    if len(paths) > MAX_ENTRIES:
        raise AfinaError("data.too_many_files", file=source.name, n=len(paths), limit=MAX_ENTRIES)
    found = False
    about = [path for path in paths if _ABOUT.fullmatch(path.name)]
    for path in paths if len(about) == len(paths) else (path for path in paths if path not in about):
        name = path.relative_to(source.path).as_posix()
        if not any(part in _PASSED_OVER or part.startswith(".") for part in PurePosixPath(name).parts):
            for table in _member(source, path, name, source.depth):
                found = True
                yield table
    if not found:
        raise AfinaError("data.empty_archive", file=source.name)


READER: Final = Reader("archive", ("zip",), _sniff, _read, binary=True)
FOLDER: Final = Reader("folder", (), lambda _: 0.0, read_folder)
