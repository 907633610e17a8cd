"""What a user gets for other bad files of their own, and for bad options of reading them."""

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
    LONG,
    SIGNAL,
    TINY,
    WIDE,
    RefuseNew,
    Write,
    changed,
    refuse_new,
    rows_of,
    trained,
    write,
)
from tests.conftest import EVIL, QUIET, TRAIN_IMAGES, Cli, Refuse, idx_bytes, npy, npz

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
    """The model of a classifier of such images."""
    runs = tmp_path_factory.mktemp("runs")
    assert cli("classify", pets, *TINY, "--runs-dir", runs).code == 0
    return Path(shutil.copy(runs / "classify-1" / "model.safetensors", runs / "m.safetensors"))


# 14. ts


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("3,4:q\n", "3,4:r\n", "8: label r is not one of @classLabel: p, q"),
        ("3,4:q\n", "3:q\n", "8: 1 step, but @seriesLength is 2"),
        ("3,4:q\n", "3,4:5,6:q\n", "8: 2 dimensions, but @univariate is true"),
        ("3,4:q\n", "3,inf:q\n", "8: dimension 1, step 2: inf is not finite; if missing write ?"),
        ("3,4:q\n", "3,x:q\n", "8: dimension 1, step 2: expected a number, or ? if missing"),
        ("3,4:q\n", "3,4\n", "8: no label (@classLabel) after the last ':'"),
        ("@seriesLength 2\n", "", ""),
        ("@seriesLength 2", "@seriesLength 3", "7: 2 steps, but @seriesLength is 3"),
        ("@classLabel true p q", "@classLabel true", "5: @classLabel: true, but no labels"),
        ("@classLabel", "@clasLabel", "5: @clasLabel is no header field of a .ts file; did you"),
    ],
)
def test_14_a_ts_file_that_contradicts_itself_is_told_by_line_and_field(
    refuse: Refuse, cli: Cli, write: Write, trained: Path, old: str, new: str, said: str
) -> None:
    path = write("t.ts", TS.replace(old, new, 1))
    if not said:  # without @seriesLength the first row says it
        path = write("t.ts", TS.replace(old, new).replace("3,4:q\n", "3:q\n", 1))
        said = "7: 1 step, but @equalLength is true and the first row has 2; should it be false?"
    assert f"{path}:{said}" in refuse(2, "classify", path)
    sound = write("sound.ts", TS)
    assert f"{path}:{said}" in refuse(2, "classify", sound, "--test", path)
    model = trained / "wide.safetensors"
    if "no label" not in said:  # which rows to predict need not have
        assert f"{path}:{said}" in refuse(2, "predict", model, path, "--output", "out.csv")
    assert f"{path}:{said}" in refuse(2, "evaluate", model, path)


def test_14_a_ts_file_for_another_job_is_told_which(refuse: Refuse, write: Write) -> None:
    classes = write("c.ts", TS)
    assert "use hiddenstate classify, or --horizon" in refuse(2, "regress", classes)
    targets = write("t.ts", "@targetLabel true\n@data\n" + "1,2:0.5\n" * 9)
    assert "use hiddenstate regress" in refuse(2, "classify", targets)


@pytest.mark.parametrize("text", ["", "# about\n", HEAD, HEAD + "@classLabel false\n@data\n"])
def test_03_a_ts_file_without_rows_is_refused(refuse: Refuse, write: Write, text: str) -> None:
    path = write("t.ts", text)
    for job in JOBS:
        error = refuse(2, job, path)
        assert f"{path}: " in error
        assert "no rows" in error or "no @data" in error or "@classLabel is false" in error


# 15, 16 and 20. Arrays


