"""Bad files other than text tables are refused in one line."""

import gzip
import io
import os
import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hiddenstate.data.readers import text_lines
from tests.cli.bad_input.test_tables import (
    JOBS,
    TINY,
    WIDE,
    RefuseNew,
    Write,
    changed,
    refuse_new,
    trained,
    write,
)
from tests.conftest import EVIL, QUIET, Cli, Refuse, idx_bytes, npy, npz

__all__ = ["refuse_new", "trained", "write"]  # fixtures

HEAD = "@problemName Tiny\n@univariate true\n@equalLength true\n@seriesLength 2\n"
TS = HEAD + "@classLabel true p q\n@data\n" + "1,2:p\n3,4:q\n" * 8


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """A folder of six grey images in two classes."""
    for k in range(6):
        path = tmp_path / "pets" / ("cat", "dog")[k % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 5), 40 * k, np.uint8)).save(path)
    return tmp_path / "pets"


@pytest.fixture
def seen(tmp_path_factory: pytest.TempPathFactory, pets: Path, cli: Cli) -> Path:
    """A model trained on these images."""
    runs = tmp_path_factory.mktemp("runs")
    assert cli("classify", pets, *TINY, "--runs-dir", runs).code == 0
    return Path(shutil.copy(runs / "classify-1" / "model.safetensors", runs / "m.safetensors"))


# --- ts files


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("3,4:q\n", "3,4:r\n", "8: label r is not one of @classLabel: p, q"),
        ("3,4:q\n", "3:q\n", "8: 1 step, but @seriesLength is 2"),
        ("3,4:q\n", "3,4:5,6:q\n", "8: 2 dimensions, but @univariate is true"),
        (
            "3,4:q\n",
            "3,inf:q\n",
            "8: dimension 1, step 2: inf is not finite; write ? if it is missing",
        ),
        ("3,4:q\n", "3,x:q\n", "8: dimension 1, step 2: expected a number, or ? if missing"),
        ("3,4:q\n", "3,4\n", "8: no label (@classLabel) after the last ':'"),
        ("@seriesLength 2\n", "", ""),
        ("@seriesLength 2", "@seriesLength 3", "7: 2 steps, but @seriesLength is 3"),
        ("@classLabel true p q", "@classLabel true", "5: @classLabel: true, but no labels"),
        ("@classLabel", "@clasLabel", "5: @clasLabel is not a header field of a .ts file; did you"),
    ],
)
def test_a_ts_file_that_contradicts_its_header_is_refused_with_line_and_field(
    refuse: Refuse, cli: Cli, write: Write, trained: Path, old: str, new: str, message: str
) -> None:
    path = write("t.ts", TS.replace(old, new, 1))
    if not message:  # without @seriesLength the first row decides
        path = write("t.ts", TS.replace(old, new).replace("3,4:q\n", "3:q\n", 1))
        message = "7: 1 step, but @equalLength is true and the first row has 2; set"
    assert f"{path}:{message}" in refuse(2, "classify", path)
    sound = write("sound.ts", TS)
    assert f"{path}:{message}" in refuse(2, "classify", sound, "--test", path)
    model = trained / "wide.safetensors"
    if "no label" not in message:  # rows to predict need no label
        assert f"{path}:{message}" in refuse(2, "predict", model, path, "--output", "out.csv")
    assert f"{path}:{message}" in refuse(2, "evaluate", model, path)


def test_a_ts_file_for_another_job_is_refused_with_the_job(refuse: Refuse, write: Write) -> None:
    classes = write("c.ts", TS)
    assert "use hiddenstate classify, or --horizon" in refuse(2, "regress", classes)
    targets = write("t.ts", "@targetLabel true\n@data\n" + "1,2:0.5\n" * 9)
    assert "use hiddenstate regress" in refuse(2, "classify", targets)


@pytest.mark.parametrize("text", ["", "# about\n", HEAD, HEAD + "@classLabel false\n@data\n"])
def test_a_ts_file_without_rows_is_refused(refuse: Refuse, write: Write, text: str) -> None:
    path = write("t.ts", text)
    for job in JOBS:
        error = refuse(2, job, path)
        assert f"{path}: " in error
        assert "no rows" in error or "no @data" in error or "@classLabel is false" in error


# --- arrays


