"""Unpacks the files of the bundled MNIST digits and verifies them, without numpy.

A command that will need them starts this before it imports the rest of the program: zlib and
hashlib leave the interpreter to other threads.
"""

import hashlib
import io
import math
import zlib
from contextlib import suppress
from pathlib import Path

from hiddenstate.errors import DataError
from hiddenstate.system import limits, threads

FOLDER = Path(__file__).parent / "mnist"

FILES = {
    "train-images-idx3-ubyte": (
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte": (
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte": (
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte": (
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
"""Shape and SHA-256 of each unpacked file by name."""


class _Unpacking:
    """The unpacking of a file, done once: by a thread, or by whoever needs the content before."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._content: memoryview | None = None
        self._begun, self._ended = threads.Lock(), threads.Lock()
        self._ended.acquire()

    def start(self) -> None:
        """Unpack in a thread, if there can be one."""
        threads.try_start(self._run)

    def _run(self) -> None:
        """Unpack; whoever waits for the content tries again if that fails, and meets the error."""
        if self._begun.acquire(blocking=False):
            try:
                with suppress(DataError, MemoryError):
                    self._content = _verified(self._file)
            finally:
                self._ended.release()

    def content(self) -> memoryview:
        """Wait for the end, and return the content."""
        if self._begun.acquire(blocking=False):
            return _verified(self._file)
        self._ended.acquire()
        return _verified(self._file) if self._content is None else self._content


_ahead: list[list[_Unpacking]] = []
"""The unpacking of all files that was started and that nobody has taken yet: one, or none."""


def unpack_ahead() -> None:
    """Start to unpack the files, unless that is under way; :func:`unpacked` waits for the end."""
    if not _ahead:
        _ahead.append(_all_started())


def unpacked() -> list[memoryview]:
    """Return the contents of each of `FILES`, which belong to the caller and can be written to.

    Raises
    ------
    DataError
        If a file of the installation is missing or damaged.
    """
    try:
        files = _ahead.pop()  # at once: several threads may load the digits
    except IndexError:
        files = _all_started()
    return [each.content() for each in files]


def _all_started() -> list[_Unpacking]:
    """Return the unpacking of each file, in threads.

    Threads take address space from what is imported meanwhile: where it is limited there are none.
    """
    files = [_Unpacking(name) for name in FILES]
    if limits.address_space() is None:
        for each in files:
            each.start()
    return files


def header_size(shape: tuple[int, ...]) -> int:
    """Return the number of bytes before the values of a file."""
    return 4 + 4 * len(shape)


def _verified(name: str) -> memoryview:
    path, (shape, checksum) = FOLDER / f"{name}.gz", FILES[name]
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read: {error.strerror}; reinstall hiddenstate"
        ) from None
    try:
        # Whole, at its size: nothing is joined or copied. No other reference is left to the bytes,
        # so that the stream takes them over as its buffer.
        stream = io.BytesIO(zlib.decompress(packed, 31, header_size(shape) + math.prod(shape)))
    except zlib.error:
        stream = io.BytesIO()
    content = stream.getbuffer()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise DataError(f"{path}: the bundled file is damaged; reinstall hiddenstate")
    return content
