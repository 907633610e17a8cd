"""Predictions whose numbers overflow are refused, at the command line and in Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.config import make_config
from hiddenstate.data import Transform
from hiddenstate.engines import make_predictor
from hiddenstate.errors import DataError, UntrustedFileError
from hiddenstate.inference.overflow import CheckedPredictor, checked_predictor, input_limit
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests.conftest import Refuse, npy, npz

OPTIONS: dict[str, dict[str, Any]] = {
    "classify": {"hidden_size": 4},
    "regress": {"hidden_size": 4, "cell": "rnn", "nonlinearity": "relu"},
    "autoencode": {"encoder_sizes": (6,), "code_size": 2, "output_activation": "linear"},
}


def made(job: str, dtype: str = "float32", **changes: float) -> FittedModel:
    """A model for rows of 7 steps with 2 features, or of 14 numbers; `changes` fill weights."""
    flat = job == "autoencode"
    sizes = (14, 14) if flat else (2, 3)
    net = Net(job, make_config(job, OPTIONS[job]).model, *sizes)
    params = net.initial(0, dtype)
    for name, value in changes.items():
        params[name.replace("__", ".")][...] = value
    classes = ["a", "b", "c"] if job == "classify" else None
    return FittedModel(net, params, classes, (14,) if flat else (7, 2))


def data(job: str, n: int = 5) -> np.ndarray[Any, Any]:
    rows = np.random.default_rng(0).normal(size=(n, 7, 2))
    return rows.reshape(n, -1) if job == "autoencode" else rows


HUGE = {"classify": "out__weight", "regress": "out__bias", "autoencode": "decoder__2__weight"}


@pytest.mark.parametrize("job", HUGE)
def test_a_model_whose_weights_overflow_is_refused(refuse, tmp_path, job):
    path, rows = tmp_path / "m.safetensors", npy(tmp_path / "x.npy", data(job))
    value = 3e38 if "weight" in HUGE[job] else -3.4e38
    made(job, "float32", **{HUGE[job]: value}).save(path)
    y = np.array([0, 1, 2, 0, 1]) if job == "classify" else np.ones((5, 3))
    labelled = npz(tmp_path / "xy.npz", X=data(job), **({} if job == "autoencode" else {"y": y}))
    for command in (("predict", path, rows), ("evaluate", path, labelled)):
        assert "learning rate" in refuse(4, *command)
    estimator = load(path)
    methods = {"classify": ("predict", "predict_proba"), "regress": ("predict",)}
    for method in methods.get(job, ("transform", "score")):
        with pytest.raises(UntrustedFileError, match="learning rate"):
            getattr(estimator, method)(data(job))


def test_a_net_without_limits_that_overflows_is_refused_with_the_row() -> None:
    model = made("regress", rnn__weight_hh_l0=1e9, rnn__weight_ih_l0=1.0)
    predictor, X = checked_predictor(model), data("regress").astype("f4")
    X[[0, 1, 4]] = -1.0  # these rows do not activate a unit
    with pytest.raises(UntrustedFileError, match=r"^row 2: no finite prediction"):
        predictor.predict(X)
    with pytest.raises(UntrustedFileError, match=r"^row 2: "):
        predictor.follow(X, {})
    assert np.isfinite(predictor.predict(X[[0, 1, 4]])).all()


@pytest.mark.parametrize("job", OPTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_that_overflow_are_refused_with_their_number(refuse, tmp_path, job, dtype):
    path, X = tmp_path / "m.safetensors", data(job)
    first = "encoder__0__weight" if job == "autoencode" else "rnn__weight_ih_l0"
    made(job, dtype, **{first: 1.0}).save(path)
    X[3].flat[:2] = 0.9 * np.finfo(dtype).max
    assert "row 3 has values too large" in refuse(2, "predict", path, npy(tmp_path / "x.npy", X))
    estimator = load(path)
    with pytest.raises(DataError, match="row 3 has values too large"):
        estimator.transform(X) if job == "autoencode" else estimator.predict(X)


def test_the_limit_of_inputs_is_where_sums_overflow() -> None:
    model = made("classify", rnn__weight_ih_l0=2.0, rnn__weight_hh_l0=0.0)
    assert input_limit(model) == pytest.approx(np.finfo("f4").max / 4, rel=1e-6)


def test_norms_of_an_lru_are_of_inputs_whose_squares_do_not_overflow() -> None:
    X = np.random.default_rng(0).normal(size=(6, 4, 2)).astype(np.float32)
    net = RecurrentRegressor("lru", hidden_size=4, epochs=1, scale="none").fit(X, X[:, 0])
    assert np.isfinite(net.predict(X * 1e17)).all()
    with pytest.raises(DataError, match="too large for the model"):
        net.predict(X * 1e20)


def test_outputs_that_overflow_in_the_units_of_the_data_are_refused() -> None:
    model = made("regress")
    factor = (np.zeros(3), np.array([1.0, 1e-300, 1.0]))
    model = FittedModel(
        model.net, model.params, None, (7, 2), transform=Transform(target_scaling=factor)
    )
    with pytest.raises(UntrustedFileError, match="row 0"):
        checked_predictor(model).predict(data("regress").astype("f4"))


def test_outputs_of_rows_with_missing_values_are_returned_as_nan() -> None:
    model, X = made("classify"), data("classify").astype("f4")
    X[1, 2] = np.nan
    outputs = CheckedPredictor(make_predictor(model), model).predict(X)
    assert np.isnan(outputs).any(axis=1).tolist() == [False, True, False, False, False]


def test_a_state_that_is_not_finite_is_refused() -> None:
    model = made("regress")
    state = {"h": np.full((1, 5, 4), np.inf, "f4")}
    with pytest.raises(DataError, match="state: h has numbers that are not finite"):
        checked_predictor(model).forward(data("regress").astype("f4"), state)


def test_a_score_that_overflows_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    made("regress", "float64").save(path)
    y = np.full((5, 3), 1e200)
    rows = npz(tmp_path / "xy.npz", X=data("regress"), y=y)
    assert "mse is not finite" in refuse(2, "evaluate", path, rows)
