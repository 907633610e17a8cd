"""The places of panels in a terminal of any size."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate.views.terminal.layout import Panel, Stack, arrange, choose, least, shared


@given(st.data())
def test_panels_never_overlap_or_exceed_their_space(data):
    names = iter("abcdefghij")

    def box(depth):
        if depth == 0 or data.draw(st.booleans()):
            w, h = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 5))
            limit = data.draw(st.sampled_from([0, 9]))
            return Panel(next(names), w, h, most=limit, widest=limit)
        parts = [box(depth - 1) for _ in range(data.draw(st.integers(1, 3)))]
        return Stack(parts, data.draw(st.booleans()))

    whole = box(2)
    w, h = (n + data.draw(st.integers(0, 30)) for n in least(whole))
    taken = np.zeros((h, w), int)
    for place in arrange(whole, 0, 0, w, h):
        assert place.x + place.width <= w
        assert place.y + place.height <= h
        taken[place.y : place.y + place.height, place.x : place.x + place.width] += 1
    assert taken.max() == 1


def test_space_is_shared_by_weight_between_least_and_most():
    assert shared(20, [2, 2], [0, 0], [1, 2]) == [7, 13]
    assert shared(20, [2, 2], [0, 5], [1, 2]) == [15, 5]
    assert shared(20, [2, 2], [4, 5], [1, 1]) == [4, 5]
    assert shared(3, [2, 1], [0, 0], [1, 1]) == [2, 1]


def test_the_first_layout_that_fits_is_chosen():
    large, small = Panel("large", 60, 20), Panel("small", 20, 5)
    assert choose((large, small), 80, 24) is large
    assert choose((large, small), 50, 24) is small
    assert choose((large, small), 10, 4) is None
