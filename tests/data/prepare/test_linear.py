"""Linear paths: which lags they weigh, what they leave, and that they see training rows only."""

import tracemalloc
from functools import partial

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare import lags
from hiddenstate.data.prepare.fit import fitted_transform
from hiddenstate.data.prepare.lags import LagRows, Regressions
from hiddenstate.data.prepare.linear import fit_linear_path
from hiddenstate.data.prepare.linear_path import LinearPath
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.smoothing import smoothings
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.errors import DataError, OptionError
from hiddenstate.program.steps import logarithms
from hiddenstate.system.typing import Array


def seasonal(n: int = 160, season: int = 12, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    shape = random.normal(size=season)
    return 50 + 0.2 * np.arange(n) + 5 * shape[np.arange(n) % season] + random.normal(size=n)


def forecast(path: LinearPath, values: np.ndarray) -> np.ndarray:
    return path.forecast().at_each_step(logarithms(values[None, :, None], path.log))[0, :, 0]


@pytest.mark.parametrize("horizon", [1, 5, 12])
def test_a_path_is_nearly_as_good_as_the_process_that_made_the_series(horizon: int) -> None:
    values = seasonal(400)
    path = fit_linear_path([values[:300, None]], horizon, 40)
    errors = np.abs(forecast(path, values)[300 - horizon : -horizon] - values[300:])
    naive = np.abs(values[300:] - values[300 - 12 : -12])
    assert path.season == 12
    assert errors.mean() < 1.0 < 0.85 * naive.mean()


def test_nearer_steps_are_forecast_like_horizons_of_their_own() -> None:
    values = seasonal(400)
    path = fit_linear_path([values[:300, None]], 12, 40, seasons=(12,), nearer=True)
    assert len(path.nearer) == 11
    for steps in (1, 3, 7):
        own = fit_linear_path([values[:300, None]], steps, 40, seasons=(12,))
        nearer = path.at(steps)
        assert nearer is not None
        errors = [
            np.abs(forecast(each, values)[300 - steps : -steps] - values[300:]).mean()
            for each in (nearer, own)
        ]
        assert errors[0] < 1.05 * errors[1]
    last = fit_linear_path([values[:300, None]], 12, 40, seasons=(12,))
    np.testing.assert_array_equal(last.weights, path.weights)


def test_nearer_steps_read_the_inputs_that_lead_them() -> None:
    lead = np.random.default_rng(0).normal(size=300).cumsum()
    values = np.r_[np.zeros(2), lead[:-2]] + np.random.default_rng(1).normal(size=300) / 10
    path = fit_linear_path(
        [values[:, None]], 6, 12, others=[lead[:, None]], seasons=(), nearer=True
    )
    assert path.inputs == (0,)
    for steps, weights in ((1, [0, 1]), (2, [1, 0])):
        nearer = path.at(steps)
        assert nearer is not None
        assert nearer.input_weights is not None
        assert np.abs(nearer.input_weights[0, :2, 0] - weights).max() < 0.35


def test_a_path_never_falls_far_behind_the_last_value_of_a_random_walk() -> None:
    ratios = []
    for seed in range(8):
        walk = np.random.default_rng(seed).normal(size=240).cumsum()
        path = fit_linear_path([walk[:180, None]], 1, 32)
        error = np.abs(forecast(path, walk)[179:-1] - walk[180:]).mean()
        ratios.append(error / np.abs(np.diff(walk[179:])).mean())
    assert np.mean(ratios) < 1.08


def test_logarithms_are_taken_where_the_spread_grows_with_the_level() -> None:
    growing = np.exp(seasonal(200) / 20)
    assert fit_linear_path([growing[:, None]], 1, 40).log == (True,)
    assert fit_linear_path([seasonal(200)[:, None] - 100], 1, 40).log == (False,)
    assert fit_linear_path([growing[:, None]], 1, 40, log=False).log == (False,)


def test_series_of_different_sizes_count_alike_and_share_a_path() -> None:
    small = seasonal(120) - 60
    path = fit_linear_path([small[:, None], 1000 * small[:, None]], 1, 30)
    assert path.log == (False,)
    assert path.bias == [0]
    alone = fit_linear_path([small[:, None], small[:, None]], 1, 30)
    np.testing.assert_allclose(path.weights, alone.weights, atol=1e-4)


def test_the_last_step_is_forecast_like_each_step_and_the_first_value_stands_before() -> None:
    path = LinearPath(np.array([[0.5, 0.25, 0.25]]), np.array([1.0]), (False,))
    values: Array = np.arange(10.0).reshape(2, 5, 1)
    every = path.forecast().at_each_step(values)
    np.testing.assert_allclose(every[0, :, 0], [1, 1.5, 2.25, 3.25, 4.25])
    for step in range(5):
        np.testing.assert_allclose(
            path.forecast().at_step(values, np.full(2, step)), every[:, step]
        )


@pytest.mark.parametrize("values", [np.ones(40), np.arange(9.0), np.arange(3.0), np.zeros(30)])
def test_short_and_constant_series_have_a_finite_path(values: np.ndarray) -> None:
    path = fit_linear_path([values[:, None]], 1, min(12, len(values) - 1))
    assert np.isfinite(path.weights).all()
    assert np.isfinite(path.bias).all()
    np.testing.assert_allclose(forecast(path, values)[-1], values[-1] + values.std() / 2, atol=5)


def test_missing_steps_are_left_out() -> None:
    values = seasonal(200)
    values[50] = np.nan
    path = fit_linear_path([values[:, None]], 1, 30)
    assert np.isfinite(path.weights).all()


# --- in the transform


def windows(values: np.ndarray) -> tuple[Rows, Transform]:
    path = fit_linear_path([values[:, None]], 1, 10)
    cut = np.lib.stride_tricks.sliding_window_view(values, 21)
    rows = Rows(cut[:, :20, None].copy(), cut[:, 20:].copy())
    fitted = fitted_transform(
        rows, "error", "auto", True, columns=("a",), targets=("a",), linear=path
    )
    return rows, fitted


@pytest.mark.parametrize("values", [seasonal(), np.exp(seasonal() / 8)], ids=["level", "log"])
def test_targets_are_what_the_path_leaves_and_come_back(values: np.ndarray) -> None:
    rows, transform = windows(values)
    assert transform.takes_logarithms == (values.max() > 1000)
    X = transform.apply(rows.X, None, np.float64, "X")
    y = transform.apply_targets(rows.require_targets(), X, None, np.float64)
    assert y.std() == pytest.approx(1)
    np.testing.assert_allclose(transform.undo_targets(y, X), rows.y, rtol=1e-9)
    np.testing.assert_allclose(transform.undo(X), rows.X, rtol=1e-9)
    current = transform.current_targets(X)
    assert current is not None
    np.testing.assert_allclose(current, rows.X, rtol=1e-9)
    alone = transform.linear_targets(X)
    assert alone is not None
    np.testing.assert_allclose(alone[:, -1], transform.undo_targets(np.zeros_like(y), X))


def test_a_series_that_is_exactly_linear_leaves_no_noise_to_learn() -> None:
    rows, transform = windows(np.sin(np.arange(200) / 5))
    X = transform.apply(rows.X, None, np.float32, "X")
    y = transform.apply_targets(rows.require_targets(), X, None, np.float32)
    assert np.abs(y).max() < 10


def test_a_value_without_a_logarithm_is_refused() -> None:
    rows, transform = windows(np.exp(seasonal() / 8))
    X = rows.X[:3].copy()
    X[1, 4] = 0
    with pytest.raises(
        DataError, match=r"^X: row 1, step 4, column a has a value of 0 or less.*--no-linear"
    ):
        transform.apply(X, None, np.float32, "X")


# --- in the preparation


def prepared(values: np.ndarray, **options: object) -> Transform:
    dataset = SequenceDataset(
        "s", Rows(values[None, :, None], values[None, :, None]), columns=("a",), targets=("a",)
    )
    given = {"horizon": 1, "linear": True, "stateful": False, "test_fraction": 0.2, "stride": 1}
    config = make_config("regress", {**given, "output": "last", "window": 26, **options})
    return prepare(dataset, config).transform


def test_a_path_is_fitted_on_training_rows_alone() -> None:
    values = seasonal(200)
    other = values.copy()
    other[160:] = 1e6
    one, two = (prepared(v).linear for v in (values, other))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.weights, two.weights)
    assert one.bias == two.bias


