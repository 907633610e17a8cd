"""The moments of a run: their times, windows and rows."""

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline
from tests.figure_texts import placed_texts
from tests.views.test_views import OFF


def test_time_continues_over_epochs(cli, tmp_path):
    cli("regress", "--windows", "12", "--epochs", "3", *OFF)
    time = Timeline(Run(tmp_path / "runs" / "regress-1")).moment().arrays["time"].ravel()
    np.testing.assert_allclose(np.diff(time), np.pi / 10)


@pytest.mark.parametrize(
    ("job", "kinds"),
    [("classify", "mix,warp"), ("autoencode", "rotate"), ("regress", "scale --no-stateful")],
)
def test_augmented_rows_are_drawn_beside_the_rows(job, kinds, cli, tiny_idx, tmp_path):
    data = () if job == "regress" else (tiny_idx,)
    assert cli(job, *data, "--augment", *kinds.split(), "--max-steps", "1", *OFF).code == 0
    timeline = Timeline(Run(tmp_path / "runs" / f"{job}-1"))
    plain, changed = (timeline.static_arrays[name] for name in ("plain", "augmented"))
    assert plain.shape == changed.shape
    own, others = (np.abs(plain - to).mean() for to in (changed, np.roll(changed, 1, axis=0)))
    assert 0 < own < others
    figure = drawings(timeline, timeline.moment())["augmented"](None)
    texts = {placed.text for placed in placed_texts(figure)}
    assert "Augmented rows" in texts
    assert ({"row", "changed"} <= texts) == (job != "regress")  # a series is drawn over itself


def test_windows_grow_one_by_one(run_of):
    timeline = Timeline(run_of("regress"))
    assert list(timeline.steps) == list(range(1, 26))
    moment = timeline.moment(7)
    assert moment.arrays["prediction"].shape == (7, 10, 1)
    np.testing.assert_allclose(moment.arrays["time"][6, 0], 6 * np.pi)


def test_shown_rows_are_test_rows(run_of):
    timeline = Timeline(run_of("autoencode"))
    assert timeline.facts.shown_split == "test"
    assert len(timeline.static_arrays["original"]) == 5
