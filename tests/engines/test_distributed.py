"""Several ranks compute the gradient of one process, whatever the slices that they get."""

import pytest

LIMITS = {"float32": 1e-6, "float64": 1e-12}


@pytest.fixture(scope="module")
def comparisons():
    """How far a sixth of all gradients on 2 and on 3 ranks are from those of one process."""
    pytest.importorskip("torch")
    from tests.engines.ranks import compared

    return [case for n in (2, 3) for case in compared(n, every=6, skipped=n)]


def test_a_step_on_several_ranks_is_that_of_one_process(comparisons):
    assert len(comparisons) > 50
    assert all(case["size"] > 0 for case in comparisons)
    for what in ("gradient", "loss", "moments"):
        assert [case for case in comparisons if not case[what] <= LIMITS[case["dtype"]]] == []
