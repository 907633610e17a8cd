"""Learning curves show what was logged, the baseline and the kept step."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.views import figures
from hiddenstate.views.figures.layout import new_figure
from tests.figure_texts import overlaps
from tests.views.figures.test_classify import titles


def test_learning_curves_show_what_was_logged_and_the_baseline():
    history = [
        {"step": 50 * k, "loss": 2.0 - k / 10, "mean_loss": 2.1 - k / 10, "test_accuracy": k / 10}
        for k in range(5)
    ]
    valid = [{"step": 100, "valid_loss": 1.5}, {"step": 200, "valid_loss": 1.4}]
    figure = figures.learning(history, "step", valid, {"test_accuracy": (0.1, "guessing")})
    loss, score = figure.axes
    batch, mean, looks = loss.get_lines()
    np.testing.assert_array_equal(batch.get_ydata(), [event["loss"] for event in history])
    np.testing.assert_array_equal(mean.get_ydata(), [event["mean_loss"] for event in history])
    np.testing.assert_array_equal(looks.get_xydata(), [[101, 1.5], [201, 1.4]])
    test, guessing = score.get_lines()
    np.testing.assert_array_equal(test.get_ydata(), [0, 0.1, 0.2, 0.3, 0.4])
    assert set(np.asarray(guessing.get_ydata())) == {0.1}
    assert [text.get_text() for text in score.texts] == ["guessing: 0.1"]
    note = "step 201: mean loss 1.7, accuracy 40.00% on the test rows"
    assert titles(figure) == ["Learning curves", note]


def test_learning_curves_mark_the_kept_step_and_warn_at_the_end():
    history = [{"step": k, "loss": 1.0, "mean_loss": 1.0, "test_mse": 2.0} for k in range(9)]
    marks: dict[str, Any] = {
        "kept": 3,
        "evaluated": "the first 5 test rows",
        "warning": "worse than the mean",
    }
    during = figures.learning(history, **marks)
    note = "step 9: mean loss 1, error 2 on the first 5 test rows"
    assert titles(during) == ["Learning curves", note, "worse than the mean"]
    for axes in during.axes:
        assert any(set(np.asarray(line.get_xdata())) == {3} for line in axes.get_lines())
    assert "best so far: step 3" in [text.get_text() for text in during.axes[0].texts]
    after = figures.learning(history, results={"test_mse": 1.5}, **marks)
    assert titles(after)[1].startswith("at the end error 1.5 on all test rows")
    assert "kept: step 3" in [text.get_text() for text in after.axes[0].texts]


@pytest.mark.parametrize(("value", "side"), [(0.5, "top"), (0.001, "bottom"), (3.0, "bottom")])
def test_the_name_of_a_baseline_avoids_the_curve(value, side):
    history = [{"step": k, "loss": 1.0, "mean_loss": 1.0} for k in range(4)]
    (axes,) = figures.learning(history, baselines={"loss": (value, "PCA")}).axes
    (name,) = axes.texts
    assert name.get_verticalalignment() == side  # "top": the text is below the line


def test_a_loss_over_powers_of_ten_has_a_log_axis():
    history = [{"step": k, "loss": 10.0**-k, "mean_loss": 10.0**-k} for k in range(4)]
    assert figures.learning(history).axes[0].get_yscale() == "log"
    assert figures.learning(history[:2]).axes[0].get_yscale() == "linear"


def test_the_name_of_a_high_baseline_does_not_meet_the_legend_on_a_narrow_page():
    history = [{"step": step, "loss": 1.0, "mean_loss": 1.0} for step in range(20)]
    levels = {"loss": (5.23, "the last value, training rows")}
    for width in (3.4, 6.4):
        assert not overlaps(figures.learning(history, "step", (), levels, new_figure(width, 3)))
