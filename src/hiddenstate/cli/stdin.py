"""Reads DATA: `-` stands for a temporary file with what stdin holds."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from hiddenstate.cli.refused_options import refuse_unread
from hiddenstate.config.data_fields import STDIN
from hiddenstate.errors import DataError, HiddenstateError, MachineError, OptionError
from hiddenstate.system.notice import renamed

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset
    from hiddenstate.models.fitted import FittedModel

KEPT = 64 * 2**20
"""Most bytes of stdin that a run is trained on; its folder keeps them."""

READ = 8 * 2**30
"""Most bytes of stdin that other commands read."""

PIECE = 1 << 20


@contextmanager
def stdin_as_file(data: str | None, most: int = READ) -> Iterator[Path | None]:
    """Yield a temporary file with what stdin holds if DATA is `-`, otherwise None.

    Errors inside the block name it `stdin`.

    Parameters
    ----------
    data : str, optional
        DATA, as given.
    most : int
        Largest number of bytes.

    Raises
    ------
    DataError
        If stdin is empty or holds more.
    MachineError
        If it cannot be stored.
    OptionError
        If stdin is a terminal.
    """
    if data != STDIN:
        yield None
        return
    stream = sys.stdin.buffer if sys.stdin else None
    if stream is None or sys.stdin.isatty():
        raise OptionError(
            "DATA: - reads stdin, which is a terminal; pipe a file into the command, or name it"
        )
    import tempfile

    with tempfile.TemporaryDirectory(prefix="hiddenstate-stdin-") as folder:
        path = _stored(stream, Path(folder), most)
        try:
            yield path
        except HiddenstateError as error:
            error.args = (named(str(error), path), *error.args[1:])
            raise


@contextmanager
def new_data(
    model: "FittedModel", data: str, reading: Mapping[str, Any], require_targets: bool = False
) -> "Iterator[tuple[SequenceDataset, Path | None]]":
    """Yield DATA as a model reads it, and the file with what stdin held, which the block has.

    Raises
    ------
    OptionError
        If an option of `reading` does not apply to DATA.
    DataError
        As of :func:`~hiddenstate.inference.inputs.read_new_data`.
    """
    from hiddenstate.inference.inputs import read_new_data

    with stdin_as_file(data) as stdin:
        refuse_unread(reading, stdin or data)
        yield read_new_data(model, str(stdin or data), reading, require_targets), stdin


def named(text: str, path: Path | None) -> str:
    """Return a message in which the temporary file is called `stdin`."""
    return text if path is None else renamed(text, str(path), "stdin")


def _stored(stream: IO[bytes], folder: Path, most: int) -> Path:
    """Copy stdin to a file with the ending of its format."""
    from hiddenstate.data.readers.formats import stdin_name

    try:
        piece = stream.read(PIECE)
        if not piece:
            raise DataError("stdin: empty, no rows")
        path = folder / stdin_name(piece)
        n = 0
        with path.open("wb") as file:
            while piece:
                n += len(piece)
                if n > most:
                    raise DataError(
                        f"stdin: more than {most // 2**20:,} MiB; save it to a file and name that"
                    )
                file.write(piece)
                piece = stream.read(PIECE)
    except OSError as error:
        raise MachineError(
            f"stdin: cannot be stored in {folder.parent}: {error.strerror or error}; set "
            "TMPDIR to a larger disk"
        ) from None
    return path
