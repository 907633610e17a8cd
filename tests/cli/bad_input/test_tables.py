"""Bad tables are refused in one line: the file, the row, the column and a hint."""

import csv
import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hiddenstate.cli import main
from tests.conftest import EVIL, QUIET, Cli, Refuse

TINY = ("--hidden-size", 2, "--max-steps", 2, *QUIET)
JOBS = ("classify", "regress", "autoencode")
WITH_TEST = (("classify",), ("regress", "--target", "a", "--input", "b"), ("autoencode",))
"""Commands that read `WIDE`, and then the file of --test."""

ROWS = [(k, k / 2, "pq"[k % 2]) for k in range(20)]
WIDE = "a,b,label\n" + "".join(f"{a},{b},{label}\n" for a, b, label in ROWS)
LONG = "id,time,u,v,label\n" + "".join(
    f"{s},{t},{s + t},{t / 4},{'xy'[s % 2]}\n" for s in range(10) for t in range(4)
)
SIGNAL = "time,u,v\n" + "".join(f"{t},{t / 7},{t % 5}\n" for t in range(80))

Write = Callable[..., Path]
RefuseNew = Callable[..., list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes into `tmp_path`: `write("t.csv", "a,b\\n")`."""

    def run(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of tables: wide, long and signal."""
    folder = tmp_path_factory.mktemp("models")
    for name, text, arguments in (
        ("wide", WIDE, ("classify",)),
        ("long", LONG, ("classify",)),
        ("signal", SIGNAL, ("regress", "--target", "v")),
    ):
        data = folder / f"{name}.csv"
        data.write_text(text)
        command = (*arguments, data, *TINY, "--runs-dir", folder / name)
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in command])
        assert not ended.value.code
        (model,) = (folder / name).rglob("model.safetensors")
        shutil.copy(model, folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def refuse_new(refuse: Refuse, trained: Path) -> RefuseNew:
    """`predict` and `evaluate` refuse new rows for a model: the one line of each."""

    def run(model: str, data: Path, *arguments: object) -> list[str]:
        file = trained / f"{model}.safetensors"
        return [
            refuse(2, "predict", file, data, "--output", "answers.csv", *arguments),
            refuse(2, "evaluate", file, data, *arguments),
        ]

    return run


def rows_of(text: str, delimiter: str = ",") -> list[list[str]]:
    return [line.split(delimiter) for line in text.splitlines()]


def changed(text: str, line: int, column: int, cell: str) -> str:
    """`text` with another cell in a line, counted from 1, and a column, from 0."""
    cells = rows_of(text)
    cells[line - 1][column] = cell
    return "".join(",".join(row) + "\n" for row in cells)


# --- paths


def test_a_missing_table_is_refused_with_the_most_similar_name(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, tmp_path: Path
) -> None:
    table = write("digits.csv", WIDE)
    for job in JOBS:
        error = refuse(2, job, tmp_path / "digts.csv")
        assert f"{tmp_path / 'digts.csv'}: no such file; did you mean digits.csv?" in error
    for job, *options in WITH_TEST:
        error = refuse(2, job, table, *options, "--test", "digits.cvs")
        assert "digits.cvs: no such file; did you mean digits.csv?" in error
    for error in refuse_new("wide", tmp_path / "digts.csv"):
        assert "did you mean digits.csv?" in error


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.csv.gz", "t.parquet", "t.ts"])
def test_a_fifo_named_as_a_table_is_refused_at_once(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, tmp_path: Path, name: str
) -> None:
    os.mkfifo(tmp_path / name)
    table = write("sound.csv", WIDE)
    for job in JOBS:
        assert f"{name}: neither a file nor a folder" in refuse(2, job, tmp_path / name)
    for job, *options in WITH_TEST:
        assert "neither a file" in refuse(2, job, table, *options, "--test", tmp_path / name)
    for error in refuse_new("wide", tmp_path / name):
        assert f"{name}: neither a file nor a folder" in error


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.ts"])
def test_a_folder_named_as_a_table_is_refused(
    refuse: Refuse, refuse_new: RefuseNew, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    for job in ("classify", "autoencode"):
        assert f"{name}: no data; expected" in refuse(2, job, tmp_path / name)
    assert name in refuse(2, "regress", tmp_path / name)
    for error in refuse_new("wide", tmp_path / name):
        assert name in error


# --- no rows


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,label\n", "a,b,label", "\ufeff\r\n"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.csv.gz"])
def test_a_table_without_rows_is_refused(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, name: str, text: str
) -> None:
    text = text.replace(",", "\t") if name == "t.tsv" else text
    data = gzip.compress(text.encode()) if name.endswith(".gz") else text
    path = write(name, data)
    for job in JOBS:
        assert f"{path}: " in refuse(2, job, path)
        assert "no rows" in refuse(2, job, path)
    assert "no rows" in refuse(2, "classify", write("sound.csv", WIDE), "--test", path)
    for error in refuse_new("wide", path):
        assert "no rows" in error


