"""Sparse matrices as bytes: what is stored, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.models.sparse import matrix_of, sparse_bytes


def test_a_row_is_the_number_of_its_pairs_and_these() -> None:
    weight = np.zeros((2, 600), np.int8)
    weight[1, [0, 3, 260, 599]] = 1, -2, 127, -127
    content = sparse_bytes(weight)
    assert content is not None
    pairs = [(0, 1), (2, -2), (255, 0), (0, 127), (255, 0), (82, -127)]
    assert content.tolist() == [0, 0, 6, 0, *(n & 255 for pair in pairs for n in pair)]


@given(st.integers(0, 2**32), st.floats(0, 1), st.sampled_from([(3, 5), (4, 700), (2, 6, 5)]))
def test_a_matrix_comes_back_and_is_sparse_only_where_that_is_smaller(seed, share, shape) -> None:
    random = np.random.default_rng(seed)
    weight = random.integers(-127, 128, shape).astype(np.int8)
    weight[random.uniform(size=shape) < share] = 0
    content = sparse_bytes(weight)
    if content is None:
        most_fillers = len(weight) * (weight[0].size // 256)
        assert 2 * (len(weight) + np.count_nonzero(weight) + most_fillers) >= weight.size
    else:
        assert len(content) < weight.size
        assert np.array_equal(matrix_of(content, shape), weight)


WRONG = {
    "row 1 has more pairs than the file": [1, 0, 0, 9, 2, 0, 0, 9],
    "row 0 has a place beyond its 20 columns": [1, 0, 20, 9, 0, 0],
    "not the shortest form": [1, 0, 0, 0, 0, 0],
    "row 1 has more pairs than": [1, 0, 19, 9, 0],
}


@pytest.mark.parametrize("message", WRONG)
def test_bytes_that_are_no_matrix_are_refused(message: str) -> None:
    with pytest.raises(ValueError, match=message):
        matrix_of(np.array(WRONG[message], np.uint8), (2, 20))
    with pytest.raises(ValueError, match="not the shortest form"):
        matrix_of(np.array([1, 0, 0, 9, 0, 0, 0, 0], np.uint8), (2, 20))
