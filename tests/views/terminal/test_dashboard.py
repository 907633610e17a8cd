"""The whole terminal view, of any run at any size."""

import shutil

import pytest

from hiddenstate.config.option import JOBS
from hiddenstate.views.terminal import autoencode, classify, regress
from hiddenstate.views.terminal.canvas import Canvas
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.dashboard import pages_of, panels_of
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Moment, Timeline
from tests.views.terminal.test_panels import drawn

SHOWN = {
    "classify": (
        *("loss", "test accuracy", "probabilities of row 1", "predictions", "when did it decide"),
    ),
    "regress": ("loss", "error of each window", "target and prediction", "h at each step"),
    "autoencode": (
        *("loss", "network and PCA", "codes", "reconstructions", "a walk between two codes"),
    ),
}


@pytest.mark.parametrize("job", list(JOBS))
def test_a_large_terminal_shows_all_of_a_run(job, run_of):
    model = drawn(Timeline(run_of(job)))
    for title in SHOWN[job]:
        assert title in model.text
    assert model.lines[0].startswith(f" {job}-1  {job}  ")
    assert model.lines[0].endswith("● running")
    assert "of 200" in model.lines[1]
    assert "live  tab all  q quit  ? keys" in model.lines[-1]


@pytest.mark.parametrize("job", list(JOBS))
def test_every_size_shows_something_and_nothing_beyond_its_edge(job, run_of):
    timeline = Timeline(run_of(job))
    for width, height in [(40, 12), (41, 13), (60, 15), (80, 24), (200, 60), (300, 12), (40, 90)]:
        for page in pages_of(timeline, timeline.moment()):
            for depth in Depth if width == 80 else [Depth.TRUE]:
                model = drawn(
                    timeline, width, height, page, depth
                )  # the model refuses text beyond the edge
                assert "".join(model.lines[1:-1]).strip()
    assert "needs 40x12" in drawn(timeline, 39, 12).text
    assert drawn(timeline, 1, 1).lines


@pytest.mark.parametrize("job", list(JOBS))
def test_every_moment_can_be_drawn_even_an_empty_one(job, run_of):
    timeline = Timeline(run_of(job))
    for step in (0, *timeline.steps):
        assert drawn(timeline, step=step).text
    empty = Moment(0, [], {})
    for draw in panels_of(timeline, empty).values():
        draw(Canvas.blank(60, 20), timeline, empty, Selection())


def test_viewing_changes_nothing_in_the_run(run_of, tmp_path):
    timeline = Timeline(run_of("autoencode"))
    copy = shutil.copytree(timeline.run.path, tmp_path / "copy")
    drawn(timeline)
    for path in copy.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (timeline.run.path / path.relative_to(copy)).read_bytes()


def test_each_job_has_a_layout_for_the_smallest_terminal():
    from hiddenstate.views.terminal.layout import least
    from hiddenstate.views.terminal.screen import SMALLEST

    for module in (classify, regress, autoencode):
        w, h = least(module.BOXES[-1])
        assert w <= SMALLEST[0] - 2
        assert h <= SMALLEST[1] - 2
