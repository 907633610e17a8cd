"""Samples of WAV files are read as they were written, and bad headers are refused."""

import wave
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.readers.wav import open_wav
from hiddenstate.errors import DataError
from tests.data.readers.test_sounds import VALUES, chunk, form, riff, wav


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(("code", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)])
def test_every_kind_of_samples_is_read(
    tmp_path: Path, code: int, bits: int, extensible: bool
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(VALUES, bits, code, extensible=extensible))
    np.testing.assert_array_equal(open_wav(path).read(), VALUES)
    np.testing.assert_array_equal(open_wav(path).read(1, 1), VALUES[1:2])


def test_a_file_of_the_standard_library_is_read(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes((VALUES * 2**15).astype("<i2").tobytes())
    np.testing.assert_array_equal(open_wav(tmp_path / "a.wav").read(), VALUES)


def test_other_chunks_and_the_byte_after_an_odd_one_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    data = chunk(b"data", b"\x80\xc0\x80")
    path.write_bytes(
        riff(chunk(b"LIST", b"odd"), form(1, 1, 10, 8), chunk(b"x", b"\xff" * 9), data)
    )
    path.write_bytes(riff(chunk(b"LIST", b"odd"), form(1, 1, 10, 8), data, chunk(b"end ", b"")))
    np.testing.assert_array_equal(open_wav(path).read()[:, 0], [0, 0.5, 0])


SOUND = wav(VALUES)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (SOUND[:-1], "cut off: the header declares 56 bytes, the file has 55"),
        (SOUND[:4] + b"\xff" * 4 + SOUND[8:], "cut off: the header declares 4294967303 bytes"),
        (SOUND[:40] + b"\xff" * 4 + SOUND[44:], "chunk 'data' of 4294967295 bytes ends after"),
        (riff(form(1, 1, 8000, 16)), "no data chunk"),
        (riff(chunk(b"data", b"12")), "no format chunk"),
        (riff(form(1, 1, 8000, 16), chunk(b"data", b"123")), "3 bytes of samples, of 2 bytes"),
        (riff(form(1, 1, 8000, 16), *[chunk(b"data", b"12")] * 2), "has two data chunks"),
        (riff(chunk(b"fmt ", b"\1\0"), chunk(b"data", b"12")), "a format chunk of 2 bytes"),
        (riff(*[chunk(b"x   ", b"")] * 1001), "more than 1000 chunks"),
    ],
)
def test_a_bad_header_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"a.wav: (damaged: )?{message}"):
        open_wav(path)
