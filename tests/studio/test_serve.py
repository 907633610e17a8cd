"""The studio as a process: its address, its stream, the commands it starts, and its end."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tools.stress.visitor import Visitor

from hiddenstate.runs import Run
from tests import warm
from tests.conftest import needs_kernels
from tests.studio.conftest import Serve, Stage

TRAIN = ("--view", "off", "--threads", "1", "--hidden-size", "6", "--n-evaluated", "0")


@pytest.fixture
def one_run(
    trained: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with one finished run, which is the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained("classify"), tmp_path / "runs" / "classify-1")


@pytest.fixture
def visitor(stage: Stage, one_run: None) -> Iterator[Visitor]:
    """Visits a studio in this process."""
    yield Visitor(stage.open())
    stage.clear()


@pytest.fixture
def visit(serve: Serve, one_run: None) -> Callable[[], Visitor]:
    """Visits a studio that is a process."""
    return lambda: Visitor(serve())


def lines_of(visitor: Visitor, run: str, place: str = "", last: str = "end") -> list[Any]:
    lines: list[Any] = []
    for kind, value, _ in visitor.events(f"run={run}", place):
        if kind == "lines":
            lines += value
        if lines and lines[-1]["event"] == last:
            break
    return lines


def test_the_stream_has_every_line_of_a_history(visitor, tmp_path):
    assert lines_of(visitor, "classify-1") == Run(tmp_path / "runs" / "classify-1").history()


def test_a_stream_goes_on_where_the_page_was_cut_off(visitor, tmp_path):
    run = Run(tmp_path / "runs" / "classify-1")
    history = run.history()
    first = (run.path / "history.jsonl").read_bytes().split(b"\n")
    offset = len(first[0]) + len(first[1]) + 2
    part = first[1].decode().partition('"check": "')[2][:8]
    rest = lines_of(visitor, "classify-1", f"{offset}-{part}-2")
    assert rest == history[2:]


def test_a_place_of_a_longer_history_starts_anew(visitor, tmp_path):
    kinds = []
    for kind, value, _ in visitor.events("run=classify-1", "999999999-00000000-5"):
        kinds.append(kind)
        if kind == "lines":
            assert value == Run(tmp_path / "runs" / "classify-1").history()
            break
    assert kinds[0] == "reset"


@needs_kernels
def test_training_that_the_page_starts_is_the_command_that_it_shows(visitor, tmp_path):
    options = {"hidden_size": 6, "max_steps": 40, "n_evaluated": 20, "threads": 1}
    process = visitor.post("/api/train", {"job": "classify", "options": options})
    assert process["command"].startswith("hiddenstate classify --hidden-size=6 --max-steps=40")
    run = None
    for kind, value, _ in visitor.events():
        if kind == "processes" and value[0]["run"]:
            run = value[0]["run"]
            break
    assert run == "classify-2"
    assert lines_of(visitor, run)[-1]["event"] == "end"
    again = ["-m", *process["command"].split(), "--runs-dir", "other"]
    assert warm.run(again, tmp_path).returncode == 0
    files = [tmp_path / d / "model.safetensors" for d in ("runs/classify-2", "other/classify-1")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_error_of_a_command_is_one_line(visitor):
    with pytest.raises(urllib.error.HTTPError) as refused:
        visitor.post("/api/train", {"job": "classify", "options": {"cell": "gruu"}})
    assert "cell" in json.loads(refused.value.read())["error"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        visitor.post("/api/inspect", {"data": "runs"})
    assert "\n" not in json.loads(refused.value.read())["error"].strip()


def test_a_report_is_written_and_can_be_downloaded(visitor, tmp_path):
    shutil.rmtree(tmp_path / "runs" / "classify-1" / "snapshots")  # few figures are soon drawn
    process = visitor.post("/api/runs/classify-1/command", {"command": "report"})
    for kind, value, _ in visitor.events():
        if kind == "processes" and value[0]["code"] is not None:
            break
    told = visitor.get(f"/api/processes/{process['id']}")
    assert told["code"] == 0
    body = visitor.get(f"/api/download/{told['files'][0]['id']}", raw=True)
    assert body == (tmp_path / "runs" / "classify-1" / "report.html").read_bytes()


@needs_kernels
def test_a_run_does_not_notice_that_the_studio_is_killed(visit, tmp_path):
    visitor = visit()
    options = {"hidden_size": 6, "max_steps": 600, "n_evaluated": 0, "threads": 1}
    visitor.post("/api/train", {"job": "classify", "options": options})
    for kind, value, _ in visitor.events():
        if kind == "processes" and value[0]["run"]:
            break
    visitor.served.kill()
    run = Run(tmp_path / "runs" / "classify-2")
    while run.status() == "running":
        time.sleep(0.05)
    assert run.status() == "done"
    alone = ["-m", "hiddenstate", "classify", "--runs-dir", "alone", *TRAIN]
    assert warm.run([*alone, "--max-steps", "600"], tmp_path).returncode == 0
    for name in ("model.safetensors", "history.jsonl"):
        watched = (run.path / name).read_bytes()
        assert watched == (tmp_path / "alone" / "classify-1" / name).read_bytes()
    # Another studio shows it from where the page was, and ends without an error at Ctrl-C.
    visitor = visit()
    assert lines_of(visitor, "classify-2") == run.history()
    visitor.served.process.send_signal(signal.SIGINT)
    assert visitor.served.process.wait(20) == 0


def test_another_port_that_is_taken_is_one_line(cli):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = cli("studio", "--no-browser", "--port", port)
    assert ended.code == 3
    assert ended.err.count("\n") == 1
    assert "--port" in ended.err


def test_data_that_is_not_there_is_named_as_a_file(cli, tmp_path):
    (tmp_path / "sensors.csv").write_text("a,label\n1,x\n")
    missing = cli("studio", "sensor.csv", "--no-browser")
    assert missing.code == 2
    assert missing.err == "error: sensor.csv: no such file; did you mean sensors.csv?\n"
    assert "no such run" in cli("studio", "classify-1", "--no-browser").err


def test_every_address_of_the_machine_is_refused(cli):
    for host in ("0.0.0.0", "::"):
        ended = cli("studio", "--no-browser", "--host", host)
        assert ended.code == 2
        assert "--host" in ended.err


def test_connections_that_ask_nothing_give_way_to_a_page(visitor):
    """More connections than are allowed, none of which sends anything."""
    port = int(visitor.host.rpartition(":")[2])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        assert visitor.get("/api/studio")["version"]
    finally:
        for each in silent:
            each.close()
    assert visitor.get("/api/studio")["version"]


def test_the_server_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys, hiddenstate.studio.serve, hiddenstate.studio.details;"
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_command_line_of_the_browser_is_worth_nothing_once_it_has_opened(tmp_path):
    script = tmp_path / "browser.py"
    script.write_text(
        "import sys, pathlib, urllib.request\n"
        "answer = urllib.request.urlopen(sys.argv[1])\n"
        "pathlib.Path('opened').write_text(sys.argv[1] + ' ' + answer.headers['Set-Cookie'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "hiddenstate", "studio"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "BROWSER": f"{sys.executable} {script} %s &"},
    )
    try:
        printed = process.stdout.readline().split()[-1]
        opened = tmp_path / "opened"
        until = time.monotonic() + 60
        while not (opened.exists() and opened.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        address, cookie = opened.read_text().split(" ", 1)
        assert cookie.startswith("hiddenstate-")
        assert printed.partition("token=")[2] not in address
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(address)
        assert urllib.request.urlopen(printed).status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
