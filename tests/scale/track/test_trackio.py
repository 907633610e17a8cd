"""Runs in the database of Trackio, read back with its own reader."""

from importlib.util import find_spec

import pytest

from hiddenstate.errors import OptionError
from hiddenstate.scale.track import Follower
from tests.scale.track.trackers import FOLLOW, Growing, check_points, killed, look_until_the_end

if not find_spec("trackio"):
    pytest.skip("trackio is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_figure")

KILLED = (
    FOLLOW
    + """
from hiddenstate.scale.track.trackio import Trackio
there = Trackio(Path("tk"), "killed", print)
write, calls = there.write, []
def write_some(lines):
    write(lines)
    calls.append(lines)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
there.write = write_some
follower = Follower(Run(Path("runs/autoencode-1")), there, print)
while follower.look(): pass
"""
)
"""A follower that is killed once its second piece is stored, before it can note that."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of the database, which is fixed in a process once Trackio is imported."""
    return tmp_path_factory.mktemp("trackio")


def settle(run, place, project):
    from hiddenstate.scale.track.trackio import Trackio

    follower = Follower(run, Trackio(place, project, print), print)
    look_until_the_end(follower)
    follower.close()
    return follower


def read_back(project):
    from trackio.sqlite_storage import SQLiteStorage

    rows = SQLiteStorage.get_logs(project, run="autoencode-1")
    points = [
        (name, row["step"], value)
        for row in rows
        for name, value in row.items()
        if name not in ("step", "timestamp") and type(value) in (int, float)
    ]
    return rows, points, SQLiteStorage.get_run_config(project, run="autoencode-1")


def test_a_run_that_grows_is_there_whole_and_once_with_figures_and_model(run_of, place):
    run = run_of("autoencode")
    growing = Growing(run, 2)
    settle_part = settle(run, place, "grows")
    assert settle_part.n_points > 0
    growing.end()
    settle(run, place, "grows")
    assert settle(run, place, "grows").n_points == 0
    rows, points, config = read_back("grows")
    check_points(points, run)
    assert config["hiddenstate.status"] == "done"
    assert config["encoder_sizes"] == "8"
    last = rows[-1]
    assert (place / "media" / last["figures/learning"]["file_path"]).is_file()
    assert last["model card"]["_value"].startswith("# ")
    model = (run.path / "model.safetensors").read_bytes()
    blobs = (place / "artifacts" / "grows").rglob("*")
    assert model in [path.read_bytes() for path in blobs if path.is_file()]


def test_a_follower_that_was_killed_loses_and_repeats_nothing(run_of, place, tmp_path, monkeypatch):
    run = run_of("autoencode")
    killed(KILLED.replace('Path("tk")', f"Path({str(place)!r})"), tmp_path)
    settle(run, place, "killed")
    check_points(read_back("killed")[1], run)


def test_a_project_that_trackio_keeps_for_itself_is_refused_in_one_line(place):
    from hiddenstate.scale.track.trackio import Trackio

    with pytest.raises(OptionError, match=r"--project: .* not allowed"):
        Trackio(place, "registry-x", print)
