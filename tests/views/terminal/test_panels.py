"""The panels of the terminal view, at any size, of any data, with any colours."""

import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config.option import JOBS
from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.limits import Span
from hiddenstate.views.playback import Player
from hiddenstate.views.terminal import autoencode, classify, panels, regress
from hiddenstate.views.terminal.canvas import Canvas, changes
from hiddenstate.views.terminal.colors import Depth
from hiddenstate.views.terminal.dashboard import draw_screen, pages_of, panels_of
from hiddenstate.views.terminal.header import ViewStatus, clock, draw_help
from hiddenstate.views.terminal.learning import learning
from hiddenstate.views.terminal.panels import Selection
from hiddenstate.views.terminal.progress import ProgressMeter
from hiddenstate.views.timeline import Moment, Timeline
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


SHOWN = {
    "classify": (
        "loss",
        "test accuracy",
        "probabilities of row 1",
        "predictions",
        "when did it decide",
    ),
    "regress": ("loss", "error of each window", "target and prediction", "h at each step"),
    "autoencode": (
        "loss",
        "network and PCA",
        "codes",
        "reconstructions",
        "a walk between two codes",
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


def test_signals_are_lines_and_short_ones_end_early(cli, tmp_path):
    lines = ["series,time,value,kind"]
    for series in range(24):
        lines += [f"s{series},{t},{np.sin(t + series % 2)},{series % 2}" for t in range(9 + series)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    roles = ("--label", "kind", "--id", "series", "--time", "time")
    done = cli("classify", "own.csv", *roles, "--epochs", "2", *OFF)
    assert done.code == 0, done.err
    timeline = Timeline(Run(tmp_path / "runs" / "classify-1"))
    assert timeline.picture is None
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


def test_target_and_prediction_are_the_newest_windows(run_of):
    timeline = Timeline(run_of("regress"))
    moment = timeline.moment(20)
    text = drawn(timeline, page="tracking", step=20).text
    time = moment.arrays["time"]
    n = int(text.split("last ")[1].split(" of")[0])
    assert f"last {n} of 20 windows" in text
    assert f"time {panels.short(time[-n][0])}" in text


def test_axes_reach_to_the_end_of_the_run_at_every_moment(run_of):
    timeline = Timeline(run_of("regress"))
    for step in timeline.steps[3:]:
        screen = drawn(timeline, 120, 40, step=step).text.splitlines()
        (line,) = (line for line in screen if line.count("window 1 ") == 2)  # loss and error
        assert line.split().count("25") == 2


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


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((0.0, 94.25), ("0.0", "94.2")),
        ((188_401.2, 188_495.4), ("188,401.2", "188,495.4")),
        ((1.7e9, 1.7e9 + 86_400), ("1,700,000,000", "1,700,086,400")),
        ((0.0, 19.0), ("0", "19")),
        ((0.0, 0.02), ("0.00", "0.02")),
        ((5.0, 5.0), ("5", "5")),
        ((float("nan"), 1.0), ("nan", "1")),
        ((0.0, 1e300), ("0", "1e+300")),
    ],
)
def test_the_ends_of_a_time_axis_have_enough_decimals(ends, expected):
    assert panels.axis_ends(*ends) == expected


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
        canvas = Canvas.blank(100, 14)
        learning(canvas, timeline, replace(moment, results=results), Selection())
        model = TerminalModel(100, 14)
        model.feed(changes(canvas, None))
        assert (words in model.text) == said


def test_errors_of_an_autoencoder_are_compared_with_pca_on_the_same_rows(run_of):
    timeline = Timeline(run_of("autoencode"))
    history: Any = [{**event, "test_mse": 0.1} for event in timeline.moment().history]
    moment = Moment(timeline.moment().step, history, timeline.moment().arrays)
    timeline.static_arrays["pca_evaluated_mse"] = np.array([0.0779])
    canvas = Canvas.blank(160, 12)
    learning(canvas, timeline, moment, Selection())
    model = TerminalModel(160, 12)
    model.feed(changes(canvas, None))
    assert f"PCA {timeline.static_arrays['pca_train_mse'][0]:.3g} on training rows" in model.text
    assert "PCA 0.0779 on these test rows" in model.text
    for name in ("pca_train_mse", "pca_evaluated_mse"):  # as in older runs
        del timeline.static_arrays[name]
    learning(canvas := Canvas.blank(160, 12), timeline, moment, Selection())
    model.feed(changes(canvas, None))
    assert "PCA" not in model.text
    assert "pca" not in panels_of(timeline, moment)


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0], [float("nan"), 2.0], [3.0, 1e-9]])
def test_any_losses_can_be_drawn(values, run_of):
    timeline = Timeline(run_of("regress"))
    log: Any = [
        {"step": n, "epoch": 0, "loss": v, "mean_loss": v, "lr": 0.1} for n, v in enumerate(values)
    ]
    for width, height in ((80, 12), (20, 4), (6, 2)):
        learning(Canvas.blank(width, height), timeline, Moment(9, log, {}), Selection())


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


def test_times_are_formatted():
    assert [clock(s) for s in (0.84, 4.0, 59.9, 61, 7384)] == [
        "0.84 s",
        "4 s",
        "59 s",
        "1:01",
        "2:03:04",
    ]


def test_a_pause_does_not_lower_the_updates_per_second(run_of):
    player = Player(Timeline(run_of("regress")))
    player.status = "running"
    seconds = iter([0.0, 1.0, 100.0, 102.0])
    progress = ProgressMeter(player, lambda: next(seconds))
    assert progress.rate([10]) is None
    assert progress.rate([10, 30]) == 20
    assert progress.rate([10, 30], paused=True) is None
    assert progress.rate([10, 30]) is None
    assert progress.rate([10, 30, 50]) == 10


def test_help_shows_every_key_in_several_parts_if_needed():
    lines = [(f"k{n}", f"does {n}") for n in range(20)]
    for width, height in ((120, 40), (80, 14), (40, 12)):
        seen, part, last = "", 0, False
        while not last:
            canvas = Canvas.blank(width, height)
            last = draw_help(canvas, lines, part)
            model = TerminalModel(width, height)
            model.feed(changes(canvas, None))
            seen, part = seen + model.text, part + 1
        assert all(f"{key} " in seen and does in seen for key, does in lines)


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


def test_the_scale_of_hidden_units_holds_the_largest() -> None:
    canvas = Canvas.blank(60, 4)
    for states, high in (([[0.5, -0.2]], "1"), ([[0.5, -3.2], [np.nan, 1]], "3.2")):
        note = panels.units_note(canvas, np.array(states))
        assert note == f"2 hidden units, blue -{high}, orange +{high}"