def test_pickled_objects_in_a_folder_or_as_answers_are_refused(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    objects = npy(tmp_path / "set" / "X.npy", np.array([{}] * 9, object))
    message = "contains pickled objects; save it again as numbers"
    for job in JOBS:
        assert f"{objects}: {message}" in refuse(2, job, tmp_path / "set")
    sound = npy(tmp_path / "x.npy", np.ones((9, 4)))
    for job in ("classify", "regress"):
        assert f"{objects}: {message}" in refuse(2, job, sound, "--answers", objects)
    sound = npz(tmp_path / "x.npz", X=np.ones((9, 4)), y=np.arange(9) % 2)
    assert message in refuse(2, "classify", sound, "--test", objects)


def test_an_array_of_another_size_than_declared_is_refused_with_both_sizes(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    path = npy(tmp_path / "set" / "X.npy", np.ones((9, 4)))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"(9, 4), }    ", b"(9, 44444), }"))
    for job in JOBS:
        error = refuse(2, job, tmp_path / "set")
        assert f"declares {9 * 44444 * 8} bytes, the file has {len(whole)}" in error
    path.write_bytes(whole[:-8])
    assert "declares 288 bytes, found 280" in refuse(2, "autoencode", path)
    path.write_bytes(whole + b"x")
    assert "declares 288 bytes, found more" in refuse(2, "autoencode", path)


def test_idx_halves_that_do_not_match_are_refused_with_both_numbers(
    refuse: Refuse, tiny_idx: Path
) -> None:
    labels, images = (tiny_idx / f"t10k-{n}-ubyte" for n in ("labels-idx1", "images-idx3"))
    whole = labels.read_bytes()
    labels.write_bytes(idx_bytes(np.zeros(29, "u1")))
    for job in ("classify", "autoencode"):
        assert f"{labels}: 29 labels for 30 images" in refuse(2, job, tiny_idx)
    labels.write_bytes(whole)
    images.write_bytes(idx_bytes(np.zeros((30, 8, 9), "u1")))
    assert "training images are (8, 8), but test images are (8, 9)" in refuse(
        2, "classify", tiny_idx
    )
    images.unlink()
    assert "no t10k-images-idx3-ubyte (plain or .gz) beside the training" in refuse(
        2, "classify", tiny_idx
    )


@pytest.mark.parametrize("data", [b"\x89PNG", b"\0\0\x0a\1\0\0\0\1x", b"\0\0\x08\1\0\0\0\2x"])
def test_a_damaged_idx_file_to_predict_is_refused(
    refuse: Refuse, coder: Path, write: Write, data: bytes
) -> None:
    for name in ("new-images-idx3-ubyte", "new-images-idx3-ubyte.gz"):
        path = write(name, gzip.compress(data) if name.endswith(".gz") else data)
        assert f"{path}: " in refuse(2, "predict", coder, path, "--output", "out.csv")


# --- images


def bmp_of(width: int, height: int) -> bytes:
    """The start of a bitmap file of this size."""
    return (
        b"BM"
        + struct.pack("<IHHIIiiHHIIiiII", 62, 0, 0, 62, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        + b"\0" * 64
    )


def cut_png() -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()[:-500]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("z.png", cut_png(), "damaged or truncated"),
        ("z.bmp", bmp_of(9000, 9000), "9000 x 9000 pixels, more than 50,000,000; resize it"),
        ("z.jpg", b"no image", "not an image, or in an unsupported format"),
        ("z.png", b"", ""),
    ],
    ids=["cut", "huge", "no image", "empty"],
)
def test_a_bad_image_is_refused_unless_it_is_skipped(
    refuse: Refuse, cli: Cli, pets: Path, seen: Path, name: str, data: bytes, message: str
) -> None:
    path = pets / "cat" / name
    path.write_bytes(data)
    for job in ("classify", "autoencode"):
        error = refuse(2, job, pets)
        assert f"{path}: {message}" in error
        assert "--skip-bad leaves out such images" in error
    assert str(path) in refuse(2, "predict", seen, path, "--output", "out.csv")
    assert str(path) in refuse(2, "evaluate", seen, pets)
    answer = cli("classify", pets, "--skip-bad", *TINY)
    assert answer.code == 0
    (listed,) = [line for line in answer.err.splitlines() if str(path) in line]
    assert message in listed
    assert "1 unreadable image left out" in answer.err


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("I;16", "png"), ("F", "tif")])
def test_unsupported_pixels_are_refused(refuse: Refuse, pets: Path, mode: str, suffix: str) -> None:
    path = pets / "cat" / f"z.{suffix}"
    Image.new(mode, (5, 4)).save(path)
    error = refuse(2, "classify", pets)
    assert f"{path}: its pixels are {mode}, expected 8-bit greyscale or RGB; convert it" in error


def test_circular_links_and_fifos_are_refused_at_once(refuse: Refuse, pets: Path) -> None:
    loop = pets / "cat" / "loop.png"
    loop.symlink_to(loop)
    assert f"{loop}: a broken or circular link" in refuse(2, "classify", pets)
    loop.unlink()
    os.mkfifo(loop)
    assert f"{loop}: not a file" in refuse(2, "classify", pets)


def test_an_image_of_another_size_is_refused_with_both_sizes(refuse: Refuse, pets: Path) -> None:
    path = pets / "dog" / "z.png"
    Image.new("L", (9, 7)).save(path)
    error = refuse(2, "classify", pets)
    assert (
        f"{path}: 9 x 7 pixels, but 0.png has 5 x 4; resize all images with --image-size 4" in error
    )


