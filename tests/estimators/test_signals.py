"""A stateful regressor reads a list of signals side by side, each with its own state."""

from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentRegressor, load
from hiddenstate.data.prepare.batches import generator
from hiddenstate.errors import DataError, OptionError

OPTIONS: Any = {
    "stateful": True,
    "output": "steps",
    "hidden_size": 5,
    "random_state": 0,
    "threads": 1,
}
SIZES = (4, 6, 3)


def signals(sizes=SIZES):
    random = generator(0, "signals")
    X = [random.normal(size=(n, 8, 2)) for n in sizes]
    return X, [x.sum(axis=2) for x in X]


def test_each_signal_is_predicted_as_if_it_were_alone(tmp_path):
    X, y = signals()
    made = RecurrentRegressor(**OPTIONS, washout=3, epochs=2).fit(X, y)
    answers = made.predict(X)
    assert made.n_steps_ == 2 * max(SIZES)
    assert made.state_["h"].shape == (1, 3, 5)
    for number, (own, answer) in enumerate(zip(X, answers, strict=True)):
        np.testing.assert_allclose(made.predict(own), answer, rtol=1e-9)
        state = {}
        for window in own:
            _, state = made.forward(window[None], state)
        np.testing.assert_allclose(state["h"], made.state_["h"][:, number : number + 1], rtol=1e-9)
    errors, true = np.concatenate(y) - np.concatenate(answers), np.concatenate(y)
    r2 = 1 - np.square(errors).sum() / np.square(true - true.mean()).sum()
    assert made.score(X, y) == pytest.approx(r2)
    assert [each.shape for each in made.hidden_states(X)] == [(n, 8, 5) for n in SIZES]
    made.save(tmp_path / "model.safetensors")
    again = load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.state_["h"], made.state_["h"])


def test_signals_that_go_on_train_as_in_one_fit():
    X, y = signals((6, 6))
    whole = RecurrentRegressor(**OPTIONS, epochs=1).fit(X, y)
    parts = RecurrentRegressor(**OPTIONS, epochs=1)
    for i in range(0, 6, 2):
        parts.partial_fit([x[i : i + 2] for x in X], [t[i : i + 2] for t in y])
    for name, array in whole.model_.params.items():
        np.testing.assert_array_equal(parts.model_.params[name], array)


def test_parts_of_one_signal_are_streams():
    (X,), (y,) = signals((9,))
    made = RecurrentRegressor(**OPTIONS, streams=4, epochs=2).fit(X, y)
    assert made.n_steps_ == 2 * 3
    assert made.state_["h"].shape == (1, 1, 5)
    assert made.predict(X).shape == (9, 8)
    with pytest.raises(OptionError, match="parts of one signal begin anew in each partial_fit"):
        made.partial_fit(X, y)
    made.set_params(streams=None).partial_fit(X, y)
    assert made.n_steps_ == 2 * 3 + 9


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([np.ones((2, 3, 1)), np.ones((2, 4, 1))], None, "one window of one shape in each"),
        ([np.ones((2, 3, 1)), np.ones((0, 3, 1))], None, "at least one window"),
        ([np.ones((2, 3, 1)), np.ones((1, 3, 1))], np.ones((3, 3)), "as many windows for each"),
    ],
)
def test_signals_that_do_not_fit_are_refused(X, y, message):
    with pytest.raises(DataError, match=message):
        RecurrentRegressor(**OPTIONS).fit(X, y)


def test_streams_that_partial_fit_would_lose_are_refused():
    X, y = signals((2, 2, 2))
    made = RecurrentRegressor(**OPTIONS).partial_fit(X, y)
    with pytest.raises(DataError, match="2 signals, but the state is carried for 3"):
        made.partial_fit(X[:2], y[:2])
    with pytest.raises(OptionError, match="reads 3 signals at once; use streams=3"):
        made.set_params(streams=2).partial_fit(X, y)
    with pytest.raises(DataError, match="signals of as many windows each"):
        made.set_params(streams=None).partial_fit([X[0], X[1], X[2][:1]], [*y[:2], y[2][:1]])