def test_15_pickled_objects_in_a_folder_or_beside_are_refused(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    objects = npy(tmp_path / "set" / "X.npy", np.array([{}] * 9, object))
    said = "contains pickled objects; re-save as float"
    for job in JOBS:
        assert f"{objects}: {said}" in refuse(2, job, tmp_path / "set")
    sound = npy(tmp_path / "x.npy", np.ones((9, 4)))
    for job in ("classify", "regress"):
        assert f"{objects}: {said}" in refuse(2, job, sound, "--answers", objects)
    sound = npz(tmp_path / "x.npz", X=np.ones((9, 4)), y=np.arange(9) % 2)
    assert said in refuse(2, "classify", sound, "--test", objects)


def test_16_an_array_that_promises_more_than_its_file_has_is_refused_with_both_numbers(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    path = npy(tmp_path / "set" / "X.npy", np.ones((9, 4)))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"(9, 4), }    ", b"(9, 44444), }"))
    for job in JOBS:
        error = refuse(2, job, tmp_path / "set")
        assert f"promises {9 * 44444 * 8} bytes, the file has {len(whole)}" in error
    path.write_bytes(whole[:-8])
    assert "promises 288 bytes, only 280 follow" in refuse(2, "autoencode", path)
    path.write_bytes(whole + b"x")
    assert "promises 288 bytes, more follow" in refuse(2, "autoencode", path)


def test_20_test_halves_that_do_not_fit_are_refused_with_both_numbers(
    refuse: Refuse, tiny_idx: Path
) -> None:
    labels, images = (tiny_idx / f"t10k-{n}-ubyte" for n in ("labels-idx1", "images-idx3"))
    whole = labels.read_bytes()
    labels.write_bytes(idx_bytes(np.zeros(29, "u1")))
    for job in ("classify", "autoencode"):
        assert f"{labels}: 29 labels for 30 images" in refuse(2, job, tiny_idx)
    labels.write_bytes(whole)
    images.write_bytes(idx_bytes(np.zeros((30, 8, 9), "u1")))
    assert "training images are (8, 8), test images (8, 9)" in refuse(2, "classify", tiny_idx)
    images.unlink()
    assert "t10k-images-idx3-ubyte (plain or .gz) is missing" in refuse(2, "classify", tiny_idx)


@pytest.mark.parametrize("data", [b"\x89PNG", b"\0\0\x0a\1\0\0\0\1x", b"\0\0\x08\1\0\0\0\2x"])
def test_20_a_wrong_idx_file_to_predict_is_refused(
    refuse: Refuse, coder: Path, write: Write, data: bytes
) -> None:
    for name in ("new-images-idx3-ubyte", "new-images-idx3-ubyte.gz"):
        path = write(name, gzip.compress(data) if name.endswith(".gz") else data)
        assert f"{path}: " in refuse(2, "predict", coder, path, "--output", "out.csv")


# 21. Images


def bmp_of(width: int, height: int) -> bytes:
    """The start of a bitmap of such a size."""
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
    ("name", "data", "said"),
    [
        ("z.png", cut_png(), "damaged or cut short"),
        ("z.bmp", bmp_of(9000, 9000), "9000 x 9000 pixels, more than 50,000,000; make it smaller"),
        ("z.jpg", b"no image", "not an image, or of a format that is not read"),
        ("z.png", b"", ""),
    ],
    ids=["cut", "huge", "no image", "empty"],
)
def test_21_a_bad_image_is_named_and_can_be_left_out(
    refuse: Refuse, cli: Cli, pets: Path, seen: Path, name: str, data: bytes, said: str
) -> None:
    path = pets / "cat" / name
    path.write_bytes(data)
    for job in ("classify", "autoencode"):
        error = refuse(2, job, pets)
        assert f"{path}: {said}" in error
        assert "or leave out what is bad with --skip-bad" in error
    assert str(path) in refuse(2, "predict", seen, path, "--output", "out.csv")
    assert str(path) in refuse(2, "evaluate", seen, pets)
    answer = cli("classify", pets, "--skip-bad", *TINY)
    assert answer.code == 0
    (listed,) = [line for line in answer.err.splitlines() if str(path) in line]
    assert said in listed
    assert "1 left out as unreadable" in answer.err


@pytest.mark.parametrize(("mode", "suffix"), [("CMYK", "jpg"), ("I;16", "png"), ("F", "tif")])
def test_21_other_pixels_are_refused(refuse: Refuse, pets: Path, mode: str, suffix: str) -> None:
    path = pets / "cat" / f"z.{suffix}"
    Image.new(mode, (5, 4)).save(path)
    error = refuse(2, "classify", pets)
    assert f"{path}: its pixels are {mode}; expected 8 bits of grey or red, green and blue" in error


