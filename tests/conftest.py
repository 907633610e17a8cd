"""Small things many tests need: a folder of idx files, and the command line in-process."""

import contextlib
import io
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from hiddenstate.cli import main

# Tests run side by side; torch's threads would spin against one another. Before torch loads.
os.environ["OMP_NUM_THREADS"] = "1"

IDX_CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


class Answer(NamedTuple):
    """What a command left behind: its exit code and what it printed."""

    code: int
    out: str
    err: str


def idx_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """`array` in the idx format, written here independently of the reader."""
    kind = array.dtype.str[1:]
    head = bytes([0, 0, IDX_CODES[kind], array.ndim])
    lengths = b"".join(struct.pack(">I", length) for length in array.shape)
    return head + lengths + array.astype(f">{kind}").tobytes()


def write_digits(folder: Path, n_train: int = 120, n_test: int = 30, side: int = 8) -> Path:
    """Write four idx files of random pictures of three classes, told apart by a bright row."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    for split, rows in (("train", n_train), ("t10k", n_test)):
        labels = (np.arange(rows) % 3).astype("u1")
        images = random.integers(0, 60, (rows, side, side)).astype("u1")
        images[np.arange(rows), labels * 2] = 255
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    return folder


@pytest.fixture
def tiny_idx(tmp_path: Path) -> Path:
    """A folder of idx files: 120 + 30 pictures of 8x8 pixels in three classes."""
    return write_digits(tmp_path / "digits")


@pytest.fixture
def cli(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """Run `hiddenstate ARGUMENTS...` in this process, in `tmp_path`; see :class:`Answer`."""
    monkeypatch.chdir(tmp_path)
    # A defect leaves its trace where the test is cleaned up.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("traces")))

    def run(*arguments: object) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main([str(argument) for argument in arguments])
        code = ended.value.code
        return Answer(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    return run


def mutations(data: bytes, n: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `n` damaged copies of `data`: bytes changed, cut out, put in, or cut off."""
    random = np.random.default_rng(seed)
    for _ in range(n):
        hurt = bytearray(data)
        for _ in range(random.integers(1, 4)):
            # Headers are near the ends, and small: aim there half of the time.
            reach = min(len(hurt), 200) if random.random() < 0.5 else len(hurt)
            place = int(random.integers(reach)) if reach else 0
            if random.random() < 0.2:
                place = max(len(hurt) - 1 - place, 0)
            length = int(random.integers(1, 9))
            noise = random.bytes(length) if random.random() < 0.6 else b"\xff" * length
            match random.integers(4):
                case 0:
                    hurt[place : place + length] = noise[: len(hurt) - place]
                case 1:
                    del hurt[place : place + length]
                case 2:
                    hurt[place:place] = noise
                case 3 if random.random() < 0.3:
                    del hurt[place:]
                case _:
                    hurt[place : place + 1] = noise[:1]
        yield bytes(hurt)
