"""Parquet, Arrow and Feather: tables of data tools, read in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from studio.data.importing.table import Reader, Record, SourceFile, Table
from studio.data.limits import MAX_COLUMNS, MAX_UNPACKED
from studio.errors import AfinaError

_BATCH: Final = 256  # rows: a kilobyte of a file may stand for gigabytes, and is looked at in small pieces
_SLICE: Final = 64  # rows made to values of Python at once
_DECODED: Final = (100_000_000, 100)  # bytes that rows may have: so many, and so many for each byte of the file
_STREAM: Final = b"\xff\xff\xff\xff"


def _sniff(source: SourceFile) -> float:
    if source.head.startswith((b"PAR1", b"ARROW1")):
        return 1.0
    size = int.from_bytes(source.head[4:8], "little")  # of the schema, which a stream begins with
    return 0.6 if source.head.startswith(_STREAM) and 8 < size < 10_000_000 else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    import pyarrow as pa

    try:
        names, batches = _parquet(source) if source.head.startswith(b"PAR1") else _arrow(source)
        if len(names) > MAX_COLUMNS:
            raise AfinaError("data.too_many_columns", file=source.name, n=len(names), limit=MAX_COLUMNS)
        yield Table(source.name, names, _rows(source, batches), detail=source.suffix)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AfinaError("data.broken_columnar", file=source.name) from error


def _parquet(source: SourceFile) -> tuple[tuple[str, ...], Iterator[Any]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source.path)
    size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if size > MAX_UNPACKED:
        raise AfinaError(
            "data.unpacks_too_large",
            file=source.name,
            size_mb=round(size / 1e6),
            limit_mb=round(MAX_UNPACKED / 1e6),
        )
    return tuple(file.schema_arrow.names), file.iter_batches(batch_size=_BATCH)


def _arrow(source: SourceFile) -> tuple[tuple[str, ...], Iterator[Any]]:
    import pyarrow as pa

    if source.head.startswith(_STREAM):
        stream = pa.ipc.open_stream(str(source.path))
        return tuple(stream.schema.names), iter(stream)
    file = pa.ipc.open_file(str(source.path))
    return tuple(file.schema.names), (file.get_batch(i) for i in range(file.num_record_batches))


def _rows(source: SourceFile, batches: Iterator[Any]) -> Iterator[Record]:
    import pyarrow as pa

    number = size = letters = 0
    limit = min(MAX_UNPACKED, _DECODED[0] + _DECODED[1] * source.path.stat().st_size)
    try:
        for batch in batches:
            size += batch.nbytes
            for start in range(0, batch.num_rows, _SLICE):
                for values in batch.slice(start, _SLICE).to_pylist():
                    number += 1
                    # What stands once in the batch may stand in every row.
                    letters += sum(len(value) for value in values.values() if isinstance(value, str | bytes))
                    if max(size, letters) > limit:
                        sizes = {"size_mb": round(max(size, letters) / 1e6), "limit_mb": round(limit / 1e6)}
                        raise AfinaError("data.unpacks_too_large", file=source.name, **sizes)
                    yield Record(number, {name: _as_text(value) for name, value in values.items()})
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AfinaError("data.broken_columnar", file=source.name) from error


def _as_text(value: Any) -> Any:
    """The value with bytes as the text that they are; bytes of pictures and sounds are left out."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return None
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()}
    return [_as_text(item) for item in value] if isinstance(value, list) else value


READER: Final = Reader("columnar", ("parquet", "arrow", "feather"), _sniff, _read, binary=True)