def test_21_links_in_a_circle_and_fifos_are_refused_at_once(refuse: Refuse, pets: Path) -> None:
    loop = pets / "cat" / "loop.png"
    loop.symlink_to(loop)
    assert f"{loop}: a link that leads nowhere or in a circle" in refuse(2, "classify", pets)
    loop.unlink()
    os.mkfifo(loop)
    assert f"{loop}: not a file" in refuse(2, "classify", pets)


def test_21_an_image_of_another_size_is_told_with_both_and_the_option(
    refuse: Refuse, pets: Path
) -> None:
    path = pets / "dog" / "z.png"
    Image.new("L", (9, 7)).save(path)
    error = refuse(2, "classify", pets)
    assert f"{path}: 9 x 7 pixels, but 0.png has 5 x 4; bring all to one size with " in error
    assert "--image-size 4" in error


def test_21_images_with_nothing_to_learn_are_refused(refuse: Refuse, pets: Path) -> None:
    assert "images have no targets to regress" in refuse(2, "regress", pets)
    shutil.rmtree(pets / "dog")
    assert "all rows have the label cat" in refuse(2, "classify", pets)
    assert "images without a class" in refuse(2, "classify", pets / "cat")
    shutil.rmtree(pets / "cat")
    assert "no data in it; expected images" in refuse(2, "classify", pets)


# 17 and 19. Packed tables


def test_17_a_packed_table_that_unpacks_to_too_much_is_refused_with_the_limits(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "MAX_TOTAL", 10_000)
    path = write("t.csv.gz", gzip.compress((WIDE + "1,2,p\n" * 5000).encode()))
    size = path.stat().st_size
    for job in JOBS:
        error = refuse(2, job, path)
        assert f"{path}: unpacks from {size} to more than 1000 times and 10000 bytes" in error
        assert "unpack it, or raise --max-unpacked" in error
    error = refuse(2, "classify", path, "--max-unpacked", 1e-5)
    assert "to more than 1e-05 GiB" in error
    for error in refuse_new("wide", path):
        assert "raise --max-unpacked" in error


def test_19_a_packed_table_cut_short_is_refused_with_the_offset(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    packed = gzip.compress(WIDE.encode())
    path = write("t.csv.gz", packed[:-20])
    said = f"{path}: the gzip stream ends early, at byte {len(packed) - 20}; fetch the file again"
    for job in JOBS:
        assert said in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert said in error
    path = write("t.csv.gz", packed[:30] + b"\xff" * 10 + packed[40:])
    assert "damaged gzip near byte" in refuse(2, "classify", path)


# 17 and 22. Parquet


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a,b,label\n1,2,x\n", "not a Parquet file: starts with 612c622c, not PAR1"),
        (b"PAR1" + b"\xff" * 60 + b"PAR1", "damaged, or not to be read"),
        (b"PAR1", "damaged, or not to be read"),
    ],
)
def test_22_what_is_no_parquet_file_is_refused(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, data: bytes, said: str
) -> None:
    path = write("t.parquet", data)
    for job in JOBS:
        assert f"{path}: {said}" in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert f"{path}: {said}" in error


@pytest.mark.parametrize(
    "column", [[[1]] * 12, [{"k": 1}] * 12, [b"x"] * 12], ids=["list", "struct", "binary"]
)
def test_22_a_column_that_cannot_be_read_is_named(
    refuse: Refuse, refuse_new: RefuseNew, cli: Cli, tmp_path: Path, column: list[Any]
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": range(12), "bad": column, "label": ["p", "q"] * 6}), path)
    said = f"{path}: column bad is of a type that cannot be read; leave it out with --input COL"
    for job in ("classify", "autoencode"):
        assert said in refuse(2, job, path)
    assert said in refuse(2, "regress", path, "--target", "a")
    assert said in refuse(2, "classify", path, "--label", "bad", "--input", "a")
    for error in refuse_new("wide", path):
        assert "t.parquet: " in error
    assert cli("classify", path, "--input", "a", *TINY).code == 0


def test_17_a_parquet_file_that_unpacks_to_far_more_is_refused_with_the_option(
    refuse: Refuse, tmp_path: Path
) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.zeros(4_000_000, "i8")}), path)
    error = refuse(2, "autoencode", path)
    assert f"unpacks from {path.stat().st_size} to 32000000 bytes" in error
    assert "add --max-unpacked 0.04" in error


