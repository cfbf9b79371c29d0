"""The table of formats in the docs, made from the registry: ``python -m studio.data.importing.readers > studio/data/importing/readers/FORMATS.md``."""

from __future__ import annotations

import sys

from studio.data.importing.readers import READERS
from studio.data.importing.readers.archive import FOLDER
from studio.i18n.catalog import DEFAULT_LOCALE, catalog


def table() -> str:
    """The document: a row a format family, in the order in which a file is looked at."""
    text = catalog(DEFAULT_LOCALE)
    lines = [
        "# What Afina reads",
        "",
        "Files are recognised by their content, whatever they are called. Several files make one dataset.",
        "",
        "| format | usual endings |",
        "|---|---|",
    ]
    for reader in (*READERS, FOLDER):
        endings = " ".join(f"`.{extension}`" for extension in reader.extensions) or "any"
        lines.append(f"| {text(f'examples.reader.{reader.name}')} | {endings} |")
    lines.append("| Datasets of the Hugging Face hub: their first rows, split and config to choose | `org/name` |")
    return "\n".join([*lines, "", "Made by `python -m studio.data.importing.readers`; a test compares.", ""])


if __name__ == "__main__":
    sys.stdout.write(table())
