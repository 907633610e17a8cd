"""What telling answers of a classifier rest on is drawn, and said in words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.explained import titled
from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.timeline import Timeline
from tests.conftest import needs_kernels

pytestmark = needs_kernels


def test_the_surest_and_the_worst_answer_are_explained(trained: Callable[[str], Path]) -> None:
    timeline = Timeline(Run(trained("classify")))
    now = timeline.moment()
    right, worst = titled(timeline, now)
    assert right[1].endswith("right)")
    assert worst[1].startswith("Why 1 (p = 0.")
    is_right = now.arrays["why_label"][1] == worst[0].why.output
    assert worst[1].endswith("right, least sure of all)") == is_right
    for reason, _ in (right, worst):
        difference = reason.why.answer - reason.why.base
        assert reason.why.attributions.sum() == pytest.approx(difference, abs=1e-4)
    np.testing.assert_allclose(worst[0].values / 255, now.arrays["worst_row"][0], atol=1e-6)
    words = PICTURES["classes"]["why"].in_words(timeline, now)
    assert words.count("of what speaks") == 2
    figure = drawings(timeline, now, ["why"])["why"](None)
    assert [part.texts[0].get_text() for part in figure.subfigs] == [right[1], worst[1]]
