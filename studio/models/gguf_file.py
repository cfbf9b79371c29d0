"""The head of a GGUF file: its settings and the shapes of its tensors, without the long lists of words.

The ``gguf`` package reads every word of the vocabulary into an array of its own, which takes many seconds; the web
process needs a few numbers only. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

from studio.errors import AfinaError
from studio.models.json_file import require_ordinary

# Format characters of :mod:`struct` for the types of single values.
_NUMBERS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9
_LONG: Final = 1000  # entries from which a list is passed over
_MAX_COUNTS: Final = {"tensors": 500_000, "settings": 20_000, "entries": 2_000_000, "dimensions": 8}


@dataclass(frozen=True)
class GgufHead:
    """What stands before the data.

    Args:
        shapes: of the tensors, by name, the innermost dimension first.
    """

    settings: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]

    @property
    def parameters(self) -> int:
        return sum(prod(shape) for shape in self.shapes.values())


def read_head(path: Path) -> GgufHead:
    """Reads the head of ``path`` and checks that the data it announces is there. Raises ``model.weights_damaged``."""
    try:
        require_ordinary(path)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).head()
    except (struct.error, ValueError, KeyError, IndexError, ArithmeticError, TypeError) as error:
        raise AfinaError("model.weights_damaged", path=str(path), detail=str(error)[:100]) from error


class _Reader:
    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def head(self) -> GgufHead:
        if self._data[:4] != b"GGUF":
            raise ValueError("not a GGUF file")
        self._at = 4
        if self._number("I") not in (2, 3):
            raise ValueError("unknown version")
        tensors, settings = self._count("tensors"), self._count("settings")
        found: dict[str, Any] = {}
        for _ in range(settings):
            key = self._string()
            value = self._value(self._number("I"))
            if value is not None:
                found[key] = value
        shapes: dict[str, tuple[int, ...]] = {}
        end = 0
        for _ in range(tensors):
            name = self._string()
            shape = tuple(self._number("Q") for _ in range(self._count("dimensions", "I")))
            end = max(end, _size(self._number("I"), prod(shape)) + self._number("Q"))
            shapes[name] = shape
        alignment = int(found.get("general.alignment", 32))
        if -(-self._at // alignment) * alignment + end > len(self._data):
            raise ValueError("data cut off")
        return GgufHead(found, shapes)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            return self._number(_NUMBERS[kind])
        inner, count = self._number("I"), self._count("entries")
        if inner == _STRING:
            for _ in range(count):
                self._skip(self._number("Q"))
            return None
        width = struct.calcsize(_NUMBERS[inner])
        if count >= _LONG:
            self._skip(width * count)
            return None
        return [self._number(_NUMBERS[inner]) for _ in range(count)]

    def _count(self, what: str, kind: str = "Q") -> int:
        """How many of something follow; so many that no model has them are refused before they are looked at."""
        count = int(self._number(kind))
        if count > _MAX_COUNTS[what]:
            raise ValueError(f"{count} {what}")
        return count

    def _number(self, kind: str) -> Any:
        (value,) = struct.unpack_from(f"<{kind}", self._data, self._at)
        self._at += struct.calcsize(kind)
        return value

    def _string(self) -> str:
        length = self._number("Q")
        start = self._at
        self._skip(length)
        return self._data[start : self._at].decode("utf-8", "replace")

    def _skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise ValueError("head cut off")


def _size(kind: int, elements: int) -> int:
    """Bytes of a tensor of ``elements`` values in the number format ``kind``."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    block, width = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
    return int(elements // block * width)
