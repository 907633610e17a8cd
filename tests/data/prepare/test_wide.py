"""Whether wide rows are read as series or as features, and that the choice is kept."""

import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.config import make_config
from hiddenstate.data import SequenceDataset, load_dataset, read_dataset
from hiddenstate.data.column_names import names_count, positions_of
from hiddenstate.data.prepare.layout import MAX_CLASSES
from hiddenstate.data.prepare.wide import decided_reading, wide_reading
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array
from hiddenstate.training.start import plan
from tests.conftest import Cli

QUIET = ("--view", "off", "--threads", 1, "--max-steps", 2)
T24 = [f"t{i}" for i in range(24)]


def quantities(n: int = 60) -> Array:
    """Rows of age, income, height and shoe size, which say the class; no two of one unit."""
    random = np.random.default_rng(0)
    kind = np.arange(n) % 2
    centres = np.array([[30, 2e4, 1.6, 38], [50, 6e4, 1.8, 43]])[kind]
    return np.asarray(centres * random.normal(1, 0.08, (n, 4)))


def waves(n: int = 60, steps: int = 24) -> Array:
    random = np.random.default_rng(0)
    return np.asarray(
        np.sin(np.arange(steps) * 0.3 + random.uniform(0, 6, (n, 1)))
        + random.normal(0, 0.2, (n, steps))
    )


