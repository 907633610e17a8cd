"""The last lines of a run, read from the end, are those that a whole reading finds."""

import json
import random
from pathlib import Path

import pytest

from hiddenstate.runs import last_lines
from hiddenstate.runs.last_lines import lines_from_end
from hiddenstate.runs.record import read_lines
from hiddenstate.system.checksums import lines_with_checksums

SEED = 12345

EVENTS = [
    *({"event": "control", "step": k, "do": "pause"} for k in range(40)),
    {"event": "end", "step": 40, "test_accuracy": 0.5},
]


def whole(path: Path) -> list[dict[str, object]]:
    """The sound lines, the last one first, with {} in the place of damaged ones."""
    found = read_lines(path, True, SEED)
    entries, n = list(found.entries), len(found.entries) + len(found.damaged)
    return [{} if n - k in found.damaged else entries.pop() for k in range(n)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.jsonl"
    path.write_bytes(lines_with_checksums(EVENTS, SEED)[0])
    return path


def test_lines_come_from_the_end_without_checksums(path: Path) -> None:
    assert list(lines_from_end(path, SEED)) == EVENTS[::-1]
    assert list(lines_from_end(path.with_name("none"), SEED)) == []
    assert next(lines_from_end(path, SEED)) == EVENTS[-1]
    with path.open("ab") as stream:
        stream.write(b'{"event": "end", "st')
    assert list(lines_from_end(path, SEED)) == EVENTS[::-1]


def test_only_the_end_of_a_long_file_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_lines, "MAX_LAST_LINES", 500)
    found = list(lines_from_end(path, SEED))
    assert 2 <= len(found) < 10
    assert found == EVENTS[::-1][: len(found)]


def test_damaged_lines_are_those_that_a_whole_reading_finds(path: Path) -> None:
    data, drawn = path.read_bytes(), random.Random(5)
    assert next(lines_from_end(path, SEED + 1))  # the last line says nothing of another run
    assert list(lines_from_end(path, SEED + 1))[-1] == {}
    seen = 0
    for _ in range(300):
        place = drawn.randrange(len(data))
        path.write_bytes(data[:place] + bytes([drawn.randrange(256)]) + data[place + 1 :])
        found, expected = list(lines_from_end(path, SEED)), whole(path)
        # A line after one without a checksum cannot be checked from the end: it counts as damaged.
        strict = [a == b or a == {} for a, b in zip(found, expected, strict=True)]
        assert all(strict)
        assert found[0] == expected[0] or expected[1] == {}
        seen += {} in found
    assert seen > 250


def test_lines_of_old_formats_have_no_checksums(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in EVENTS) + '{"event": 1}\n')
    assert list(lines_from_end(path, 0, checksummed=False)) == [{}, *EVENTS[::-1]]
    assert set(map(len, lines_from_end(path, 0))) == {0}
