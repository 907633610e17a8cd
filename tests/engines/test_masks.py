"""Series of unequal length: a padded batch gives each the result of the series alone."""

from typing import Any

import numpy as np

from hiddenstate import RecurrentClassifier, RecurrentRegressor, load
from tests.conftest import QUIET

RNG = np.random.default_rng(5)
SERIES = [RNG.normal(size=(n, 3)) * 4 + 1 for n in RNG.integers(2, 15, 40)]
LABELS = np.array(["up" if x[:, 0].mean() > 1 else "down" for x in SERIES])
QUICK: dict[str, Any] = {"hidden_size": 5, "epochs": 6, "random_state": 0, "threads": 1}


def test_training_on_series_of_one_length_equals_training_on_an_array():
    X = RNG.normal(size=(30, 8, 2))
    y = X[:, :, 0].sum(axis=1) > 0
    a = RecurrentClassifier(**QUICK).fit(X, y)
    b = RecurrentClassifier(**QUICK).fit(list(X), y)
    np.testing.assert_array_equal(a.predict_proba(X), b.predict_proba(list(X)))


def test_targets_at_every_step_count_only_where_there_is_one():
    """A prediction does not depend on the longer series beside it."""
    steps = [x.sum(axis=1) for x in SERIES]
    reg = RecurrentRegressor(output="steps", scale="none", **QUICK).fit(SERIES, steps)
    for x, n in zip(SERIES[:5], range(5), strict=True):
        alone = reg.predict(x[None])[0]
        np.testing.assert_allclose(reg.predict(SERIES)[n][: len(x)], alone, rtol=1e-10)


def test_scaling_ignores_the_padding():
    clf = RecurrentClassifier(scale="standard", **QUICK).fit(SERIES, LABELS)
    offset, factor = clf.model_.transform.scaling
    every = np.concatenate(SERIES)
    np.testing.assert_allclose(offset, every.mean(axis=0))
    np.testing.assert_allclose(1 / factor, every.std(axis=0))


def test_a_table_of_unequal_series_is_predicted_as_each_alone(cli, tmp_path):
    lines = ["series,time,a,b,c,kind"]
    for number, (x, label) in enumerate(zip(SERIES, LABELS, strict=True)):
        lines += [f"s{number},{t},{a:.4f},{b:.4f},{c:.4f},{label}" for t, (a, b, c) in enumerate(x)]
    (tmp_path / "all.csv").write_text("\n".join(lines) + "\n")
    one = [line for line in lines if line.startswith(("series", "s7,"))]
    (tmp_path / "one.csv").write_text("\n".join(one) + "\n")
    words = ("--label", "kind", "--hidden-size", 4, "--epochs", 3, *QUIET)
    done = cli("classify", "all.csv", *words)
    assert done.code == 0, done.err
    together = cli("predict", "classify-1", "all.csv", "--proba").out.splitlines()
    alone = cli("predict", "classify-1", "one.csv", "--proba").out.splitlines()
    row = next(line for line in together if line.startswith("s7,")).split(",")
    assert alone[1].split(",")[:2] == row[:2]
    np.testing.assert_allclose(
        [float(v) for v in alone[1].split(",")[2:]], [float(v) for v in row[2:]], rtol=1e-5
    )
    clf = load(tmp_path / "runs" / "classify-1" / "model.safetensors")
    assert clf.predict([SERIES[7].round(4)])[0] == row[1]
