"""`recipe="auto"` is the command's recipe, and `verbose` prints a line for each epoch."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, Run, load
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


# --- the rows of a table


TABLE = pd.DataFrame({"age": RNG.integers(18, 80, 60), "fee": RNG.normal(5000, 900, 60).round(1)})
OLDER = (TABLE["age"] > 45).to_numpy()
COUNTED = pd.DataFrame(RNG.normal(size=(60, 12)).cumsum(axis=1).round(3)).add_prefix("t")
TABLES: dict[str, Any] = {
    "quantities": (RecurrentClassifier(**SHORT), TABLE, OLDER, "features"),
    "array": (RecurrentClassifier(**SHORT), TABLE.to_numpy("float32"), OLDER, "features"),
    "steps": (RecurrentClassifier(**SHORT), COUNTED, OLDER, "wide"),
    "number": (RecurrentRegressor(**SHORT), TABLE, TABLE["age"].to_numpy(float) * 2, "features"),
    "codes": (Autoencoder(**SHORT), TABLE, None, "wide"),
}
"""Estimators, the rows and answers they are fitted on, and how these are read."""


@pytest.mark.parametrize("case", TABLES)
def test_a_fit_on_a_table_reads_it_as_the_command(case: str, cli: Cli, tmp_path: Path) -> None:
    estimator, rows, y, layout = TABLES[case]
    job = estimator._job
    role = {"classify": ("--label", "kind"), "regress": ("--target", "kind")}.get(job, ())
    if case == "array":
        npz(tmp_path / "own.npz", X=rows, y=y)
        role = ()
    else:
        frame = rows if y is None else rows.assign(kind=y)
        frame.to_csv(tmp_path / "own.csv", index=False, float_format="%.9g")
    data = "own.npz" if case == "array" else "own.csv"
    dtype = () if case == "array" else ("--dtype", "float64")
    words = (*role, *dtype, "--seed", 3, "--max-steps", 6, "--test-fraction", 0, *QUIET)
    done = cli(job, data, *words)
    assert done.code == 0, done.err
    model = Run(tmp_path / "runs" / f"{job}-1").model()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = clone(estimator).fit(rows, y)
    assert fitted.model_.transform.reading["layout"] == layout
    assert fitted.model_.net == model.net
    for name, array in model.params.items():
        np.testing.assert_array_equal(fitted.model_.params[name], array)
    again = load_saved(fitted, tmp_path / "again.safetensors")
    answers = "transform" if job == "autoencode" else "predict"
    np.testing.assert_array_equal(getattr(again, answers)(rows), getattr(fitted, answers)(rows))


def load_saved(estimator: Any, path: Path) -> Any:
    estimator.save(path)
    return load(path)


def test_quantities_are_learned_with_the_recipe() -> None:
    X = np.column_stack([RNG.integers(18, 80, 200), RNG.normal(5000, 900, 200)])
    y = (X[:, 0] > 45) ^ (X[:, 1] > 5000)
    clf = RecurrentClassifier(recipe="auto", random_state=0, threads=1)
    found = GridSearchCV(clf, {"hidden_size": [16]}, cv=2).fit(X, y)
    assert found.best_estimator_.score(X, y) > 0.95


@pytest.mark.parametrize("stateful", [False, True])
def test_rows_with_a_target_at_every_step_are_series(stateful: bool) -> None:
    made = RecurrentRegressor(stateful=stateful, output="steps", **SHORT)
    assert made.fit(TABLE, TABLE.to_numpy()).model_.row_shape == (2, 1)


STEPS_OF_ONE = {"max_steps": 1, "threads": 1}


@pytest.mark.parametrize("make", [RecurrentClassifier, RecurrentRegressor])
def test_a_frame_of_quantities_that_is_read_as_steps_is_warned_of(make: Any) -> None:
    y = OLDER.astype(int)
    with pytest.warns(UserWarning, match="its 2 columns are read as the steps .*set steps=1") as w:
        fitted = make(**STEPS_OF_ONE).fit(TABLE, y)
    assert w[0].filename == __file__
    assert fitted.model_.row_shape == (2, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make(**STEPS_OF_ONE).fit(TABLE.to_numpy(), y)
        make(**STEPS_OF_ONE).fit(COUNTED, y)
        assert make(steps=1, **STEPS_OF_ONE).fit(TABLE, y).model_.row_shape == (1, 2)
        fitted.predict(TABLE)


def test_whole_numbers_for_features_of_a_table_are_not_pixels(cli: Cli, tmp_path: Path) -> None:
    frame = pd.DataFrame(RNG.integers(0, 9, (40, 3)), columns=["calls", "visits", "rooms"])
    frame.assign(kind=np.where(frame["calls"] > 4, "a", "b")).to_csv(
        tmp_path / "own.csv", index=False
    )
    options = ("--max-steps", 6, "--no-bidirectional")
    assert cli("classify", "own.csv", *options, *QUIET).code == 0
    model = load(tmp_path / "runs" / "classify-1" / "model.safetensors")
    rows, whole = frame.astype(float).to_numpy(), frame.astype("uint8").to_numpy()
    np.testing.assert_array_equal(
        model.predict_proba(frame.astype("uint8")), model.predict_proba(frame)
    )
    stream, fed = model.stream(len(rows)), model.stream(len(rows))
    np.testing.assert_array_equal(stream.step(whole), model.stream(len(rows)).step(rows))
    np.testing.assert_array_equal(fed.feed(whole[:, None])[:, 0], model.stream(40).step(rows))
