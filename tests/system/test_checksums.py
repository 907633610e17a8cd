"""Checksums of objects and lines: every damaged bit is detected."""

import hashlib
import json
import re
import zlib
from typing import Any

import pytest

from hiddenstate.system.checksums import (
    check_lines,
    check_object,
    line_with_checksum,
    lines_with_checksums,
    object_with_checksum,
)

RECORD = {"format": 3, "config": {"lr": 0.01, "name": "Zoë", "sizes": [1, 2]}, "data": {}}
ENTRIES: list[dict[str, Any]] = [
    {"event": "log", "step": 0, "loss": 0.5},
    {"event": "log", "step": 10, "loss": 0.25, "why": 'a "check": "00000000"}'},
    {"event": "end", "step": 11},
]


def flip_each_bit(data: bytes) -> Any:
    for bit in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)


def test_an_object_is_returned_without_its_checksum() -> None:
    data = object_with_checksum(RECORD)
    assert check_object(data, required=True) == RECORD
    assert json.loads(data)["config"] == RECORD["config"]


def test_the_checksum_of_an_object_is_the_sha256_of_its_text_with_zeros_in_its_place() -> None:
    data = object_with_checksum(RECORD)
    stated = json.loads(data)["sha256"]
    assert hashlib.sha256(data.replace(stated.encode(), b"0" * 64)).hexdigest() == stated


def test_every_flipped_bit_and_cut_of_an_object_is_detected() -> None:
    for damaged in flip_each_bit(object_with_checksum(RECORD)):
        with pytest.raises(ValueError):  # noqa: PT011
            check_object(damaged, required=True)
    data = object_with_checksum(RECORD)
    for length in range(len(data)):
        with pytest.raises(ValueError):  # noqa: PT011
            check_object(data[:length], required=True)


def test_an_object_without_a_checksum_is_read_unless_one_is_required() -> None:
    assert check_object(json.dumps(RECORD).encode()) == RECORD


def test_lines_are_returned_without_their_checksums() -> None:
    data, check = lines_with_checksums(ENTRIES)
    lines = check_lines(data)
    assert lines.entries == ENTRIES
    assert (lines.damaged, lines.rest, lines.check) == ([], b"", check)


def test_the_checksum_of_a_line_is_its_crc_started_from_the_one_before() -> None:
    data, _ = lines_with_checksums(ENTRIES)
    before = 0
    for line in data.splitlines():
        head, stated = re.fullmatch(rb'(.*), "check": "([0-9a-f]{8})"\}', line).groups()
        before = zlib.crc32(head, before)
        assert f"{before:08x}".encode() == stated


def test_lines_written_one_by_one_equal_lines_written_together() -> None:
    data, check = b"", 0
    for entry in ENTRIES:
        line, check = line_with_checksum(entry, check)
        data += line
    assert (data, check) == lines_with_checksums(ENTRIES)


def test_every_flipped_bit_of_lines_is_detected() -> None:
    data, _ = lines_with_checksums(ENTRIES)
    for damaged in flip_each_bit(data):
        lines = check_lines(damaged)
        assert lines.damaged or lines.rest
        assert all(entry in ENTRIES for entry in lines.entries)


@pytest.mark.parametrize("removed", range(2))
def test_a_removed_line_is_detected(removed: int) -> None:
    data, _ = lines_with_checksums(ENTRIES)
    kept = data.splitlines(keepends=True)
    del kept[removed]
    assert check_lines(b"".join(kept)).damaged == [removed + 1]


def test_another_order_is_detected_and_lines_after_a_damaged_one_are_read() -> None:
    one, two, three = lines_with_checksums(ENTRIES)[0].splitlines(keepends=True)
    assert check_lines(two + one + three).damaged
    lines = check_lines(one + two.replace(b"0.25", b"0.75") + three)
    assert lines.damaged == [2]
    assert lines.entries == [ENTRIES[0], ENTRIES[2]]


def test_a_line_still_being_written_does_not_count_as_damaged() -> None:
    data, _ = lines_with_checksums(ENTRIES)
    lines = check_lines(data[:-5])
    assert lines.entries == ENTRIES[:2]
    assert not lines.damaged
    assert lines.rest == data.splitlines(keepends=True)[-1][:-5]


def test_lines_of_older_formats_need_no_checksum() -> None:
    data = b"".join(json.dumps(entry).encode() + b"\n" for entry in ENTRIES)
    assert check_lines(data, required=False).entries == ENTRIES
    assert check_lines(data, required=True).damaged == [1, 2, 3]


@pytest.mark.parametrize("line", [b"[]", b"5", b"", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", b"{"])
def test_a_line_that_is_not_an_object_is_damaged(line: bytes) -> None:
    assert check_lines(line + b"\n", required=False).damaged == [1]


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_not_written(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        line_with_checksum({"loss": number}, 0)
    with pytest.raises(ValueError, match="JSON"):
        object_with_checksum({"config": {"lr": number}})
