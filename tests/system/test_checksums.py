"""Text that tells when it was damaged: every bit of it."""

import hashlib
import json
import re
import zlib
from typing import Any

import pytest

from hiddenstate.system.checksums import open_lines, open_object, seal_line, seal_lines, seal_object

RECORD = {"format": 3, "config": {"lr": 0.01, "name": "Zoë", "sizes": [1, 2]}, "data": {}}
ENTRIES: list[dict[str, Any]] = [
    {"event": "log", "step": 0, "loss": 0.5},
    {"event": "log", "step": 10, "loss": 0.25, "why": 'a "check": "00000000"}'},
    {"event": "end", "step": 11},
]


def flips(data: bytes) -> Any:
    for bit in range(len(data) * 8):
        hurt = bytearray(data)
        hurt[bit // 8] ^= 1 << bit % 8
        yield bytes(hurt)


def test_an_object_comes_back_without_its_seal() -> None:
    data = seal_object(RECORD)
    assert open_object(data, sealed=True) == RECORD
    assert json.loads(data)["config"] == RECORD["config"]


def test_the_seal_of_an_object_is_the_sha256_of_its_text_with_zeros_in_its_place() -> None:
    data = seal_object(RECORD)
    stated = json.loads(data)["sha256"]
    assert hashlib.sha256(data.replace(stated.encode(), b"0" * 64)).hexdigest() == stated


def test_every_bit_of_a_sealed_object_is_noticed() -> None:
    for hurt in flips(seal_object(RECORD)):
        with pytest.raises(ValueError):  # noqa: PT011
            open_object(hurt, sealed=True)


def test_a_sealed_object_cut_anywhere_is_noticed() -> None:
    data = seal_object(RECORD)
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011
            open_object(data[:length], sealed=True)


def test_an_object_without_a_seal_is_read_where_none_is_asked_for() -> None:
    assert open_object(json.dumps(RECORD).encode()) == RECORD


def test_lines_come_back_without_their_checks() -> None:
    data, check = seal_lines(ENTRIES)
    lines = open_lines(data)
    assert lines.entries == ENTRIES
    assert (lines.damaged, lines.rest, lines.check) == ([], b"", check)


def test_a_lines_check_is_the_crc_of_it_begun_with_the_check_before() -> None:
    data, _ = seal_lines(ENTRIES)
    before = 0
    for line in data.splitlines():
        head, stated = re.fullmatch(rb'(.*), "check": "([0-9a-f]{8})"\}', line).groups()  # type: ignore[union-attr]
        before = zlib.crc32(head, before)
        assert f"{before:08x}".encode() == stated


def test_lines_added_one_by_one_are_those_written_at_once() -> None:
    data, check = b"", 0
    for entry in ENTRIES:
        line, check = seal_line(entry, check)
        data += line
    assert (data, check) == seal_lines(ENTRIES)


def test_every_bit_of_sealed_lines_is_noticed() -> None:
    data, _ = seal_lines(ENTRIES)
    for hurt in flips(data):
        lines = open_lines(hurt)
        assert lines.damaged or lines.rest
        assert all(entry in ENTRIES for entry in lines.entries)


@pytest.mark.parametrize("gone", range(2))
def test_a_line_taken_out_is_noticed(gone: int) -> None:
    data, _ = seal_lines(ENTRIES)
    kept = data.splitlines(keepends=True)
    del kept[gone]
    assert open_lines(b"".join(kept)).damaged == [gone + 1]


def test_lines_that_changed_places_are_noticed() -> None:
    one, two, three = seal_lines(ENTRIES)[0].splitlines(keepends=True)
    assert open_lines(two + one + three).damaged


def test_what_follows_damage_is_still_told_apart() -> None:
    one, two, three = seal_lines(ENTRIES)[0].splitlines(keepends=True)
    lines = open_lines(one + two.replace(b"0.25", b"0.75") + three)
    assert lines.damaged == [2]
    assert lines.entries == [ENTRIES[0], ENTRIES[2]]


def test_a_line_still_being_written_is_no_damage() -> None:
    data, _ = seal_lines(ENTRIES)
    lines = open_lines(data[:-5])
    assert lines.entries == ENTRIES[:2]
    assert not lines.damaged
    assert lines.rest == data.splitlines(keepends=True)[-1][:-5]


def test_lines_of_older_formats_have_no_checks() -> None:
    data = b"".join(json.dumps(entry).encode() + b"\n" for entry in ENTRIES)
    assert open_lines(data, sealed=False).entries == ENTRIES
    assert open_lines(data, sealed=True).damaged == [1, 2, 3]


@pytest.mark.parametrize("line", [b"[]", b"5", b"", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"{"])
def test_a_line_that_is_no_object_is_damaged(line: bytes) -> None:
    assert open_lines(line + b"\n", sealed=False).damaged == [1]