def test_a_parquet_file_without_rows_is_refused(
    refuse: Refuse, refuse_new: RefuseNew, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"a": pa.array([], "f8"), "b": [], "label": []}), "none.parquet")
    path = Path("none.parquet").resolve()
    assert path.parent == tmp_path
    for job in JOBS:
        assert "none.parquet: no rows" in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert "none.parquet: no rows" in error


# --- text that is not a table


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.tsv", "\t"), ("t.txt", " ")])
@pytest.mark.parametrize(("row", "n_cells"), [("1,2", 2), ("1,2,p,4", 4), ("9", 1)])
def test_a_ragged_row_is_refused_with_line_and_both_counts(
    refuse: Refuse,
    refuse_new: RefuseNew,
    write: Write,
    name: str,
    delimiter: str,
    row: str,
    n_cells: int,
) -> None:
    text = WIDE.replace("4,2.0,p\n", f"4,2.0,p\n{row}\n").replace(",", delimiter)
    path = write(name, text)
    message = f"{path}:7: expected 3 columns as in the first line, found {n_cells}; "
    hint = "correct the line" if n_cells < 3 else "quote cells that contain a delimiter"
    for job in JOBS:
        error = refuse(2, job, path)
        assert message in error
        assert hint in error
    assert message in refuse(2, "classify", write("sound.csv", WIDE), "--test", path)
    for error in refuse_new("wide", path):
        assert message in error


def test_text_in_a_column_of_numbers_is_refused_with_line_column_and_value(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    path = write("t.csv", changed(WIDE, 7, 1, "oops\x1b[31m" + "!" * 60))
    message = (
        f"{path}:7:b: 'oops\\x1b[31m" + "!" * 27 + "…' is not a number; correct or empty the cell"
    )
    for job in ("classify", "autoencode"):
        assert message in refuse(2, job, path)
    assert message in refuse(2, "regress", path, "--target", "a", "--input", "b")
    assert message in refuse(2, "regress", path, "--target", "b", "--input", "a")
    assert message in refuse(2, "classify", write("sound.csv", WIDE), "--test", path)
    for error in refuse_new("wide", path):
        assert message in error


@pytest.mark.parametrize(
    ("column", "cell", "option", "message"),
    [
        (1, "oops", ("--weight", "b"), "b: 'oops' is not a number"),
        (1, "-1", ("--weight", "b"), "b: weight -1; expected a finite number of at least 0"),
        (1, "", ("--weight", "b"), "b: weight nan; expected a finite number of at least 0"),
        (1, "", ("--group", "b"), "b: empty, so the row has no group; fill it in or drop the row"),
        (1, "", ("--id", "b"), "b: empty, so the row belongs to no series"),
    ],
)
def test_a_wrong_weight_group_or_id_is_refused_with_its_cell(
    refuse: Refuse, write: Write, column: int, cell: str, option: tuple[str, ...], message: str
) -> None:
    path = write("t.csv", changed(WIDE, 7, column, cell))
    assert f"{path}:7:{message}" in refuse(2, "classify", path, *option)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        (1, "noon", "6:time: 'noon' is not a time; expected numbers, or dates like 2020-12-31"),
        (1, "2020-12-31", "6:time: '2020-12-31' is a date without a time zone, but other cells"),
        (1, "", "6:time: empty, so the row has no time"),
        (1, "3", "9:time: time 3 occurs twice in series 1, first at FILE:6"),
        (4, "z", "7:label: series 1 has y here and z at FILE:6; it must be the same in all"),
        (4, "", "6:label: empty, so the row has no label; fill it in or drop the row"),
        (2, "oops", "6:u: 'oops' is not a number; correct or empty the cell"),
    ],
)
def test_a_wrong_cell_of_a_long_table_is_refused_with_its_place(
    refuse: Refuse, write: Write, column: int, cell: str, message: str
) -> None:
    path = write("t.csv", changed(LONG, 6, column, cell))
    error = refuse(2, "classify", path, "--time", "time").replace(str(path), "FILE")
    assert f"FILE:{message}" in error


