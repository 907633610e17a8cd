"""What a job says that it needs of memory, before it is trained."""

import pytest

from hiddenstate.jobs.memory import SEGMENTED, _series_bytes
from tests.engines.test_segments import net_of


@pytest.mark.parametrize(
    ("cell", "numbers"), [("rnn", 3), ("mingru", 4), ("gru", 5), ("lstm", 7), ("lru", 2)]
)
def test_a_series_needs_what_the_cell_keeps_of_a_step(cell, numbers):
    net = net_of(cell, "mean", layers=1)
    assert _series_bytes(net, 2, 10, 4, native=True) == 2 * 10 * 4 * (3 + 5 * numbers)


@pytest.mark.parametrize("cell", ["gru", "lru"])
def test_long_series_need_no_more_than_whole_ones_that_just_fit(cell):
    net = net_of(cell, "steps")
    whole, cut = (_series_bytes(net, 99, 10**6, 4, native) for native in (False, True))
    assert whole > cut == SEGMENTED


def test_of_long_series_the_first_layer_of_a_stem_needs_nothing():
    shape = {"stem": True, "stem_channels": (6, 5), "stem_kernels": (3, 3), "stem_pool": 50}
    net = net_of("gru", "mean", **shape)
    whole, cut = (_series_bytes(net, 99, 10**6, 4, native) for native in (False, True))
    assert whole - cut == 99 * 10**6 * 4 * 3 * 6
