"""On a Dask cluster of two processes: a sweep with a worker killed, and scikit-learn's search."""

import os
import signal
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from tools.stress.sweep import compared

from hiddenstate import RecurrentClassifier
from hiddenstate.errors import MachineError
from hiddenstate.kernels import default_threads
from hiddenstate.scale.sweep.cluster import DaskCluster
from hiddenstate.scale.sweep.drive import Driver
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.start import begin
from tests.conftest import needs_kernels


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as made:
        yield made


def test_a_sweep_outlives_a_killed_worker(cluster, open_sales, sales, tmp_path):
    """The worker is killed as soon as the first group is stored."""
    sweep = open_sales()
    begin(sweep)
    killed = []

    def kill_one(key, outcome):
        if not killed:
            killed.append(next(w.pid for w in cluster.workers.values() if w.pid is not None))
            os.kill(killed[0], signal.SIGKILL)

    workers = DaskCluster(cluster.scheduler_address)
    with sweep.folder.lock(0, 1):
        assert Driver(sweep, workers, Shard(), kill_one).train(list(range(len(sweep.table))))
    assert killed
    assert not compared(sales, tmp_path).findings


class Future:
    """A packet on a cluster whose network fails: its answers, one for each attempt."""

    def __init__(self, answer: Any) -> None:
        self.status, self.answer = "finished", answer
        if isinstance(answer, ValueError):
            self.status = "error"
        if isinstance(answer, KeyError):
            self.status = "lost"

    def result(self, timeout: float) -> bytes:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def add_done_callback(self, call: Any) -> None:
        call(self)


class Client:
    """Takes the place of Dask's client: packets end at once, with the answers in their order."""

    status = "running"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.submitted: list[bytes] = []
        self.answers: list[Any] = []

    def submit(self, function: Any, packet: bytes, pure: bool) -> Future:
        self.submitted.append(packet)
        return Future(self.answers.pop(0))

    def wait_for_workers(self, n: int, timeout: float) -> None:
        pass

    def run(self, function: Any, on_error: str) -> dict[str, Any]:
        return {"tcp://w:1": function()}

    def close(self, timeout: float) -> None:
        pass


@pytest.fixture
def away(monkeypatch):
    """A cluster with `Client`."""
    monkeypatch.setattr("distributed.Client", Client)
    return DaskCluster("tcp://there:8786")


def finished(workers, tickets):
    """What is finished after all has been tried."""
    answers = []
    for _ in range(30):
        answers += workers.finished(tickets, 0.0)
    return answers


def test_a_packet_whose_answer_does_not_arrive_is_submitted_again(away):
    away._client.answers = [
        b"first",
        TimeoutError("timed out after 10 s."),
        KeyError("lost"),
        OSError("closed"),
        b"second",
    ]
    first, second = away.submit(b"1"), away.submit(b"2")
    assert sorted(finished(away, [first, second])) == [(first, b"first"), (second, b"second")]
    assert away._client.submitted == [b"1", b"2", b"2", b"2", b"2"]


def test_a_network_that_stays_away_and_a_worker_that_cannot_train_are_named(away):
    away._client.answers = [TimeoutError("timed out after 10 s.")] * 20
    ticket = away.submit(b"1")
    with pytest.raises(MachineError, match=r"cannot be reached: TimeoutError.*is saved"):
        finished(away, [ticket])
    assert len(away._client.submitted) == 11
    away._client.answers = [ValueError("no module")]
    ticket = away.submit(b"2")
    with pytest.raises(MachineError, match=r"cannot train: ValueError: no module; install"):
        finished(away, [ticket])


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setattr("hiddenstate.scale.sweep.cluster.__version__", "9.9.9")
    with pytest.raises(MachineError, match=r"of hiddenstate; install 9\.9\.9 there"):
        DaskCluster(cluster.scheduler_address)


def rows():
    numbers = np.random.default_rng(0)
    y = np.arange(36) % 2
    X = numbers.normal(size=(36, 6, 1)) + y[:, None, None]
    return X.astype(np.float32), y


def searched(n_jobs):
    X, y = rows()
    grid = {"hidden_size": [3, 4], "lr": [0.01, 0.03]}
    estimator = RecurrentClassifier(max_steps=8, random_state=0)
    return GridSearchCV(estimator, grid, cv=3, n_jobs=n_jobs).fit(X, y)


def outcomes(search):
    return {k: v for k, v in search.cv_results_.items() if "time" not in k}


def same_search(first, second):
    for name, values in outcomes(first).items():
        np.testing.assert_array_equal(np.ma.getdata(values), np.ma.getdata(outcomes(second)[name]))
    for name, array in first.best_estimator_.model_.params.items():
        np.testing.assert_array_equal(array, second.best_estimator_.model_.params[name])


@pytest.fixture(scope="module")
def alone():
    """The search in this process."""
    return searched(1)


@needs_kernels
def test_a_search_on_a_cluster_is_that_of_one_process_with_a_thread_a_worker(cluster, alone):
    with cluster.get_client(), joblib.parallel_config(backend="dask"):
        same_search(alone, searched(2))
        threads = joblib.Parallel(n_jobs=2)(joblib.delayed(default_threads)() for _ in range(4))
    assert threads == [1] * 4