@pytest.mark.parametrize("future", [None, ("promo",)], ids=["own values", "future"])
def test_padding_of_positive_series_has_no_logarithm(future: tuple[str, ...] | None) -> None:
    X, lengths = np.zeros((2, 120, 2)), np.array([120, 110])
    for row, n, size in zip(X, lengths, (10, 300), strict=True):
        promo = np.arange(n) % 5 == 0
        row[:n] = np.c_[size * 1.02 ** np.arange(n) * np.where(promo, 1.5, 1), promo]
    X = X if future else X[..., :1]
    columns = ("a", "promo") if future else ("a",)
    rows = Rows(X, X[..., :1].copy(), lengths=lengths)
    dataset = SequenceDataset("s", rows, columns=columns, targets=("a",))
    given = {"horizon": 1, "linear": True, "stateful": False, "split": "time", "stride": 1}
    given |= {"output": "last", "window": 20, "scale": "window", "test_fraction": 0.2}
    made = prepare(dataset, make_config("regress", given | {"future": future}))
    assert made.transform.takes_logarithms
    assert made.test is not None
    for part in (made.train, made.test):
        assert np.isfinite(part.X).all()
        assert not np.isinf(part.require_targets()).any()  # NaN is not scored


def test_a_path_needs_the_targets_among_the_inputs() -> None:
    values = seasonal(200)
    dataset = SequenceDataset("s", Rows(values[None, :, None], values[None, :, None]))
    options = {"horizon": 1, "linear": True, "stateful": False}
    with pytest.raises(OptionError, match="--linear: s has no named targets among its inputs"):
        prepare(dataset, make_config("regress", options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"linear": True, "stateful": False}, "--linear: applies only to forecasts; add --hor"),
        ({"linear": True, "horizon": 1}, "--linear: a window without .* add --no-stateful"),
        (
            {"linear": True, "change": True, "horizon": 1, "stateful": False},
            "--change: --linear forecasts the level already",
        ),
    ],
)
def test_options_that_exclude_a_path_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_config("regress", options)


