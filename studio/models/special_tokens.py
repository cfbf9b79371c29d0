"""The strings that a tokenizer takes for one token with a meaning, wherever they stand in a text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from studio.models.json_file import read_text

_LARGEST: Final = 200_000_000  # bytes of a tokenizer.json; that of Gemma has 33 million
_LIST: Final = re.compile(r'"added_tokens"\s*:\s*(?=\[)')


def special_tokens(model_dir: Path) -> set[str]:
    """The special tokens that ``tokenizer.json`` declares; empty when there is no such file.

    Only the list is parsed, which is a hundred times smaller than the file. Inside a string of JSON its quotes would be
    escaped, so it is found nowhere else.

    Raises:
        AfinaError: ``model.odd_file``.
    """
    text = read_text(model_dir / "tokenizer.json", _LARGEST) or ""
    found: set[str] = set()
    for match in _LIST.finditer(text):
        try:
            entries, _ = json.JSONDecoder().raw_decode(text, match.end())
        except (ValueError, RecursionError):
            continue
        found |= {str(entry["content"]) for entry in entries if isinstance(entry, dict) and entry.get("special")}
    return {token for token in found if len(token) > 1}
