"""The share of a network beside a linear path, of the last step and of nearer ones."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.linear_path import LinearPath, with_nearer
from hiddenstate.data.readers.open import load_dataset
from hiddenstate.jobs.path_share import Shares, net_share
from hiddenstate.jobs.regress import RegressJob

HORIZON = 3


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> RegressJob:
    """A series that follows the size of an input three steps later, which no linear path of its
    past can know."""
    random = np.random.default_rng(0)
    u, y = random.normal(size=500), np.zeros(500)
    for t in range(3, 500):
        y[t] = 0.5 * y[t - 1] + 2 * abs(u[t - 3]) + 0.1 * random.normal()
    path = tmp_path_factory.mktemp("net_share") / "y.csv"
    np.savetxt(path, np.stack([y, u], axis=1), delimiter=",", header="y,u", comments="")
    options = {
        **{"data": str(path), "input": ("y", "u"), "target": ("y",), "stride": 1},
        **{"horizon": HORIZON, "window": 12, "stateful": False, "linear": True, "output": "last"},
        **{"cell": "gru", "hidden_size": 16, "lr": 0.01, "epochs": 20, "batch_size": 32},
        **{"threads": 1},
    }
    config = make_config("regress", options)
    made = RegressJob(config, load_dataset(config))
    linear = made.dataset.transform.linear
    assert linear is not None
    # Of one's own past alone, with its mean: what the network is to explain.
    paths = []
    for steps in range(1, HORIZON + 1):
        weights = np.zeros((1, linear.n_lags))
        weights[0, 0] = 0.5**steps
        bias = np.array([(1 - 0.5**steps) * y[:400].mean()])
        paths.append(LinearPath(weights, bias, linear.log))
    return with_path(made, with_nearer(paths[-1], paths[:-1]))


def with_path(job: RegressJob, path: LinearPath) -> RegressJob:
    transform = replace(job.dataset.transform, linear=path)
    return RegressJob(job.config, replace(job.dataset, transform=transform))


@pytest.fixture(scope="module")
def shares(job: RegressJob) -> Shares:
    return net_share(job)


def test_nearer_steps_have_a_share_of_what_the_network_adds(job, shares) -> None:
    assert shares.target[0] > 0.5
    assert shares.nearer.shape == (HORIZON - 1, 1)
    # With d the deviation of |u|, the network adds 2 d(t-3) + d(t-4) + d(t-5) / 2 at time t. The
    # path of two steps leaves the first two of these, the path of one step only the first.
    whole = 1 + 1 / 4 + 1 / 16
    np.testing.assert_allclose(shares.nearer, [[1 / whole], [1.25 / whole]], atol=0.08)


def test_the_last_step_is_as_without_nearer_ones(job, shares) -> None:
    linear = job.dataset.transform.linear
    alone = net_share(with_path(job, replace(linear, nearer=())))
    assert alone.nearer is None
    np.testing.assert_array_equal(alone.target, shares.target)
