"""Checked by mypy, never run: what a user's type checker knows of the public names.

Each line marked with an error must be one, or `warn_unused_ignores` reports the mark.
"""

from typing import assert_type

import numpy as np

import hiddenstate
from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, Run, load_mnist
from hiddenstate.data import SequenceDataset


def parameters_are_checked() -> None:
    hiddenstate.Transformer  # type: ignore[attr-defined]  # noqa: B018
    RecurrentClassifier(cel="gru")  # type: ignore[call-arg]
    RecurrentRegressor(hidden_size="32")  # type: ignore[arg-type]
    Autoencoder(code_size=2).set_params(code_size=3)


def methods_and_results_have_types() -> None:
    X, y = np.zeros((4, 3, 1)), [0, 1, 0, 1]
    RecurrentClassifier(cell="gru").nothing()  # type: ignore[attr-defined]
    assert_type(RecurrentClassifier().fit(X, y), RecurrentClassifier)
    assert_type(RecurrentClassifier().fit(X, y).n_steps_, int)
    assert_type(RecurrentClassifier().score(X, y), float)
    Autoencoder().fit_transform(X).nothing()  # type: ignore[attr-defined]
    assert_type(load_mnist(), SequenceDataset)
    loaded = hiddenstate.load("model.safetensors")
    assert_type(loaded, RecurrentClassifier | RecurrentRegressor | Autoencoder)
    assert_type(loaded.n_steps_, int)
    assert_type(hiddenstate.load("model.safetensors", Autoencoder), Autoencoder)
    assert_type(hiddenstate.load(Run("runs/regress-1"), RecurrentRegressor), RecurrentRegressor)
    RecurrentRegressor(horizon=1, time="day", id=["shop"], future=["promo"]).fit(X)
    RecurrentRegressor(horizon=1, time=3)  # type: ignore[arg-type]
    Run(1)  # type: ignore[arg-type]
