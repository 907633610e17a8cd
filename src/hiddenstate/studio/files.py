"""Files that a page sends and takes: what is dropped on it, and what commands wrote."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from hiddenstate.system.atomic_file import write_outputs

PIECE = 256 * 1024
"""Bytes of a file that are read at once."""


def pieces(stream: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield the first `size` bytes of a file, and close it."""
    with stream:
        while size and (piece := stream.read(min(PIECE, size))):
            size -= len(piece)
            yield piece


def written(words: Sequence[str], output: str) -> list[str]:
    """Return the paths of the files that a command wrote, by its words and what it printed."""
    if words[0] == "export":
        return list(json.loads(output)["files"])
    if words[0] in ("report", "film", "figures"):
        return [line for line in output.splitlines() if line]
    options = ("--output", "--figure")
    return [words[words.index(option) + 1] for option in options if option in words]


def keep(path: Path, body: bytes) -> Path:
    """Write a file under its name, or one beside it that is free or holds these bytes."""
    number, first = 1, path
    while path.exists() and not (path.stat().st_size == len(body) and path.read_bytes() == body):
        number += 1
        path = first.with_stem(f"{first.stem}-{number}")
    write_outputs({path: body})
    return path
