"""A notebook shows a run in one output, updated in place; training never waits for it."""

import base64
import io
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hiddenstate import RecurrentClassifier
from hiddenstate.errors import MachineError
from hiddenstate.live import launch, notebook
from hiddenstate.live.notebook import NotebookView, notebook_missing, show_notebook
from hiddenstate.system.lock import take_lock
from hiddenstate.views.offscreen import SIZE, PictureReader, description_of
from tests import warm
from tests.conftest import add_line
from tests.live.test_launch import QUICK, X, Y, weights_of

PNG = b"\x89PNG\r\n\x1a\n"
PICTURES = [sys.executable, "-m", "hiddenstate.views.offscreen"]
EXAMPLE = Path(__file__).parents[2] / "examples" / "watch.ipynb"


class Forked(warm.Program):
    """A process that draws, as a fork with pipes of bytes."""

    def __init__(self, command, env, **_):
        with tempfile.TemporaryDirectory(dir="/tmp") as place:
            pipes = [Path(place, name) for name in ("out", "err", "in")]
            for pipe in pipes:
                os.mkfifo(pipe)
            super().__init__(command[1:], Path.cwd(), pipes[0], env, *pipes[1:])
            self.stdout, self.stderr = (pipe.open("rb") for pipe in pipes[:2])
            self.stdin = pipes[2].open("wb")

    def terminate(self):
        self.send_signal(signal.SIGTERM)


@pytest.fixture(autouse=True)
def _forks(monkeypatch):
    monkeypatch.setattr("hiddenstate.system.processes.start", Forked)


@pytest.fixture
def run(run_of):
    return run_of("regress")


@pytest.fixture
def live(run):
    """The same run before its end; this process holds its lock."""
    path = run.path / "history.jsonl"
    events = [line for line in path.read_text().splitlines() if '"end"' not in line]
    path.write_text("\n".join(events) + "\n")
    with take_lock(run.path):
        yield run


class Shown:
    """Replaces the output of a cell."""

    def __init__(self, name):
        self.name, self.pictures, self.lines = name, [], []
        made.append(self)

    def show(self, picture):
        self.pictures.append(picture)

    def say(self, line):
        self.lines.append(line)


made: list[Shown] = []


@pytest.fixture
def outputs(monkeypatch):
    made.clear()
    monkeypatch.setattr(notebook, "Output", Shown)
    monkeypatch.setattr(notebook, "is_installed", lambda module: False)
    monkeypatch.setattr(launch, "notebook_missing", lambda: None)
    return made


def pictures_of(reader):
    pictures, end = [], time.monotonic() + 120
    while not reader.ended:
        assert time.monotonic() < end
        if picture := reader.newest(60):
            pictures.append(picture)
    return pictures


def test_a_script_is_not_a_notebook():
    assert notebook_missing() == "this is not a notebook"
    with pytest.raises(MachineError, match="this is not a notebook"):
        RecurrentClassifier(**QUICK).fit(X, Y, view="notebook")


def test_pictures_follow_the_run_to_its_end(run):
    reader = PictureReader(run.path, speed=16)
    pictures = pictures_of(reader)
    assert pictures
    words = description_of(pictures[-1])
    assert words.startswith("regress run regress-1, done, window 25: mean loss ")
    assert words.endswith(". Drawn: tracking, error, hidden, portrait.")
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            assert (image.format, image.size) == ("PNG", SIZE)
    assert reader.failure == ""
    assert reader._process.returncode == 0


def test_the_process_ends_when_its_stdin_is_closed(live):
    process = Forked([*PICTURES, str(live.path)], os.environ)
    assert process.stdout.read(12)[4:] == PNG
    threading.Thread(target=process.stdout.read, daemon=True).start()
    process.stdin.close()
    assert (process.wait(60), process.stderr.read()) == (0, b"")


def test_the_process_ends_silently_when_its_pipe_breaks(run):
    process = Forked([*PICTURES, str(run.path)], os.environ)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


def test_a_byte_makes_the_process_read_the_end_of_the_run(live):
    reader = PictureReader(live.path)
    assert reader.newest(60)
    add_line(live.path / "history.jsonl", {"event": "end", "step": 25, "last10_mse": 0.1})
    assert reader.last(60)
    assert reader.ended


def test_a_damaged_run_is_one_line_in_the_output(run, outputs):
    (run.path / "snapshots" / "shown.safetensors").write_bytes(b"no")
    show_notebook(run)
    (output,) = outputs
    assert output.pictures == []
    assert output.lines[0].startswith("cannot be drawn: error: ")
    assert "Traceback" not in output.lines[0]


