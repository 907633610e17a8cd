"""Where an answer rests on its row, and how that is said."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.data.framing import Framing
from hiddenstate.metrics.reasons import Column, Reason, Why, largest_span
from hiddenstate.system.typing import Array


def found(attributions: Array, difference: float = 1.0) -> Why:
    return Why(attributions, 0, difference, 0.0, "integrated gradients", 1.0, 0.0, 256, "mean")


def test_the_largest_span_is_where_most_is_added() -> None:
    attributions = np.random.default_rng(0).normal(0, 0.01, (40, 3))
    attributions[12:20, 1] += 0.5
    feature, first, last, share = largest_span(found(attributions), together=False)
    assert (feature, first, last) == (1, 12, 20)
    assert 0.8 < share <= 1
    assert largest_span(found(attributions), together=True)[:3] == (None, 12, 20)
    against = largest_span(found(-attributions, -1.0), together=False)
    assert against[:3] == (1, 12, 20)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "steps 12 to 19 of b carry"),
        ({"picture": (40, 3)}, "rows 12 to 19 carry"),
        ({"difference": -1.0}, "speaks against it"),
        ({"unit": "kW"}, "raises it (integrated gradients)"),
        ({"sound": Framing(1, 8000, 200, 3)}, "0.3 to 0.5 s carry"),
    ],
)
def test_a_sentence_says_where(changes: dict[str, Any], expected: str) -> None:
    difference = changes.pop("difference", 1.0)
    attributions = np.zeros((40, 3))
    attributions[12:20, 1] = difference / 8
    rest = {"unit": "log-odds", "picture": None, **changes}
    values = np.zeros((40, 3))
    made_of = Reason(found(attributions, difference), 0, values, ("a", "b", "c"), "up", **rest)
    assert expected in made_of.in_words()
    assert "100%" in made_of.where()
    assert made_of.in_words().startswith("up: ")
    table = made_of.table()
    assert len(table["attribution"]) == 120
    assert table["feature"][:4].tolist() == ["a", "b", "c", "a"]


def test_features_of_a_column_count_together() -> None:
    columns = (
        Column("age", (0,)),
        Column("job", (1, 2), ("clerk", "nurse")),
        Column("day", (3, 4)),
    )
    values = np.array([[30.0, 0.0, 1.0, 1.0, 0.0]])
    added = np.array([[0.5, 1.0, 2.0, -0.25, -0.25]])
    names = tuple("abcde")
    made_of = Reason(found(added), 0, values, names, "up", "log-odds", columns=columns).by_column()
    np.testing.assert_array_equal(made_of.why.attributions, [[0.5, 3.0, -0.5]])
    assert [made_of.said(k) for k in range(3)] == ["30", "nurse", "0.25"]
    assert made_of.where().startswith("job carries 86%")
    values[0, 1:3] = np.nan
    assert Reason(found(added), 0, values, names, "up", "", columns=columns).by_column().said(
        1
    ) == ("missing")
