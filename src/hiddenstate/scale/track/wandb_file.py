"""Reads the .wandb files of Weights & Biases: the rows that are stored in them.

Such a file is a log of records in blocks, as LevelDB's: 7 bytes that name the format, then pieces.
Each has a CRC-32, a length, and whether it is a whole record, its first, middle or last piece. The
client reads them only in a program of its own, to upload them.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hiddenstate.errors import UntrustedFileError
from hiddenstate.system.atomic_file import open_regular
from hiddenstate.system.extras import require

BLOCK, HEAD, IDENT = 32_768, 7, b":W&B"
WHOLE, FIRST, LAST = 1, 2, 4


def records(path: Path) -> Iterator[Any]:
    """Yield the records of a file, up to its end or the first that is damaged or unfinished."""
    require("wandb", "reading .wandb files")
    from google.protobuf.message import DecodeError
    from wandb.proto import wandb_internal_pb2

    made: Any = wandb_internal_pb2  # its types come with one of the releases of protobuf
    try:
        for data in _pieces(path):
            yield made.Record.FromString(data)
    except (DecodeError, OSError, UntrustedFileError):
        return


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of each record."""
    with open_regular(path) as stream:
        if stream.read(HEAD)[: len(IDENT)] != IDENT:
            return
        record = b""
        while True:
            left = BLOCK - stream.tell() % BLOCK
            if left < HEAD:  # the end of a block that is too short for a piece
                stream.read(left)
                continue
            head = stream.read(HEAD)
            if len(head) < HEAD:
                return
            check, length, kind = struct.unpack("<IHB", head)
            piece = stream.read(length)
            if len(piece) < length or zlib.crc32(piece, zlib.crc32(bytes([kind]))) != check:
                return
            record = piece if kind in (WHOLE, FIRST) else record + piece
            if kind in (WHOLE, LAST):
                yield record


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows that were logged, by name; parts of a name are joined with a dot."""
    for record in records(path):
        if record.WhichOneof("record_type") == "history":
            row = {}
            for item in record.history.item:
                name = item.key or ".".join(item.nested_key)
                try:
                    row[name] = json.loads(item.value_json)
                except ValueError:
                    continue
            yield row