def test_a_long_series_is_not_copied_for_each_of_its_lags() -> None:
    values = [np.sin(np.arange(200_000) / 7)[:, None]]
    tracemalloc.start()
    fit_linear_path(values, 1, 16, seasons=())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 45 * values[0].nbytes  # of 20,000 rows with 16 lags, in a few copies: 320


def test_forms_of_regressions_are_those_of_products_with_each_combination_written_out() -> None:
    random = np.random.default_rng(0)
    n, P, m = 40, 30, 7
    values, newest, oldest = random.standard_normal(90), np.arange(n) + 25, np.repeat([0, 20], 20)
    none, whole = np.zeros(n), np.zeros(n, np.int64)
    rows = LagRows(values, P, newest, oldest, none, none, none, none, whole, whole)
    every_lag = values[np.maximum(newest[:, None] - np.arange(P), oldest[:, None])]
    np.testing.assert_array_equal(rows.lags(range(P)), every_lag)
    np.testing.assert_array_equal(rows.lags([3, 0, 29]), every_lag[:, [3, 0, 29]])
    full = slice(10, 20)  # all lags of these are in their series, so that ranges are views
    for each in (range(P), range(2, P, 3), range(0)):
        np.testing.assert_array_equal(
            rows.take(full).lags(each), every_lag[full, each.start : each.stop : each.step]
        )
    np.testing.assert_allclose(rows.mean, every_lag.mean(axis=0), rtol=1e-12)
    lag = np.eye(P)
    seasonal = lag[:-m] - lag[m:]
    written = [lag, lag[:-1] - lag[1:], seasonal, seasonal[:-1] - seasonal[1:]]
    forms = [form for form, _ in Regressions(rows, 1, m, True).forms()]
    for form, basis in zip(forms, written, strict=True):
        assert len(form) == len(basis)
        every, some, slopes = range(len(basis)), [0, 5, 17], random.standard_normal((2, 3))
        close = partial(np.testing.assert_allclose, rtol=1e-12, atol=1e-12)
        close(form.combined(rows, every), every_lag @ basis.T)
        close(form.combined(rows, some), every_lag @ basis[some].T)
        weights = form.weights(slopes, some)
        close(weights, form.fixed + slopes @ basis[some])
        close(rows.forecasts(weights), every_lag @ weights.T)
        close(rows.forecasts(form.fixed[None])[:, 0], every_lag @ form.fixed)


def test_a_thousand_lags_are_not_copied_for_each_forecast() -> None:
    t = np.arange(9_000)
    values = [(np.sin(t / 40) + np.random.default_rng(0).standard_normal(9_000))[:, None]]
    smoothings(1_000, None)
    tracemalloc.start()
    path = fit_linear_path(values, 1, 1_000, log=False, seasons=())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.weights.shape == (1, 1_000)
    assert most < 64e6  # all lags of 8,000 forecasts, once


def test_the_latest_steps_with_known_values_are_found_from_the_end_of_a_series(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.zeros(400_000)
    tracemalloc.start()
    assert len(lags._latest_ends(values, values, 16, 1)) == lags.MOST_ROWS
    assert tracemalloc.get_traced_memory()[1] < values.nbytes
    tracemalloc.stop()
    monkeypatch.setattr(lags, "MOST_ROWS", 5)
    for n in range(60):
        values, truth = np.where(np.random.default_rng(n).random((2, n)) < 0.1, np.nan, 1.0)
        known = [
            end
            for end in range(min(3, max(n - 3, 0)), n - 2)
            if np.isfinite([*values[max(end - 3, 0) : end + 1], truth[end + 2]]).all()
        ]
        assert lags._latest_ends(values, truth, 4, 2).tolist() == known[-5:], n
