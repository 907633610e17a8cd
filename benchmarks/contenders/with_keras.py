"""Trains the same networks with keras `fit`, on jax if it is installed and on torch otherwise."""

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax" if importlib.util.find_spec("jax") else "torch")

import keras
from keras import layers, losses

from contenders import data
from contenders.base import Contender


def _classifier() -> Any:
    return keras.Sequential([keras.Input((28, 28)), layers.LSTM(64), layers.Dense(10)])


def _coder() -> Any:
    dense = [layers.Dense(n, activation="tanh") for n in (128, 64, 12)]
    back = [layers.Dense(n, activation="tanh") for n in (12, 64, 128)]
    end = layers.Dense(784, activation="sigmoid")
    return keras.Sequential([keras.Input((784,)), *dense, layers.Dense(3), *back, end])


def _follower() -> Any:
    rnn = layers.SimpleRNN(32, return_sequences=True, stateful=True)
    return keras.Sequential([keras.Input(batch_shape=(1, data.STEPS, 1)), rnn, layers.Dense(1)])


NETS: dict[str, tuple[Callable[[], Any], float]] = {
    "classify": (_classifier, 0.01),
    "autoencode": (_coder, 0.005),
    "regress": (_follower, 0.02),
}


class Keras(Contender):
    """A compiled model; each `fit` call trains a piece."""

    def __init__(self, job: str, threads: int) -> None:
        keras.utils.set_random_seed(0)
        if threads and keras.config.backend() == "torch":
            import torch

            torch.set_num_threads(threads)
        make, rate = NETS[job]
        self.job, self.model = job, make()
        by_class = losses.SparseCategoricalCrossentropy(from_logits=True)
        cost = by_class if job == "classify" else losses.MeanSquaredError()
        self.model.compile(keras.optimizers.Adam(rate, epsilon=1e-8), cost)
        if job == "regress":
            self.X, self.y = data.windows()
            return
        d = data.digits(flat=job == "autoencode")
        self.X, self.y = d.X, d.y if job == "classify" else d.X
        self.X_test, self.y_test = d.X_test, d.y_test

    def train(self, first: int, last: int) -> float:
        """See `Contender.train`."""
        if self.job == "regress":
            rows, size = np.arange(first, last) % data.WINDOWS, 1
        else:
            rows, size = np.concatenate([data.rows(step) for step in range(first, last)]), 64
        fitted = self.model.fit(self.X[rows], self.y[rows], size, shuffle=False, verbose=0)
        return float(fitted.history["loss"][-1])

    def evaluate(self) -> None:
        """Compute the accuracy on 2,000 test images, reconstruct five digits, or do nothing."""
        if self.job == "regress":
            return
        n = data.N_EVALUATED[self.job]
        output = self.model.predict(self.X_test[:n], batch_size=n, verbose=0)
        if self.job == "classify":
            (output.argmax(axis=1) == self.y_test[:n]).mean()

    def score(self) -> float:
        """Return the accuracy or the mean squared error on all test rows."""
        if self.job == "regress":
            return float("nan")
        output = self.model.predict(self.X_test, batch_size=2000, verbose=0)
        return data.accuracy(output) if self.job == "classify" else data.error(output)