def pictures(n: int = 60, side: int = 10) -> Array:
    """Smooth blobs, whole numbers from 0 to 255."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    at = random.uniform(2, side - 2, (2, n, 1, 1))
    return np.round(255 * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / 9)).reshape(n, -1)


def noise(n: int = 60, width: int = 24) -> Array:
    return np.random.default_rng(0).normal(size=(n, width))


def table(path: Path, X: Array, names: list[str] | None) -> Path:
    head = [] if names is None else [",".join([*names, "label"])]
    rows = [",".join(f"{v:.6g}" for v in row) + f",{'uv'[i % 2]}" for i, row in enumerate(X)]
    path.write_text("\n".join([*head, *rows]) + "\n")
    return path


PIXELS = [f"{i}x{j}" for i in range(10) for j in range(10)]
READINGS = {
    "quantities": (quantities(), ["age", "income", "height", "shoe"], "features"),
    "quantities without names": (quantities(), None, "features"),
    "quantities with names that count": (quantities(), ["x1", "x2", "x3", "x4"], "features"),
    "a series": (waves(), T24, "wide"),
    "a series without names": (waves(), None, "wide"),
    "series of one form": (waves()[:1] + 0.1 * noise(), [f"mV_{i}" for i in range(24)], "wide"),
    "means in any order": (noise(1) + 0.1 * noise(), T24, "features"),
    "a series in another unit at each step": (
        waves() * 10.0 ** (np.arange(24) % 5),
        T24,
        "features",
    ),
    "a series whose names do not count": (waves(), list("abcdefghijklmnopqrstuvwx"), "features"),
    "noise": (noise(), T24, "features"),
    "noise without names": (noise(), None, "features"),
    "pictures": (pictures(), PIXELS, "wide"),
    "pictures without names": (pictures(), None, "wide"),
    "small whole numbers": ((pictures() // 16).astype(np.uint8), PIXELS, "features"),
    "pixels": (pictures().astype(np.uint8), PIXELS, "wide"),
    "alternating current": (waves(steps=80) * (-1) ** np.arange(80), None, "wide"),
    "few columns without names": (waves(steps=6), None, "features"),
    "constants": (np.ones((9, 3)), ["a1", "a2", "a3"], "features"),
    "missing values": (np.where(noise() > 1, np.nan, waves()), T24, "wide"),
    "infinite values": (np.where(noise() > 2, np.inf, waves() * 1e300), T24, "wide"),
}


@pytest.mark.parametrize("name", READINGS)
def test_the_reading_of_wide_rows_and_its_reason(name: str) -> None:
    X, names, layout = READINGS[name]
    reading = wide_reading(X, names)
    assert (reading.layout, reading.n_columns) == (layout, X.shape[1])
    assert reading.reason
    assert reading == wide_reading(X.copy(), names)  # nothing is random


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ("t0 t1 t2", True),
        ("t8 t9 t10", True),
        ("pixel_0_0 pixel_0_1 pixel_1_0", True),
        ("2020-01-31 2020-02-29 2020-03-31", True),
        ("0 1 2", True),
        ("t1 t0 t2", False),
        ("t1 t1 t2", False),
        ("t0 t1 u2", False),
        ("a b c", False),
    ],
)
def test_names_that_count(names: str, count: bool) -> None:
    assert names_count(names.split()) is count


def test_rows_held_out_for_testing_do_not_decide(tmp_path: Path) -> None:
    X = noise(100)
    X[80:] = 100 * waves(20)
    path = table(tmp_path / "t.csv", X, T24)
    config = make_config("classify", {"data": str(path), "split": "time", "test_fraction": 0.2})
    dataset: SequenceDataset = read_dataset(config)
    assert wide_reading(dataset.X, dataset.columns).layout == "wide"
    reading = decided_reading(dataset, config)
    assert reading is not None
    assert reading.layout == "features"


@pytest.mark.parametrize(
    "options", [{"layout": "wide"}, {"steps": 2}, {"steps": 4}, {"missing": "forward"}]
)
def test_an_option_that_says_series_wins(options: dict[str, object], tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", quantities(), ["age", "income", "height", "shoe"])
    config, dataset = plan("classify", {"data": str(path), **options})
    assert config.data.layout == options.get("layout", "auto")
    assert dataset.remarks == ()


def test_a_run_that_recorded_no_choice_is_read_as_series(tmp_path: Path) -> None:
    """Older runs recorded `auto`, and were trained on series."""
    path = table(tmp_path / "t.csv", quantities(), ["age", "income", "height", "shoe"])
    assert load_dataset(make_config("classify", {"data": str(path)})).X.shape == (48, 4, 1)


def test_quantities_are_learned_predicted_and_resumed_as_features(cli: Cli, tmp_path: Path) -> None:
    table(tmp_path / "people.csv", quantities(), ["age", "income", "height", "shoe"])
    done = cli("classify", "people.csv", "--view", "off", "--threads", 1, "--max-steps", 60)
    assert done.code == 0, done.err
    assert (
        "note: people.csv: each row is read as 4 separate features: the names of the columns do "
        "not count up; if it is a series of 4 steps, add --layout wide\n"
    ) in done.err
    assert "trained on: 48 rows of 4 features, each standardised; " in done.out
    run = Run(tmp_path / "runs" / "classify-1")
    model = run.model()
    assert run.config.data.layout == model.transform.reading["layout"] == "features"
    assert model.row_shape == (1, 4)
    assert "accuracy: 1\n" in cli("evaluate", "last").out
    predicted = cli("predict", "last", "people.csv").out.split()[-60:]
    assert [line[-1] for line in predicted] == ["u", "v"] * 30
    assert cli("resume", "last", "--max-steps", "+2", "--view", "off").code == 0


def test_whole_numbers_that_are_no_picture_are_scaled_by_column(cli: Cli, tmp_path: Path) -> None:
    answers = np.random.default_rng(0).integers(0, 6, (40, 70)).astype(float)
    names = [f"question {chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(70)]
    table(tmp_path / "survey.csv", answers, names)
    for job in ("classify", "autoencode"):
        done = cli(job, "survey.csv", *QUIET)
        assert done.code == 0, done.err
        assert "each row is read as 70 separate features: " in done.err
        assert ", each standardised; " in done.out
        model = Run(tmp_path / "runs" / f"{job}-1").model()
        assert not model.transform.pixels
        assert cli("predict", "last", "survey.csv", "--output", "p.csv").code == 0


@pytest.mark.parametrize("job", ["classify", "autoencode"])
def test_pictures_in_a_table_stay_pixels(job: str, cli: Cli, tmp_path: Path) -> None:
    table(tmp_path / "blobs.csv", pictures(), PIXELS)
    done = cli(job, "blobs.csv", *QUIET)
    assert done.code == 0, done.err
    assert ", as fractions of 255; " in done.out
    assert ("a series of 100 steps: the names of the columns count up" in done.err) is (
        job == "classify"
    )


def test_a_target_of_a_table_is_predicted_from_separate_rows_on_request(
    cli: Cli, tmp_path: Path
) -> None:
    X = np.column_stack([quantities(), quantities()[:, 0] * 2])
    head = "age,income,height,shoe,price"
    np.savetxt(tmp_path / "p.csv", X, "%.5g", ",", header=head, comments="")
    own = ("regress", "p.csv", "--target", "price", *QUIET)
    steps = cli(*own)
    assert (
        "note: p.csv: each row is read as a time step of one series; if rows are separate "
        "examples, add --layout features\n"
    ) in steps.err
    rows = cli(*own, "--layout", "features")
    assert rows.code == 0, rows.err
    assert "time step" not in rows.err
    assert "48 rows of 4 features, each standardised" in rows.out
    predicted = cli("predict", "last", "p.csv", "--format", "json")
    assert len(json.loads(predicted.out)) == 60
    model = load(tmp_path / "runs" / "regress-2" / "model.safetensors")
    assert model.predict(X[:, :4]).shape == (60, 1)
    assert model.feature_names_in_.tolist() == ["age", "income", "height", "shoe"]


def test_features_exclude_options_of_series(cli: Cli, tmp_path: Path) -> None:
    table(tmp_path / "t.csv", quantities(), ["age", "income", "height", "shoe"])
    for more in (("--steps", 2), ("--missing", "forward")):
        refused = cli("classify", "t.csv", "--layout", "features", *more, *QUIET)
        assert refused.code == 2
        assert refused.err.startswith(f"error: {more[0]}: with --layout features ")
    np.savez(tmp_path / "s.npz", X=np.ones((9, 4, 2)), y=np.arange(9) % 3)
    refused = cli("classify", "s.npz", "--layout", "features", *QUIET)
    assert "--layout: s.npz has series of several steps" in refused.err


def test_more_classes_than_can_be_scored_are_refused(cli: Cli, tmp_path: Path) -> None:
    rows = [f"{i},{i % 7},c{i // 2}" for i in range(2 * MAX_CLASSES + 2)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    refused = cli("classify", "t.csv", *QUIET)
    assert refused.code == 2
    assert refused.err == (
        "error: t.csv: 5,001 classes, expected at most 5,000; name another column with --label, "
        "or predict a number with regress --target COL\n"
    )


def test_a_column_that_is_read_already_is_not_proposed_for_a_missing_one():
    with pytest.raises(DataError) as caught:
        positions_of(["date", "date +2"], ["date", "x"], "f.csv")
    assert str(caught.value) == "f.csv: no input column date +2; columns: date, x"
    with pytest.raises(DataError, match="did you mean dates"):
        positions_of(["date"], ["dates", "x"], "f.csv")
