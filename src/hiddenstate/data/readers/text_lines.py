"""The lines of a text file, gzipped or not, decoded in blocks of bounded size."""

import codecs
import gzip
import zlib
from pathlib import Path
from typing import IO

from hiddenstate.data.readers.npy import MAX_RATIO, MAX_TOTAL
from hiddenstate.errors import DataError, OptionError, printable

BLOCK = 1 << 22
"""Bytes read at once."""

MAX_LINE = 1 << 24
"""Most characters of one line."""

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class Lines:
    """An iterator over a file's lines, each ending in a newline, that knows where it is.

    Parameters
    ----------
    path : Path
        The file; gzip is known by its content.
    encoding : str
    max_unpacked : float, optional
        Most GiB a gzipped file may unpack to, instead of `MAX_TOTAL` and `MAX_RATIO`.

    Attributes
    ----------
    block : list of str
        The lines read last, without their newline; those from `at` on are still to be given.
    number : int
        Lines given so far, which is the last one's number in the file.
    blocks : int
        Blocks read so far.
    overrun : bool
        Whether a line was asked for after the last.
    """

    def __init__(self, path: Path, encoding: str, max_unpacked: float | None = None) -> None:
        self.where = printable(path)
        self.block: list[str] = []
        self.at = self.blocks = self._before = 0
        self.overrun = False
        self._decoder = _decoder(encoding)
        self._encoding, self._max = encoding, max_unpacked
        self._offset = 0
        self._rest = ""
        self._ended = False
        try:
            self._raw = path.open("rb")
            self._packed = self._raw.read(2) == b"\x1f\x8b"
            self._raw.seek(0)
        except OSError as error:
            raise self._unreadable(error) from None
        self._stream: IO[bytes] = self._raw
        if self._packed:
            self._stream = gzip.GzipFile(fileobj=self._raw)  # type: ignore[assignment]
            self._size = path.stat().st_size

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._raw.close()

    @property
    def number(self) -> int:
        return self._before + self.at

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if self.at == len(self.block) and not self.fill():
            self.overrun = True
            raise StopIteration
        line = self.block[self.at]
        self.at += 1
        return line + "\n"

    def fill(self) -> bool:
        """Read the next block once the last is used up; false at the end of the file."""
        while self.at == len(self.block):
            if self._ended:
                return False
            text = self._rest + self._decoded()
            # A line may end in \r\n, and its second half may be in the next block.
            held = "\r" if text.endswith("\r") and not self._ended else ""
            text = text.removesuffix("\r") if held else text
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            cut = len(text) if self._ended else text.rfind("\n") + 1
            self._rest = text[cut:] + held
            self._before += self.at
            self.block = text[:cut].removesuffix("\n").split("\n") if cut else []
            self.at = 0
            self._check_length()
        self.blocks += 1
        return True

    def _check_length(self) -> None:
        """Refuse a line that grows without end; only one as long as a block can."""
        longest = max((len(line) for line in (*self.block[:1], self._rest)), default=0)
        if longest > MAX_LINE:
            number = self._before + (1 if len(self.block) <= 1 else len(self.block))
            raise DataError(
                f"{self.where}:{number}: a line of more than {MAX_LINE} characters; "
                "not a table of text, or its lines do not end in a newline"
            )

    def _decoded(self) -> str:
        """The next bytes as text."""
        raw = self._read()
        self._ended = not raw
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
                f"({printable(error, 60)}); say which with --encoding"
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
                "fetch the file again"
            ) from None
        except (zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{self.where}: damaged gzip near byte {self._raw.tell()}: {error}; "
                "fetch the file again"
            ) from None
        except OSError as error:
            raise self._unreadable(error) from None
        if self._packed:
            self._check_unpacked(self._offset + len(raw))
        return raw

    def _check_unpacked(self, total: int) -> None:
        bomb = total > MAX_TOTAL or (total > 2**24 and total > MAX_RATIO * self._size)
        if bomb if self._max is None else total > self._max * 2**30:
            taken = (
                f"{MAX_RATIO} times and {MAX_TOTAL} bytes"
                if self._max is None
                else f"{self._max:g} GiB"
            )
            raise DataError(
                f"{self.where}: unpacks from {self._size} to more than {taken}; "
                "unpack it, or raise --max-unpacked"
            )

    def _without_mark(self, raw: bytes) -> tuple[bytes, int]:
        """`raw` without UTF-8's mark and how long that was; another's mark is refused."""
        if not self._wide():
            for mark, encoding in MARKS.items():
                if raw.startswith(mark):
                    raise DataError(
                        f"{self.where}: begins with the mark of {encoding.upper()}; "
                        f"add --encoding {encoding}"
                    )
            if raw.startswith(codecs.BOM_UTF8):
                return raw[3:], 3
        return raw, 0

    def _wrong_encoding(self, place: int, byte: int) -> DataError:
        other = "cp1252" if codecs.lookup(self._encoding).name != "cp1252" else "latin-1"
        return DataError(
            f"{self.where}: byte {place} (0x{byte:02x}) is not {printable(self._encoding, 40)}; "
            f"if the file is in another encoding, say so: --encoding {other}"
        )

    def _refuse_nul(self, raw: bytes, text: str, start: int) -> None:
        line = self.number + text[: text.index("\0")].count("\n") + 1
        place = f"in line {line}" if self._wide() else f"at byte {start + raw.find(0)}"
        raise DataError(
            f"{self.where}: a NUL {place}; not a table of text, or of another encoding, as "
            "--encoding utf-16"
        )

    def _wide(self) -> bool:
        """Whether a character of the encoding has several bytes even where it is ASCII."""
        return codecs.lookup(self._encoding).name.startswith(("utf-16", "utf-32"))

    def _unreadable(self, error: OSError) -> DataError:
        return DataError(f"{self.where}: cannot be read: {error.strerror or error}")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # refuses codecs that are none of text
        return codecs.getincrementaldecoder(encoding)("strict")
    except (LookupError, UnicodeError, ValueError):
        raise OptionError(
            f"--encoding: unknown encoding {printable(repr(encoding), 40)}; "
            "expected a name like utf-8, cp1252 or utf-16"
        ) from None