# 26. Other columns


def renamed(text: str, *names: str) -> str:
    return ",".join(names) + text[text.index("\n") :]


def picked(text: str, *columns: int) -> str:
    return "".join(",".join(row[j] for j in columns) + "\n" for row in rows_of(text))


@pytest.mark.parametrize(
    ("model", "text", "said"),
    [
        ("wide", renamed(WIDE, "a", "c", "label"), "it lacks b and adds c"),
        ("wide", picked(WIDE, 0, 2), "it lacks b"),
        ("wide", picked(WIDE, 0, 1, 1, 2).replace("b,b", "b,c"), "it adds c"),
        ("wide", picked(WIDE, 1, 0, 2), "it has column b where a was"),
        ("long", renamed(LONG, "id", "time", "u", "w", "label"), "it lacks v and adds w"),
        ("signal", renamed(SIGNAL, "time", "w", "v"), "it lacks u and adds w"),
    ],
)
def test_26_other_columns_are_told_by_name(
    refuse_new: RefuseNew, write: Write, model: str, text: str, said: str
) -> None:
    mend = "each must be there by its name" if "lacks" in said else "name them in order"
    for error in refuse_new(model, write("new.csv", text)):
        assert f"new.csv: not the columns the model was trained on: {said}; {mend}" in error


def test_26_a_test_file_of_other_columns_is_refused(refuse: Refuse, write: Write) -> None:
    test = write("test.csv", renamed(WIDE, "a", "c", "label"))
    error = refuse(2, "classify", write("t.csv", WIDE), "--test", test)
    assert "test.csv: " in error
    assert "it lacks b and adds c" in error


def test_26_new_rows_without_id_label_or_target_are_told_which(
    refuse: Refuse, trained: Path, write: Write
) -> None:
    long, signal = (trained / f"{name}.safetensors" for name in ("long", "signal"))
    path = write("new.csv", renamed(LONG, "who", "time", "u", "v", "label"))
    assert f"{path}: no column id (--id)" in refuse(2, "predict", long, path)
    path = write("new.csv", picked(SIGNAL, 0, 1))
    assert f"{path}: no column v (--target)" in refuse(2, "evaluate", signal, path)


