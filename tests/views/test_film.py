"""A film has all of a run's learning, as long as was asked for, whole or not at all."""

import sys

import numpy as np
import pytest
from PIL import Image

from hiddenstate.errors import DataError, MachineError, OptionError
from hiddenstate.views import film
from hiddenstate.views.film import choose_moments, find_ffmpeg, make_film

SMALL = (330, 224)


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


def frames_of(path):
    """Milliseconds and pixels of every frame of a GIF."""
    with Image.open(path) as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            yield gif.info["duration"], np.asarray(gif.convert("RGB"))


@pytest.mark.parametrize("n", [1, 2, 7, 100, 9999])
@pytest.mark.parametrize(("seconds", "fps"), [(12, 12), (3.3, 7), (0.01, 1), (60, 50)])
def test_moments_fill_the_film_evenly_and_end_with_the_last_held(n, seconds, fps):
    steps = list(range(5, 5 + 3 * n, 3))
    moments = choose_moments(steps, seconds, fps)
    chosen, counts = zip(*moments, strict=True)
    assert sum(counts) == max(1, round(seconds * fps))
    assert list(chosen) == sorted(set(chosen))
    assert set(chosen) <= set(steps)
    assert chosen[-1] == steps[-1]
    assert counts[-1] == max(counts)
    if len(counts) > 2:
        assert max(counts[:-1]) - min(counts[:-1]) <= 1
        gaps = np.diff([steps.index(step) for step in chosen])
        assert gaps.max() - gaps.min() <= 1


def test_a_gif_lasts_as_long_as_was_asked_and_ends_on_the_last_moment_held(run, tmp_path):
    path = make_film(run, tmp_path / "a.gif", seconds=2.5, fps=2, size=SMALL)
    frames = list(frames_of(path))
    durations = [milliseconds for milliseconds, _ in frames]
    assert sum(durations) == 2500
    assert durations[-1] == max(durations) >= 500
    assert all(pixels.shape == (224, 330, 3) for _, pixels in frames)
    assert (frames[0][1] != frames[-1][1]).any()


def test_every_frame_of_a_gif_has_the_same_colours_and_its_ground_is_the_themes(run, tmp_path):
    path = make_film(run, tmp_path / "a.gif", seconds=2, fps=2, size=SMALL, theme="dark")
    corners = {tuple(pixels[-1, -1].tolist()) for _, pixels in frames_of(path)}
    assert corners == {(0x15, 0x18, 0x1E)}
    with Image.open(path) as gif:
        assert len(gif.getpalette()) // 3 <= 256


def test_a_large_gif_loses_frames_and_no_time(run, tmp_path, monkeypatch):
    whole = make_film(run, tmp_path / "whole.gif", seconds=2, fps=4, size=SMALL)
    limit = whole.stat().st_size // 2
    monkeypatch.setattr(film, "MAX_GIF_BYTES", limit)
    cut = make_film(run, tmp_path / "cut.gif", seconds=2, fps=4, size=SMALL)
    before, after = list(frames_of(whole)), list(frames_of(cut))
    assert cut.stat().st_size <= limit
    assert len(after) < len(before)
    assert sum(t for t, _ in after) == sum(t for t, _ in before)
    np.testing.assert_array_equal(after[-1][1], before[-1][1])


def test_progress_is_told_to_the_end(run, tmp_path):
    told = []
    make_film(run, tmp_path / "a.gif", 1, 3, SMALL, progress=lambda *now: told.append(now))
    assert told == [(n, len(told)) for n in range(1, len(told) + 1)]


def test_an_mp4_is_written_by_ffmpeg(run, tmp_path):
    try:
        find_ffmpeg()
    except MachineError as error:
        pytest.skip(str(error))
    path = make_film(run, tmp_path / "a.mp4", seconds=1, fps=4, size=SMALL)
    assert path.read_bytes()[4:8] == b"ftyp"
    assert {p.name for p in tmp_path.iterdir()} == {"a.mp4", "runs"}


def test_without_ffmpeg_what_installs_it_is_said_and_nothing_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(film.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MachineError, match=r"pip install 'hiddenstate\[film\]'"):
        make_film(run, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_an_ffmpeg_that_fails_leaves_the_earlier_film(run, tmp_path, monkeypatch):
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'Unknown encoder' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(film.shutil, "which", lambda name: str(broken))
    path = tmp_path / "a.mp4"
    path.write_bytes(b"earlier")
    with pytest.raises(MachineError, match="Unknown encoder"):
        make_film(run, path, seconds=1, fps=2, size=SMALL)
    assert path.read_bytes() == b"earlier"


def test_drawing_that_fails_leaves_nothing(run, tmp_path, monkeypatch):
    def fail(*_):
        raise MachineError("no memory")

    monkeypatch.setattr(film.Painter, "paint", fail)
    for name in ("a.gif", "a.mp4"):
        with pytest.raises(MachineError):
            make_film(run, tmp_path / name, seconds=1, fps=2, size=SMALL)
    assert {p.name for p in tmp_path.iterdir()} == {"runs"}


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.avi", {}, "ending in .gif or .mp4"),
        ("no/a.gif", {}, "the folder does not exist"),
        ("a.gif", {"seconds": 0}, "seconds"),
        ("a.gif", {"seconds": float("nan")}, "seconds"),
        ("a.gif", {"fps": 51}, "fps"),
        ("a.gif", {"size": (331, 224)}, "even"),
    ],
)
def test_what_does_not_fit_is_refused(run, tmp_path, name, options, said):
    with pytest.raises(OptionError, match=said):
        make_film(run, tmp_path / name, **options)


def test_a_run_with_nothing_to_show_is_refused(run, tmp_path):
    (run.path / "history.jsonl").write_text("")
    for path in run.snapshot_paths():
        path.unlink()
    with pytest.raises(DataError, match="nothing to show yet"):
        make_film(run, tmp_path / "a.gif")
