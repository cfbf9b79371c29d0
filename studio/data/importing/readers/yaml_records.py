"""YAML: lists of questions and answers, ChatterBot's conversations, and what chatbot builders keep in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from studio.data.importing.readers.json_records import tables_of
from studio.data.importing.table import Reader, SourceFile, Table
from studio.data.text import read_text
from studio.errors import AfinaError

_START: Final = re.compile(r"(?:%YAML .*\n)?(?:---\s*\n)?(?:\s*#.*\n|\s*\n)*(?:- )*[\"']?\w[^:\n]{0,60}[\"']?:(?:\s|$)")
_KEY: Final = re.compile(r"\s*(?:- )?[\"']?\w[^:]{0,60}[\"']?:\s*$")
_LINE: Final = re.compile(r"\s*(?:- |#|---|\.\.\.)|\s+\S|[\"']?\w[^:]{0,60}[\"']?:(?:\s|$)")
_LARGEST: Final = 50_000_000  # bytes: the parser takes a hundred times as long as one for JSON


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values only, every scalar but null as the text that it is."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _sniff(source: SourceFile) -> float:
    if source.suffix in ("yml", "yaml"):
        return 0.96
    if not _START.match(source.start):
        return 0.0
    lines = [line for line in source.start.splitlines()[:200] if line.strip()]
    structured = any(line.lstrip().startswith("- ") for line in lines) and any(_KEY.match(line) for line in lines)
    return 0.8 if structured and all(_LINE.match(line) for line in lines) else 0.0


def _read(source: SourceFile) -> Iterator[Table]:
    if source.path.stat().st_size > _LARGEST:
        raise AfinaError(
            "data.too_large", file=source.name, size_mb=source.path.stat().st_size // 1_000_000, limit_mb=50
        )
    text = read_text(source.path, source.encoding).lstrip("\ufeff")
    try:
        # An alias costs nothing here, and a thousandfold where its copies are walked through.
        if "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)):
            raise yaml.YAMLError("aliases are not read")
        documents = [value for value in yaml.load_all(text, Loader=_Loader) if value is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        row = mark.line + 1 if mark is not None else 1
        raise AfinaError("data.broken_yaml", file=source.name, row=row) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise AfinaError("data.broken_yaml", file=source.name, row=1) from error
    value: Any = documents if len(documents) > 1 else documents[0] if documents else None
    yield from tables_of(source, value, f"{source.encoding}, YAML")


READER: Final = Reader("yaml", ("yml", "yaml"), _sniff, _read)