# 27. Options of reading


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--label", "lable"), "no column lable (--label); did you mean label?; it has a, b,"),
        (("--input", "a,q"), "no column q (--input); it has a, b, label"),
        (("--input", "a,a"), "--input names a twice"),
        (("--input", "a,label", "--label", "label"), "column label is both --label and --input"),
        (("--input", ","), "--input: expected names separated by commas"),
        (("--id", "ida"), "no column ida (--id)"),
        (("--time", "when"), "no column when (--time)"),
        (("--group", "who"), "no column who (--group)"),
        (("--weight", "w"), "no column w (--weight)"),
        (("--id", "a", "--weight", "a"), "column a is both --id and --weight"),
        (("--layout", "wid"), "expected one of auto, wide, long, got 'wid'; did you mean wide?"),
        (("--layout", "long"), "add --id COL; columns: a, b, label"),
        (("--delimiter", ";;"), "--delimiter: expected one character"),
        (("--decimal", ";"), "--decimal: expected one of ., ,, got ';'"),
        (("--encoding", "utf9"), "--encoding: unknown encoding 'utf9'"),
        (("--missing", "men"), "error, drop, mean, forward, mask, got 'men'; did you mean mean?"),
        (("--scale", "standart"), "did you mean standard?"),
        (("--split", "stratifed"), "did you mean stratified?"),
        (("--split", "group"), "--split: the rows have no groups; name their column with --group"),
        (
            ("--valid-fraction", 1),
            "--valid-fraction: expected a number of at least 0 and below 1, got 1.0",
        ),
        (
            ("--test-fraction", -0.1),
            "--test-fraction: expected a number of at least 0 and below 1, got -0.1",
        ),
        (("--class-weight", "balance"), "did you mean balanced?"),
        (("--readout", "men"), "--readout: expected one of last, mean, got 'men'"),
        (("--patience", -1), "--patience: expected a whole number of at least 0, got -1"),
        (("--patience", 3), "--patience: requires validation rows; add --valid-fraction"),
        (("--recipe", "clasic"), "did you mean classic?"),
        (("--max-unpacked", 0), "--max-unpacked: expected a number above 0, got 0.0"),
        (("--image-size", 4097), "--image-size: expected a whole number from 1 to 4096, got 4097"),
        (("--steps", 3), "rows of 2 numbers cannot be cut into 3 equal steps"),
        (("--target", "a"), "no such option --target here; it belongs to regress"),
        (("--horizon", 1), "no such option --horizon here; it belongs to regress"),
        (("--stride", 1), "no such option --stride here; it belongs to regress"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_27_a_wrong_option_of_classify_is_refused_with_what_is_right(
    refuse: Refuse, write: Write, options: tuple[object, ...], said: str
) -> None:
    assert said in refuse(2, "classify", write("t.csv", WIDE), *options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "which column to predict? add --target COL; columns: time, u, v"),
        (("--horizon", 1), "which column to predict? add --target COL"),
        (("--target", "w"), "no column w (--target)"),
        (("--target", "u,u"), "--target names u twice"),
        (("--target", "v", "--input", "v"), "drop it from --input or add --horizon 1"),
        (("--target", "v", "--horizon", 0), "--horizon: expected a whole number from 1 to 1000000"),
        (
            ("--target", "v", "--stride", 0),
            "--stride: expected a whole number of at least 1, got 0",
        ),
        (
            ("--target", "v", "--window", -1),
            "--window: expected a whole number of at least 0, got -1",
        ),
        (("--target", "v", "--windows", 5), "--windows: is for the bundled waves"),
        (("--target", "v", "--output", "lst"), "did you mean last?"),
        (("--target", "v", "--change"), "--change: applies only to forecasts; add --horizon 1"),
        (("--target", "v", "--class-weight", "none"), "it belongs to classify"),
        (("--target", "v", "--image-size", 4), "no such option --image-size here"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_27_a_wrong_option_of_regress_is_refused_with_what_is_right(
    refuse: Refuse, write: Write, options: tuple[object, ...], said: str
) -> None:
    assert said in refuse(2, "regress", write("t.csv", SIGNAL), *options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--delimiter", ";;"), "--delimiter: expected one character"),
        (("--delimiter", ";"), "add --delimiter ','"),
        (("--decimal", ":"), "--decimal: expected one of ., ,"),
        (("--encoding", "utf9"), "--encoding: unknown encoding 'utf9'"),
        (("--layout", "lon"), "did you mean long?"),
        (("--max-unpacked", -1), "--max-unpacked: expected a number above 0"),
        (("--device", "tpu"), "--device"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_27_a_wrong_option_of_reading_new_rows_is_refused(
    refuse_new: RefuseNew, write: Write, options: tuple[object, ...], said: str
) -> None:
    for error in refuse_new("wide", write("t.csv", WIDE), *options):
        assert said in error


def test_27_test_rows_where_the_data_has_its_own_are_refused(
    refuse: Refuse, tiny_idx: Path
) -> None:
    error = refuse(2, "classify", tiny_idx, "--test", tiny_idx / TRAIN_IMAGES)
    assert f"--test: {tiny_idx} brings test rows of its own" in error


# 32. Names


@pytest.mark.parametrize("name", [EVIL, "x" * 200, "\u202eabc", "<script>"])
def test_32_strange_names_of_classes_and_images_are_escaped(
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


def test_32_strange_labels_of_a_ts_file_are_escaped(refuse: Refuse, write: Write) -> None:
    path = write("t.ts", TS.replace("3,4:q\n", "3,4:\x1b[31m\u202e<b>\n", 1))
    assert f"{path}:8: label \\x1b[31m\\u202e<b> is not one of" in refuse(2, "classify", path)
    path = write("t.csv", changed(WIDE, 3, 2, "<b>\u202e"))
    error = refuse(2, "classify", path, *QUIET)
    assert "class <b>\\u202e has only 1 row" in error
