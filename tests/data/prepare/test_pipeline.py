"""Preparation: test rows do not leak, and rows are dropped and weighted as the options say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import PreparedDataset, Rows, SequenceDataset, load_dataset
from hiddenstate.data.prepare.layout import class_numbers
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import make_engine
from hiddenstate.errors import DataError, HiddenstateError, OptionError
from hiddenstate.jobs import make_job
from hiddenstate.training.initial_state import starting_state
from tests.conftest import ENGINES, Refuse

Array = np.ndarray[Any, Any]
NAN = np.nan


def made(job: str, train: Rows, test: Rows | None = None, **options: Any) -> PreparedDataset:
    """Rows prepared for `job`, as if they came from a file."""
    columns = options.pop("columns", None)
    targets = options.pop("targets", None)
    dataset = SequenceDataset("own", train, test, source="file", columns=columns, targets=targets)
    return prepare(dataset, make_config(job, {"dtype": "float64", **options}))


def labelled(n: int = 12, **changes: Any) -> Rows:
    X = np.random.default_rng(0).normal(5, 2, (n, 4, 2))
    return replace(Rows(X, np.arange(n) % 3), **changes)


def weights_of(rows: Rows, **options: Any) -> Array:
    result = made("classify", rows, test_fraction=0, **options).train.weights
    assert result is not None
    return result


# --- test rows do not leak


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
@pytest.mark.parametrize("missing", ["mean", "mask"])
def test_training_rows_do_not_depend_on_the_values_of_test_rows(job: str, missing: str) -> None:
    """Multiplying the test rows by 1,000 changes no fill value, scale or training row."""
    random = np.random.default_rng(0)
    X = random.normal(5, 2, (30, 4, 2))
    X[random.random(X.shape) < 0.1] = NAN
    y: Any = {"classify": np.arange(30) % 3, "regress": X[:, ::-1], "autoencode": None}[job]
    y = np.nan_to_num(y) if job == "regress" else y
    options: dict[str, Any] = {"missing": missing, "scale": "standard", "test_fraction": 0.3}
    options |= {"stateful": False, "window": 0} if job == "regress" else {}
    ids = np.arange(30).astype(str)
    before = made(job, Rows(X, y, ids=ids), **options)
    assert before.test is not None
    assert before.test.ids is not None
    hidden = np.isin(ids, before.test.ids)
    louder = np.where(hidden[:, None, None], X * 1000, X)
    y = np.where(hidden[:, None, None], y * 1000, y) if job == "regress" else y
    after = made(job, Rows(louder, y, ids=ids), **options)
    assert after.test is not None
    assert (after.test.ids == before.test.ids).all()
    np.testing.assert_array_equal(after.X, before.X)
    for name in ("fill", "scaling", "target_scaling"):
        one, two = (getattr(d.transform, name) for d in (before, after))
        np.testing.assert_array_equal(np.array(one, float), np.array(two, float))
    assert not np.array_equal(after.X_test, before.X_test)


def test_the_scale_of_a_signal_is_that_of_its_training_part() -> None:
    t = np.arange(100.0)
    result = made(
        "regress",
        Rows(t[None, :, None], t[None, :, None]),
        scale="minmax",
        stateful=False,
        test_fraction=0.2,
        window=5,
    )
    assert result.transform.scaling[0] == 0
    assert result.transform.scaling[1] == pytest.approx(1 / 79)
    assert result.X.max() == pytest.approx(1)
    assert result.X_test.max() == pytest.approx(99 / 79)


# --- missing values


def holed() -> Rows:
    rows = labelled()
    rows.X[1, 2, 1] = rows.X[4, 0, 0] = NAN
    rows.X[7, 3, 0] = np.inf
    return rows


def test_rows_with_missing_values_are_dropped_with_a_remark() -> None:
    rows = holed()
    result = made("classify", rows, test_fraction=0, missing="drop")
    assert result.remarks == ("own: train: 3 of 12 rows dropped for missing values",)
    np.testing.assert_array_equal(result.X, rows.X[[0, 2, 3, 5, 6, 8, 9, 10, 11]])
    np.testing.assert_array_equal(result.y, rows.y[[0, 2, 3, 5, 6, 8, 9, 10, 11]])


def test_each_part_reports_its_dropped_rows() -> None:
    result = made("classify", labelled(), holed(), missing="drop")
    assert result.remarks == ("own: test: 3 of 12 rows dropped for missing values",)
    assert (len(result.train), len(result.X_test)) == (12, 9)


def test_dropping_all_rows_is_refused_with_a_hint() -> None:
    rows = labelled(X=np.full((12, 4, 2), NAN))
    with pytest.raises(DataError, match="all 12 rows have missing values; use --missing mean or"):
        made("classify", rows, test_fraction=0, missing="drop")


def test_dropping_all_rows_of_a_class_is_refused_by_name() -> None:
    rows = labelled()
    rows.X[2::3, 0, 0] = NAN
    with pytest.raises(DataError, match="no training row of class 2 is left"):
        made("classify", rows, test_fraction=0, missing="drop")


@pytest.mark.parametrize("missing", ["drop", "mean", "forward", "mask"])
def test_rows_without_a_target_are_dropped_even_if_inputs_are_filled_in(missing: str) -> None:
    X = np.random.default_rng(0).normal(size=(6, 4, 1))
    y = np.arange(6.0)[:, None]
    y[3] = NAN
    options: Any = {"output": "last", "stateful": False, "missing": missing}
    result = made("regress", Rows(X, y), **options)
    assert len(result.train) == 5
    np.testing.assert_array_equal(result.y[:, 0], [0, 1, 2, 4, 5])
    assert result.remarks == ("own: train: 1 of 6 rows dropped for missing targets",)


def test_windows_with_a_missing_target_are_dropped_but_test_steps_kept() -> None:
    t = np.arange(60.0)
    y = t.copy()
    y[12], y[55] = NAN, NAN
    rows = Rows(t[None, :, None], y[None, :, None])
    result = made(
        "regress", rows, missing="mean", stateful=False, window=5, stride=5, test_fraction=0.2
    )
    assert len(result.train) == 48 // 5 - 1
    assert result.y is not None
    assert np.isfinite(result.y).all()
    assert result.y_test is not None
    np.testing.assert_array_equal(np.isnan(result.y_test[0, :, 0]), [*[True] * 4, *(t[48:] == 55)])


@pytest.mark.parametrize("output", ["steps", "last"])
def test_gaps_of_a_signal_are_filled_in_forward_and_its_targets_are_not(output: str) -> None:
    """A forecast of two channels; each gap has the last value before it, whatever the window."""
    t = np.arange(60.0)
    X = np.stack([t, 100 + t], axis=1)[None]
    X[0, [0, 1, 13, 14, 47, 48], 0] = NAN  # at the start, in training, at the border
    X[0, [20, 55], 1] = NAN, np.inf
    options: dict[str, Any] = {"missing": "forward", "stateful": False, "window": 4, "stride": 1}
    options |= {"horizon": 1, "output": output, "test_fraction": 0.2}
    result = made("regress", Rows(X), **options)
    filled = X[0].copy()
    filled[[13, 14], 0], filled[[47, 48], 0], filled[20, 1], filled[55, 1] = 12, 46, 119, 154
    assert result.test is not None
    mean = result.transform.fill
    assert mean is not None
    filled[[0, 1], 0] = mean[0]
    first = 60 - 12 - 3 - 1
    np.testing.assert_array_equal(result.X_test[0], filled[first:-1])
    targets = np.isfinite(X[0]).all(axis=1)
    spans = {"last": lambda start: [start + 4], "steps": lambda start: range(start + 1, start + 5)}
    windows = [start for start in range(44) if targets[list(spans[output](start))].all()]
    np.testing.assert_array_equal(result.X, [filled[start : start + 4] for start in windows])
    assert result.y is not None
    assert np.isfinite(result.y).all()
    np.testing.assert_array_equal(~np.isfinite(result.y_test[0, 3:]).all(axis=1), ~targets[48:])
    hint = "; with --output last a window has only one target" if output == "steps" else ""
    assert result.remarks == (
        "own: targets are missing at 8 of 60 steps, which are not scored",
        "own: 2 values are missing at the start of a series, with no value before; filled in with "
        "the mean",
        f"own: train: {44 - len(windows)} of 44 windows dropped for missing targets{hint}",
    )


@pytest.mark.parametrize("missing", ["mean", "forward", "mask", "drop"])
def test_gaps_of_targets_alone_are_not_filled_in(missing: str) -> None:
    t = np.arange(40.0)[None, :, None]
    y = t.copy()
    y[0, 5] = NAN
    options: dict[str, Any] = {"stateful": False, "window": 4, "stride": 4, "output": "last"}
    result = made("regress", Rows(t, y), missing=missing, **options)
    np.testing.assert_array_equal(result.y[:, 0], range(3, 40, 4))
    assert result.remarks == ("own: targets are missing at 1 of 40 steps, which are not scored",)
    y[0, ::4] = NAN
    with pytest.raises(DataError, match="all 10 windows have missing targets; use a shorter --win"):
        made("regress", Rows(t, y), missing=missing, **{**options, "output": "steps"})
    with pytest.raises(
        DataError, match=r"11 targets are missing .* in row 0, step 0; drop windows"
    ):
        made("regress", Rows(t, y), **options)


def test_a_test_step_whose_current_value_is_missing_is_no_large_target() -> None:
    t = np.arange(60.0)[None, :, None].copy()
    t[0, 55] = NAN
    options: dict[str, Any] = {"missing": "drop", "stateful": False, "window": 4, "stride": 1}
    options |= {"horizon": 1, "test_fraction": 0.2, "change": True}
    result = made("regress", Rows(t, t), columns=("v",), targets=("v",), **options)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(result.y_test[0, 3:, 0])), [7, 8])


@pytest.mark.parametrize("kind", ["float64", "uint8"])
def test_a_net_learns_what_is_added_to_the_inputs_in_its_own_units(kind: Any) -> None:
    random = np.random.default_rng(0)
    X, y = random.integers(0, 255, (1, 60, 3)).astype(kind), random.normal(size=(1, 60, 2)) * 5 + 3
    result = made("regress", Rows(X, y), input_skip=True, scale="standard", test_fraction=0)
    assert result.transform.change == (0, 1)
    offset, factor = result.transform.target_scaling or (0, 1)
    np.testing.assert_allclose((offset, 1 / factor), (y[0].mean(axis=0), y[0].std(axis=0)))
    scaled = X / 255 if kind == "uint8" else (X - X[0].mean(axis=0)) / X[0].std(axis=0)
    wanted = ((y - offset) * factor - scaled[..., :2]).reshape(result.y.shape)
    np.testing.assert_allclose(result.y, wanted, rtol=1e-4, atol=1e-5)
    restored = result.transform.undo_targets(result.y, result.X)
    np.testing.assert_allclose(restored.reshape(y.shape), y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("job", "shape", "hint"),
    [
        ("classify", (12, 4, 2), "--missing forward, mask or mean, or leave"),
        ("classify", (12, 4), "--missing mean, forward or mask, or leave"),
        ("autoencode", (12, 4, 2), "--missing mean or mask, or leave"),
        ("regress", (1, 40, 1), "--missing forward, mask or mean, or leave"),
    ],
)
def test_the_hint_for_missing_values_suits_the_data(job: str, shape: Any, hint: str) -> None:
    X = np.ones(shape)
    X[0, 1] = NAN
    options: dict[str, Any] = {"horizon": 1, "stateful": False} if job == "regress" else {}
    with pytest.raises(DataError, match=hint):
        made(job, Rows(X, np.arange(12) % 2 if job == "classify" else None), **options)


def test_infinite_values_of_test_steps_count_as_missing() -> None:
    t = np.arange(60.0)
    t[[7, 50]] = np.inf
    rows = Rows(t[None, :, None], np.zeros((1, 60, 1)))
    options: Any = {"missing": "drop", "stateful": False, "window": 5, "test_fraction": 0.2}
    result = made("regress", rows, dtype="float32", **options)
    assert len(result.train) == 48 // 5 - 1
    assert np.isfinite(result.X).all()
    np.testing.assert_array_equal(np.isnan(result.X_test[0, :, 0]), np.arange(44, 60) == 50)


def test_missing_targets_are_refused_with_their_number() -> None:
    y = np.arange(6.0)[:, None]
    y[[2, 4], 0] = NAN, np.inf
    with pytest.raises(DataError) as error:
        made("regress", Rows(np.ones((6, 4, 1)), y), output="last", stateful=False)
    assert "2 targets are missing or not finite, the first in row 2" in str(error.value)
    assert "--missing drop" in str(error.value)


def test_missing_values_are_named_by_their_row_in_the_file() -> None:
    for seed in range(5):
        with pytest.raises(DataError, match=r"3 values .* in row 1, step 2, column b;"):
            made("classify", holed(), columns=("a", "b"), seed=seed, test_fraction=0.4)


def test_missing_values_are_refused_on_the_command_line_and_nothing_is_written(
    refuse: Refuse, tmp_path: Path
) -> None:
    (tmp_path / "own.csv").write_text("a,b,kind\n" + "1,2,x\n3,,y\n" * 10)
    message = refuse(2, "classify", "own.csv")
    assert "own.csv: 10 values are missing or not finite, the first in row 1, column b" in message
    assert "--missing mean, forward or mask" in message


def test_flat_rows_cannot_be_filled_in_with_the_previous_value() -> None:
    with pytest.raises(OptionError, match="--missing: flat rows have no previous step"):
        made("autoencode", Rows(np.array([[1, NAN], [2, 3]])), missing="forward", test_fraction=0)


# --- labels and layouts


@pytest.mark.parametrize(
    ("labels", "y", "expected"),
    [
        ([1, 2, 10], np.array([10, 1, 2]), [2, 0, 1]),
        ([1, 2, 10], np.array(["10", "2", "1"]), [2, 1, 0]),
        (["1", "10", "2"], np.array([2, 10]), [2, 1]),
        ([0.5, 1.5], np.array([1.5]), [1]),
    ],
)
def test_labels_are_matched_as_numbers_and_as_text(labels: Any, y: Array, expected: Any) -> None:
    assert class_numbers(y, labels, "here").tolist() == expected


def test_an_unknown_label_is_refused_with_its_row() -> None:
    with pytest.raises(DataError, match="here row 1 has label 3, which no training row has"):
        class_numbers(np.array([1, 3]), [1, 2, 10], "here")
    with pytest.raises(DataError, match="own: test row 0 has label 7"):
        made("classify", labelled(), labelled(3, y=np.array([7, 1, 1])))


def test_holding_out_all_rows_of_a_class_is_refused_by_name() -> None:
    rows = labelled(y=np.repeat([0, 1], 6))
    with pytest.raises(DataError, match="no training row of class 1 is left; use another"):
        made("classify", rows, split="time", test_fraction=0.5)


@pytest.mark.parametrize("pixels", [True, False])
def test_whole_numbers_of_test_rows_are_pixels_if_those_of_training_rows_are(pixels: bool) -> None:
    whole = np.random.default_rng(0).integers(0, 256, (12, 70)).astype("u1")
    floats = whole.astype(float)
    one, two = (whole, floats) if pixels else (floats, whole)
    columns = tuple(f"p{i}" for i in range(70))
    result = made("classify", labelled(X=one), labelled(X=two), columns=columns)
    expected = floats / 255 if pixels else floats
    test = result.X_test[..., 0]
    np.testing.assert_allclose(test / 255 if test.dtype == np.uint8 else test, expected)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (Rows(np.ones((4, 3, 1)), lengths=np.array([3, 2, 1, 3])), {}, "1 to 3 steps"),
        (Rows(np.ones((4, 3, 1))), {"output_activation": "sigmoid"}, None),
    ],
)
def test_an_autoencoder_takes_rows_of_one_length(rows: Rows, options: Any, message: Any) -> None:
    if message is None:
        assert made("autoencode", rows, test_fraction=0, **options).X.shape == (4, 3)
        return
    with pytest.raises(DataError, match=message):
        made("autoencode", rows, test_fraction=0, **options)


ONE_EACH = Rows(np.ones((4, 3, 1)), np.ones((4, 1)))


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (ONE_EACH, {"stateful": False}, "--output: steps requires a target at every step"),
        (ONE_EACH, {"output": "last"}, "--stateful: own has 4 separate series"),
        (ONE_EACH, {"output": "last", "stateful": False, "horizon": 2}, "--horizon: requires a"),
        (Rows(np.ones((4, 3, 1))), {"stateful": False}, "no targets; name their columns with"),
        (
            Rows(np.ones((1, 9, 1)), np.ones((1, 9, 1))),
            {"stateful": False, "window": 3, "horizon": 1, "change": True},
            "--change: own has no named targets among its inputs",
        ),
        (
            Rows(np.ones((1, 20, 1)), np.ones((1, 20, 2))),
            {"input_skip": True},
            "--input-skip: own has 2 targets, which need an input each, but 1 input; leave",
        ),
    ],
)
def test_targets_that_do_not_fit_the_options_are_refused(
    rows: Rows, options: Any, message: str
) -> None:
    with pytest.raises(HiddenstateError, match=message):
        made("regress", rows, **options)


@pytest.mark.parametrize("output", ["steps", "last"])
def test_signals_too_short_for_a_window_and_its_target_are_refused(output: str) -> None:
    t = np.arange(100.0)[None, :, None]
    options: Any = {"stateful": False, "window": 10, "test_fraction": 0.2, "output": output}
    result = made("regress", Rows(t, t), horizon=70, **options)
    np.testing.assert_array_equal(result.y_test[0, 9:, 0], range(80, 100))
    with pytest.raises(DataError, match=r"too few .* in windows of 10 and 71 steps ahead"):
        made("regress", Rows(t, t), horizon=71, **options)
    other = Rows(t[:, :9], t[:, :9])
    with pytest.raises(DataError, match="a window has 10 steps, but the longest test series has 9"):
        made("regress", Rows(t, t), other, **options)


def test_reading_options_are_kept_for_new_data() -> None:
    values: Any = {"horizon": 2, "window": 4, "stride": 1, "stateful": False, "decimal": ","}
    t = np.arange(50.0)[None, :, None]
    reading = made("regress", Rows(t, t), **values).transform.reading
    assert {n: reading[n] for n in ("horizon", "window", "stride", "decimal")} == {
        "horizon": 2,
        "window": 4,
        "stride": 1,
        "decimal": ",",
    }
    whole: Any = {"output": "last", "stateful": False}
    assert made("regress", ONE_EACH, **whole).transform.reading["window"] == 0
    assert "window" not in made("classify", labelled()).transform.reading


# --- weights


def test_balanced_classes_have_equal_weight_and_mean_1() -> None:
    y = np.array([0] * 5 + [1] * 3 + [2] * 2)
    weights = weights_of(labelled(10, y=y), class_weight="balanced")
    np.testing.assert_allclose(weights, [10 / 15] * 5 + [10 / 9] * 3 + [10 / 6] * 2)
    assert weights.mean() == pytest.approx(1)


def test_balanced_weights_multiply_a_weight_column() -> None:
    y, own = np.array([0, 0, 0, 1, 1]), np.array([1.0, 2, 3, 4, 8])
    weights = weights_of(labelled(5, y=y, weights=own), class_weight="balanced")
    assert weights[:3].sum() == pytest.approx(weights[3:].sum())
    np.testing.assert_allclose(weights[:3] / weights[0], own[:3])
    assert weights.mean() == pytest.approx(1)


def test_only_the_ratio_of_weights_counts() -> None:
    own = np.arange(1.0, 13)
    one, two = (weights_of(labelled(weights=own * scale)) for scale in (1, 1e-7))
    np.testing.assert_allclose(one, two, rtol=1e-12)
    np.testing.assert_allclose(one, own / own.mean(), rtol=1e-12)


def test_weights_of_series_with_a_target_per_step_have_mean_1_over_steps() -> None:
    lengths = np.array([4, 1, 2])
    X = np.ones((3, 4, 1))
    rows = Rows(X, X, lengths=lengths, weights=np.array([1.0, 5, 2]))
    result = made("regress", rows, stateful=False, window=0).train.weights
    assert result is not None
    assert (result * lengths).sum() / lengths.sum() == pytest.approx(1)
    np.testing.assert_allclose(result / result[0], [1, 5, 2])


def test_rows_of_weight_0_are_dropped_and_do_not_affect_scaling() -> None:
    own = np.array([1.0, 0] * 6)
    rows = labelled(weights=own)
    rows.X[1::2] = 1e9
    result = made("classify", rows, test_fraction=0, scale="standard")
    alone = made("classify", rows.take(slice(0, 12, 2)), test_fraction=0, scale="standard")
    np.testing.assert_array_equal(result.X, alone.X)
    np.testing.assert_array_equal(result.y, alone.y)
    np.testing.assert_array_equal(result.train.weights, 1)


@pytest.mark.parametrize("weights", [[0.0] * 4, [1, 1, 1, -1.0], [1, 1, 1, NAN], [1, 1, 1, np.inf]])
def test_invalid_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(DataError, match="weights"):
        weights_of(labelled(4, y=np.array([0, 0, 1, 1]), weights=np.array(weights)))


@pytest.mark.parametrize("engine", ENGINES)
def test_balanced_training_equals_training_with_a_weight_column(
    engine: str, tmp_path: Path
) -> None:
    """--class-weight and the same weights in a column give the same losses and weights."""
    random = np.random.default_rng(0)
    labels = np.array([0] * 20 + [1] * 4)
    rows = random.normal(labels[:, None], 1, (24, 5))
    each = np.where(labels == 0, 24 / 40, 24 / 8)
    table = np.column_stack([labels, each, rows])
    np.savetxt(tmp_path / "own.csv", table, delimiter=",", header="y,w,a,b,c,d,e", comments="")
    common = {
        "data": str(tmp_path / "own.csv"),
        "label": "y",
        "input": ("a", "b", "c", "d", "e"),
        "test_fraction": 0.0,
        "batch_size": 7,
        "engine": engine,
        "threads": 1,
        "hidden_size": 5,
        "dtype": "float64",
    }
    ends = []
    for extra in ({"class_weight": "balanced"}, {"weight": "w"}, {}):
        config = make_config("classify", {**common, **extra})
        job = make_job(config, load_dataset(config))
        trained = make_engine(job.task(), starting_state(job))
        chunk = trained.run(0, 8, lambda: False)
        ends.append((chunk.losses, trained.export().params["out.weight"]))
    for own, other in zip(ends[0], ends[1], strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-9)
    assert np.abs(ends[0][1] - ends[2][1]).max() > 1e-3


@pytest.mark.parametrize("own", [[1e308, *[1.0] * 11], [5e-324] * 12], ids=["huge", "tiny"])
def test_huge_and_tiny_weights_stay_finite(own: list[float]) -> None:
    config = make_config("classify", {"scale": "minmax", "missing": "mask", "test_fraction": 0.0})
    result = prepare(SequenceDataset("own", labelled(12, weights=np.array(own))), config)
    assert np.isfinite(result.X).all()
    assert result.train.weights is not None
    assert np.isfinite(result.train.weights).all()
