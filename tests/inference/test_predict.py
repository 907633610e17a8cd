"""Predictions for new rows: each series alone, in the units of the targets, in every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, Transform
from hiddenstate.engines.torch import TorchPredictor
from hiddenstate.errors import DataError
from hiddenstate.inference.inputs import prepare_inputs
from hiddenstate.inference.predict import (
    predict_rows,
    predict_series,
    predict_steps,
    predictions_and_targets,
)
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.system.strict_json import parse_json
from tests.conftest import ENGINES, QUIET, Cli

pyarrow = pytest.importorskip("pyarrow")

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(11)
LENGTHS = [7, 2, 5, 1, 7, 3, 4, 6, 2, 5]
SERIES = [RNG.normal(size=(n, 2)) * 3 + 1 for n in LENGTHS]


def predictor(model: FittedModel, engine: str) -> Any:
    if engine == "torch":
        return TorchPredictor(model, "cpu", 1)
    from hiddenstate.engines.native import NativePredictor

    return NativePredictor(model, 1)


def regressor(
    width: int = 2,
    outputs: int = 1,
    output: str = "steps",
    T: int = 4,
    zero: bool = False,
    stateful: bool = False,
    **own: Any,
) -> FittedModel:
    net = Net("regress", make_config("regress", {"hidden_size": 4}).model, width, outputs, output)
    params = net.initial(3, "float64")
    params = {name: array * (0 if zero else 1) for name, array in params.items()}
    return FittedModel(net, params, None, (T, width), stateful, Transform(**own))


def padded(series: list[Array]) -> Rows:
    X = np.full((len(series), max(map(len, series)), series[0].shape[1]), 1e9)
    for row, values in zip(X, series, strict=True):
        row[: len(values)] = values
    return Rows(X, lengths=np.array([len(values) for values in series]))


def table(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer)))


def long_csv(path: Path, series: list[Array], label: Any = None, names: str = "a,b") -> Path:
    lines = [f"id,t,{names}" + (",kind" if label is not None else "")]
    for k, values in enumerate(series):
        for t, row in enumerate(values):
            end = f",{label[k]}" if label is not None else ""
            lines.append(f"s{k},{t}," + ",".join(map(repr, row.tolist())) + end)
    path.write_text("\n".join(lines) + "\n")
    return path


# --- series of unequal length


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("window", "output", "own"),
    [
        (0, "steps", {"missing": "mask", "fill": np.zeros(2)}),
        (3, "last", {"missing": "mask", "fill": np.zeros(2)}),
        (3, "steps", {"change": (1,)}),
        (0, "last", {"change": (1,)}),
    ],
)
def test_series_together_have_the_outputs_of_each_alone(engine, window, output, own):
    width = 4 if own.get("missing") == "mask" else 2
    scaling = (np.array([1.0, -2]), np.array([0.5, 3]))
    model = regressor(width, output=output, scaling=scaling, reading={"window": window}, **own)
    trained = predictor(model, engine)
    series = [values for values in SERIES if len(values) >= window]
    parts = []
    for k, values in enumerate(series):
        rows = prepare_inputs(model, Rows(values[None]), "X")
        _, steps, outputs = predict_steps(model, trained, rows, "X", {})
        parts += [
            (k, int(step), float(value)) for step, value in zip(steps, outputs[:, 0], strict=True)
        ]
    together = predict_steps(model, trained, prepare_inputs(model, padded(series), "X"), "X", {})
    assert list(zip(together[0].tolist(), together[1].tolist(), strict=True)) == [
        p[:2] for p in parts
    ]
    np.testing.assert_allclose(together[2][:, 0], [p[2] for p in parts], rtol=1e-10)
    ends = sum(len(v) - window + 1 for v in series) if window else len(series)
    assert len(parts) == (ends if output == "last" else sum(map(len, series)))


LABELS = ["up", "down"] * 5


@pytest.mark.parametrize(("engine", "readout"), [(ENGINES[0], "last"), (ENGINES[-1], "mean")])
def test_the_loss_of_a_batch_from_a_file_is_the_mean_of_its_series(engine, readout, cli, tmp_path):
    """A rate of almost 0 keeps the weights: the logged losses are those of the predictions."""
    whole = long_csv(tmp_path / "whole.csv", SERIES, LABELS)
    done = cli(
        "classify", whole, "--label", "kind", "--engine", engine, "--readout", readout,
        "--bidirectional", "--hidden-size", 4, "--layers", 2, "--scale", "standard",
        "--test-fraction", 0, "--lr", "1e-30", "--dtype", "float64", "--batch-size", 5,
        "--no-shuffle", "--epochs", 1, "--log-every", 1, *QUIET,
    )  # fmt: skip
    assert done.code == 0, done.err
    run = Run(tmp_path / "runs" / "classify-1")
    losses = [event["loss"] for event in run.history() if event["event"] == "log"]
    each = []
    for k, (values, label) in enumerate(zip(SERIES, LABELS, strict=True)):
        one = long_csv(tmp_path / f"{k}.csv", [values])
        (row,) = table(cli("predict", "last", one, "--proba").out)
        each.append(-np.log(float(row[f"p_{label}"])))
    np.testing.assert_allclose(losses, [np.mean(each[:5]), np.mean(each[5:])], rtol=1e-9)
    together = table(cli("predict", "last", whole, "--proba").out)
    own = [-np.log(float(row[f"p_{label}"])) for row, label in zip(together, LABELS, strict=True)]
    np.testing.assert_allclose(own, each, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_at_every_step_of_a_table_counts_every_step_once(engine, cli, tmp_path):
    whole = long_csv(tmp_path / "whole.csv", SERIES)
    done = cli(
        "regress", whole, "--target", "b", "--window", 0, "--engine", engine, "--hidden-size", 4,
        "--scale", "standard", "--test-fraction", 0, "--lr", "1e-30", "--dtype", "float64",
        "--batch-size", 10, "--no-shuffle", "--epochs", 1, "--log-every", 1, *QUIET,
    )  # fmt: skip
    assert done.code == 0, done.err
    run = Run(tmp_path / "runs" / "regress-1")
    (loss,) = [event["loss"] for event in run.history() if event["event"] == "log"]
    target = np.concatenate(SERIES)[:, 1]
    predicted = table(cli("predict", "last", whole).out)
    assert [row["series"] for row in predicted] == [
        f"s{k}" for k, n in enumerate(LENGTHS) for _ in range(n)
    ]
    assert [int(row["step"]) for row in predicted] == [t for n in LENGTHS for t in range(n)]
    wrong = np.array([float(row["b"]) for row in predicted]) - target
    assert loss == pytest.approx(np.mean(wrong**2) / target.var(), rel=1e-9)


# --- forecasts


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("output", ["steps", "last"])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_net_that_predicts_no_change_predicts_the_last_value(engine, output, scaled):
    own: dict[str, Any] = {}
    if scaled:
        own["scaling"] = (np.array([3.0, -1]), np.array([0.25, 7]))
        own["target_scaling"] = (np.array([-1.0]), np.array([7.0]))
    model = regressor(
        output=output,
        T=3,
        zero=True,
        change=(1,),
        columns=("a", "b"),
        targets=("b",),
        reading={"horizon": 1, "window": 3},
        **own,
    )
    X = np.random.default_rng(0).normal(size=(20, 2))
    prediction = predict_series(model, predictor(model, engine), Rows(X), "X", {})
    assert list(prediction.columns) == ["step", "b"]
    expected = X[:, 1] if output == "steps" else X[2:, 1]
    np.testing.assert_array_equal(prediction.columns["step"], np.arange(20)[-len(expected) :])
    if scaled:
        np.testing.assert_allclose(prediction.columns["b"], expected, rtol=1e-13, atol=1e-14)
    else:
        np.testing.assert_array_equal(prediction.columns["b"], expected)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("output", ["steps", "last"])
@pytest.mark.parametrize("at_once", [1, 5, 4096])
def test_the_output_of_a_step_is_that_of_the_window_that_ends_there(
    engine: str, output: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiddenstate.inference.inputs.WINDOWS_PER_CALL", at_once)
    W = 4
    model = regressor(output=output, change=(0,), reading={"window": W})
    trained = predictor(model, engine)
    X = np.random.default_rng(0).normal(size=(1, 13, 2))
    series, steps, outputs = predict_steps(model, trained, Rows(X), "X", {})
    assert (series == 0).all()
    np.testing.assert_array_equal(steps, np.arange(0 if output == "steps" else W - 1, 13))
    for step, value in zip(steps, outputs, strict=True):
        window = X[:, max(step - W + 1, 0) : step + 1]
        alone = trained.predict(window)
        alone = alone[0, -1] if output == "steps" else alone[0]
        np.testing.assert_allclose(value, alone + X[0, step, 0], rtol=1e-10)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("output", ["steps", "last"])
def test_an_output_of_a_stateful_model_depends_on_all_steps_before(engine, output):
    model = regressor(output=output, T=4, stateful=True, reading={"window": 4})
    trained = predictor(model, engine)
    X = np.random.default_rng(0).normal(size=(14, 2))
    prediction = predict_series(model, trained, Rows(X), "X", {})
    steps = {"steps": np.arange(14), "last": np.array([3, 7, 11])}[output]
    np.testing.assert_array_equal(prediction.columns["step"], steps)
    for step, value in zip(steps, prediction.columns["y_1"], strict=True):
        whole = trained.forward(X[None, : step + 1], {})[0]
        expected = whole[0, -1, 0] if output == "steps" else whole[0, 0]
        assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_steps_whose_window_has_a_missing_value_are_not_scored(engine: str) -> None:
    """With --missing drop test series stay whole; steps that have no output must not count."""
    model = regressor(output="steps", T=3, reading={"window": 3}, missing="drop")
    X = np.random.default_rng(0).normal(size=(1, 12, 2))
    X[0, 5, 0] = np.nan
    y = np.zeros((1, 12, 1))
    y[0, 9] = np.nan
    answers = predictions_and_targets(model, predictor(model, engine), Rows(X, y), {})
    outputs, target, now = answers.outputs, answers.target, answers.now
    assert now is None
    clean = np.where(np.isfinite(X), X, 0)
    every = predict_steps(model, predictor(model, engine), Rows(clean), "X", {})[2]
    kept = [0, 1, 2, 3, 4, 8, 10, 11]
    assert len(target) == len(kept)
    np.testing.assert_allclose(outputs, every[kept], rtol=1e-10)


def test_series_too_short_for_a_window_are_neither_scored_nor_predicted() -> None:
    model = regressor(T=4, reading={"window": 4})
    rows = padded([values for values in SERIES if len(values) != 7])
    y = np.zeros((*rows.X.shape[:2], 1))
    whole = Rows(rows.X, y, lengths=rows.lengths)
    trained = predictor(model, ENGINES[-1])
    outputs = predictions_and_targets(model, trained, whole, {}).outputs
    assert len(outputs) == sum(n for n in LENGTHS if 4 <= n < 7)
    result = predict_series(model, trained, rows, "X", {})
    assert len(result) == len(outputs)
    assert set(result.columns["series"]) == set(np.flatnonzero(rows.lengths >= 4))
    n_short = sum(n < 4 for n in rows.lengths.tolist())
    assert f"X: {n_short} of {len(rows)} series are shorter than a window of 4" in result.remarks[0]
    with pytest.raises(DataError, match="X: the signal has 2 steps, fewer than a window of 4"):
        predict_series(model, trained, Rows(rows.X[:1, :2]), "X", {})
    short = whole.take(np.flatnonzero(rows.lengths < 4))
    with pytest.raises(DataError, match="every series is shorter than a window of 4"):
        predictions_and_targets(model, trained, short, {})


# --- shapes of rows


def test_flat_rows_are_one_series_each_if_training_rows_were(cli: Cli, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 6))
    head = "a,b,c,d,e,f"
    own = tmp_path / "own.csv"
    np.savetxt(own, np.c_[X, X.sum(1)], delimiter=",", header=head + ",y", comments="")
    np.savetxt(tmp_path / "new.csv", X[:5], delimiter=",", header=head, comments="")
    for steps in ((), ("--steps", 3)):
        options = ("--layout", "wide", "--target", "y", "--max-steps", 3, "--test-fraction", 0)
        done = cli("regress", own, *options, *steps, *QUIET)
        assert done.code == 0, done.err
        some, all_ = (table(cli("predict", "last", name).out) for name in ("new.csv", "own.csv"))
        assert [row["row"] for row in some] == list("01234")
        assert (len(all_), {row["step"] for row in all_}) == (30, {"2" if steps else "5"})
        np.testing.assert_allclose(
            [float(row["y"]) for row in some], [float(row["y"]) for row in all_[:5]], atol=1e-6
        )


@pytest.mark.parametrize("shape", [(9,), (9, 1), (1, 9, 1)])
def test_one_series_can_have_any_shape(shape: Any) -> None:
    model = regressor(1, T=3, reading={"window": 3})
    X = np.arange(9.0).reshape(shape)
    prediction = predict_series(model, predictor(model, ENGINES[-1]), Rows(X), "X", {})
    assert list(prediction.columns) == ["step", "y_1"]
    assert len(prediction) == 9


def test_a_target_named_step_or_series_does_not_replace_that_column() -> None:
    model = regressor(outputs=2, targets=("step", "series"), reading={"window": 0})
    prediction = predict_series(model, predictor(model, ENGINES[-1]), padded(SERIES), "X", {})
    assert list(prediction.columns) == ["series", "step", "y_step", "y_series"]
    assert prediction.columns["step"].max() == 6


@pytest.mark.parametrize("missing", ["error", "drop", "mean", "mask"])
def test_missing_values_in_new_rows_are_filled_in_or_rejected(missing: str) -> None:
    fill = None if missing in ("error", "drop") else np.array([5.0, 7])
    model = regressor(4 if missing == "mask" else 2, missing=missing, fill=fill)
    X = np.ones((1, 6, 2))
    X[0, 3, 1] = np.nan
    if fill is None:
        with pytest.raises(DataError, match="1 value is missing or not finite, the first in row 0"):
            prepare_inputs(model, Rows(X), "X")
        return
    got = prepare_inputs(model, Rows(X), "X").X
    assert got[0, 3, 1] == 7


def test_the_error_of_an_autoencoder_is_that_of_scaled_rows() -> None:
    values = {"encoder_sizes": (5,), "code_size": 2, "output_activation": "linear"}
    net = Net("autoencode", make_config("autoencode", values).model, 3, 3)
    own = Transform(scaling=(np.array([1.0, 2, 3]), np.array([2.0, 1, 0.5])))
    model = FittedModel(net, net.initial(0, "float64"), None, (3,), False, own)
    X = np.random.default_rng(0).normal(size=(8, 3))
    trained = predictor(model, ENGINES[-1])
    prediction = predict_rows(model, trained, Rows(X), "X")
    prepared = (X - [1, 2, 3]) * [2, 1, 0.5]
    expected = ((trained.predict(prepared) - prepared) ** 2).mean(axis=1)
    np.testing.assert_allclose(prediction.columns["error"], expected, rtol=1e-12)
    np.testing.assert_array_equal(prediction.columns["code_1"], trained.encode(prepared)[:, 0])


# --- output formats


@pytest.fixture
def named(cli: Cli, tmp_path: Path) -> Path:
    """A classifier of long series with unusual labels, and new series to predict."""
    labels = ['say "up", or not', "-\u00fc"] * 5
    lines = ["id,t,a,b,kind"]
    for k, values in enumerate(SERIES):
        label = labels[k].replace('"', '""')
        lines += [f's{k},{t},{a},{b},"{label}"' for t, (a, b) in enumerate(values)]
    (tmp_path / "own.csv").write_text("\n".join(lines) + "\n")
    done = cli("classify", "own.csv", "--label", "kind", "--max-steps", 2, "--test-fraction", 0,
               "--recipe", "classic", "--hidden-size", 3, *QUIET)  # fmt: skip
    assert done.code == 0, done.err
    return long_csv(tmp_path / "new.csv", SERIES[:4])


def test_csv_json_and_parquet_have_the_same_content(named: Path, cli: Cli, tmp_path: Path) -> None:
    import pyarrow.parquet

    for name in ("a.csv", "a.json", "a.parquet"):
        done = cli("predict", "last", named, "--proba", "--output", name)
        assert done.code == 0, done.err
        assert done.out == ""
        assert "4 rows written to" in done.err
    rows = table((tmp_path / "a.csv").read_bytes().decode())
    objects = parse_json((tmp_path / "a.json").read_text())
    arrow = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pylist()
    names = ["series", "label", "p_-\u00fc", 'p_say "up", or not']
    for given in (rows, objects, arrow):
        assert [list(row) for row in given] == [names] * 4
        assert [row["series"] for row in given] == ["s0", "s1", "s2", "s3"]
    for one, two, three in zip(rows, objects, arrow, strict=True):
        assert one["label"] == two["label"] == three["label"] in ('say "up", or not', "-\u00fc")
        for name in names[2:]:
            assert float(one[name]) == pytest.approx(two[name], rel=1e-6)
            assert two[name] == three[name]
        assert sum(two[name] for name in names[2:]) == pytest.approx(1)
    assert (
        cli("predict", "last", named, "--proba", "--format", "json").out
        == (tmp_path / "a.json").read_text()
    )
    done = cli("predict", "last", named, "--format", "parquet")
    assert (done.code, done.out) == (2, "")
    assert "add --output FILE" in done.err


def test_without_proba_there_are_only_labels(named: Path, cli: Cli) -> None:
    rows = json.loads(cli("predict", "last", named, "--format", "json").out)
    assert [list(row) for row in rows] == [["series", "label"]] * 4


@pytest.mark.parametrize("learnt", ["pixels", "floats"])
def test_small_files_are_read_like_the_training_file(learnt: str, cli: Cli, tmp_path: Path) -> None:
    """A file of integers is not read as pixels, nor one with fractions as other numbers."""
    random = np.random.default_rng(0)
    X = random.integers(0, 256, (20, 64)).astype(float)
    X[:, 0] = [0, 255] * 10
    head = "kind," + ",".join(f"p{i}" for i in range(64))
    own = X if learnt == "pixels" else X + 0.25
    rows = [f"{'uv'[i % 2]}," + ",".join(f"{v:g}" for v in row) for i, row in enumerate(own)]
    (tmp_path / "own.csv").write_text("\n".join([head, *rows]) + "\n")
    options = ("--label", "kind", "--recipe", "classic", "--max-steps", 2, "--test-fraction", 0)
    model_options = ("--layout", "wide", "--hidden-size", 3)
    done = cli("classify", "own.csv", *options, *model_options, *QUIET)
    assert done.code == 0, done.err
    model = Run(tmp_path / "runs" / "classify-1").model()
    assert model.transform.pixels == (learnt == "pixels")
    trained = predictor(model, ENGINES[-1])
    for new in (X[:2], X[:2] + 0.5, (X[:2] > 99) * 1.0):
        np.savetxt(tmp_path / "new.csv", new, fmt="%g", delimiter=",", header=head[5:], comments="")
        predicted = table(cli("predict", "last", "new.csv", "--proba").out)
        meant = new / 255 if learnt == "pixels" else new
        outputs = trained.predict(meant[..., None].astype("f4"))
        expected = 1 / (1 + np.exp(outputs[:, 1] - outputs[:, 0]))
        np.testing.assert_allclose([float(row["p_u"]) for row in predicted], expected, rtol=1e-4)