def test_a_run_is_watched_to_its_end_in_one_output(run, outputs):
    launch.watch(run.path, speed=16)
    (output,) = outputs
    assert output.name == "regress-1"
    assert output.pictures
    assert output.pictures[-1].startswith(PNG)


def test_a_fit_with_a_view_leaves_no_folder_and_learns_the_same(outputs, tmp_path, monkeypatch):
    few = QUICK | {"log_every": 15}  # if it is soon over, each moment is shown for a while
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clf = RecurrentClassifier(**few).fit(X, Y, view="notebook")
    (output,) = outputs
    assert output.pictures[-1].startswith(PNG)
    assert "Rows shown are training rows" in description_of(output.pictures[-1])
    assert output.lines == []
    assert list(tmp_path.iterdir()) == []
    assert weights_of(clf) == weights_of(RecurrentClassifier(**few).fit(X, Y))


def test_a_fit_learns_the_same_if_the_drawing_process_is_killed(outputs, tmp_path):
    class Killed(NotebookView):
        def on_start(self, trainer):
            super().on_start(trainer)
            self._reader._process.kill()

    clf = RecurrentClassifier(**QUICK)
    clf.fit(X, Y, run_dir=tmp_path / "run", callbacks=[Killed(tmp_path / "run")])
    assert weights_of(clf) == weights_of(RecurrentClassifier(**QUICK).fit(X, Y))


def test_an_interrupted_fit_ends_its_view(outputs, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    views = []

    class Stopped(NotebookView):
        def on_log(self, trainer, event):
            views.append(self._reader)
            raise KeyboardInterrupt

    monkeypatch.setattr(launch, "NotebookView", Stopped)
    with pytest.raises(KeyboardInterrupt):
        RecurrentClassifier(**QUICK).fit(X, Y, view="notebook")
    assert views[0]._process.poll() is not None
    assert list(tmp_path.iterdir()) == []


def executed(tmp_path, monkeypatch):
    """The messages of the example by cell, and the notebook after it."""
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: pip install '.[dev]'")
    nbclient: Any = pytest.importorskip("nbclient", reason="needs nbclient: pip install '.[dev]'")
    pytest.importorskip("ipykernel", reason="needs ipykernel: pip install '.[dev]'")
    pytest.importorskip("anywidget", reason="needs anywidget: pip install '.[dev]'")
    messages = {}

    class Client(nbclient.NotebookClient):
        def process_message(self, msg, cell, cell_index):
            messages.setdefault(cell_index, []).append(msg)
            return super().process_message(msg, cell, cell_index)

    book = nbformat.read(EXAMPLE, as_version=4)
    for cell in book.cells:
        cell.source = cell.source.replace("max_steps=900", "max_steps=200")
    trained, watched = (cell for cell in book.cells if cell.cell_type == "code")
    trained.source = "import sys\nsys.modules['anywidget'] = None\n" + trained.source
    watched.source = "del sys.modules['anywidget']\n" + watched.source
    where = {"metadata": {"path": str(tmp_path)}}
    monkeypatch.setattr("jupyter_client.provisioning.local_provisioner.launch_kernel", warm.Kernel)
    Client(book, timeout=120, kernel_name="python3", resources=where).execute()
    return messages, book


def test_the_example_shows_a_picture_and_a_hint_or_the_widget(tmp_path, monkeypatch):
    messages, book = executed(tmp_path, monkeypatch)
    first, second = (n for n, cell in enumerate(book.cells) if cell.cell_type == "code")
    kinds = [(m["msg_type"], m["content"]) for m in messages[first]]
    updates = [c for kind, c in kinds if kind == "update_display_data"]
    assert updates
    assert len({c["transient"]["display_id"] for c in updates}) == 1
    assert not [kind for kind, _ in kinds if kind in ("error", "stream")]
    hint, output = book.cells[first].outputs
    assert hint["data"]["text/plain"].startswith("hint: to replay and touch what is shown, install")
    picture = base64.b64decode(output["data"]["image/png"])
    words = output["metadata"]["image/png"]["alt"]
    assert words == output["data"]["text/plain"] == description_of(picture)
    (output,) = book.cells[second].outputs
    assert output["data"]["text/plain"] == "run notebook, in a widget; run the cell again to see it"
    shown = output["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    sent = [m["content"] for m in messages[second] if m["msg_type"] == "comm_msg"]
    data = next(c["data"] for c in sent if c["comm_id"] == shown)
    assert "news/0" in data["state"]
    assert {"details", "arrays/final"} <= {path for (path,) in data["buffer_paths"]}
    shutil.rmtree(tmp_path / "runs")


def test_the_example_is_stored_without_outputs():
    book = json.loads(EXAMPLE.read_text("utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
