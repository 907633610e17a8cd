"""Text with checksums: a JSON object with its SHA-256, and lines of JSON, each with its CRC-32.

A run's config.json is such an object; its history and journal are such lines. The checksum of a
line covers the line before it too, so a missing or moved line is detected. The formats are
described in docs/format.md.
"""

import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hiddenstate.system.strict_json import parse_json

_BLANK = "0" * 64
"""Placeholder for the digest while it is computed."""

_DIGEST = re.compile(rb'"sha256": "([0-9a-f]{64})"\n\}\n\Z')
_CHECK = re.compile(rb', "check": "([0-9a-f]{8})"\}\Z')


def object_with_checksum(record: Mapping[str, Any]) -> bytes:
    """Return `record` as indented JSON whose last field, `sha256`, is the digest of the text.

    The digest is computed over the whole text with zeros in place of the digest.
    """
    text = json.dumps({**record, "sha256": _BLANK}, indent=2, allow_nan=False) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    before, _, after = text.rpartition(_BLANK)
    return f"{before}{digest}{after}".encode()


def check_object(data: bytes, required: bool = False) -> Any:
    """Return the JSON object in `data` without its checksum, after checking it.

    Parameters
    ----------
    data : bytes
        JSON text; anything but an object is returned unchecked.
    required : bool, default False
        Refuse an object without a checksum.

    Raises
    ------
    ValueError
        If `data` is not JSON, or its checksum is missing or wrong.
    """
    record = parse_json(data.decode())
    if not isinstance(record, dict) or not (required or "sha256" in record):
        return record
    recorded = _DIGEST.search(data)
    if recorded is None:
        raise ValueError("its last field is not a sha256")
    start, end = recorded.span(1)
    digest = hashlib.sha256(data[:start] + _BLANK.encode() + data[end:]).hexdigest()
    if digest.encode() != recorded[1]:
        raise ValueError(
            f"SHA-256 of the text is {digest[:12]}…, recorded is {recorded[1][:12].decode()}…"
        )
    return {name: value for name, value in record.items() if name != "sha256"}


def line_with_checksum(entry: Mapping[str, Any], previous: int) -> tuple[bytes, int]:
    """Return `entry` as a line of JSON whose last field, `check`, is its checksum, and that number.

    The checksum is the CRC-32 of the line up to that field, started from `previous`: the
    checksum of the line before it, or, for the first line, a number that all lines then confirm.
    """
    head = json.dumps(entry, allow_nan=False).removesuffix("}").encode()
    check = zlib.crc32(head, previous)
    return head + f', "check": "{check:08x}"}}\n'.encode(), check


def lines_with_checksums(
    entries: Iterable[Mapping[str, Any]], previous: int = 0
) -> tuple[bytes, int]:
    """Return the text of all lines, the first started from `previous`, and the last's checksum."""
    check, lines = previous, []
    for entry in entries:
        line, check = line_with_checksum(entry, check)
        lines.append(line)
    return b"".join(lines), check


@dataclass(frozen=True)
class CheckedLines:
    """The content of a text of lines.

    Parameters
    ----------
    entries : list of dict
        The intact lines, without their checksums.
    damaged : list of int
        Numbers of the damaged lines, from 1.
    rest : bytes
        The text after the last newline: a line that is still being written, or was cut off.
    check : int
        The checksum that the next line starts from.
    size : int
        Bytes of the lines, without the rest.
    """

    entries: list[dict[str, Any]]
    damaged: list[int]
    rest: bytes
    check: int
    size: int


def check_lines(
    data: bytes,
    required: bool = True,
    is_valid: Callable[[dict[str, Any]], bool] = lambda entry: True,
    previous: int = 0,
) -> CheckedLines:
    """Split `data` into lines and check each.

    Parameters
    ----------
    data : bytes
    required : bool, default True
        Count a line without a checksum as damaged; lines of formats 1 and 2 have none.
    is_valid : callable, default: every entry is
        Takes an entry; a line whose entry is not valid counts as damaged.
    previous : int, default 0
        The checksum of the line before `data`, if `data` is the end of a text.
    """
    *lines, rest = data.split(b"\n")
    entries: list[dict[str, Any]] = []
    damaged: list[int] = []
    for number, line in enumerate(lines, start=1):
        recorded = _CHECK.search(line)
        head = line[: recorded.start()] if recorded else line
        check = zlib.crc32(head, previous)
        previous = int(recorded[1], 16) if recorded else check
        entry = _parse_object(head + b"}" if recorded else head)
        if entry is None or (previous != check if recorded else required) or not is_valid(entry):
            damaged.append(number)
        else:
            entries.append(entry)
    return CheckedLines(entries, damaged, rest, previous, len(data) - len(rest))


def _parse_object(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object in `text`, or None if it is not one."""
    try:
        entry = parse_json(text.decode())
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
