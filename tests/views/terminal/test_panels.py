"""The panels of the terminal view, at any size, of any data, with any colours."""

import numpy as np
import pytest

from hiddenstate.config.option import JOBS
from hiddenstate.runs import Run
from hiddenstate.views.terminal import panels
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.dashboard import draw_screen, pages_of, panels_of
from hiddenstate.views.terminal.header import ViewStatus
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.timeline import Timeline
from tests.conftest import EVIL
from tests.terminal_model import TerminalModel

OFF = ("--view", "off", "--threads", "1")
HINTS = [("q", "quit"), ("?", "keys")]


def own(cli, tmp_path, job, X, y, *options):
    """Train on arrays; return the timeline of the run."""
    np.savez(tmp_path / "own.npz", X=X, **({} if y is None else {"y": y}))
    assert cli(job, tmp_path / "own.npz", "--epochs", "2", *options, *OFF).code == 0
    return Timeline(Run(tmp_path / "runs" / f"{job}-1"))


def drawn(timeline, width=120, height=40, page="all", depth=Depth.TRUE, selection=None, step=None):
    """Return the screen of a run as a terminal shows it."""
    moment = timeline.moment(step)
    pages = pages_of(timeline, moment)
    n = len(timeline.steps)
    status = ViewStatus(
        "running", 200, 12.0, 34.0, n, n, "live", pages=pages, page=pages.index(page)
    )
    canvas = Canvas.blank(width, height, depth)
    draw_screen(canvas, timeline, moment, status, selection or Selection(), HINTS)
    model = TerminalModel(width, height)
    model.feed(changes(canvas, None))
    return model


@pytest.mark.parametrize("job", list(JOBS))
def test_any_array_may_be_missing_short_or_not_finite(job, run_of):
    timeline = Timeline(run_of(job))
    moment = timeline.moment()
    kept, arrays = dict(timeline.static_arrays), dict(moment.arrays)
    for name in (*arrays, *kept):
        for hurt in (None, lambda a: a[:1], lambda a: np.full_like(a, np.nan)):
            moment.arrays.clear()
            moment.arrays.update(arrays)
            timeline.static_arrays = dict(kept)
            where = moment.arrays if name in arrays else timeline.static_arrays
            if hurt is None:
                del where[name]
            elif where[name].dtype.kind == "f" or hurt(np.ones(2)).size == 1:
                where[name] = hurt(where[name])
            pages = pages_of(timeline, moment)
            for page in range(len(pages)):
                canvas = Canvas.blank(100, 36)
                draw_screen(
                    canvas,
                    timeline,
                    moment,
                    ViewStatus("done", pages=pages, page=page),
                    Selection(),
                    [],
                )


def test_hostile_labels_are_escaped_and_long_ones_keep_their_ends(cli, tmp_path):
    names = np.array([EVIL, "日本語のとても長いラベル字", "e\u0301" * 30 + "z", "x" * 300 + "end"])
    X = np.random.default_rng(0).normal(size=(80, 6, 2))
    for job in ("classify", "autoencode"):
        timeline = own(cli, tmp_path, job, X, names[np.arange(80) % 4])
        for width, height in ((40, 12), (80, 24), (160, 50)):
            for page in pages_of(timeline, timeline.moment()):
                model = drawn(timeline, width, height, page)
                assert "\u202e" not in model.text
                assert "\x1b" not in model.text
    text = drawn(Timeline(Run(tmp_path / "runs/classify-1")), page="probabilities").text
    assert "evil\\n\\x1b" in text
    assert "…" in text


def test_hostile_names_of_a_run_and_its_data_are_escaped(cli, tmp_path):
    data = tmp_path / f"{EVIL}.npz"
    np.savez(data, X=np.ones((12, 3)), y=np.arange(12) % 2)
    assert cli("classify", data, "--max-steps", "2", *OFF).code == 0
    timeline = Timeline(Run((tmp_path / "runs/classify-1").rename(tmp_path / "runs" / EVIL)))
    for height, times in ((12, 1), (40, 2)):
        line = drawn(timeline, 160, height).lines[0]
        assert line.count(r"evil\n\x1b[31m\u202e<b>") == times


def test_panels_without_space_raise_nothing(run_of):
    for job in JOBS:
        timeline = Timeline(run_of(job))
        moment = timeline.moment()
        for draw in panels_of(timeline, moment).values():
            for width, height in ((1, 1), (3, 2), (12, 3), (0, 0)):
                draw(Canvas.blank(width, height), timeline, moment, Selection())


def test_arrays_that_do_not_fit_are_reported(run_of):
    timeline = Timeline(run_of("classify"))
    timeline.static_arrays["shown"] = np.zeros((10, 3, 5))
    assert "do not fit together" in drawn(timeline, page="predictions").text


def test_names_with_equal_first_letters_get_other_letters():
    assert panels.letters(["0", "1", "2"]) == ["0", "1", "2"]
    assert panels.letters(["walk", "run"]) == ["w", "r"]
    assert panels.letters(["walk", "wait"]) == ["a", "b"]
    assert len(panels.letters([str(n) for n in range(200)])) == 200


def test_the_scale_of_hidden_units_holds_the_largest() -> None:
    canvas = Canvas.blank(60, 4)
    for states, high in (([[0.5, -0.2]], "1"), ([[0.5, -3.2], [np.nan, 1]], "3.2")):
        note = panels.units_note(canvas, np.array(states))
        assert note == f"2 hidden units, blue -{high}, orange +{high}"
