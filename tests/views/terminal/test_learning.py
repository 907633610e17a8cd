"""The learning curves in a terminal."""

from dataclasses import replace
from typing import Any

import pytest

from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline
from tests.terminal_model import panel_text
from tests.views.terminal.test_panels import drawn


def test_the_loss_is_compared_with_pca(run_of):
    timeline = Timeline(run_of("autoencode"))
    loss, pca = (
        timeline.moment().results["train_loss"],  # at the end, not at the last logged line
        float(timeline.static_arrays["pca_train_mse"][0]),
    )
    text = drawn(timeline, page="pca").text
    assert "network and PCA, training rows" in text
    assert f"{loss:.3g}" in text
    assert f"{pca:.3g}" in text


@pytest.mark.parametrize(
    ("job", "score", "words"),
    [
        ("classify", {"test_accuracy": 0.2, "baseline_accuracy": 0.4}, "worse than always the mo"),
        ("autoencode", {"test_mse": 0.4, "baseline_mse": 0.2}, "worse than 3 principal compon"),
    ],
)
def test_the_last_moment_says_that_the_network_is_worse(job, score, words, run_of):
    timeline = Timeline(run_of(job))
    moment = timeline.moment()
    for results, said in ((score, True), ({}, False)):
        text = panel_text(learning, 100, 14, timeline, replace(moment, results=results))
        assert (words in text) == said


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [float("nan"), 2.0], [3.0, 1e-9]])
def test_any_losses_can_be_drawn(values, run_of):
    timeline = Timeline(run_of("regress"))
    log: Any = [
        {"step": n, "epoch": 0, "loss": v, "mean_loss": v, "lr": 0.1} for n, v in enumerate(values)
    ]
    for width, height in ((80, 12), (20, 4), (6, 2)):
        learning(Canvas.blank(width, height), timeline, Moment(9, log, {}), Selection())
