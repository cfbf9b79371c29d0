"""Text comes out whole: characters, stops, loops."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from studio.chat.text import TextStream, is_looping

_BYTES = {1: b"a", 2: b"\xc3", 3: b"\xa7", 4: b"\xf0\x9f", 5: b"\x98\x80", 6: b"<e", 7: b"nd>", 8: b" x", 9: b"<"}


def _decode(ids: Sequence[int]) -> str:
    return b"".join(_BYTES[i] for i in ids).decode("utf-8", errors="replace")


def test_half_a_character_is_kept_back_until_it_is_whole() -> None:
    stream = TextStream(_decode)
    assert [stream.push(token) for token in (1, 2, 3, 4, 5, 8)] == ["a", "", "ç", "", "😀", " x"]
    assert stream.finish() == ""
    assert stream.text == "aç😀 x"


def test_half_a_character_at_the_end_is_left_out() -> None:
    stream = TextStream(_decode)
    stream.push(1)
    stream.push(4)
    assert stream.finish() == ""
    assert stream.text == "a"


def test_a_stop_is_not_shown_even_when_it_comes_in_pieces() -> None:
    stream = TextStream(_decode, ["<end>"])
    assert [stream.push(token) for token in (1, 6, 7, 1)] == ["a", "", "", ""]
    assert stream.is_stopped
    assert stream.finish() == ""
    assert stream.text == "a"


def test_what_only_looked_like_a_stop_is_shown() -> None:
    stream = TextStream(_decode, ["<end>"])
    assert stream.push(9) == ""
    assert stream.push(1) == "<a"
    stream.push(6)
    assert stream.finish() == "<e"


@pytest.mark.parametrize("period", [1, 2, 7, 20])
def test_a_loop_is_noticed(period: int) -> None:
    answer = [*range(100, 140), *list(range(period)) * (40 // period + 4)]
    assert is_looping(answer)
    assert not is_looping(answer[: 40 + period * 2])


def test_an_ordinary_answer_is_no_loop() -> None:
    assert not is_looping([1, 2, 3, 1, 2, 3, 4, 1, 2, 3, 5] * 3)
    assert not is_looping([7] * 12)


def test_an_answer_of_one_line_ends_with_the_first_that_is_not_blank() -> None:
    pieces = ["\n", " ", "5 ", "%", "\n", "Question"]
    stream = TextStream(lambda ids: "".join(pieces[i] for i in ids), one_line=True)
    said = ""
    for number in range(len(pieces)):
        said += stream.push(number)
        if stream.is_stopped:
            break
    assert said == stream.text == "5 %"
    assert number == 4
