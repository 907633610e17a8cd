"""Runs at an MLflow server that is really started, read back with its client."""

import contextlib
import http.server
import os
import threading
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.errors import MachineError, OptionError
from hiddenstate.runs import Run
from hiddenstate.scale.track import Follower, follow
from hiddenstate.scale.track.destination import RefusedError
from hiddenstate.scale.track.mlflow import REASONS, Mlflow, check_server
from tests.conftest import answer_to, write_lines
from tests.scale.track.mlflow_server import Gate, free_port, shared
from tests.scale.track.trackers import (
    FOLLOW,
    Growing,
    Memory,
    check_points,
    killed,
    look_until_the_end,
)

# Found, not imported, which takes long in the workers that do not run these tests.
if not find_spec("mlflow") or not find_spec("sqlalchemy"):
    pytest.skip("mlflow or its server is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_figure")

KILLED = (
    FOLLOW
    + """
from hiddenstate.scale.track.mlflow import Mlflow
there = Mlflow(os.environ["SERVER"], os.environ["EXPERIMENT"], print)
log_batch, calls = there._client.log_batch, []
def log_some(*args, **kwargs):
    log_batch(*args, **kwargs)
    calls.append(args)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
there._client.log_batch = log_some
follower = Follower(Run(Path("runs/autoencode-1")), there, print)
while follower.look(): pass
"""
)
"""A follower that is killed once its second piece is stored, before it can note that."""


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One for all processes of the tests: it takes longer to start than all tests of it."""
    base = tmp_path_factory.getbasetemp()
    with shared((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "mlflow") as found:
        yield found


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A server on a busy machine may be slow; no test waits for one that never answers."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "240")


@pytest.fixture
def run(run_of):
    return run_of("autoencode")


def runs_in(server, experiment):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server.url)
    found = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return client, list(found)


def read_back(server, experiment):
    client, (found,) = runs_in(server, experiment)
    points = [
        (name, metric.step, metric.value)
        for name in found.data.metrics
        for metric in client.get_metric_history(found.info.run_id, name)
    ]
    return client, found, points


def settle(run, server, experiment, register=None):
    follower = Follower(run, Mlflow(server.url, experiment, print, register), print)
    look_until_the_end(follower)
    return follower


def test_a_finished_run_is_there_whole_and_once(run, server):
    settle(run, server, "whole")
    for _ in range(2):  # the model is registered although all else is there, and once
        assert settle(run, server, "whole", "coder").n_points == 0
    with pytest.raises(MachineError, match="Names cannot contain '/'"):
        settle(run, server, "whole", "a/b")
    client, found, points = read_back(server, "whole")
    check_points(points, run)
    journal = run.journal()
    assert found.info.status == "FINISHED"
    assert found.info.run_name == run.name
    began, ended = (datetime.fromisoformat(journal[n]["time"]).timestamp() for n in (0, -1))
    assert [found.info.start_time, found.info.end_time] == [
        round(1000 * began),
        round(1000 * ended),
    ]
    assert found.data.params["encoder_sizes"] == "8"
    assert found.data.tags["hiddenstate.status"] == "done"
    assert found.data.tags["mlflow.note.content"].startswith("# ")
    stored = client.download_artifacts(found.info.run_id, "model.safetensors")
    assert Path(stored).read_bytes() == (run.path / "model.safetensors").read_bytes()
    names = {item.path for item in client.list_artifacts(found.info.run_id)}
    assert names == {"README.md", "config.json", "model.safetensors", "figures"}
    assert [item.path for item in client.list_artifacts(found.info.run_id, "figures")] == [
        "figures/learning.png"
    ]
    check_registered(client, server, run)


def check_registered(client, server, run):
    """The model was logged once, and answers as `load` does."""
    import mlflow

    (version,) = client.search_model_versions("name = 'coder'")
    mlflow.set_tracking_uri(server.url)
    model = mlflow.pyfunc.load_model(version.source)
    rows = np.random.default_rng(0).integers(0, 255, (3, *model.input_example.shape[1:]))
    rows = rows.astype(model.input_example.dtype)
    assert np.array_equal(model.predict(rows), load(run.path / "model.safetensors").transform(rows))


def test_a_follower_killed_twice_loses_and_repeats_nothing(run, server, tmp_path):
    for _ in range(2):
        killed(KILLED, tmp_path, SERVER=server.url, EXPERIMENT="killed")
    settle(run, server, "killed")
    check_points(read_back(server, "killed")[2], run)


def test_points_that_were_stored_without_an_answer_are_not_repeated(run, server, monkeypatch):
    """The same request again, as after an answer that was lost, changes nothing."""
    there = Mlflow(server.url, "again", print)
    log_batch = there._client.log_batch

    def twice(*args, **kwargs):
        log_batch(*args, **kwargs)
        log_batch(*args, **kwargs)

    monkeypatch.setattr(there._client, "log_batch", twice)
    follower = Follower(run, there, print)
    look_until_the_end(follower)
    check_points(read_back(server, "again")[2], run)


def test_a_server_that_goes_and_comes_back_gets_every_point(run, server):
    gate, growing, notes = Gate(server.port), Growing(run, 3), []
    gate.open()
    follower = Follower(run, Mlflow(gate.url, "away", print), print)
    left, sleeps = [[follower]], []

    def pass_time(seconds):
        sleeps.append(seconds)
        if len(sleeps) == 1:
            gate.shut()
            growing.add(4)
        if notes and len(sleeps) > 8 and not gate.is_open:
            gate.open()
            growing.end()

    follow(lambda: left.pop() if left else [], lambda: False, notes.append, sleep=pass_time)
    gate.shut()
    assert [note.split(": ")[1].split(" ")[0] for note in notes] == ["away", "is"]
    reasons = (*REASONS.values(), "no connection")
    assert any(f"away ({reason})" in notes[0] for reason in reasons)
    check_points(read_back(server, "away")[2], run)


def test_runs_of_one_name_stay_apart(run, run_of, server, tmp_path):
    settle(run, server, "apart")
    journal = run.journal()
    first = {**journal[0], "time": "2020-01-01T00:00:00+00:00"}
    write_lines(run.path / "journal.jsonl", [first, *journal[1:]])
    settle(Run(run.path), server, "apart")
    assert len(runs_in(server, "apart")[1]) == 2


def test_an_option_that_a_resumed_run_changed_is_a_tag(run, server):
    settle(run, server, "changed")
    client, found, _ = read_back(server, "changed")
    there = Mlflow(server.url, "changed", print)
    from dataclasses import replace

    from hiddenstate.scale.track.facts import facts_of

    facts = facts_of(run)
    there.open(replace(facts, options={**facts.options, "epochs": "5"}))
    data = client.get_run(found.info.run_id).data
    assert data.params["epochs"] == "2"
    assert data.tags["hiddenstate.changed.epochs"] == "5"
    there.open(facts)  # changed back
    assert client.get_run(found.info.run_id).data.tags["hiddenstate.changed.epochs"] == "2"


def test_an_experiment_that_was_deleted_is_refused(run, server):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=server.url)
    client.delete_experiment(client.create_experiment("deleted"))
    with pytest.raises(OptionError, match="the experiment deleted was deleted; restore it"):
        settle(run, server, "deleted")


@contextlib.contextmanager
def answering(code, body=b"<html>password</html>"):
    """Serve one answer to every request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (401, RefusedError, r"refuses \(status 401\); set MLFLOW_TRACKING_TOKEN"),
        (403, RefusedError, r"refuses \(status 403\); set MLFLOW_TRACKING_TOKEN"),
        (404, RefusedError, "not an MLflow server; correct --url"),
        (200, RefusedError, "not an MLflow server; correct --url"),
        (400, RefusedError, "not an MLflow server; correct --url"),
        (503, RefusedError, "cannot be reached: it answers with status 503"),
    ],
)
def test_what_answers_otherwise_than_a_server_is_refused_in_one_line(run, code, kind, says):
    with answering(code) as url:
        left = [[Follower(run, Mlflow(url, "p", print), print)]]
        with pytest.raises(kind, match=says) as caught:
            follow(lambda: left.pop() if left else [], lambda: False, print)
    assert "password" not in str(caught.value)


def test_what_a_server_refuses_of_one_run_leaves_the_others(run, run_of):
    failed, other = [], Memory()
    with answering(400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"}') as url:
        followers = [Follower(run, Mlflow(url, "p", print), print)]
        left = [[*followers, Follower(run_of("regress"), other, print)]]
        follow(
            lambda: left.pop() if left else [],
            lambda: False,
            print,
            failed=lambda each, error: failed.append(str(error)),
        )
    (said,) = failed
    assert said.endswith("refuses (status 400): INVALID_PARAMETER_VALUE: too long")
    assert other.endings


def test_the_client_reports_to_nobody_else(monkeypatch):
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    Mlflow("http://127.0.0.1:1", "p", print)
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize("url", ["localhost:5000", "sqlite:///x", "http://", "http://[", "file:x"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(OptionError, match="--url: "):
        check_server(url)


def test_nobody_listening_is_an_error_of_one_line(run, cli):
    port = free_port()
    answer = answer_to("track", run.path, "--to", "mlflow", "--url", f"http://127.0.0.1:{port}")
    assert answer.code == 3
    assert answer.err == (
        f"error: http://127.0.0.1:{port}: cannot be reached: connection refused; start it, or "
        "correct the address (--keep waits for it)\n"
    )
