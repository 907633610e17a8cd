"""Numbers with a decimal comma or marks between thousands are read as meant, or refused."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.number_text import NumberMarks
from hiddenstate.data.readers.open import read_like, read_path
from hiddenstate.errors import DataError, OptionError


def read(folder: Path, text: str, **options: Any) -> list[float]:
    """Read the column `a` of a file whose columns are separated by semicolons."""
    (folder / "t.csv").write_text(text)
    options = {"delimiter": ";", "input": ("a",), **options}
    data = read_path(str(folder / "t.csv"), DataConfig(**options), "autoencode")
    return [float(x) for x in data.X[:, 0]]


def table(*cells: str) -> str:
    return "a;b\n" + "".join(f"{cell};1\n" for cell in cells)


@pytest.mark.parametrize(
    ("marks", "cells", "expected"),
    [
        (
            {"thousands": ","},
            ("1,000", "-2,500,000.5", "7", '" 12,345 "'),
            [1e3, -2500000.5, 7, 12345],
        ),
        ({"thousands": "."} | {"decimal": ","}, ("1.000", "1,000", "2.500,25"), [1e3, 1, 2500.25]),
        ({"thousands": "'"}, ("1'000", "950"), [1000, 950]),
        ({"thousands": "space"}, ("1 000", "2\u00a0000", "3\u202f000.5"), [1000, 2000, 3000.5]),
        ({"decimal": ","}, ("1,000", "0,5"), [1, 0.5]),
        ({"decimal": ","}, ("1,000", "1234,567"), [1, 1234.567]),
        ({"decimal": ","}, ("1,000", ",5", ""), [1, 0.5, np.nan]),
        ({"decimal": ","}, ("1,000e3", "2"), [1000, 2]),
        ({"decimal": ","}, ("1000", "2"), [1000, 2]),
    ],
)
@pytest.mark.parametrize("fast", [True, False])
def test_marks_between_thousands_are_left_out(
    marks: dict[str, str], cells: tuple[str, ...], expected: list[float], fast: bool, tmp_path: Path
) -> None:
    text = table(*cells) if fast else table(*cells).replace(";1\n", ";x\n")
    np.testing.assert_array_equal(read(tmp_path, text, **marks), expected)


BOTH = "add --thousands '.' or use --thousands ',' without --decimal"


@pytest.mark.parametrize("text", ["x", "1"])
def test_commas_that_may_be_between_thousands_are_refused(text: str, tmp_path: Path) -> None:
    cells = table("950", "-1,000", "12,345").replace("1\n", f"{text}\n")
    with pytest.raises(DataError, match=f"csv:3:a: '-1,000' may be -1.000 or, .*, -1000, .*{BOTH}"):
        read(tmp_path, cells, decimal=",")
    assert read(tmp_path, cells, decimal=",", thousands=".") == [950, -1, 12.345]
    assert read(tmp_path, cells, thousands=",") == [950, -1000, 12345]


@pytest.mark.parametrize(
    ("cells", "decimal", "message", "expected"),
    [
        (("1,5", "1,000"), ".", "'1,5' has a decimal comma; add --decimal ','", [1.5, 1]),
        (("1,000,000", "1,000"), ".", "between thousands; add --thousands ','", [1e6, 1e3]),
        (("1,000.5", "1,000"), ".", "between thousands; add --thousands ','", [1000.5, 1e3]),
        (("1.000.000", "5"), ".", "; add --decimal ',' --thousands '.'", [1e6, 5]),
        (("1.000,5", "5"), ".", "; add --decimal ',' --thousands '.'", [1000.5, 5]),
        (("1'000", "5"), ".", 'between thousands; add --thousands "\'"', [1000, 5]),
        (("1 000", "5"), ".", "between thousands; add --thousands space", [1000, 5]),
        (
            ("1.000", "0,5"),
            ",",
            "'1.000' has a mark between thousands; add --thousands '.'",
            [1000, 0.5],
        ),
    ],
)
def test_the_hint_of_a_number_with_other_marks_reads_it(
    cells: tuple[str, ...], decimal: str, message: str, expected: list[float], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        read(tmp_path, table(*cells), decimal=decimal)
    assert str(error.value).endswith(message)
    words = shlex.split(message.partition("add ")[2])
    hint = {flag[2:]: value for flag, value in zip(words[::2], words[1::2], strict=True)}
    assert read(tmp_path, table(*cells), **{"decimal": decimal, **hint}) == expected


def test_a_quoted_number_with_a_comma_is_refused_with_both_meanings(tmp_path: Path) -> None:
    text = 'a,b\n"1,000",1\n950,2\n'
    match = r"'1,000' may be 1000 or, .*, 1\.000; add --thousands ',' or --decimal ',' --thousands"
    with pytest.raises(DataError, match=match):
        read(tmp_path, text, delimiter=",")
    with pytest.raises(DataError, match="'1,000' may be"):
        read(tmp_path, text, delimiter=",", decimal=",")
    assert read(tmp_path, text, delimiter=",", thousands=",") == [1000, 950]
    assert read(tmp_path, text, delimiter=",", decimal=",", thousands=".") == [1, 950]


@pytest.mark.parametrize("cell", ["1,00", "1,0000", ",000", "1,000,00", "1.000,000", "1,000,"])
def test_marks_in_other_places_make_no_number(cell: str) -> None:
    assert not NumberMarks(".", ",").reads(cell)
    assert not NumberMarks(",", ".").reads(cell.translate(str.maketrans(",.", ".,")))


def test_one_mark_has_one_meaning(tmp_path: Path) -> None:
    for mark in (".", ","):
        with pytest.raises(OptionError, match=f"--thousands: {mark} is the decimal mark already"):
            read(tmp_path, table("1"), decimal=mark, thousands=mark)


def test_a_first_row_of_numbers_with_other_marks_is_no_header(tmp_path: Path) -> None:
    text = "1,5;2,5\n3,5;4,5\n"
    assert read(tmp_path, text, decimal=",", input=("0",)) == [1.5, 3.5]
    text = "1'000;2'000\n3;4\n"
    assert read(tmp_path, text, thousands="'", input=("0",)) == [1000, 3]


def test_new_rows_are_read_with_the_marks_that_the_training_file_settled(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table("0,5", "1,000"))
    options = DataConfig(delimiter=";", decimal=",")
    data = read_path(str(path), options, "autoencode")
    reading = {"delimiter": ";", "decimal": ",", **data.read_as}
    path.write_text(table("1,000"))
    assert read_like(str(path), "autoencode", reading, {}, False).X[0, 0] == 1
    path.write_text(table("1.5"))
    assert read_like(str(path), "autoencode", reading, {"decimal": "."}, False).X[0, 0] == 1.5


@pytest.mark.parametrize("other", ["1", "x"])
@pytest.mark.parametrize("cell", ["\u0661\u0662", "\uff11", "1.\u0662\u0663\u0664", "1_0", "0x10"])
def test_digits_are_those_of_ascii(cell: str, other: str, tmp_path: Path) -> None:
    text = table("1,5", cell, "2").replace(";1\n", f";{other}\n")
    with pytest.raises(DataError, match=f"csv:3:a: '{cell}' is not a number"):
        read(tmp_path, text, decimal=",", thousands=".")
    assert read(tmp_path, table("\u00a01,5", "2\u00a0"), decimal=",") == [1.5, 2]


def test_a_decimal_point_is_refused_where_the_file_has_decimal_commas(tmp_path: Path) -> None:
    said = "csv:2:a: '1.5' has a decimal point, where the file has decimal commas; write it"
    for marks in ({}, {"thousands": "."}):
        with pytest.raises(DataError, match=said):
            read(tmp_path, table("1.5", "2.25").replace(";1", ";0,5"), decimal=",", **marks)


def test_spaces_between_thousands_separate_no_columns(tmp_path: Path) -> None:
    for name in ("t.csv", "t.txt"):
        (tmp_path / name).write_text("1 234\n5 678\n")
        data = read_path(str(tmp_path / name), DataConfig(thousands="space"), "autoencode")
        np.testing.assert_array_equal(data.X, [[1234], [5678]])
