"""Runs in the offline files of Weights & Biases, read back from them."""

import contextlib
import json
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.scale.track import Follower
from hiddenstate.scale.track.wandb import Wandb
from hiddenstate.scale.track.wandb_file import records, rows
from tests.scale.track.trackers import FOLLOW, Growing, check_points, killed, look_until_the_end

if not find_spec("wandb"):
    pytest.skip("wandb is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_figure")

KILLED = (
    FOLLOW
    + """
import time
from hiddenstate.scale.track.wandb import Wandb
there = Wandb(Path("."), "p", None, print)
write, calls = there.write, []
def write_some(lines):
    write(lines)
    calls.append(lines)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
there.write = write_some
follower = Follower(Run(Path("runs/autoencode-1")), there, print)
while follower.look(): pass
"""
)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


def files(folder):
    return sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))


def read_back(folder):
    """Every number of every row, and the records that are no rows."""
    points, others = [], []
    for path in files(folder):
        for row in rows(path):
            step = row.pop("step")
            points += [
                (name, step, value)
                for name, value in row.items()
                if not name.startswith("_") and type(value) in (int, float)
            ]
        others += [r for r in records(path) if r.WhichOneof("record_type") != "history"]
    return points, others


def settle(run, folder):
    follower = Follower(run, Wandb(folder, "p", None, print), print)
    look_until_the_end(follower)
    follower.close()
    return follower


def test_a_run_that_grows_is_there_whole_and_once_with_figures_and_model(run, tmp_path):
    growing = Growing(run, 2)
    follower = Follower(run, Wandb(tmp_path, "p", None, print), print)
    look_until_the_end(follower)
    growing.end()
    look_until_the_end(follower)
    assert settle(run, tmp_path).n_points == 0
    (path,) = files(tmp_path)
    points, others = read_back(tmp_path)
    check_points(points, run, results=False)
    assert (tmp_path / "wandb" / "hiddenstate").is_dir()
    (image,) = path.parent.rglob("learning_*.png")
    assert image.read_bytes().startswith(b"\x89PNG")
    summary = {}
    for record in others:
        for item in record.summary.update:
            summary[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
    assert summary["status"] == "done"
    for name, value in run.results().items():
        assert summary[f"final/{name}"] == value
    artifacts = [r.request.log_artifact.artifact for r in others if r.HasField("request")]
    artifacts += [r.artifact for r in others if r.HasField("artifact")]
    stored = {entry.path for each in artifacts for entry in each.manifest.contents}
    assert {"README.md", "config.json", "model.safetensors"} <= stored
    run_record = next(r.run for r in others if r.HasField("run"))
    assert run_record.display_name == "autoencode-1"
    assert '"code_size"' in str([i.key for i in run_record.config.update]).replace("'", '"')


def is_open(path):
    """Whether any process has a file open; on systems that tell."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if link.readlink() == path:
                return True
    return False


def test_a_follower_killed_twice_loses_and_repeats_nothing(run, tmp_path):
    for _ in range(2):
        killed(KILLED, tmp_path)
        while any(is_open(path) for path in files(tmp_path)):  # the client's own process lives on
            time.sleep(0.05)
    settle(run, tmp_path)
    points, _ = read_back(tmp_path)
    check_points(points, run, results=False)
    assert len(files(tmp_path)) == 3


def test_a_file_is_read_up_to_where_it_is_cut_off_or_damaged(run, tmp_path):
    settle(run, tmp_path)
    (path,) = files(tmp_path)
    data = path.read_bytes()
    whole = list(rows(path))
    assert len(whole) == len(run.history())
    counts = set()
    for size in (*range(0, len(data), 499), len(data)):
        path.write_bytes(data[:size])
        cut = list(rows(path))
        assert cut == whole[: len(cut)]
        counts.add(len(cut))
    assert counts >= {0, len(whole)}
    place = data.rindex(str(whole[5]["loss"]).encode()) + 4  # another digit is a number too
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    hurt = list(rows(path))
    assert hurt == whole[: len(hurt)]
    assert len(hurt) < len(whole)


def test_two_followers_do_not_follow_one_run(run, tmp_path):
    one = Follower(run, Wandb(tmp_path, "p", None, print), print)
    growing = Growing(run, 2)
    while one.look():
        pass
    with pytest.raises(MachineError, match="is being written by process"):
        Follower(run, Wandb(tmp_path, "p", None, print), print).look()
    growing.lock.close()
    one.close()
