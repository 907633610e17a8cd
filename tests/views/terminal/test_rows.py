"""Rows of any shape in a terminal: pictures, signals, channels and quantities."""

import numpy as np

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.dashboard import pages_of
from hiddenstate.views.timeline import Timeline
from tests.views.terminal.test_panels import OFF, drawn, own


def test_signals_are_lines_and_short_ones_end_early(cli, tmp_path):
    lines = ["series,time,value,kind"]
    for series in range(24):
        lines += [f"s{series},{t},{np.sin(t + series % 2)},{series % 2}" for t in range(9 + series)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    roles = ("--label", "kind", "--id", "series", "--time", "time")
    done = cli("classify", "own.csv", *roles, "--epochs", "2", *OFF)
    assert done.code == 0, done.err
    timeline = Timeline(Run(tmp_path / "runs" / "classify-1"))
    assert timeline.form.picture is None
    for page in ("all", "predictions", "decision"):
        text = drawn(timeline, page=page).text
        assert any(0x2800 < ord(character) < 0x2900 for character in text)


def test_channels_have_lanes_of_their_own_with_their_names(cli, tmp_path):
    lines = ["id,t,acc_x,acc_y,kind"]
    for series in range(16):
        lines += [f"{series},{t / 10},{t},{9.81 - t},{series % 2}" for t in range(12)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    for job in ("classify", "autoencode"):
        assert cli(job, "own.csv", "--label", "kind", "--max-steps", "2", *OFF).code == 0
        timeline = Timeline(Run(tmp_path / "runs" / f"{job}-1"))
        page = "predictions" if job == "classify" else "reconstructions"
        model = drawn(timeline, 100, 20, page, Depth.PLAIN)
        first, second = (model.text.index(name) for name in ("acc_x", "acc_y"))
        assert 0 < first < second
        assert "0 to 1.1" in model.text  # tenths from the column t


def test_in_a_small_terminal_every_channel_of_a_decision_is_drawn_or_counted(cli, tmp_path):
    random = np.random.default_rng(0)
    for n_channels, named, note in ((4, 4, "is "), (9, 6, "6 of 9 channels")):
        names = [f"lead{number}" for number in range(n_channels)]
        lines = [",".join(["id", "t", *names, "kind"])]
        for series in range(12):
            for t in range(10):
                values = [f"{value:.2f}" for value in random.normal(size=n_channels)]
                lines.append(",".join([str(series), str(t), *values, f"k{series % 3}"]))
        (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
        assert cli("classify", "own.csv", "--max-steps", "2", *OFF).code == 0
        run = max((tmp_path / "runs").iterdir(), key=lambda path: path.stat().st_mtime)
        text = drawn(Timeline(Run(run)), 80, 24, "all", Depth.PLAIN).text
        panel = text[text.index("when did it decide") :]
        assert note in panel.splitlines()[0]
        assert sum(name in panel for name in names) == named


def test_quantities_are_bars_with_names_and_have_no_steps_to_decide_at(cli, tmp_path):
    random = np.random.default_rng(0)
    lines = ["ash,hue,kind"]
    lines += [f"{random.normal():.3f},{random.normal():.3f},{n % 2}" for n in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    options = ("--label", "kind", "--layout", "features", "--max-steps", "2")
    assert cli("classify", "own.csv", *options, *OFF).code == 0
    timeline = Timeline(Run(tmp_path / "runs" / "classify-1"))
    assert "decision" not in pages_of(timeline, timeline.moment())
    assert "decision" not in drawings(timeline, timeline.moment())
    text = drawn(timeline, 100, 20, "predictions").text
    assert "ash" in text
    assert "━" in text.split("ash")[1]


def test_one_row_of_thousands_of_steps_and_many_features(cli, tmp_path):
    X = np.random.default_rng(0).normal(size=(3, 3000, 4)).cumsum(axis=1)
    timeline = own(cli, tmp_path, "regress", X, X[:, :, :2], "--hidden-size", "4")
    for page in pages_of(timeline, timeline.moment()):
        assert drawn(timeline, page=page).text
