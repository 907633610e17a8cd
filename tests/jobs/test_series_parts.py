"""The part of the network in the forecasts of each series."""

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.data.origin import Origin
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.inference.predict import Answers
from hiddenstate.jobs.series_parts import parts_of_network

ADDED = np.array([[1.0], [-3.0], [0.0], [0.0]])
"""What the network adds to each forecast: the last two are of the second series."""


@pytest.fixture
def answers() -> Answers:
    """Forecasts of a path that adds 2 to the last value."""
    X = np.array([[[1.0]], [[5.0]], [[7.0]], [[9.0]]])
    zeros = np.zeros(4, np.int64)
    origin = Origin(np.array([0, 0, 1, 1]), 2, zeros, zeros)
    rows = Rows(X, ids=np.array(["A", "A", "B", "B"]), origin=origin)
    now = X[:, 0]
    return Answers(rows, np.arange(4), zeros, now + 2 + ADDED, now, now)


TRANSFORM = Transform(
    columns=("y",),
    targets=("y",),
    reading={"horizon": 1},
    linear=LinearPath(np.array([[1.0]]), np.array([2.0]), (False,)),
)


def test_the_changes_of_the_network_are_compared_with_those_of_the_path(answers: Answers) -> None:
    parts = parts_of_network(TRANSFORM, answers, np.array([0.5]))
    np.testing.assert_allclose(parts.part, [[4 / 8], [0.0]])
    assert parts.by_name(answers.rows) == {"A": 0.5, "B": 0.0}
    assert parts.mean == 0.25
    arrays = parts.arrays(answers.rows)
    assert "".join(map(chr, arrays["series_name"][1][:2])) == "B\0"
    np.testing.assert_array_equal(arrays["series_part"], parts.part)


def test_without_a_share_the_network_has_no_part(answers: Answers) -> None:
    assert parts_of_network(TRANSFORM, answers, np.zeros(1)).by_name(answers.rows) == {
        "A": 0.0,
        "B": 0.0,
    }
