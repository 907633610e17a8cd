"""Reads the lines of a text file, gzipped or not, in blocks of bounded size."""

import codecs
import gzip
import zlib
from pathlib import Path
from typing import IO

from hiddenstate.data.readers.npy import MAX_RATIO, MAX_TOTAL
from hiddenstate.errors import DataError, OptionError, Setting, printable
from hiddenstate.system.reading_progress import report_read

BLOCK = 1 << 22
"""Bytes read at once."""

MAX_LINE = 1 << 24
"""Largest number of characters of a line."""

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class TextLines:
    """An iterator over the lines of a file, each with its newline, that tracks its position.

    Parameters
    ----------
    path : Path
        The file; whether it is gzipped is decided by its content.
    encoding : str
    max_unpacked : float, optional
        Largest unpacked size in GiB of a gzipped file, instead of `MAX_TOTAL` and `MAX_RATIO`.

    Attributes
    ----------
    where : str
        Name of the file in messages.
    text : str
        The block of lines read last, with newlines between them.
    at : int
        Number of lines of the block that were returned.
    size : int
        Number of lines of the block.
    number : int
        Number of lines that were returned, which is the line number of the last one.
    blocks : int
        Number of blocks that were read.
    overrun : bool
        Whether a line was requested after the last one.

    Raises
    ------
    DataError
        Here or while reading: if the file cannot be read, is damaged, unpacks to too much, is in
        another encoding, or is not text.
    OptionError
        If the encoding is unknown.
    """

    def __init__(self, path: Path, encoding: str, max_unpacked: float | None = None) -> None:
        self.where = printable(path)
        self.text = ""
        self.at = self.size = self.blocks = self._before = 0
        self._lines: list[str] | None = None
        self.overrun = False
        self._decoder = decoder_of(encoding)
        self._encoding, self._max = encoding, max_unpacked
        self._offset = 0
        self._rest = ""
        self._ended = False
        try:
            self._raw = path.open("rb")
            self._packed = self._raw.read(2) == b"\x1f\x8b"
            self._raw.seek(0)
            self._size = path.stat().st_size
        except OSError as error:
            raise self._unreadable(error) from None
        self._stream: IO[bytes] = self._raw
        if self._packed:
            self._stream = gzip.GzipFile(fileobj=self._raw)  # type: ignore[assignment]  # read-only

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    @property
    def number(self) -> int:
        return self._before + self.at

    @property
    def block(self) -> list[str]:
        """The lines of the block; those from `at` on are not yet returned."""
        if self._lines is None:
            self._lines = self.text.split("\n") if self.size else []
        return self._lines

    def rest(self) -> str:
        """Return the lines of the block that are not yet returned, with newlines between them."""
        return "\n".join(self.block[self.at :]) if self.at else self.text

    def keep(self, most: int) -> bool:
        """Drop the lines of the block after `most` further ones; return whether there were any."""
        size = min(self.size, self.at + most)
        dropped = size < self.size
        if dropped:
            self._lines, self.size = self.block[:size], size
            self.text = "\n".join(self._lines)
        return dropped

    def __iter__(self) -> "TextLines":
        return self

    def __next__(self) -> str:
        if self.at == self.size and not self.fill():
            self.overrun = True
            raise StopIteration
        line = self.block[self.at]
        self.at += 1
        return line + "\n"

    def all_read(self) -> bool:
        """Return whether all lines were returned; reads the next block if need be."""
        return not self.fill()

    def fill(self) -> bool:
        """Read the next block if all lines were returned; return false at the end of the file."""
        while self.at == self.size:
            if self._ended:
                return False
            text = self._rest + self._decoded()
            # A line may end in \r\n, split across two blocks.
            held = "\r" if text.endswith("\r") and not self._ended else ""
            text = text.removesuffix("\r") if held else text
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            cut = len(text) if self._ended else text.rfind("\n") + 1
            self._rest = text[cut:] + held
            self._before += self.at
            self.text, self._lines = text[:cut].removesuffix("\n"), None
            self.at, self.size = 0, self.text.count("\n") + 1 if cut else 0
            self._check_length()
        self.blocks += 1
        return True

    def _check_length(self) -> None:
        """Refuse a line that is too long; only a line longer than a block can be."""
        first = self.text.find("\n") if self.size > 1 else len(self.text)
        if max(first, len(self._rest)) > MAX_LINE:
            number = self._before + max(self.size, 1)
            raise DataError(
                f"{self.where}:{number}: a line of more than {MAX_LINE} characters; not a "
                "delimited text file, or its lines do not end in a newline"
            )

    def _decoded(self) -> str:
        """Read and decode the next bytes."""
        raw = self._read()
        # A last line without a newline is known as such at once, not at the next read.
        self._ended = not raw or (not self._packed and self._raw.tell() == self._size)
        if self._offset == 0:
            raw, skipped = self._without_mark(raw)
        else:
            skipped = 0
        start = self._offset + skipped
        self._offset = start + len(raw)
        try:
            text = self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            place = start - (len(error.object) - len(raw)) + error.start
            raise self._wrong_encoding(place, error.object[error.start]) from None
        except (UnicodeError, ValueError, LookupError) as error:
            raise DataError(
                f"{self.where}: not {printable(self._encoding, 40)} after byte {start} "
                f"({printable(error, 60)}); name the encoding with --encoding"
            ) from None
        if "\0" in text:
            self._refuse_nul(raw, text, start)
        return text

    def _read(self) -> bytes:
        try:
            raw = self._stream.read(BLOCK)
        except EOFError:
            raise DataError(
                f"{self.where}: the gzip stream ends early, at byte {self._raw.tell()}; "
                "download the file again"
            ) from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.where}: damaged gzip near byte {self._raw.tell()}: {error}; "
                "download the file again"
            ) from None
        except OSError as error:
            raise self._unreadable(error) from None
        report_read(self.where, self._raw.tell(), self._size)
        if self._packed:
            self._check_unpacked(self._offset + len(raw))
        return raw

    def _check_unpacked(self, total: int) -> None:
        bomb = total > MAX_TOTAL or (total > 2**24 and total > MAX_RATIO * self._size)
        if bomb if self._max is None else total > self._max * 2**30:
            limit = (
                f"{MAX_RATIO} times as much and {MAX_TOTAL} bytes"
                if self._max is None
                else f"{self._max:g} GiB"
            )
            raise DataError(
                f"{self.where}: unpacks from {self._size} bytes to more than {limit}; unpack it "
                "first, or raise --max-unpacked"
            )

    def _without_mark(self, raw: bytes) -> tuple[bytes, int]:
        """Return `raw` without a UTF-8 byte order mark, and its length; other marks are refused."""
        if not self._wide():
            for mark, encoding in BYTE_ORDER_MARKS.items():
                if raw.startswith(mark):
                    raise DataError(
                        f"{self.where}: starts with the byte order mark of {encoding.upper()}",
                        Setting("add", encoding=encoding),
                    )
            if raw.startswith(codecs.BOM_UTF8):
                return raw[3:], 3
        return raw, 0

    def _wrong_encoding(self, place: int, byte: int) -> DataError:
        other = "cp1252" if codecs.lookup(self._encoding).name != "cp1252" else "latin-1"
        return DataError(
            f"{self.where}: byte {place} (0x{byte:02x}) is not {printable(self._encoding, 40)}; "
            f"name the encoding of the file, for example --encoding {other}"
        )

    def _refuse_nul(self, raw: bytes, text: str, start: int) -> None:
        line = self.number + text[: text.index("\0")].count("\n") + 1
        place = f"in line {line}" if self._wide() else f"at byte {start + raw.find(0)}"
        raise DataError(
            f"{self.where}: a NUL character {place}; not a text file, or in another encoding, for "
            "example --encoding utf-16"
        )

    def _wide(self) -> bool:
        """Return whether even ASCII characters have several bytes in the encoding."""
        return codecs.lookup(self._encoding).name.startswith(("utf-16", "utf-32"))

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"{self.where}: cannot be read: {error.strerror or error}")


def is_blank(line: str, delimiter: str) -> bool:
    """Return whether a line holds no row; a line of delimiters alone is a row."""
    return not line or (line.isspace() and (delimiter == " " or delimiter not in line))


def decoder_of(encoding: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # refuses codecs that are not text encodings
        return codecs.getincrementaldecoder(encoding)("strict")
    except (LookupError, UnicodeError, ValueError):
        raise OptionError(
            f"--encoding: unknown encoding {printable(repr(encoding), 40)}; "
            "expected a name such as utf-8, cp1252 or utf-16"
        ) from None
