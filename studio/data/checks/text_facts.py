"""What is known of one text: what the scanner remembers of it, and the rules read."""

from __future__ import annotations

from collections.abc import Sequence

from studio.data.checks.facts import hashed


class Text:
    """What is known of one text. Without the text itself, so that very many are remembered.

    Args:
        key: the text as compared.
        folded: the same without regard to letter case and spaces.
        letters: of the text as compared.
        size: in bytes.
        flags: of the checks of single texts.
    """

    __slots__ = (
        "answered",
        "asked",
        "flags",
        "folded",
        "key",
        "language",
        "letters",
        "masks",
        "size",
        "values",
        "wanted",
    )

    def __init__(self, key: int, folded: int, letters: int, size: int, flags: int) -> None:
        self.key = key
        self.folded = folded
        self.letters = letters
        self.size = size
        self.flags = flags
        self.answered = -1  # flags of the checks of answers, and of questions: made when the text is one
        self.asked = -1
        self.wanted = 0  # kinds of personal data that a question asks for
        self.language = -1
        self.values: Sequence[tuple[int, int, int, int, bool]] | None = None
        self.masks: Sequence[tuple[str, int]] = ()

    @classmethod
    def of(cls, text: str, key: str, flags: int) -> Text:
        """What is known of a text with a plain form and flags."""
        size = len(text.encode("utf-8", "surrogatepass"))
        return cls(hashed(key or text.strip()), folded_hash(text), len(key), size, flags)


def folded_hash(text: str) -> int:
    """The hash of a text without regard to letter case and spaces."""
    folded = text.casefold()
    return hashed(" ".join(folded.split()) if "\n" in text or "\t" in text or "  " in text else folded)
