"""Runs in TensorBoard's files, read back with its own reader."""

import os

import pytest

from hiddenstate.errors import MachineError, OptionError
from hiddenstate.scale.track import Follower
from hiddenstate.scale.track.tensorboard import TensorBoard
from hiddenstate.system.lock import take_lock
from tests.conftest import write_lines
from tests.scale.track.trackers import FOLLOW, Growing, check_points, killed, look_until_the_end

pytest.importorskip("tensorboard")

KILLED = (
    FOLLOW
    + """
import hiddenstate.scale.track.tensorboard as tensorboard
append, calls = tensorboard.append, []
def append_some(path, data, durable):
    calls.append(path)
    if len(calls) == 4:
        append(path, data[: len(data) // 2], durable)
        os.kill(os.getpid(), signal.SIGKILL)
    append(path, data, durable)
tensorboard.append = append_some
there = tensorboard.TensorBoard(Path("tb"), "autoencode-1")
follower = Follower(Run(Path("runs/autoencode-1")), there, print)
while follower.look(): pass
"""
)
"""A follower that is killed while it writes its fourth piece, half of which is in the file."""


def read_back(folder):
    """Every point, text and image that TensorBoard finds in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    found = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0, "scalars": 0})
    found.Reload()
    points = [
        (tag, event.step, event.value)
        for tag in found.Tags()["scalars"]
        for event in found.Scalars(tag)
    ]
    texts = {
        tag: [
            (event.step, make_ndarray(event.tensor_proto).ravel().tolist())
            for event in found.Tensors(tag)
        ]
        for tag in found.Tags()["tensors"]
        if not tag.startswith("_hparams_")
    }
    images = {tag: found.Images(tag) for tag in found.Tags()["images"]}
    return points, texts, images


def settle(run, folder, name="autoencode-1"):
    follower = Follower(run, TensorBoard(folder, name), print)
    look_until_the_end(follower)
    follower.close()
    return follower


@pytest.fixture(autouse=True)
def few_figures(request, monkeypatch):
    """Figures are drawn in one test; in the others they would only take time."""
    if request.node.name != "test_a_finished_run_is_there_whole_and_once":
        monkeypatch.setattr("hiddenstate.views.save.draw_figures", lambda run: [])


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


def test_a_finished_run_is_there_whole_and_once(run, tmp_path):
    settle(run, tmp_path / "tb")
    assert settle(run, tmp_path / "tb").n_points == 0
    points, texts, images = read_back(tmp_path / "tb" / "autoencode-1")
    check_points(points, run, exact=False)
    n, n_lines = run.history()[-1]["step"], len(run.history()) - 1
    assert {"figures/learning", "figures/codes"} <= set(images)
    for (image,) in images.values():
        assert image.step == n
        assert image.encoded_image_string.startswith(b"\x89PNG")
        assert image.width > 100 < image.height
    assert b"code\\_size" in texts["options"][0][1][0]
    assert run.id.encode() in texts["run"][0][1][0]
    assert texts["model card"][0][1][0].startswith(b"# ")
    ((step, (status,)),) = texts["status"]
    assert step == n
    assert status.startswith(b"done after %d lines, step %d (" % (n_lines, n))
    assert b"Cross-entropy" in texts["names"][0][1][0] or b"Squared" in texts["names"][0][1][0]
    assert len(list((tmp_path / "tb" / "autoencode-1").glob("*tfevents*"))) == 1


def test_a_follower_killed_twice_in_the_middle_of_a_record_loses_and_repeats_nothing(run, tmp_path):
    for n in (1, 2):
        killed(KILLED, tmp_path)
        assert len(list((tmp_path / "tb/autoencode-1").glob("*tfevents*"))) == n
    points, *_ = read_back(tmp_path / "tb/autoencode-1")
    assert 0 < len(points) < len(run.history()) * 3
    settle(run, tmp_path / "tb")
    points, texts, _ = read_back(tmp_path / "tb/autoencode-1")
    check_points(points, run, exact=False)
    assert len(texts["run"]) == 1


def test_other_values_after_a_resume_replace_the_earlier_ones(run, tmp_path):
    history = run.history()
    growing = Growing(run, 3)
    follower = Follower(run, TensorBoard(tmp_path / "tb", "run"), print)
    look_until_the_end(follower)
    changed = [{**e, "lr": 0.5} if e["event"] == "log" and e["step"] else e for e in history]
    write_lines(run.path / "history.jsonl", changed)
    growing.lock.close()
    look_until_the_end(follower)
    points, *_ = read_back(tmp_path / "tb" / "run")
    check_points(points, run, exact=False)


def test_the_folder_of_another_run_is_refused(run, run_of, tmp_path):
    settle(run, tmp_path / "tb", "one")
    before = {path: path.read_bytes() for path in (tmp_path / "tb").rglob("*tfevents*")}
    with pytest.raises(OptionError, match=r"tb/one: holds the events of another run; .*--into"):
        settle(run_of("regress"), tmp_path / "tb", "one")
    assert before == {path: path.read_bytes() for path in (tmp_path / "tb").rglob("*tfevents*")}


def test_events_that_were_written_by_another_program_are_left_alone(run, tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path / "tb/one"))
    writer.add_event(Event(step=1, summary=scalar_pb("loss", 1.0)))
    writer.close()
    with pytest.raises(OptionError, match="another run"):
        settle(run, tmp_path / "tb", "one")


def test_two_followers_do_not_write_into_one_folder(run, tmp_path):
    settle(run, tmp_path / "tb")
    with (
        take_lock(tmp_path / "tb" / "autoencode-1"),
        pytest.raises(MachineError, match="is being written by process"),
    ):
        settle(run, tmp_path / "tb")


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "tb").write_text("")
    with pytest.raises(MachineError, match="tb"):
        settle(run, tmp_path / "tb")


def test_damaged_event_files_and_what_is_no_file_are_passed_over(run, tmp_path):
    folder = tmp_path / "tb" / "autoencode-1"
    settle(run, tmp_path / "tb")
    (path,) = folder.glob("*tfevents*")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3] + b"?" + data[len(data) // 3 + 1 :])
    os.mkfifo(folder / "events.out.tfevents.0000000001.pipe")  # opening it would never end
    (folder / "events.out.tfevents.0000000002.noise").write_bytes(bytes(range(256)) * 9)
    settle(run, tmp_path / "tb")
    (folder / "events.out.tfevents.0000000001.pipe").unlink()
    check_points(read_back(folder)[0], run, exact=False)


def test_names_and_values_cannot_leave_their_cell(run, tmp_path):
    from hiddenstate.scale.track.tensorboard import _cell

    assert _cell("<script>|`x`") == r"\<script\>\|\`x\`"
