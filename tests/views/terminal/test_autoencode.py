"""The panels of an autoencoder in a terminal."""

from typing import Any

import numpy as np

from hiddenstate.views.limits import Span
from hiddenstate.views.terminal import autoencode, panels
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.dashboard import panels_of
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline
from tests.terminal_model import TerminalModel, panel_text


def test_codes_are_drawn_in_their_places(run_of):
    timeline = Timeline(run_of("autoencode"))
    timeline.static_arrays["code_label"] = np.array([0, 1, 2])
    moment = Moment(1, [], {"code": np.array([[0.0, 0, 1], [5, 9, 0], [10, 4, 0.5]])})
    timeline._limits = timeline.limits._replace(codes=(Span(0, 10), Span(0, 9), Span(0, 1)))
    canvas = Canvas.blank(21, 11)
    autoencode.codes(canvas, timeline, moment, Selection())
    model = TerminalModel(21, 11)
    model.feed(changes(canvas, None))
    labels = [panels.label(timeline, n) for n in range(3)]
    places = {(10, 0): labels[0], (1, 10): labels[1], (6, 20): labels[2]}
    assert {at: model.lines[at[0]][at[1]] for at in places} == places
    autoencode.codes(other := Canvas.blank(21, 11), timeline, moment, Selection(plane=1))
    assert (other.glyph != canvas.glyph).any()


def test_errors_of_an_autoencoder_are_compared_with_pca_on_the_same_rows(run_of):
    timeline = Timeline(run_of("autoencode"))
    history: Any = [{**event, "test_mse": 0.1} for event in timeline.moment().history]
    moment = Moment(timeline.moment().step, history, timeline.moment().arrays)
    timeline.static_arrays["pca_evaluated_mse"] = np.array([0.0779])
    text = panel_text(learning, 160, 12, timeline, moment)
    assert f"PCA {timeline.static_arrays['pca_train_mse'][0]:.3g} on training rows" in text
    assert "PCA 0.0779 on these test rows" in text
    for name in ("pca_train_mse", "pca_evaluated_mse"):  # as in older runs
        del timeline.static_arrays[name]
    assert "PCA" not in panel_text(learning, 160, 12, timeline, moment)
    assert "pca" not in panels_of(timeline, moment)