def test_labels_that_are_infinite_are_refused_with_their_place(
    refuse: Refuse, write: Write
) -> None:
    path = write("t.csv", "a,b,label\n1,2,1\n2,3,inf\n3,4,1\n4,5,inf\n")
    error = refuse(2, "classify", path, "--label", "label")
    assert f"{path}:3:label: the label is inf; a number that is a label must be finite" in error


def test_a_nul_character_is_refused_with_its_offset(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    path = write("t.csv", WIDE.replace("7,3.5", "7\0,3.5"))
    message = f"{path}: a NUL character at byte {WIDE.index('7,3.5') + 1}; not a text file"
    for job in JOBS:
        assert message in refuse(2, job, path)
    packed = write("t.csv.gz", gzip.compress(b"a,b\n1,\0\n"))
    assert "a NUL character at byte 6" in refuse(2, "autoencode", packed)
    for error in refuse_new("wide", path):
        assert message in error


def test_a_duplicate_column_name_is_refused_with_both_positions(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, tmp_path: Path
) -> None:
    path = write("t.csv", WIDE.replace("a,b,label", "a,b,a"))
    message = f"{path}:1: columns 1 and 3 are both named a; rename one"
    for job in JOBS:
        assert message in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert message in error
    twice = tmp_path / "t.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 3, names=["a", "b", "b"]), twice)
    for job in JOBS:
        assert "t.parquet: columns 2 and 3 are both named b" in refuse(2, job, twice)


def test_another_encoding_is_refused_with_the_option(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    text = WIDE.replace("3,1.5,q", "3,1.5,größe")
    path = write("t.csv", text.encode("cp1252"))
    place = text.index("ö")
    for job in JOBS:
        error = refuse(2, job, path)
        assert f"{path}: byte {place} (0xf6) is not utf-8" in error
        assert "--encoding cp1252" in error
    for error in refuse_new("wide", path):
        assert f"byte {place} (0xf6)" in error
    path = write("t.csv", text.encode("utf-16"))
    for job in JOBS:
        error = refuse(2, job, path)
        assert "starts with the byte order mark of UTF-16; add --encoding utf-16" in error
    for error in refuse_new("wide", path):
        assert "add --encoding utf-16" in error
    sound = write("sound.csv", WIDE)
    assert "utf-16" in refuse(2, "classify", sound, "--encoding", "utf-16")


@pytest.mark.parametrize("text", ["\ufeff" + WIDE, WIDE.replace("\n", "\r\n")], ids=["BOM", "CRLF"])
def test_a_utf_8_byte_order_mark_and_crlf_are_accepted(cli: Cli, write: Write, text: str) -> None:
    answer = cli("classify", write("t.csv", text), *TINY)
    assert answer.code == 0, answer
    assert cli("evaluate", "last", "t.csv").code == 0


def test_semicolons_and_decimal_commas_are_refused_with_both_options(
    refuse: Refuse, refuse_new: RefuseNew, cli: Cli, write: Write
) -> None:
    text = WIDE.replace(",", ";").replace(".", ",")
    path = write("t.csv", text)
    message = (
        f"{path}:1: columns are separated by ';', not by ','; add --delimiter ';' --decimal ','"
    )
    for job in JOBS:
        assert message in refuse(2, job, path)
    for error in refuse_new("wide", path):
        assert message in error
    error = refuse(2, "classify", path, "--delimiter", ";")
    assert f"{path}:2:b: '0,0' has a decimal comma; add --decimal ','" in error
    options = ("--delimiter", ";", "--decimal", ",")
    assert cli("classify", path, *options, *TINY).code == 0
    assert cli("evaluate", "last", path).code == 0
    tabs = write("tabs.csv", WIDE.replace(",", "\t"))
    assert "add --delimiter tab" in refuse(2, "classify", tabs)


# --- missing values


@pytest.mark.parametrize("cell", ["", "?", "nan", "NA", "inf", "-inf", "1e999"])
def test_missing_cells_are_refused_with_their_number_and_the_first(
    refuse: Refuse, refuse_new: RefuseNew, write: Write, cell: str
) -> None:
    path = write("t.csv", changed(changed(WIDE, 5, 0, cell), 9, 1, cell))
    for job, fills in (("classify", "mean, forward or mask"), ("autoencode", "mean or mask")):
        error = refuse(2, job, path)
        assert "t.csv: 2 values are missing or not finite, the first in row 3" in error
        assert f"--missing {fills}, or leave the rows out with --missing drop" in error
    for error in refuse_new("wide", path):
        assert "t.csv: 2 values are missing or not finite, the first in row 3" in error
    signal = write("s.csv", changed(SIGNAL, 5, 1, cell))
    assert "1 value is missing" in refuse(2, "regress", signal, "--target", "v")
    error = refuse(2, "regress", write("s.csv", changed(SIGNAL, 5, 2, cell)), "--target", "v")
    assert "1 target is missing" in error


@pytest.mark.parametrize("missing", ["drop", "mean", "forward", "mask"])
def test_every_treatment_of_missing_cells_trains_and_predicts(
    cli: Cli, write: Write, missing: str
) -> None:
    path = write("t.csv", changed(changed(WIDE, 5, 0, "?"), 9, 1, ""))
    assert cli("classify", path, "--missing", missing, *TINY).code == 0
    answer = cli("predict", "last", path)
    if missing == "drop":
        assert answer.code == 2
        assert "the model was trained without missing values; fill them in" in answer.err
        return
    assert answer.code == 0
    assert len(answer.out.splitlines()) == 21


def test_a_table_of_missing_values_only_is_refused(refuse: Refuse, write: Write) -> None:
    path = write("t.csv", "a,b,label\n" + "?,1,p\n,2,q\n" * 6)
    error = refuse(2, "classify", path, "--missing", "drop")
    assert "all 10 rows have missing values; use --missing mean or mask" in error


# --- labels, and few rows


def test_a_missing_label_is_refused_with_its_cell(
    refuse: Refuse, refuse_new: RefuseNew, write: Write
) -> None:
    path = write("t.csv", changed(changed(WIDE, 7, 2, ""), 9, 2, ""))
    message = f"{path}:7:label: empty, so the row has no label (2 such rows); fill it in or drop"
    assert message in refuse(2, "classify", path)
    assert message in refuse(2, "classify", write("sound.csv", WIDE), "--test", path)


def test_a_table_without_a_label_is_refused_with_its_columns(
    refuse: Refuse, trained: Path, write: Write
) -> None:
    path = write("t.csv", "".join(",".join(row[:2]) + "\n" for row in rows_of(WIDE)))
    assert "add --label COL; columns: a, b" in refuse(2, "classify", path)
    error = refuse(2, "classify", write("sound.csv", WIDE), "--test", path)
    assert f"{path}: no column label (--label)" in error
    assert "no column label" in refuse(2, "evaluate", trained / "wide.safetensors", path)


def test_a_constant_label_is_refused(refuse: Refuse, write: Write) -> None:
    path = write("t.csv", WIDE.replace(",q", ",p"))
    error = refuse(2, "classify", path)
    assert "t.csv: all rows have the label p; expected two or more classes" in error


def test_a_class_with_one_row_is_refused(refuse: Refuse, write: Write) -> None:
    path = write("t.csv", WIDE + "1,2,lone\n")
    assert "t.csv: class lone has only 1 row; add rows, or drop the class" in refuse(
        2, "classify", path
    )
    path = write("t.csv", LONG + "s,1,2,3,lone\n")
    assert "class lone has only 1 row" in refuse(2, "classify", path)


def test_a_test_label_that_no_training_row_has_is_refused_with_its_row(
    refuse: Refuse, trained: Path, write: Write
) -> None:
    path = write("test.csv", changed(WIDE, 4, 2, "zz"))
    error = refuse(2, "classify", write("t.csv", WIDE), "--test", path)
    assert "test.csv row 2 has label zz, which no training row has" in error
    error = refuse(2, "evaluate", trained / "wide.safetensors", path)
    assert "test.csv row 2 has label zz, which no training row has" in error


def test_fewer_rows_than_a_batch_train_with_one_warning(cli: Cli, write: Write) -> None:
    answer = cli("classify", write("t.csv", WIDE), "--batch-size", 64, *TINY)
    assert answer.code == 0
    warnings = [line for line in answer.err.splitlines() if line.startswith("warning: ")]
    assert warnings == ["warning: 16 rows are fewer than a batch of 64; each batch has all of them"]


def test_series_shorter_than_a_window_are_refused_with_both_lengths(
    refuse: Refuse, write: Write
) -> None:
    signal = write("s.csv", SIGNAL)
    error = refuse(2, "regress", signal, "--target", "v", "--window", 100, "--test-fraction", 0)
    assert "s.csv: a window has 100 steps, but the longest series has 80; use --window 80" in error
    error = refuse(2, "regress", signal, "--target", "v", "--window", 70)
    assert "80 steps are too few" in error
    assert "windows of 70" in error
    error = refuse(2, "regress", signal, "--target", "v", "--horizon", 90)
    assert "in windows of 1 and 90 steps ahead; use a smaller --horizon" in error
    options = ("--id", "id", "--target", "v", "--input", "u", "--window", 9)
    error = refuse(2, "regress", write("l.csv", LONG), *options)
    assert "l.csv: a window has 9 steps, but the longest series has 4; use --window 4" in error


# --- names


def evil_table(path: Path, column: str = "b", label: str = "p", series: str = "s") -> Path:
    """A long table with these names of a column, labels and series."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "time", "a", column, "label"])
        writer.writerows(
            [f"{series}{s}", t, s + t, t / 4, (label, "other")[s % 2]]
            for s in range(10)
            for t in range(3)
        )
    return path


STRANGE = [EVIL, "<script>alert(1)</script>", "x" * 255, "\u202eabc", "é\x85\u2028"]


@pytest.mark.parametrize("name", STRANGE, ids=["evil", "script", "long", "right-to-left", "lines"])
def test_strange_names_of_columns_labels_and_series_are_escaped(
    cli: Cli, tmp_path: Path, name: str
) -> None:
    path = evil_table(tmp_path / "t.csv", f"b{name}", f"p{name}", f"s{name}")
    for command in (
        ("classify", path, *TINY),
        ("evaluate", "last", path),
        ("inspect", "last"),
        ("runs",),
        ("compare", "last", "classify-1"),
    ):
        answer = cli(*command)
        assert "Traceback" not in answer.err
        assert answer.code in (0, 2), answer
        for line in (answer.out + answer.err).split("\n"):
            assert line.replace("\t", "").isprintable(), line


def test_strange_names_in_refusals_of_tables_are_escaped(refuse: Refuse, tmp_path: Path) -> None:
    path = evil_table(tmp_path / "t.csv", EVIL)
    shown = "evil\\n\\x1b[31m\\u202e<b>"
    assert shown in refuse(2, "classify", path, "--label", "absent")
    assert shown in refuse(2, "classify", path, "--label", EVIL + "2")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("s1,1,2,", "s1,1,oops,"), encoding="utf-8")
    assert ":a: 'oops' is not a number" in refuse(2, "classify", path)
    path.write_text(text.replace("s1,1,2,0.25", "s1,1,2,oops"), encoding="utf-8")
    assert f":{shown}: 'oops' is not a number" in refuse(2, "classify", path)
    path = evil_table(tmp_path / "t.csv", label=EVIL)
    path.write_text(path.read_text(encoding="utf-8").replace("s0,1", "s1,7"), encoding="utf-8")
    assert "series s1 has" in refuse(2, "classify", path)
    path = evil_table(tmp_path / "t.csv", label=EVIL)
    other = evil_table(tmp_path / "test.csv", label=EVIL + "2")
    assert f"has label {shown}2" in refuse(2, "classify", path, "--test", other)
