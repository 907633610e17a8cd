"""The figure of a forecast."""

import numpy as np
import pytest

from hiddenstate.views.figures.forecast import Fan, forecasts


@pytest.mark.parametrize("apart", [1, 0.02])
def test_numbers_of_steps_are_written_where_they_are_round(apart: float) -> None:
    times = [f"{(37 + k) * apart:.6g}" for k in range(90)]
    past = np.sin(np.arange(80.0))
    fan = Fan("", "sold", times, None, past, past * np.nan, 80, {"y": np.zeros(10)})
    figure = forecasts([fan], [])
    figure.canvas.draw()
    (axes,) = figure.axes
    steps, texts = axes.get_xticks(), [text.get_text() for text in axes.get_xticklabels()]
    assert len(texts) > 3
    np.testing.assert_allclose([float(text) / apart - 37 for text in texts], steps)
    assert np.ptp(np.diff(steps)) < 1e-9
    per = round(float(np.diff(steps)[0]) * apart, 6)
    assert per in (5, 10, 20, 0.1, 0.2, 0.5)
    assert all(round(float(text) / per, 6).is_integer() for text in texts)
