"""Text from elsewhere: no terminal acts on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cliptrace.schemas.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 日本 👩‍👩‍👧", "plain ä 日本 👩‍👩‍👧"),
        ("\x1b[2J\x1b]0;title\x07red", " [2J ]0;title red"),
        ("c1\x9b31m", "c1 31m"),
        ("a\r\nb\u2028c", "a b c"),
        ("film\u202egpm.exe\u2066", "film gpm.exe "),
        ("not UTF-8 \udcff", "not UTF-8 \\udcff"),
    ],
)
def test_what_acts_on_a_terminal_is_left_out(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_what_is_shown_is_one_line_of_utf8(text: str) -> None:
    assert len(printable(text).splitlines()) <= 1
    assert not set(printable(text)) & {chr(code) for code in (*range(32), *range(127, 160))}
    printable(text).encode()  # raises where it is no UTF-8
