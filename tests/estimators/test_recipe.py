"""`recipe="auto"` is the command's recipe, and `verbose` prints a line for each epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, Run
from hiddenstate.errors import MachineError, OptionError
from tests.conftest import QUIET, Cli, npz

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6, 2)).astype("float32")
Y_CLASS, Y_LAST = np.arange(40) % 2, X.sum(axis=(1, 2))
Y_STEPS = np.cumsum(X[..., 0], axis=1)
SHORT: dict[str, Any] = {"max_steps": 6, "random_state": 3, "threads": 1, "recipe": "auto"}

CASES: dict[str, Any] = {
    "classify": (RecurrentClassifier(**SHORT), Y_CLASS, ()),
    "one-option": (RecurrentClassifier("rnn", batch_size=5, **SHORT), Y_CLASS, ()),
    "regress": (RecurrentRegressor(**SHORT), Y_LAST, ("--window", 0)),
    "steps": (RecurrentRegressor(output="steps", **SHORT), Y_STEPS, ("--window", 0)),
    "autoencode": (Autoencoder(**SHORT), None, ()),
}
"""Estimators, what they are fitted on, and the options that the command needs."""


@pytest.mark.parametrize("case", CASES)
def test_a_fit_equals_the_run_of_the_command(case: str, cli: Cli, tmp_path: Path) -> None:
    estimator, y, options = CASES[case]
    data = npz(tmp_path / "d.npz", **{"X": X} | ({} if y is None else {"y": y}))
    job = estimator._job
    own = ("--cell", "rnn", "--batch-size", 5) if case == "one-option" else ()
    words = (*own, "--seed", 3, "--max-steps", 6, "--test-fraction", 0, *options, *QUIET)
    done = cli(job, data, *words)
    assert done.code == 0, done
    run = Run(tmp_path / "runs" / f"{job}-1")
    assert run.config.training.recipe == "auto"
    fitted = estimator.fit(X, y)
    assert fitted.model_.net == run.model().net
    for name, array in run.model().params.items():
        np.testing.assert_array_equal(fitted.model_.params[name], array)


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(OptionError, match="recipe: expected 'auto' or None, got 'classic'"):
        RecurrentClassifier(recipe="classic").fit(X, Y_CLASS)


@pytest.mark.parametrize("valid", [0.0, 0.25])
def test_verbose_prints_a_line_for_each_epoch_on_stderr(
    valid: float, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"hidden_size": 3, "batch_size": 10, "valid_fraction": valid}
    RecurrentRegressor(epochs=3, verbose=1, threads=1, **options).fit(X, Y_LAST)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"RecurrentRegressor: epoch {n} of 3" for n in (1, 2, 3)
    ]
    assert all(("validation loss" in line) == bool(valid) for line in lines)
    RecurrentRegressor(epochs=1, threads=1, **options).fit(X, Y_LAST)
    assert (out, capsys.readouterr()) == ("", ("", ""))
    with pytest.raises(OptionError, match="verbose: expected a whole number"):
        RecurrentRegressor(verbose="yes").fit(X, Y_LAST)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda", "engine": "native"}, "device='cuda'|engine='native'"),
        ({"device": "mps"}, "device='mps'"),
        ({"lr": 1e25, "clip": None, "engine": "auto"}, r"use a smaller lr than 1e\+25 or clip=1"),
        ({"dropout": 0.5}, "layers is 1; add layers=2"),
        ({"patience": 3}, "add valid_fraction=0.1"),
        ({"momentum": 0.5}, "add optimizer='sgd'"),
    ],
)
def test_errors_name_parameters(options: dict[str, Any], message: str) -> None:
    from hiddenstate.errors import HiddenstateError

    with pytest.raises(HiddenstateError, match=message) as raised:
        RecurrentClassifier(hidden_size=3, max_steps=3, **options).fit(X, Y_CLASS)
    assert "--" not in str(raised.value)


def test_a_missing_view_is_named_as_in_python() -> None:
    with pytest.raises(MachineError, match=r"view='notebook': .*; use view='auto'"):
        RecurrentClassifier(max_steps=1).fit(X, Y_CLASS, view="notebook")
