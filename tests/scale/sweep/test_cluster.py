"""On a Dask cluster of two processes: a sweep with a worker killed, and scikit-learn's search."""

import os
import signal
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from tools.stress.sweep import compared

from hiddenstate import RecurrentClassifier
from hiddenstate.engines import make_predictor
from hiddenstate.errors import MachineError
from hiddenstate.kernels import default_threads, processors
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


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    monkeypatch.setattr("hiddenstate.scale.sweep.cluster.__version__", "9.9.9")
    with pytest.raises(MachineError, match=r"of hiddenstate; install 9\.9\.9 there"):
        DaskCluster(cluster.scheduler_address)


def rows():
    numbers = np.random.default_rng(0)
    y = np.arange(36) % 2
    X = numbers.normal(size=(36, 6, 1)) + y[:, None, None]
    return X.astype(np.float32), y


def threads_of(estimator, X, y):
    """A score: how many threads the model of a fold predicts with in its process."""
    predictor: Any = make_predictor(estimator.model_, "cpu")
    return predictor._net.threads


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
def test_a_search_in_processes_is_that_of_one_process_with_a_core_each(alone):
    with joblib.parallel_config(backend="loky"):
        same_search(alone, searched(2))
        X, y = rows()
        estimator = RecurrentClassifier(max_steps=2, random_state=0)
        threads = cross_val_score(estimator, X, y, cv=2, n_jobs=2, scoring=threads_of)
    assert threads.tolist() == [max(1, processors() // 2)] * 2


@needs_kernels
def test_a_search_on_a_cluster_is_that_of_one_process_with_a_thread_a_worker(cluster, alone):
    with cluster.get_client(), joblib.parallel_config(backend="dask"):
        same_search(alone, searched(2))
        threads = joblib.Parallel(n_jobs=2)(joblib.delayed(default_threads)() for _ in range(4))
    assert threads == [1] * 4