def test_images_without_targets_or_classes_are_refused(refuse: Refuse, pets: Path) -> None:
    assert "images have no targets to predict" in refuse(2, "regress", pets)
    shutil.rmtree(pets / "dog")
    assert "all rows have the label cat" in refuse(2, "classify", pets)
    assert "images without a class" in refuse(2, "classify", pets / "cat")
    shutil.rmtree(pets / "cat")
    assert "no data; expected images" in refuse(2, "classify", pets)


# --- gzipped tables


def test_a_gzipped_table_that_unpacks_to_too_much_is_refused_with_the_limits(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "MAX_TOTAL", 10_000)
    path = write("t.csv.gz", gzip.compress((WIDE + "1,2,p\n" * 5000).encode()))
    size = path.stat().st_size
    for job in JOBS:
        error = refuse(2, job, path)
        limit = "1000 times as much and 10000 bytes"
        assert f"{path}: unpacks from {size} bytes to more than {limit}; unpack it first" in error
        assert "or raise --max-unpacked" in error
    error = refuse(2, "classify", path, "--max-unpacked", 1e-5)
    assert "to more than 1e-05 GiB" in error
    for error in refuse_new("wide", path):
        assert "raise --max-unpacked" in error


def test_a_truncated_gzipped_table_is_refused_with_the_offset(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    packed = gzip.compress(WIDE.encode())
    path = write("t.csv.gz", packed[:-20])
    message = f"{path}: the gzip stream ends early, at byte {len(packed) - 20}; download"
    for job in JOBS:
        assert message in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert message in error
    path = write("t.csv.gz", packed[:30] + b"\xff" * 10 + packed[40:])
    assert "damaged gzip near byte" in refuse(2, "classify", path)


# --- Parquet files


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b,label\n1,2,x\n", "not a Parquet file: starts with 612c622c, not PAR1"),
        (b"PAR1" + b"\xff" * 60 + b"PAR1", "damaged or unreadable"),
        (b"PAR1", "damaged or unreadable"),
    ],
)
def test_a_file_that_is_not_parquet_is_refused(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, data: bytes, message: str
) -> None:
    path = write("t.parquet", data)
    for job in JOBS:
        assert f"{path}: {message}" in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert f"{path}: {message}" in error


@pytest.mark.parametrize(
    "column", [[[1]] * 12, [{"k": 1}] * 12, [b"x"] * 12], ids=["list", "struct", "binary"]
)
def test_a_nested_parquet_column_is_refused_by_name_if_it_is_used(
    refuse: Refuse, refuse_new: RefuseNew, cli: Cli, tmp_path: Path, column: list[Any]
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": range(12), "bad": column, "label": ["p", "q"] * 6}), path)
    message = f"{path}: column bad has a type that cannot be read; "
    for job in ("classify", "autoencode"):
        assert f"{message}leave it out of --input" in refuse(2, job, path, "--input", "a,bad")
    assert f"{message}name another" in refuse(2, "regress", path, "--target", "bad")
    assert f"{message}name another" in refuse(2, "classify", path, "--label", "bad")
    for error in refuse_new("wide", path):
        assert "t.parquet: " in error
    done = cli("classify", path, *TINY)
    assert done.code == 0
    assert "left out, as nothing uses them: bad (a type that cannot be read)" in done.err


def test_a_parquet_file_that_unpacks_to_too_much_is_refused_with_the_option(
    refuse: Refuse, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.zeros(4_000_000, "i8")}), path)
    error = refuse(2, "autoencode", path)
    assert f"unpacks from {path.stat().st_size} to 32000000 bytes" in error
    assert "add --max-unpacked 0.04" in error


# --- names


@pytest.mark.parametrize("name", [EVIL, "x" * 200, "\u202eabc", "<script>"])
def test_strange_names_of_classes_and_images_are_escaped(
    refuse: Refuse, cli: Cli, pets: Path, name: str
) -> None:
    (pets / "cat").rename(pets / name)
    for command in (("classify", pets, *TINY), ("evaluate", "last", pets)):
        answer = cli(*command)
        assert answer.code == 0, answer
        for line in (answer.out + answer.err).split("\n"):
            assert line.replace("\t", "").isprintable(), line
    (pets / name / f"{name}.png").write_bytes(b"x")
    assert ": not an image" in refuse(2, "classify", pets)


def test_strange_labels_of_a_ts_file_are_escaped(refuse: Refuse, write: Write) -> None:
    path = write("t.ts", TS.replace("3,4:q\n", "3,4:\x1b[31m\u202e<b>\n", 1))
    assert f"{path}:8: label \\x1b[31m\\u202e<b> is not one of" in refuse(2, "classify", path)
    path = write("t.csv", changed(WIDE, 3, 2, "<b>\u202e"))
    error = refuse(2, "classify", path, *QUIET)
    assert "class <b>\\u202e has only 1 row" in error
