"""The past of other inputs in the linear path: read where it helps, and only there."""

from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.dataset import PreparedDataset
from hiddenstate.data.prepare.linear import fit_linear_path
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.pipeline import prepare

Array = np.ndarray[Any, Any]


def behind(seed: int, n: int = 300, steps: int = 3) -> tuple[Array, Array]:
    """A series (n, 1) that is some steps behind another (n, 1), with noise, and that other one."""
    random = np.random.default_rng(seed)
    lead = np.cumsum(random.normal(0, 0.9, n + steps))
    return lead[:n, None] + random.normal(0, 0.2, (n, 1)), lead[steps:, None]


def forecasts(path: LinearPath, y: Array, others: Array, horizon: int) -> tuple[Array, Array]:
    """The forecasts (n, O) of a path at each step of one series, and what came."""
    ends = np.full(len(y) - horizon, 1) * np.arange(len(y) - horizon)
    values = np.broadcast_to(y, (len(ends), *y.shape))
    both = np.column_stack([others, y])[:, list(path.inputs)]
    made = path.forecast().at_step(values, ends, np.broadcast_to(both, (len(ends), *both.shape)))
    return made, y[horizon:]


@pytest.mark.parametrize("horizon", [1, 3])
def test_a_column_that_leads_is_read(horizon: int) -> None:
    y, lead = behind(0)
    noise = np.random.default_rng(1).normal(size=(300, 1))
    others = np.column_stack([noise, lead])
    path = fit_linear_path([y[:240]], horizon, 24, others=[others[:240]])
    assert path.inputs == (1,)
    made, came = forecasts(path, y, others, horizon)
    assert np.mean((made - came)[240:] ** 2) < 0.06  # of noise alone: 0.04
    alone = fit_linear_path([y[:240]], horizon, 24)
    made, came = forecasts(alone, y, others, horizon)
    assert np.mean((made - came)[240:] ** 2) > 0.5


def test_a_column_that_holds_the_next_value_is_read() -> None:
    y = np.cumsum(np.random.default_rng(2).normal(size=(201, 1)), axis=0)
    path = fit_linear_path([y[:160]], 1, 16, others=[y[1:161]])
    made, came = forecasts(path, y[:200], y[1:], 1)
    np.testing.assert_allclose(made[160:], came[160:], atol=0.02)


def test_a_short_series_that_follows_a_chain_of_changes_reads_it() -> None:
    random = np.random.default_rng(0)
    lead, y = np.cumsum(random.normal(size=(90, 1)), axis=0), np.zeros((90, 1))
    for t in range(4, 90):  # each change of the lead counts from 3 steps later on, by 0.7 ** k
        y[t] = y[t - 1] + 0.7 * (y[t - 1] - y[t - 2]) + 4 * (lead[t - 3] - lead[t - 4])
        y[t] += random.normal(0, 0.1)
    path = fit_linear_path([y[:60]], 3, 20, others=[lead[:60]])
    assert path.inputs == (0,)
    made, came = forecasts(path, y, lead, 3)
    assert np.abs(made - came)[60:].mean() < 0.5  # of a path that does not read it: 11


@pytest.mark.parametrize("seed", range(4, 7))
def test_walks_are_not_read_far_ahead(seed: int) -> None:
    random = np.random.default_rng(seed)
    y, *others = np.cumsum(random.normal(size=(4, 100, 1)), axis=1)
    path = fit_linear_path([y], 12, 24, others=[np.concatenate(others, axis=1)])
    assert path.inputs == ()


@pytest.mark.parametrize("seed", range(6))
def test_noise_is_not_read(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = np.cumsum(random.normal(0, 0.5, (300, 1)), axis=0) + random.normal(size=(300, 1))
    others = np.column_stack(
        [random.normal(size=(300, 2)), np.cumsum(random.normal(size=(300, 2)), axis=0)]
    )
    path = fit_linear_path([y], 1, 24, others=[others])
    assert path.inputs == ()
    plain = fit_linear_path([y], 1, 24)
    np.testing.assert_array_equal(path.weights, plain.weights)
    np.testing.assert_array_equal(path.bias, plain.bias)


def test_series_of_different_size_share_the_weights_of_an_input() -> None:
    pairs = [behind(seed) for seed in (3, 4)]
    series = [pairs[0][0], 100 * pairs[1][0] - 5000]
    others = [pairs[0][1], 100 * pairs[1][1] - 5000]
    path = fit_linear_path(series, 1, 24, log=False, others=others)
    assert path.inputs == (0,)
    for y, lead, size in zip(series, others, (1, 100), strict=True):
        made, came = forecasts(path, y, lead, 1)
        assert np.mean((made - came)[30:] ** 2) < 0.06 * size**2


def test_a_target_reads_the_past_of_another_that_leads_it() -> None:
    y, lead = behind(5)
    both = np.exp(np.column_stack([y, lead]) / 3)  # logarithms of both are taken
    path = fit_linear_path([both], 1, 24, others=[np.zeros((300, 0))])
    assert path.log == (True, True)
    assert path.inputs == (1,)
    assert path.input_weights is not None
    assert path.input_weights[0].any()
    assert not path.input_weights[1].any()


def prepared(missing: str = "error", **options: Any) -> PreparedDataset:
    y, lead = behind(6)
    X = np.column_stack([y, lead, np.ones(300)])[None]
    if missing != "error":
        X[0, 40:42, 1] = np.nan
    names = ("y", "lead", "one")
    data = SequenceDataset("X", Rows(X, y[None]), columns=names, targets=("y",))
    given = {"horizon": 1, "window": 12, "stride": 1, "output": "last", "stateful": False}
    given |= {"linear": True, "linear_inputs": True, "missing": missing, "scale": "standard"}
    return prepare(data, make_config("regress", {**given, **options}))


@pytest.mark.parametrize("missing", ["error", "forward", "mean", "mask"])
def test_a_run_computes_what_was_fitted(missing: str) -> None:
    data = prepared(missing)
    path, X = data.transform.linear, data.train.X
    assert path is not None
    assert path.inputs == (1,)
    assert path.input_weights is not None
    values = data.transform.undo(X)
    weights = path.input_weights[0, :, 0]
    expected = values[..., 0][:, ::-1] @ path.weights[0]
    expected += values[:, ::-1, 1][:, : len(weights)] @ weights + path.bias[0]
    alone = data.transform.path_targets(path, X)[:, 0]
    np.testing.assert_allclose(alone, expected, rtol=1e-4, atol=1e-4)
    left = data.transform.undo_targets(data.train.require_targets(), X)[:, 0] - alone
    assert np.std(left) < 0.4


def test_the_past_of_inputs_is_left_alone_without_the_option() -> None:
    path = prepared(linear_inputs=False).transform.linear
    assert path is not None
    assert path.inputs == ()


def test_columns_known_ahead_are_no_past_inputs() -> None:
    path = prepared(future=("lead",)).transform.linear
    assert path is not None
    assert path.inputs == ()
