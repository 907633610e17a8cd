"""Reads WAV files: the samples of sound or of any other signal, and their rate.

A RIFF file is a list of chunks: four letters, a little-endian 32-bit size, the content and, after
an odd size, a zero byte. `fmt ` says how samples are stored and `data` has them, the channels of
one moment after another (Microsoft, "Multimedia Programming Interface and Data Specifications").
The module `wave` of Python reads no floating-point samples.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from hiddenstate.errors import DataError, printable
from hiddenstate.system.typing import Array

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
OTHERS = {
    2: "ADPCM",
    6: "A-law",
    7: "mu-law",
    0x11: "ADPCM",
    0x31: "GSM",
    0x55: "MP3",
}
"""Names of encodings that are not read."""

SUBTYPE = bytes.fromhex("000000001000800000aa00389b71")
"""How the sub-format of an extensible file ends, after the number of the encoding."""

BITS = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
"""Bits of a sample that each encoding may have."""

CONVERT = "convert it: ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav"

MAX_CHUNKS, MAX_FORMAT, MAX_CHANNELS = 1000, 1 << 16, 256

PIECE = 1 << 22
"""Bytes of samples read at once."""


@dataclass(frozen=True)
class Wav:
    """The header of a WAV file, checked against the size of the file.

    Parameters
    ----------
    path : Path
    channels : int
    rate : int
        Samples of each channel in a second.
    encoding, bits : int
        One of `BITS`.
    offset, n_samples : int
        Where the samples begin, and how many there are of each channel.
    """

    path: Path
    channels: int
    rate: int
    encoding: int
    bits: int
    offset: int
    n_samples: int

    @property
    def dtype(self) -> "np.dtype[Any]":
        """The type in which all samples are exact."""
        single = self.bits <= 24 or (self.encoding == FLOAT and self.bits == 32)
        return np.dtype(np.float32 if single else np.float64)

    def read(self, first: int = 0, n: int | None = None) -> Array:
        """Return `n` samples (n, C) from `first` on, or all that follow; integers are in [-1, 1).

        Raises
        ------
        DataError
            If the file cannot be read, or is shorter than its header says.
        """
        n = self.n_samples - first if n is None else n
        width = self.channels * self.bits // 8
        samples = np.empty((n, self.channels), self.dtype)
        step = max(1, PIECE // width)
        try:
            with self.path.open("rb") as stream:
                stream.seek(self.offset + first * width)
                for begin in range(0, n, step):
                    end = min(begin + step, n)
                    data = stream.read((end - begin) * width)
                    if len(data) < (end - begin) * width:
                        raise DataError(f"{printable(self.path)}: became shorter while it was read")
                    samples[begin:end] = self._decoded(data).reshape(-1, self.channels)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        return samples

    def _decoded(self, data: bytes) -> Array:
        """Return the numbers that bytes stand for."""
        if self.encoding == FLOAT:
            return np.frombuffer(data, f"<f{self.bits // 8}")
        if self.bits == 8:
            values: Array = np.frombuffer(data, "u1").astype(np.int16) - 128
        elif self.bits == 24:
            wide = np.zeros((len(data) // 3, 4), "u1")
            wide[:, 1:] = np.frombuffer(data, "u1").reshape(-1, 3)
            values = wide.view("<i4")[:, 0] >> 8
        else:
            values = np.frombuffer(data, f"<i{self.bits // 8}")
        return np.divide(values, 2.0 ** (self.bits - 1), dtype=self.dtype)


def open_wav(path: Path) -> Wav:
    """Read the header of a WAV file; no sample is read.

    Raises
    ------
    DataError
        If it is not a WAV file, is damaged or cut off, or has samples that are not read.
    """
    where = printable(path)
    if not path.is_file():
        link = "a broken or circular link" if path.is_symlink() else "not a file"
        raise DataError(f"{where}: {link}")
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            form, begin, length = _chunks(stream, where, size)
    except OSError as error:
        raise _unreadable(path, error) from None
    encoding, channels, rate, width, bits = _format(form, where)
    if width != channels * bits // 8:
        raise DataError(
            f"{where}: damaged: a sample of {channels} channels of {bits} bits has "
            f"{channels * bits // 8} bytes, the header says {width}"
        )
    if length % width:
        raise DataError(f"{where}: damaged: {length} bytes of samples, of {width} bytes each")
    if not length:
        raise DataError(f"{where}: no samples")
    return Wav(path, channels, rate, encoding, bits, begin, length // width)


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{printable(path)}: cannot be read: {error.strerror or error}")


def _chunks(stream: IO[bytes], where: str, size: int) -> tuple[bytes, int, int]:
    """Return the content of the format chunk, and offset and length of the samples."""
    head = stream.read(12)
    if head[:4] in (b"RF64", b"BW64", b"RIFX"):
        raise DataError(
            f"{where}: {head[:4].decode()} is not read; save it as WAV (RIFF), in several files if "
            "it is larger than 4 GiB"
        )
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise DataError(f"{where}: not a WAV file: starts with {head[:4].hex() or 'nothing'}")
    end = 8 + int.from_bytes(head[4:8], "little")
    if end > size:
        raise DataError(
            f"{where}: cut off: the header declares {end} bytes, the file has {size}; save or copy "
            "it again"
        )
    form: bytes | None = None
    samples: tuple[int, int] | None = None
    for _ in range(MAX_CHUNKS):
        head = stream.read(8)
        begin = stream.tell()
        if len(head) < 8 or begin > end:
            break
        length = int.from_bytes(head[4:], "little")
        if begin + length > end:
            raise DataError(
                f"{where}: damaged: chunk {printable(repr(head[:4].decode('latin-1')), 20)} of "
                f"{length} bytes ends after the file, which declares {end} bytes"
            )
        if head[:4] == b"fmt ":
            if form is not None or length > MAX_FORMAT:
                raise DataError(f"{where}: damaged: a second or too long format chunk")
            form = stream.read(length)
        elif head[:4] == b"data":
            if samples is not None:
                raise DataError(f"{where}: has two data chunks; save it again as one")
            samples = begin, length
        stream.seek(begin + length + length % 2)
    else:
        raise DataError(f"{where}: more than {MAX_CHUNKS} chunks; save it again without them")
    if form is None or samples is None:
        what = "format" if form is None else "data"
        raise DataError(f"{where}: damaged: no {what} chunk")
    return form, *samples


def _format(form: bytes, where: str) -> tuple[int, int, int, int, int]:
    """Return encoding, channels, rate, bytes of a sample of all channels, and bits of one."""
    if len(form) < 16:
        raise DataError(f"{where}: damaged: a format chunk of {len(form)} bytes, at least 16")
    encoding, channels, rate, _, width, bits = struct.unpack("<HHIIHH", form[:16])
    if encoding == EXTENSIBLE:
        if len(form) < 40 or form[26:40] != SUBTYPE:
            raise DataError(f"{where}: an extensible format that is not read; {CONVERT}")
        encoding = int.from_bytes(form[24:26], "little")
    if encoding not in BITS:
        name = OTHERS.get(encoding, f"encoding 0x{encoding:04x}")
        raise DataError(f"{where}: its samples are {name}, expected PCM or floats; {CONVERT}")
    if bits not in BITS[encoding]:
        expected = ", ".join(map(str, BITS[encoding]))
        raise DataError(f"{where}: samples of {bits} bits, expected {expected}; {CONVERT}")
    if not 1 <= channels <= MAX_CHANNELS or rate < 1:
        raise DataError(
            f"{where}: {channels} channels at {rate} Hz; expected 1 to {MAX_CHANNELS} channels and "
            "a rate above 0"
        )
    return encoding, channels, rate, width, bits
