"""Delimited text: bad input is refused with its line, all else is read as it was written."""

import contextlib
import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers import delimited, text_lines
from hiddenstate.data.readers.open import read_path
from hiddenstate.errors import DataError, HiddenstateError, OptionError
from tests.conftest import EVIL, mutations, n_refused
from tests.data.readers.tables import Read, equal, reader, refused
from tests.data.readers.test_table import LONG, WIDE, blocks, quick

nan = np.nan


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One CSV file, overwritten again and again."""
    return tmp_path_factory.mktemp("data") / "values.csv"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., SequenceDataset]:
    return reader(tmp_path)


# --- what is refused


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,label\n", "a,b,label", "\ufeff", "\r\n\r\n"])
def test_a_file_without_rows_is_refused(read: Read, text: str) -> None:
    assert "no rows" in refused(read, text)


def test_a_ragged_row_is_refused_with_line_and_both_counts(read: Read) -> None:
    assert refused(read, "a,b,label\n1,2,3\n\n1,2\n").startswith(
        "csv:4: expected 3 columns as in the first line, found 2"
    )
    assert refused(read, "a,label\n1,2\n1,2,3,4\n").startswith("csv:3: expected 2 columns")
    assert refused(read, 'a,label\n"1\n",2\n1,2,3,4\n').startswith("csv:4: expected 2 columns")
    assert refused(read, 'a,label\n1,"x\ny"\n1,2,3\n').startswith("csv:4: expected 2")
    assert refused(read, "1,2\n1,2,3\n").startswith("csv:2: expected 2")


def test_text_in_a_column_of_numbers_is_refused_with_line_column_and_value(read: Read) -> None:
    rows = "".join(f"{k},{k / 2},x\n" for k in range(1, 9))
    bad = "oops\x1b[31m" + "!" * 60
    message = refused(read, f"a,b,label\n{rows}9,{bad},y\n{rows}")
    assert message.startswith("csv:10:b: 'oops\\x1b[31m!!!")
    assert "…' is not a number" in message
    assert len(message) < 150
    # Nor is such a column mistaken for the label.
    assert refused(read, "a,b\n1,2\n3,oops\n4,5\n").startswith("csv:3:b: 'oops'")
    assert refused(read, WIDE.replace("5,6", "5,1_000")).startswith("csv:4:b: '1_000'")


def test_blank_lines_and_pieces_do_not_shift_the_line_in_errors(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", 64)
    for k in range(30):
        text = "a,b,label\n" + "1,2,x\n\n" * k + "1,2,x\n" * 5 + "1,oops,x\n" + "1,2,x\n" * k
        line = text[: text.index("oops")].count("\n") + 1
        assert refused(read, text).startswith(f"csv:{line}:b: 'oops'")


def test_a_nul_character_is_refused_with_its_offset(read: Read) -> None:
    assert "NUL character at byte 7" in refused(read, "a,b\n1,2\0\n")
    assert "NUL character at byte 10" in refused(read, "\ufeffa,b\n1,2\0\n")
    assert "NUL character at byte 1;" in refused(read, "a,b\n1,2\n".encode("utf-16-le"))
    assert "--encoding utf-16" in refused(read, "a,b\n1,2\n".encode("utf-16-le"))


def test_a_duplicate_column_name_is_refused_with_both_positions(read: Read) -> None:
    message = refused(read, "a,b,a,label\n1,2,3,x\n")
    assert message.startswith("csv:1: columns 1 and 3 are both named a")


def test_another_encoding_is_refused_with_the_option(read: Read) -> None:
    text = "größe,label\n1,x\n2,y\n"
    message = refused(read, text.encode("cp1252"))
    assert "byte 2 (0xf6) is not utf-8" in message
    assert "--encoding cp1252" in message
    assert read(text.encode("cp1252"), encoding="cp1252").columns == ("größe",)
    assert "starts with the byte order mark of UTF-16; add --encoding utf-16" in refused(
        read, text.encode("utf-16")
    )
    assert "UTF-32" in refused(read, text.encode("utf-32"))
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        assert read(text.encode(encoding), encoding=encoding).columns == ("größe",)
    for encoding in ("nope", "rot13", "hex", "undefined", ""):
        with pytest.raises(OptionError, match="unknown encoding"):
            read(text, encoding=encoding)


def test_the_offset_of_a_wrong_byte_is_right_in_any_piece(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", 7)
    for k in range(12):
        raw = b"a,label\n" + "1,ä\n".encode() * k + b"2,\xe4\n"
        assert f"byte {raw.index(b'2,') + 2} (0xe4)" in refused(read, raw)


def test_byte_order_marks_and_all_newlines_are_accepted(read: Read) -> None:
    for newline in ("\n", "\r\n", "\r"):
        for mark in ("", "\ufeff"):
            data = read(mark + WIDE.replace("\n", newline))
            assert data.columns == ("a", "b")
            equal(data.y, ["x", "y", "x"])


def test_columns_that_spaces_separate_are_refused_with_the_option(read: Read) -> None:
    text = "a b  label\n1 2  x\n3 4  y\n"
    assert "separated by space, not by ','; add --delimiter space" in refused(read, text)
    assert refused(read, "1,5 2,5\n3,5 4,5\n").endswith("add --delimiter space --decimal ','")
    equal(read(text, delimiter="space").X, [[1, 2], [3, 4]])
    for one in ("city\nNew York\nSan Jose\n", "a level\n1\n2\n"):  # no columns of numbers
        assert "delimiter" not in refused(read, one, job="classify")
    equal(read("1 234\n5 678\n", thousands="space", job="autoencode").X, [[1234], [5678]])


def test_semicolons_and_decimal_commas_are_refused_with_both_options(read: Read) -> None:
    message = "add --delimiter ';' --decimal ','"
    text = "a;b;label\n1,5;2;x\n3,5;4;y\n"
    assert message in refused(read, text)
    assert message in refused(read, "1,5;2,5\n1,5;3,5\n")
    assert refused(read, text.replace(",5", "")).endswith("add --delimiter ';'")
    assert "add --delimiter tab" in refused(read, text.replace(";", "\t").replace(",5", ""))
    assert "add --delimiter ','" in refused(read, WIDE, name="t.tsv")
    assert "separated by ',', not by ';'; add --delimiter ','" in refused(read, WIDE, delimiter=";")
    for text_ in (text, text.replace(";", ",").replace("1,5", '"1,5"').replace("3,5", '"3,5"')):
        equal(read(text_, decimal=",").X, [[1.5, 2], [3.5, 4]])
    message = refused(read, text, delimiter=";")
    assert message.startswith("csv:2:a: '1,5' has a decimal comma; add --decimal ','")
    equal(read("1,5;2\n2,5;3\n", decimal=",", job="autoencode").X, [[1.5, 2], [2.5, 3]])
    assert "'1.234'" in refused(read, "a;b\n1,5;x\n1.234;y\n2,5;z\n", decimal=",")


@pytest.mark.parametrize("delimiter", ["", ";;", "a", "1", '"', "\n", ".", "-"])
def test_an_invalid_delimiter_is_refused(read: Read, delimiter: str) -> None:
    with pytest.raises(OptionError, match="--delimiter: expected one character"):
        read(WIDE, delimiter=delimiter)


def test_hostile_names_are_escaped(read: Read) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([[EVIL, "b"], ["1", "x"], ["2", "y"], ["oops" + EVIL, "z"]])
    message = refused(read, stream.getvalue(), label="b")
    assert "evil\\n\\x1b[31m\\u202e<b>: 'oops" in message
    assert "evil\\n" in refused(read, stream.getvalue(), label="c")
    for stranger in ("'\\u202e", "<script>", "x" * 255):
        refused(read, f"{stranger},{stranger}\n1,2\n")


def test_a_missing_label_is_refused_with_its_row(read: Read) -> None:
    assert refused(read, "a,label\n1,x\n2,\n").startswith("csv:3:label: empty, so the row has no")
    assert refused(read, "a,label\n1,\n2,5\n1,\n").startswith("csv:2:label")
    assert "(2 such rows)" in refused(read, "a,label\n1,\n2,5\n1,\n")


def test_a_label_that_is_too_long_is_refused(read: Read) -> None:
    assert "at most 1000" in refused(read, "a,label\n1,x\n2," + "y" * 1001 + "\n")


# --- delimiters, quotes and sizes


def test_quotes_are_respected(read: Read) -> None:
    data = read('"a","b, c","label"\n"1","2","x ""y"", z"\n3, "4" ,"two\nlines"\n')
    assert data.columns == ("a", "b, c")
    equal(data.X, [[1, 2], [3, 4]])
    equal(data.y, ['x "y", z', "two\nlines"])
    assert "a quote is opened but not closed" in refused(read, 'a,label\n1,x\n1,"x\n2,y\n')


def test_tabs_and_spaces(read: Read) -> None:
    expected = [[1, 2.5], [3, nan], [5, 6]]
    equal(read(WIDE.replace(",", "\t"), name="t.tsv").X, expected)
    equal(read(WIDE.replace(",", "\t"), name="t.txt").X, expected)
    equal(read(WIDE.replace(",", "\t"), delimiter="\\t").X, expected)
    equal(read(WIDE, name="t.txt").X, expected)
    equal(read(WIDE.replace(",", "|"), delimiter="|").X, expected)
    aligned = "  1.0   2.5\n  2.0  -3.5 \n  1.0   0.5\n  2.0   0.5\n"
    data = read(aligned, name="t.txt")
    equal(data.y, [1, 2, 1, 2])
    equal(data.X, [[2.5], [-3.5], [0.5], [0.5]])
    assert data.kind.startswith("a wide text table")
    assert refused(read, '""\n1 2\n', delimiter="space").startswith("csv:1: only empty quotes")
    equal(read("\t\t\n1\t2\t3\n", name="t.tsv", job="autoencode").X, [[nan] * 3, [1, 2, 3]])


def test_gzip_is_read_by_its_content(read: Read) -> None:
    packed = gzip.compress(WIDE.encode())
    equal(read(packed, name="t.csv.gz").y, ["x", "y", "x"])
    equal(read(gzip.compress(WIDE.replace(",", "\t").encode()), name="t.tsv.gz").X[0], [1, 2.5])
    cut = packed[:-9]
    assert f"ends early, at byte {len(cut)}" in refused(read, cut, name="t.csv.gz")
    hurt = packed[:12] + b"\xff\xff" + packed[14:]
    assert "gzip" in refused(read, hurt, name="t.csv.gz")


def test_a_gzip_bomb_is_refused(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"a,label\n" + b"1,2\n" * 3000)
    assert "--max-unpacked" in refused(read, bomb, name="t.csv.gz", max_unpacked=1e-6)
    assert len(read(bomb, name="t.csv.gz", max_unpacked=1).X) == 3000
    monkeypatch.setattr(text_lines, "MAX_TOTAL", 1000)
    limits = "to more than 1000 times as much and 1000 bytes; unpack it first"
    assert limits in refused(read, bomb, name="t.csv.gz")


def test_endless_lines_quotes_and_columns_are_refused(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "field larger than" in refused(read, "a,label\n1," + "x" * 200_000 + "\n")
    assert "field larger than" in refused(read, 'a,label\n1,"' + "x\n" * 100_000)
    monkeypatch.setattr(text_lines, "MAX_LINE", 1000)
    monkeypatch.setattr(text_lines, "BLOCK", 100)
    message = refused(read, "a,label\n1,x\n" + "1" * 2000)
    assert message.startswith("csv:3: a line of more than 1000 characters")
    monkeypatch.setattr(delimited, "MAX_COLUMNS", 10)
    assert "11 columns, expected at most 10" in refused(read, "," * 10 + "\n1\n")


def test_a_column_with_text_in_a_late_piece_keeps_its_spelling(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", 32)
    data = read("a,label\n" + "1,007\n" * 20 + "2,x\n")
    equal(data.y, ["007"] * 20 + ["x"])
    equal(data.X[:, 0], [1] * 20 + [2])


def test_a_column_with_large_numbers_in_a_late_piece_keeps_its_values(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", 32)
    values = [1, 255, 3, 256, 0.5, 2**53 + 1, 7]
    rows = "".join(f"{v},{v},x\n" * 9 for v in values)
    equal(read("a,b,label\n" + rows).X[::9, 0], np.array(values, float))
    whole = [1, 300, 2**53 + 1, 2**62 + 1]
    rows = "".join(f"{v},1\n" * 9 for v in whole)
    equal(read("label,a\n" + rows).y, np.repeat(whole, 9))
    beyond = [2**53 + 1, 10**22]
    rows = "".join(f"{v},{v},x\n" * 9 for v in beyond)
    equal(read("a,b,label\n" + rows).X[::9, 0], np.array(beyond, float))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        delimited.read_columns(tmp_path, DataConfig())


# --- round trips


cells = st.floats(width=32) | st.integers(-(10**12), 10**12).map(float) | st.just(nan)


@given(
    st.integers(1, 6).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1)
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    blocks,
)
@quick
def test_any_wide_table_is_read_as_it_was_written(
    place: Path, values: list[list[float]], delimiter: str, newline: str, quote: bool, block: int
) -> None:
    X = np.array(values)
    with place.open("w", newline="") as stream:
        writer = csv.writer(
            stream,
            delimiter=delimiter,
            lineterminator=newline,
            quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL,
        )
        writer.writerow([f"c{j}" for j in range(X.shape[1])])
        writer.writerows([["NA" if v != v else repr(v) for v in row] for row in values])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "BLOCK", block)
        options = DataConfig(delimiter=delimiter, missing="mean")  # keeps columns without values
    data = read_path(str(place), options, "autoencode")
    np.testing.assert_array_equal(data.X, X)


words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda word: word[0] not in ",;" and not word[0].isdigit()
)


@given(st.lists(st.tuples(words, st.floats(allow_nan=False)), min_size=2, max_size=20), blocks)
@quick
def test_any_labels_are_read_as_they_were_written(
    place: Path, rows: list[tuple[str, float]], block: int
) -> None:
    with place.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("label", "a"), *(("l" + w, repr(v)) for w, v in rows)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "BLOCK", block)
        data = read_path(str(place), DataConfig(), "classify")
    assert data.y is not None
    assert data.y.tolist() == ["l" + word for word, _ in rows]
    equal(data.X[:, 0], [value for _, value in rows])


@pytest.mark.parametrize("block", [16, 1 << 22])
@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_a_damaged_table_only_raises_errors_of_the_library(
    place: Path, monkeypatch: pytest.MonkeyPatch, job: str, block: int
) -> None:
    monkeypatch.setattr(text_lines, "BLOCK", block)
    read, messages = 0, set()
    options: list[dict[str, Any]] = [
        {},
        {"target": ("u",)},
        {"horizon": 2, "target": ("v",)},
        {"encoding": "utf-16"},
    ]
    for text in (LONG, WIDE, "1,2,3\n4,5,6\n7,8,9\n", '"a","b"\n"1","x"\n2,"y\nz"\n'):
        for hurt in mutations(text.encode(), 80):
            place.write_bytes(hurt)
            for option in options:
                try:
                    read_path(
                        str(place), DataConfig(**option), job, require_targets=job == "classify"
                    )
                    read += 1
                except HiddenstateError as error:
                    messages.add(str(error))
    assert read > 20
    assert all(map(str.isprintable, messages))


def test_a_damaged_gzip_file_only_raises_errors_of_the_library(place: Path) -> None:
    packed = gzip.compress(LONG.encode() * 20)

    def read(path: Path) -> object:
        return read_path(str(path), DataConfig(), "classify")

    assert n_refused(place, packed, 300, read) > 200


@given(st.binary(max_size=200))
@settings(quick, max_examples=300)
def test_any_bytes_give_data_or_an_error_of_the_library(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    asked: list[dict[str, Any]] = [{}, {"encoding": "latin-1"}, {"delimiter": ";", "decimal": ","}]
    for options in asked:
        with contextlib.suppress(HiddenstateError):
            read_path(str(place), DataConfig(**options), "autoencode")
