"""The panels of a classifier in a terminal."""

import numpy as np

from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Timeline
from tests.views.terminal.test_panels import drawn, own


def test_right_and_wrong_are_distinct_without_colour(run_of):
    timeline = Timeline(run_of("classify"))
    moment = timeline.moment()
    real = timeline.static_arrays["shown_label"]
    chosen = moment.arrays["probability"].argmax(axis=1)
    model = drawn(timeline, page="predictions", depth=Depth.PLAIN)
    signs = [character for character in model.text if character in "✓✗"]
    assert signs == ["✓" if r else "✗" for r in chosen == real]
    assert f"{(chosen == real).sum()} of {len(real)} correct" in model.text


def test_the_probabilities_of_the_selected_row_are_shown(run_of):
    timeline = Timeline(run_of("classify"))
    probability = timeline.moment().arrays["probability"]
    for row in (0, 3):
        model = drawn(timeline, page="probabilities", selection=Selection(row))
        assert f"probabilities of row {row + 1}" in model.text
        for value in probability[row]:
            assert f"{value:4.0%}" in model.text


def test_the_decision_is_shown_line_by_line_of_the_picture(run_of):
    timeline = Timeline(run_of("classify"))
    last = timeline.moment().arrays["decision"][0][-1]
    lines = drawn(timeline, page="decision").lines
    assert "read top down" in lines[4]
    choices = [line for line in lines if line.endswith("%")] or [n for n in lines if "%" in n]
    assert f"{timeline.label(last.argmax())} {last.max():4.0%}" in choices[-1]


def test_only_the_likeliest_of_many_classes_are_shown(cli, tmp_path):
    random = np.random.default_rng(0)
    y = np.repeat(np.arange(120), 5)
    X = random.normal(size=(600, 4, 1))
    timeline = own(cli, tmp_path, "classify", X, y, "--hidden-size", "4")
    model = drawn(timeline, 80, 24, "probabilities")
    best = timeline.moment().arrays["probability"][0].argmax()
    assert f"{timeline.label(best)} " in model.text
    assert "less likely classes" in model.text
    drawn(timeline, 80, 24, "decision")
