"""Text that tells when it was damaged: an object with its SHA-256, lines with their CRC-32.

A run's config.json is such an object; its history and journal are such lines, each of which
vouches for itself and for its place after the line before. Written down in docs/format.md.
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
"""What stands for the digest while it is worked out."""

_DIGEST = re.compile(rb'"sha256": "([0-9a-f]{64})"\n\}\n\Z')
_CHECK = re.compile(rb', "check": "([0-9a-f]{8})"\}\Z')


def seal_object(record: Mapping[str, Any]) -> bytes:
    """`record` as JSON for people, its last field the SHA-256 of the text.

    The digest is that of the whole text with zeros in its own place.
    """
    text = json.dumps({**record, "sha256": _BLANK}, indent=2, allow_nan=False) + "\n"
    digest = hashlib.sha256(text.encode()).hexdigest()
    before, _, after = text.rpartition(_BLANK)
    return f"{before}{digest}{after}".encode()


def open_object(data: bytes, sealed: bool = False) -> Any:
    """The JSON of `data`, without its seal; with `sealed` there must be one.

    Raises
    ------
    ValueError
        If it is not JSON, or not the text that was sealed.
    """
    record = parse_json(data.decode())
    if not isinstance(record, dict) or not (sealed or "sha256" in record):
        return record
    stated = _DIGEST.search(data)
    if stated is None:
        raise ValueError("its last field is not a sha256")
    start, end = stated.span(1)
    found = hashlib.sha256(data[:start] + _BLANK.encode() + data[end:]).hexdigest()
    if found.encode() != stated[1]:
        raise ValueError(
            f"SHA-256 of the text is {found[:12]}…, it states {stated[1][:12].decode()}…"
        )
    return {name: value for name, value in record.items() if name != "sha256"}


def seal_line(entry: Mapping[str, Any], before: int) -> tuple[bytes, int]:
    """`entry` as a line of JSON whose last field is its check, and that check.

    It is the CRC-32 of the line up to there, begun with `before`, the check of the line before
    it or 0 for a first line.
    """
    head = json.dumps(entry, allow_nan=False).removesuffix("}").encode()
    check = zlib.crc32(head, before)
    return head + f', "check": "{check:08x}"}}\n'.encode(), check


def seal_lines(entries: Iterable[Mapping[str, Any]]) -> tuple[bytes, int]:
    """A whole text of lines, and the check of the last."""
    check, lines = 0, []
    for entry in entries:
        line, check = seal_line(entry, check)
        lines.append(line)
    return b"".join(lines), check


@dataclass(frozen=True)
class Lines:
    """What a text of lines holds.

    Parameters
    ----------
    entries : list of dict
        The sound lines, without their checks.
    damaged : list of int
        The lines that are not, counted from 1.
    rest : bytes
        What stands after the last newline: a line still being written, or cut short.
    check : int
        What the next line's check begins with.
    size : int
        Bytes of the lines, without the rest.
    """

    entries: list[dict[str, Any]]
    damaged: list[int]
    rest: bytes
    check: int
    size: int


def open_lines(
    data: bytes,
    sealed: bool = True,
    sound: Callable[[dict[str, Any]], bool] = lambda entry: True,
    before: int = 0,
) -> Lines:
    """The lines of `data`, those damaged that do not check or that `sound` has something against.

    Unless `sealed` a line may have no check, as in formats 1 and 2. `before` is the check of the
    line before the first, where `data` is the end of a text.
    """
    *lines, rest = data.split(b"\n")
    entries: list[dict[str, Any]] = []
    damaged: list[int] = []
    for number, line in enumerate(lines, start=1):
        stated = _CHECK.search(line)
        head = line[: stated.start()] if stated else line
        check = zlib.crc32(head, before)
        before = int(stated[1], 16) if stated else check
        entry = _object(head + b"}" if stated else head)
        if entry is None or (before != check if stated else sealed) or not sound(entry):
            damaged.append(number)
        else:
            entries.append(entry)
    return Lines(entries, damaged, rest, before, len(data) - len(rest))


def _object(text: bytes) -> dict[str, Any] | None:
    """The JSON object `text` is, or None."""
    try:
        entry = parse_json(text.decode())
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
