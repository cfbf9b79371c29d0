"""Names of files that are the same on every system."""

from __future__ import annotations

import unicodedata


def slug(name: str) -> str:
    """A name in small letters without accents, with hyphens: at most 60 characters."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "".join(char if char.isalnum() else " " for char in ascii_name).split()
    return "-".join(words)[:60].strip("-") or "chatbot"
