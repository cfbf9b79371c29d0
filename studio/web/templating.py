"""HTML from templates of Jinja, in which everything that a person wrote is escaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension

_LINE_BREAK: Final = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")


class JoinedLines(Extension):
    """Leaves out line breaks beside tags and expressions: many elements of a screen show blanks as they stand."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return _LINE_BREAK.sub("", source)


def html_templates(folder: Path) -> Environment:
    """The templates of a folder. A name that a template is not given is an error."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
