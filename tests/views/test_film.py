"""Films of a run: their length, their moments, and what happens if they fail."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageSequence

from hiddenstate.errors import DataError, MachineError, OptionError
from hiddenstate.metrics.glossary import written
from hiddenstate.runs import Run
from hiddenstate.views import film
from hiddenstate.views.film import find_ffmpeg, make_film
from hiddenstate.views.offscreen import Painter
from hiddenstate.views.tempo import EVEN_SHARE, change, choose_moments
from hiddenstate.views.timeline import Timeline

SMALL = (330, 224)


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


class Filmed(NamedTuple):
    """A film, and what was said while it was made."""

    run: Run
    path: Path
    captions: list[str]
    progress: list[tuple[int, int]]
    painted: dict[tuple[float, str], Any]


FILM: dict[str, Any] = {"seconds": 2.5, "fps": 2, "size": SMALL, "theme": "dark"}


@pytest.fixture(scope="module")
def filmed(trained, tmp_path_factory):
    """A film of a run, for tests of different things in it."""
    run, path = Run(trained("autoencode")), tmp_path_factory.mktemp("film") / "a.gif"
    filmed = Filmed(run, path, [], [], {})
    paint = Painter.paint

    def spy(self, moment, title=""):
        filmed.captions.append(title)
        filmed.painted[moment.step, title] = paint(self, moment, title)
        return filmed.painted[moment.step, title]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Painter, "paint", spy)
        make_film(
            filmed.run, filmed.path, **FILM, progress=lambda *now: filmed.progress.append(now)
        )
    return filmed


def frames_of(path):
    """Return milliseconds and pixels of every frame of a GIF."""
    with Image.open(path) as gif:
        for _ in ImageSequence.Iterator(gif):
            yield gif.info["duration"], np.asarray(gif.convert("RGB"))


@pytest.mark.parametrize(
    ("n", "seconds", "fps"),
    [(1, 12, 12), (2, 3.3, 7), (7, 0.01, 1), (100, 12, 12), (100, 60, 50), (9999, 3.3, 7)],
)
@pytest.mark.parametrize("tween", [False, True])
def test_moments_fill_the_film_and_the_last_is_held(n, seconds, fps, tween):
    steps = list(range(5, 5 + 3 * n, 3))
    moments = choose_moments(steps, np.linspace(0, 1, n), seconds, fps, tween)
    chosen, counts = zip(*moments, strict=True)
    assert sum(counts) == max(1, round(seconds * fps))
    assert list(chosen) == sorted(set(chosen))
    assert tween or set(chosen) <= set(steps)
    assert chosen[-1] == steps[-1]
    assert counts[-1] >= round(min(2, seconds / 4) * fps)
    if len(counts) > 2 and tween:
        assert max(counts[:-1]) - min(counts[:-1]) <= 1
        gaps = np.diff(chosen)
        assert gaps.max() - gaps.min() < 1e-6 * steps[-1]


def test_a_film_spends_its_time_where_things_change():
    steps = list(range(0, 1001, 10))
    passed = EVEN_SHARE * np.linspace(0, 1, 101) + (1 - EVEN_SHARE) * np.minimum(
        np.linspace(0, 10, 101), 1
    )
    moments = choose_moments(steps, passed, 12, 12, tween=True)
    early = sum(count for step, count in moments if step <= 100)
    assert early > 0.5 * 12 * 12


def test_the_change_of_a_run_grows_from_nothing_to_all_of_it(run_of):
    timeline = Timeline(run_of("autoencode"))
    passed = change(timeline)
    assert len(passed) == len(timeline.steps)
    assert (passed[0], passed[-1]) == (0, pytest.approx(1))
    assert (np.diff(passed) > 0).all()


def test_codes_move_from_one_snapshot_to_the_next(run_of):
    timeline = Timeline(run_of("autoencode"))
    first, second = timeline.over_time("code")[0][:2]
    one, middle, other = (
        timeline.between(step).arrays["code"] for step in (first, (first + second) / 2, second)
    )
    np.testing.assert_allclose(middle, (one + other) / 2, rtol=1e-5, atol=1e-6)
    assert np.abs(other - one).max() > 0


def test_the_last_moment_says_the_result_and_that_of_the_baseline(filmed):
    error = filmed.run.results()["test_mse"]
    assert written(error, "error")[:4] in filmed.captions[-1]
    assert "principal component" in filmed.captions[-1]
    assert "principal component" not in filmed.captions[-2]


def test_a_film_says_which_snapshots_it_draws(filmed):
    kept = [int(path.stem) for path in filmed.run.snapshot_paths()]
    between = 0
    for caption in filmed.captions:
        step = re.search(r" step ([\d,]+)", caption)
        if step is None:  # a picture for the colours
            continue
        first, last, *_ = [*re.findall(r"(?:of|and) step (\d+)", caption), "", ""]
        if not first:
            continue
        between += 1
        assert int(first) == max(each for each in kept if each <= int(step[1]))
        assert int(last) == min(each for each in kept if each > int(step[1]))
        assert "codes between it and" in caption
    assert between


def test_a_gif_has_the_requested_length_and_holds_the_last_moment(filmed):
    frames = list(frames_of(filmed.path))
    durations = [milliseconds for milliseconds, _ in frames]
    assert sum(durations) == 2500
    assert durations[-1] == max(durations) >= 500
    assert all(pixels.shape == (224, 330, 3) for _, pixels in frames)
    assert (frames[0][1] != frames[-1][1]).any()


def test_all_frames_of_a_gif_share_their_colours_and_the_themes_background(filmed):
    corners = {tuple(pixels[-1, -1].tolist()) for _, pixels in frames_of(filmed.path)}
    assert corners == {(0x15, 0x18, 0x1E)}
    with Image.open(filmed.path) as gif:
        assert len(gif.getpalette()) // 3 <= 256


def test_a_large_gif_drops_frames_and_keeps_its_length(filmed, tmp_path, monkeypatch):
    limit = filmed.path.stat().st_size // 2
    monkeypatch.setattr(film, "MAX_GIF_BYTES", limit)
    monkeypatch.setattr(
        Painter, "paint", lambda self, moment, title="": filmed.painted[moment.step, title]
    )
    cut = make_film(filmed.run, tmp_path / "cut.gif", **FILM)
    before, after = list(frames_of(filmed.path)), list(frames_of(cut))
    assert cut.stat().st_size <= limit
    assert len(after) < len(before)
    assert sum(t for t, _ in after) == sum(t for t, _ in before)
    np.testing.assert_array_equal(after[-1][1], before[-1][1])


def test_progress_is_reported_until_the_end(filmed):
    n = len(filmed.progress)
    assert n > 1
    assert filmed.progress == [(k, n) for k in range(1, n + 1)]


@pytest.fixture
def grey(monkeypatch):
    """Pictures without marks, for tests of what becomes of them."""
    picture = np.full((SMALL[1], SMALL[0], 3), 99, np.uint8)
    monkeypatch.setattr(Painter, "paint", lambda self, moment, title="": picture)


def test_an_mp4_is_written_by_ffmpeg(run, tmp_path, grey):
    try:
        find_ffmpeg()
    except MachineError as error:
        pytest.skip(str(error))
    path = make_film(run, tmp_path / "a.mp4", seconds=1, fps=4, size=SMALL)
    assert path.read_bytes()[4:8] == b"ftyp"
    assert {p.name for p in tmp_path.iterdir()} == {"a.mp4", "runs"}


def test_an_mp4_is_written_by_the_library_where_there_is_no_program(
    run, tmp_path, monkeypatch, grey
):
    av = pytest.importorskip("av", reason="PyAV, of the extra `film`, is not installed")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = make_film(run, tmp_path / "a.mp4", seconds=1, fps=4, size=SMALL)
    with av.open(str(path)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert {frame.shape for frame in frames} == {(SMALL[1], SMALL[0], 3)}
    assert len(frames) == 4
    assert {p.name for p in tmp_path.iterdir()} == {"a.mp4", "runs"}


def test_without_ffmpeg_the_error_names_the_install_command_and_nothing_is_written(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MachineError, match=r"pip install .*\[film\]'"):
        make_film(run, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_if_ffmpeg_fails_the_previous_film_stays(run, tmp_path, monkeypatch, grey):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(broken))
    path = tmp_path / "a.mp4"
    path.write_bytes(b"earlier")
    with pytest.raises(MachineError, match="Unknown encoder"):
        make_film(run, path, seconds=1, fps=2, size=SMALL)
    assert path.read_bytes() == b"earlier"


def test_if_drawing_fails_nothing_is_written(run, tmp_path, monkeypatch):
    def fail(*_):
        raise MachineError("no memory")

    monkeypatch.setattr(Painter, "paint", fail)
    for name in ("a.gif", "a.mp4"):
        with pytest.raises(MachineError):
            make_film(run, tmp_path / name, seconds=1, fps=2, size=SMALL)
    assert {p.name for p in tmp_path.iterdir()} == {"runs"}


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.avi", {}, "ending in .gif or .mp4"),
        ("no/a.gif", {}, "the folder .*no does not exist"),
        ("a.gif", {"seconds": 0}, "seconds"),
        ("a.gif", {"seconds": float("nan")}, "seconds"),
        ("a.gif", {"fps": 51}, "fps"),
        ("a.gif", {"size": (331, 224)}, "even"),
    ],
)
def test_invalid_film_options_are_refused(run, tmp_path, name, options, message):
    with pytest.raises(OptionError, match=message):
        make_film(run, tmp_path / name, **options)


def test_a_run_with_nothing_to_show_is_refused(run, tmp_path):
    (run.path / "history.jsonl").write_text("")
    for path in run.snapshot_paths():
        path.unlink()
    with pytest.raises(DataError, match="nothing to show yet"):
        make_film(run, tmp_path / "a.gif")
