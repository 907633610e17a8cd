"""Keys from the bytes that a terminal sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.views.terminal.keys import Keys


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[A\x1b[B\x1bOC\x1b[D", ["up", "down", "right", "left"]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", ["home", "end", "home", "end"]),
        (b"\t\x1b[Z ?+-", ["tab", "back-tab", "space", "?", "+", "-"]),
        (b"\x1b[200~\x1b[15;2~\x1b]11;rgb:0/0/0\x07\x1b[<0;3;4Mq", ["q"]),
        ("é字".encode(), []),
        (b"\x00\x01\x7f", []),
        (b"\x1aq", ["ctrl-z", "q"]),
    ],
)
def test_sequences_are_decoded_and_unknown_ones_ignored(data, keys):
    assert Keys().feed(data) == keys
    whole = Keys()
    assert [key for n in range(len(data)) for key in whole.feed(data[n : n + 1])] == keys


def test_a_lone_escape_is_a_key_if_nothing_follows():
    keys = Keys()
    assert keys.feed(b"\x1b") == []
    assert keys.unfinished
    assert keys.feed(b"", last=True) == ["escape"]
    assert not keys.unfinished


@given(st.binary(max_size=400))
def test_any_bytes_can_be_decoded(data):
    keys = Keys()
    names = keys.feed(data) + keys.feed(b"", last=True)
    assert all(isinstance(key, str) and key for key in names)
    assert not keys.unfinished
