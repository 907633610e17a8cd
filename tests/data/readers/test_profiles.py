"""What columns hold: the facts that roles, order and encodings follow from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import DataConfig
from hiddenstate.data.readers.column_roles import described_roles
from hiddenstate.data.readers.columns import Columns, Places, numbered
from hiddenstate.data.readers.profiles import kind_of
from hiddenstate.data.readers.role_guesses import Likely
from hiddenstate.data.readers.row_order import Doubt, RowOrder, find_order


def table(cells: Mapping[str, Sequence[Any]], named: bool = True) -> Columns:
    """A table in memory; columns with text are text."""
    arrays = []
    for each in cells.values():
        text = any(isinstance(cell, str) for cell in each)
        arrays.append(np.array(each, object) if text else np.array(each, float))
    n = len(arrays[0])
    kinds = tuple(map(kind_of, arrays))
    return Columns(tuple(cells), arrays, kinds, n, "t", "table", Places(lambda i: i), named)


FACTS: dict[str, tuple[list[Any], list[Any]]] = {
    "holds_numbers": (["1", "2.5", "NA"], ["1", "x", "2"]),
    "holds_truths": (["true", "FALSE", ""], ["true", "1", "false"]),
    "holds_times_of_day": (["08:30", "23:59:59"], ["08:30", "noon"]),
    "holds_unix_times": ([1.7e9, 1.7e9 + 60], [1.7e9, np.nan]),
    "is_empty": ([np.nan, np.nan], [np.nan, 1]),
    "has_gaps": (["a", ""], ["a", "NA"]),
    "is_whole": ([1, 2, 300], [1, 2.5, 300]),
    "is_flag": ([0, 1, 1, 0], [0, 1, 2, 0]),
    "repeats": (["a", "b", "a"], ["a", "b", "c"]),
    "counts_rows": ([5, 4, 1], [5, 4, 4]),
    "looks_like_classes": ([3, 1, 3, 1], [3, 1, 2, 0]),
    "has_few_texts": (["a", "b", "a", "b"], ["a", "b", "c", "d"]),
}


@pytest.mark.parametrize("fact", FACTS)
def test_each_fact_holds_of_some_columns_and_not_of_others(fact: str) -> None:
    holds, fails = (table({"c": cells}).profile(0) for cells in FACTS[fact])
    assert getattr(holds, fact) is True
    assert getattr(fails, fact) is False


@pytest.mark.parametrize(
    ("cells", "sign", "content"),
    [
        (["5%", "7 %", ""], "%", "text"),
        (["$5", "$6"], "$", "text"),
        (["5", "6"], "", "number"),
        (["2024-01-31", "2024-02-01"], "", "date"),
    ],
)
def test_signs_and_contents_of_text(cells: list[str], sign: str, content: str) -> None:
    profile = table({"c": cells}).profile(0)
    assert (profile.sign, profile.content) == (sign, content)


FEATURE = [0.5, 2.5, 1.5, 3.5]


@pytest.mark.parametrize(
    ("cells", "named", "why"),
    [
        ({"x": FEATURE, "class": [3, 1, 2, 9]}, True, Likely.NAME),
        ({"x": FEATURE, "k": ["a", "b", "a", "b"]}, True, Likely.ONLY),
        ({"x": FEATURE, "k": [0, 1, 1, 0]}, True, Likely.FLAG),
        ({"0": [3, 1, 3, 1], "1": FEATURE}, False, Likely.FIRST),
    ],
)
def test_the_reason_for_a_label_is_a_fact(cells: dict[str, Any], named: bool, why: Likely) -> None:
    roles, error = described_roles(table(cells, named), DataConfig(), "classify")
    assert error is None
    assert roles.why_label is why


@pytest.mark.parametrize(
    ("name", "cells", "doubt"),
    [
        ("when", ["2024-01-02", "2024-01-01", "2024-01-03"], Doubt.DATES),
        ("n", [1, 3, 2], Doubt.COUNTS),
        ("n", [3, 2, 1], Doubt.FALLS),
        ("n", [1.7e9, 1.6e9, 1.61e9], Doubt.UNIX),
        ("n", [1, 2, 3], None),
    ],
)
def test_doubts_of_the_order_name_their_column(
    name: str, cells: list[Any], doubt: Doubt | None
) -> None:
    columns = table({"x": [0.3, 0.1, 0.5], name: cells})
    options = DataConfig(target=("x",))
    roles, _ = described_roles(columns, options, "regress")
    order = find_order(columns, roles, np.zeros(3, np.int64), None)
    assert order == (RowOrder() if doubt is None else RowOrder(doubt, (1,)))


def test_series_are_numbered_as_they_appear() -> None:
    columns = table({"site": ["b", "a", "b", "a"], "sensor": [2, 2, 1, 2]})
    assert numbered(columns, (0,)).tolist() == [0, 1, 0, 1]
    assert numbered(columns, (0, 1)).tolist() == [0, 1, 2, 1]
    assert numbered(columns, ()).tolist() == [0, 0, 0, 0]
