"""A view opened beside training: which, what it leaves, and that training does not notice it."""

import shutil
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.errors import MachineError, OptionError
from hiddenstate.live import launch
from hiddenstate.live.launch import Viewer, choose_view, viewed
from hiddenstate.training.trainer import Callback
from tests import warm

X = np.random.default_rng(0).normal(size=(40, 6, 2)).astype("float32")
Y = np.arange(40) % 2
QUICK: dict[str, Any] = {"hidden_size": 4, "max_steps": 30, "log_every": 5, "threads": 1}
QUICK |= {"random_state": 0}


def test_views_that_are_not_possible_are_refused_by_name(monkeypatch):
    monkeypatch.setattr(launch, "display_missing", lambda: "there is no display")
    with pytest.raises(MachineError, match="view window: there is no display"):
        choose_view("window")
    with pytest.raises(MachineError, match="view notebook: this is not a notebook"):
        choose_view("notebook")
    with pytest.raises(OptionError, match="did you mean window"):
        choose_view("windov")
    assert choose_view("off") == "off"
    with pytest.raises(MachineError, match=r"^view='window': there is no display; use view='auto'"):
        launch.watch("last", view="window")


def test_auto_takes_the_first_possible_view(monkeypatch):
    monkeypatch.setattr(launch, "display_missing", lambda: None)
    assert choose_view() == "window"
    monkeypatch.setattr(launch, "notebook_missing", lambda: None)
    assert choose_view() == "notebook"


def weights_of(estimator):
    return {name: array.tobytes() for name, array in estimator.model_.params.items()}


@pytest.fixture
def unwatched():
    return weights_of(RecurrentClassifier(**QUICK).fit(X, Y))


class Kill(Callback):
    """Kills the view during training."""

    def __init__(self, viewer):
        self.viewer = viewer

    def on_log(self, trainer, event):
        self.viewer._process.kill()
        self.viewer._process.wait()


def test_training_learns_the_same_if_its_view_is_killed(unwatched, tmp_path):
    path = tmp_path / "run"
    viewer = Viewer(path, "window")
    clf = RecurrentClassifier(**QUICK)
    clf.fit(X, Y, run_dir=path, callbacks=[viewer, Kill(viewer)])
    assert viewer.ended
    assert weights_of(clf) == unwatched


def test_a_fit_that_is_only_shown_leaves_no_folder(unwatched, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(launch, "display_missing", lambda: None)
    seen = []

    class Killed(Viewer):
        def on_log(self, trainer, event):
            seen.extend(tmp_path.glob("hiddenstate-*/fit/config.json"))
            Kill(self).on_log(trainer, event)

    monkeypatch.setattr(launch, "Viewer", Killed)
    clf = RecurrentClassifier(**QUICK).fit(X, Y, view="window")
    assert seen
    assert list(tmp_path.iterdir()) == []
    assert weights_of(clf) == unwatched


def test_the_folder_stays_while_a_window_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(launch, "display_missing", lambda: None)
    with viewed("window", None) as (path, (viewer,)):
        assert isinstance(viewer, launch.Viewer)
        path.mkdir()
        viewer._process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1)
    assert path.is_dir()
    viewer._process.communicate(b"\n")
    assert launch._remove(path.parent, viewer)
    assert list(tmp_path.iterdir()) == []


def test_a_fit_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(launch, "display_missing", lambda: None)
    with pytest.raises(ZeroDivisionError), viewed("window", None):
        1 / 0  # noqa: B018
    assert list(tmp_path.iterdir()) == []


def test_the_view_that_ends_last_removes_only_a_temporary_folder(run_of, tmp_path):
    run, temporary = run_of("autoencode"), tmp_path / "hiddenstate-abc"
    for folder, option in ((temporary, ["--temporary"]), (tmp_path / "mine", ["--temporary"])):
        shutil.copytree(run.path, folder / "fit")
        command = ["-m", "hiddenstate.live.launch", str(folder / "fit"), "off", *option]
        assert warm.run(command, tmp_path).returncode == 0
    assert not temporary.exists()
    assert (tmp_path / "mine" / "fit").is_dir()
