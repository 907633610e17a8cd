"""Cells of columns are numbers, missing values or text."""

import numpy as np
import pytest

from tests.data.readers.tables import Read, equal, read
from tests.data.readers.test_table import nan

__all__ = ["read"]  # fixture


def test_true_and_false_are_inputs_too(read: Read) -> None:
    data = read("a,b,label\nTrue,1,x\nfalse,2,y\n,3,x\n")
    equal(data.X, [[1, 1], [0, 2], [nan, 3]])


@pytest.mark.parametrize(
    "missing",
    ["", " ", "NA", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "?", "-"],
)
def test_spellings_of_a_missing_number(read: Read, missing: str) -> None:
    data = read(f"a,b,label\n1,{missing},x\n2,3,y\n")
    equal(data.X, [[1, nan], [2, 3]])


def test_infinite_values_are_kept(read: Read) -> None:
    equal(read("a,b,label\n1,-inf,x\n2,1e999,y\n").X, [[1, -np.inf], [2, np.inf]])


def test_text_that_looks_missing_is_a_label(read: Read) -> None:
    equal(read("a,label\n1,None\n2,NA\n3,x\n").y, ["None", "NA", "x"])
