"""Reads the last lines of a history or journal, without all that come before them."""

import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hiddenstate.errors import HiddenstateError
from hiddenstate.runs.record import is_sound
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.strict_json import parse_json

MAX_LAST_LINES = 64 * 1024
"""Bytes that are read from the end of a file, whose lines have some hundreds."""

_CHECK = re.compile(rb', "check": "([0-9a-f]{8})"\}\Z')


def lines_from_end(path: Path, seed: int, checksummed: bool = True) -> Iterator[dict[str, Any]]:
    """Yield the last whole lines, the last one first, without their checksums.

    Parameters
    ----------
    path : Path
        Without such a file, or if it cannot be read, there are no lines.
    seed : int
        The checksum that the first line of the file starts from.
    checksummed : bool, default True
        Whether each line must have a checksum, as from format 3 on.

    Yields
    ------
    dict
        Empty for a line that is damaged.
    """
    try:
        with open_regular(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(-min(MAX_LAST_LINES, size), os.SEEK_END)
            lines = stream.read().split(b"\n")[:-1]
    except (OSError, HiddenstateError):
        return
    is_whole = size <= MAX_LAST_LINES
    for place in range(len(lines) - 1, -1 if is_whole else 0, -1):
        before = _check_of(lines[place - 1]) if place else seed
        if before is None and place == 1 and not is_whole:  # it is in the part that is not read
            return
        yield _entry(lines[place], before, checksummed)


def _check_of(line: bytes) -> int | None:
    match = _CHECK.search(line)
    return int(match[1], 16) if match else None


def _entry(line: bytes, before: int | None, checksummed: bool) -> dict[str, Any]:
    """Return the entry of a line; {} if it is damaged, or does not follow the line before."""
    check = _CHECK.search(line)
    head = line[: check.start()] if check else line
    if check and (before is None or zlib.crc32(head, before) != int(check[1], 16)):
        return {}
    if not check and checksummed:
        return {}
    try:
        entry = parse_json((head + b"}" if check else head).decode())
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and is_sound(entry) else {}
