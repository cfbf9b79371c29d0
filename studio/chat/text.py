"""From tokens to text that can be shown: whole characters only, nothing after a stop, no endless loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

_REPLACEMENT: Final = "\ufffd"  # what a decoder writes for bytes that are not a whole character yet
_LONGEST_PERIOD: Final = 64  # tokens
_FEWEST_REPEATS: Final = 4
_FEWEST_TOKENS: Final = 32


class TextStream:
    """Turns the tokens of one answer into pieces of text.

    A token may hold a part of a character, and a decoder may write a token otherwise after another one, so tokens are
    decoded together with the ones before them, and what is not final is kept back.

    Args:
        decode: text of a list of tokens.
        stops: strings that end the answer; they are not shown.
        one_line: whether the answer ends with its first line that is not blank.
    """

    def __init__(
        self, decode: Callable[[Sequence[int]], str], stops: Sequence[str] = (), one_line: bool = False
    ) -> None:
        self._decode, self._one_line = decode, one_line
        self._stops = (*stops, "\n") if one_line else tuple(stops)
        self._ids: list[int] = []
        self._start = self._read = 0  # tokens from _start are decoded anew; those before _read were given out
        self._held = ""
        self.text = ""
        self.is_stopped = False

    def push(self, token: int) -> str:
        """Takes one token; returns the text that is sure now, which may be empty."""
        self._ids.append(token)
        before = self._decode(self._ids[self._start : self._read])
        now = self._decode(self._ids[self._start :])
        if now.endswith(_REPLACEMENT) or len(now) <= len(before):
            return ""
        self._start, self._read = self._read, len(self._ids)
        return self._release(now[len(before) :], final=False)

    def finish(self) -> str:
        """The text that was still kept back at the end; half a character is left out."""
        before = self._decode(self._ids[self._start : self._read])
        rest = self._decode(self._ids[self._start :])[len(before) :].rstrip(_REPLACEMENT)
        self._start = self._read = len(self._ids)
        return self._release(rest, final=True)

    def _release(self, piece: str, final: bool) -> str:
        if self.is_stopped:
            return ""
        held = self._held + piece
        if self._one_line and not self.text:
            held = held.lstrip()
        ends = [place for stop in self._stops if (place := held.find(stop)) >= 0]
        if ends:
            self.is_stopped = True
            held, keep = held[: min(ends)], 0
        else:
            keep = 0 if final else max((_overlap(held, stop) for stop in self._stops), default=0)
        out, self._held = held[: len(held) - keep], held[len(held) - keep :]
        self.text += out
        return out


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` may be the beginning of ``stop``."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)


def is_looping(ids: Sequence[int]) -> bool:
    """Whether an answer ends in the same few tokens again and again, as small base models do.

    A loop is a sequence of up to 64 tokens said at least four times in a row, over at least 32 tokens.
    """
    for period in range(1, min(_LONGEST_PERIOD, len(ids) // _FEWEST_REPEATS) + 1):
        span = max(period * _FEWEST_REPEATS, _FEWEST_TOKENS)
        if span <= len(ids) and all(ids[-i] == ids[-i - period] for i in range(1, span - period + 1)):
            return True
    return False
