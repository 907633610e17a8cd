"""New data with other columns, and bad reading options, are refused in one line."""

from pathlib import Path

import pytest

from tests.cli.bad_input.test_tables import (
    LONG,
    SIGNAL,
    WIDE,
    RefuseNew,
    Write,
    refuse_new,
    rows_of,
    trained,
    write,
)
from tests.conftest import QUIET, TRAIN_IMAGES, Cli, Refuse

__all__ = ["refuse_new", "trained", "write"]  # fixtures


# --- other columns


def renamed(text: str, *names: str) -> str:
    return ",".join(names) + text[text.index("\n") :]


def picked(text: str, *columns: int) -> str:
    return "".join(",".join(row[j] for j in columns) + "\n" for row in rows_of(text))


@pytest.mark.parametrize(
    ("model", "text", "missing"),
    [
        ("wide", renamed(WIDE, "a", "c", "label"), "b; columns: a, c, label"),
        ("wide", picked(WIDE, 0, 2), "b; columns: a, label"),
        (
            "wide",
            renamed(WIDE, "A", "bb", "label"),
            "s a, b; did you mean A?; columns: A, bb, label",
        ),
        ("long", renamed(LONG, "id", "time", "u", "w", "label"), "v; columns: id, time, u, w, "),
        ("signal", renamed(SIGNAL, "time", "w", "v"), "u; columns: time, w, v"),
    ],
)
def test_new_rows_without_a_column_of_the_model_are_refused_with_its_name(
    refuse_new: RefuseNew, write: Write, model: str, text: str, missing: str
) -> None:
    space = "" if missing.startswith("s ") else " "
    for error in refuse_new(model, write("new.csv", text)):
        assert f"new.csv: no input column{space}{missing}" in error


def test_a_test_file_with_other_columns_is_refused(refuse: Refuse, write: Write) -> None:
    test = write("test.csv", renamed(WIDE, "a", "c", "label"))
    error = refuse(2, "classify", write("t.csv", WIDE), "--test", test)
    assert "test.csv: no input column b; columns: a, c, label" in error


def test_new_rows_without_id_or_target_are_refused_with_the_column(
    refuse: Refuse, trained: Path, write: Write
) -> None:
    long, signal = (trained / f"{name}.safetensors" for name in ("long", "signal"))
    path = write("new.csv", renamed(LONG, "who", "time", "u", "v", "label"))
    assert f"{path}: no column id (--id)" in refuse(2, "predict", long, path)
    path = write("new.csv", picked(SIGNAL, 0, 1))
    assert f"{path}: no column v (--target)" in refuse(2, "evaluate", signal, path)


# --- options of reading


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label", "lable"), "no column lable (--label); did you mean label?; columns: a, b,"),
        (("--input", "a,q"), "no input column q; columns: a, b, label"),
        (("--input", "a,a"), "--input names a twice"),
        (("--input", "a,label", "--label", "label"), "column label is both --label and --input"),
        (("--input", ","), "--input: expected names separated by commas"),
        (("--id", "ida"), "no column ida (--id)"),
        (("--time", "when"), "no column when (--time)"),
        (("--group", "who"), "no column who (--group)"),
        (("--weight", "w"), "no column w (--weight)"),
        (("--id", "a", "--weight", "a"), "column a is both --id and --weight"),
        (
            ("--layout", "wid"),
            "expected one of auto, wide, features, long, got 'wid'; did you mean wide?",
        ),
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
def test_a_wrong_option_of_classify_is_refused_with_valid_values(
    refuse: Refuse, write: Write, options: tuple[object, ...], message: str
) -> None:
    assert message in refuse(2, "classify", write("t.csv", WIDE), *options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "no target column; add --target COL (probably u, v); columns: time, u, v"),
        (("--horizon", 1), "no target column; add --target COL"),
        (("--target", "w"), "no column w (--target)"),
        (("--target", "u,u"), "--target names u twice"),
        (("--target", "v", "--input", "v"), "leave it out of --input or add --horizon 1"),
        (("--target", "v", "--horizon", 0), "--horizon: expected a whole number from 1 to 1000000"),
        (
            ("--target", "v", "--stride", 0),
            "--stride: expected a whole number of at least 1, got 0",
        ),
        (
            ("--target", "v", "--window", -1),
            "--window: expected a whole number of at least 0, got -1",
        ),
        (("--target", "v", "--windows", 5), "--windows: applies only to the bundled waves"),
        (("--target", "v", "--output", "lst"), "did you mean last?"),
        (("--target", "v", "--change"), "--change: applies only to forecasts; add --horizon 1"),
        (("--target", "v", "--class-weight", "none"), "it belongs to classify"),
        (("--target", "v", "--image-size", 4), "no such option --image-size here"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_wrong_option_of_regress_is_refused_with_valid_values(
    refuse: Refuse, write: Write, options: tuple[object, ...], message: str
) -> None:
    assert message in refuse(2, "regress", write("t.csv", SIGNAL), *options)


@pytest.mark.parametrize(
    ("options", "message"),
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
def test_a_wrong_option_of_reading_new_rows_is_refused(
    refuse_new: RefuseNew, write: Write, options: tuple[object, ...], message: str
) -> None:
    for error in refuse_new("wide", write("t.csv", WIDE), *options):
        assert message in error


def test_a_test_file_for_data_with_test_rows_is_refused(refuse: Refuse, tiny_idx: Path) -> None:
    error = refuse(2, "classify", tiny_idx, "--test", tiny_idx / TRAIN_IMAGES)
    assert f"--test: {tiny_idx} has test rows already; leave it out" in error


@pytest.mark.parametrize(
    ("flag", "value", "what"),
    [
        ("--sheet", 1, "workbooks"),
        ("--frame", 10, "sounds"),
        ("--bands", 4, "sounds"),
        ("--rate", 8000, "sounds"),
        ("--image-size", 8, "images"),
    ],
)
def test_an_option_for_another_kind_of_file_is_refused(
    refuse: Refuse, write: Write, cli: Cli, flag: str, value: int, what: str
) -> None:
    data = write("t.csv", WIDE)
    message = f"{flag}: applies only to {what}; {data} is none; leave the option out"
    assert message in refuse(2, "classify", data, flag, value)
    assert f"{flag}: applies only to {what}; the bundled data" in refuse(2, "classify", flag, value)
    folder = write("kinds/one/t.csv", WIDE).parent.parent
    other = f"{flag}: applies only to {what}; {folder} holds none; leave the option out"
    assert other in refuse(2, "inspect", folder, flag, value)
    if flag != "--image-size":
        assert cli("classify", data, "--max-steps", 1, *QUIET).code == 0
        assert message in cli("predict", "last", data, flag, value).err
