"""The callback that passes numbers to a logger."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone

from hiddenstate import Autoencoder, LoggerCallback, RecurrentClassifier
from hiddenstate.errors import OptionError

X = np.random.default_rng(0).normal(size=(40, 6, 2))
Y = (X[:, -1, 0] > 0).astype(int)


class Logger:
    """A logger that fails from one of its calls on."""

    def __init__(self, fails_at=None):
        self.calls, self.fails_at = [], fails_at

    def log(self, values, step):
        self.calls.append((step, values))
        if self.fails_at is not None and len(self.calls) >= self.fails_at:
            raise ConnectionError("no server")


def fitted(callback, **options):
    clf = RecurrentClassifier(
        hidden_size=4, epochs=2, batch_size=10, log_every=3, random_state=0, **options
    )
    return clf.fit(X, Y, callbacks=[callback])


def test_a_logger_gets_every_number_once_at_its_step():
    logger = Logger()
    clf = fitted(LoggerCallback(logger.log), valid_fraction=0.25)
    expected = [
        (e["step"], {n: v for n, v in e.items() if n not in ("event", "step", "epoch")})
        for e in clf.history_
    ]
    assert logger.calls[:-1] == expected
    assert any("valid_loss" in values for _, values in logger.calls)
    step, results = logger.calls[-1]
    assert step == clf.n_steps_
    assert all(name.startswith("final/") for name in results)
    assert {type(v) for _, values in logger.calls for v in values.values()} == {float}


def test_a_logger_that_fails_is_warned_of_once_and_training_continues():
    logger = Logger(fails_at=2)
    callback = LoggerCallback(logger.log)
    with pytest.warns(
        RuntimeWarning, match=r"failed at step 3 \(ConnectionError: no server\)"
    ) as w:
        clf = fitted(callback)
    assert len([each for each in w if "logger" in str(each.message)]) == 1
    assert len(logger.calls) == 2
    assert isinstance(callback.error, ConnectionError)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (fitted(LoggerCallback(Logger().log)).predict(X) == clf.predict(X)).all()


def test_with_raise_a_logger_that_fails_ends_training():
    with pytest.raises(ConnectionError, match="no server"):
        fitted(LoggerCallback(Logger(fails_at=2).log, on_error="raise"))


@pytest.mark.parametrize(
    ("log", "on_error", "says"),
    [(3, "warn", "log: expected a function"), (print, "ignore", "on_error: expected")],
)
def test_what_cannot_log_is_refused_before_training(log, on_error, says):
    with pytest.raises(OptionError, match=says):
        LoggerCallback(log, on_error)


def test_estimators_are_cloned_without_it():
    coder = Autoencoder(encoder_sizes=(4,), max_steps=3)
    coder.fit(X[:, 0], callbacks=[LoggerCallback(Logger().log)])
    assert clone(coder).get_params() == coder.get_params()
