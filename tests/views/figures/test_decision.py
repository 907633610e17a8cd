"""Figures of when a classifier decides."""

from dataclasses import replace

import numpy as np

from hiddenstate.views import figures, style
from hiddenstate.views.figures.layout import new_figure
from hiddenstate.views.row_form import form_of_rows
from tests.figure_texts import overlaps
from tests.views.figures.test_classify import image, random


def decided(chances, picture=None, rows=None, truth=0):
    steps, n_classes = chances.shape
    rows = random.random((1, steps, 4)) if rows is None else rows
    states = random.uniform(-1, 1, (1, steps, 5))
    names = list("abcdefgh"[:n_classes])
    figure = figures.decision(
        rows, np.arange(1, steps + 1), chances[None], states, [truth], names, picture
    )
    return figure, rows[0], states[0]


CHANGING = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]])


def test_a_decision_is_aligned_with_the_lines_of_the_picture():
    figure, row, states = decided(CHANGING, (6, 4))
    seen, thought, held = figure.axes
    np.testing.assert_allclose(image(seen), row, rtol=1e-6)
    np.testing.assert_array_equal(image(held), states)
    assert {axes.get_ylim() for axes in figure.axes} == {(6.0, 0.0)}
    places = [axes.get_position() for axes in figure.axes]
    assert np.ptp([box.y0 for box in places]) < 1e-9
    assert np.ptp([box.y1 for box in places]) < 1e-9
    edge = thought.get_lines()[0].get_xydata()  # the probability of the true class after each row
    np.testing.assert_allclose(edge[1:-1], np.column_stack([CHANGING[:, 0], np.arange(6) + 0.5]))


def test_a_decision_is_marked_where_the_prediction_becomes_final():
    figure, *_ = decided(CHANGING, (6, 4))
    assert figure.axes[0].texts[0].get_text() == "✓ a, decided after row 4"
    for axes in figure.axes:
        assert set(axes.get_lines()[-1].get_ydata()) == {4}
    figure, *_ = decided(CHANGING[:, ::-1], (6, 4))
    assert figure.axes[0].texts[0].get_text() == "✗ b, decided after row 4 (is a)"


def test_a_decision_on_a_signal_is_below_it_and_ends_with_it():
    rows = random.normal(size=(1, 6, 2))
    rows[0, 4:] = np.nan
    figure, row, states = decided(CHANGING, rows=rows)
    seen, thought, held = figure.axes
    assert {axes.get_xlim() for axes in figure.axes} == {(0.0, 4.0)}
    np.testing.assert_array_equal(image(held), states[:4].T)
    first, second = (
        np.asarray(line.get_ydata()) for line in seen.get_lines() if np.size(line.get_xdata()) == 4
    )
    assert second.max() < 1 < first.min()  # each channel has a lane of its own
    # Colours are those of classes, so channels have none.
    inks = {line.get_color() for line in seen.get_lines() if np.size(line.get_xdata()) == 4}
    assert inks == {style.now().ink}
    np.testing.assert_allclose(np.corrcoef(second, row[:4, 1])[0, 1], 1)
    assert thought.get_lines()[0].get_xdata()[-1] == 4
    assert seen.get_position().y0 > thought.get_position().y1


def test_the_names_under_a_small_decision_do_not_meet():
    rows, chances = random.random((4, 28, 28)), np.full((4, 28, 3), 1 / 3)
    read, states = np.arange(1, 29), np.tanh(random.normal(size=(4, 28, 64)))
    figure = figures.decision(
        rows,
        read,
        chances,
        states,
        np.zeros(4, int),
        ["a", "b", "c"],
        (28, 28),
        new_figure(6.4, 4.8),
    )
    assert not overlaps(figure)


def test_moments_of_rows_of_one_second_are_written_in_full():
    rows = random.normal(size=(1, 6, 2))
    form = replace(form_of_rows(rows), time_step=0.38, time_unit="s")  # in ms: they end at 1.9 s
    figure = figures.decision(
        rows, np.arange(1, 7), CHANGING[None], rows[..., :1], [0], ["a", "b"], form=form
    )
    assert figure.axes[0].texts[0].get_text() == "✓ a, decided after 1,520 ms"
    assert form.time_ends() == ("0", "1,900 ms")
