"""Which jobs fit a data set, and why others do not."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data.test_inspect import RANDOM, fit, found_in


def test_labels_that_are_numbers_fit_regress():
    result = found_in(RANDOM.random((50, 8, 2)), RANDOM.random(50))
    assert "look like numbers to predict" in result.warnings[0]
    assert fit(result, "classify").why_not
    assert fit(result, "regress").layout == "8 steps of 2 features; 1 number after the last"


@pytest.mark.parametrize(
    ("y", "why"),
    [
        (None, "no labels"),
        (np.zeros(9, int), "all rows have the label 0"),
        (RANDOM.random((9, 1)), "numbers, not classes"),
    ],
)
def test_why_classify_does_not_fit(y, why):
    job = "regress" if y is not None and y.ndim == 2 else "classify"
    assert why in fit(found_in(RANDOM.random((9, 3, 2)), y, job), "classify").why_not


def test_names_of_batches_are_no_classes(cli):
    rows = (f"B{i},{t},{t + i % 3}\n" for i in range(120) for t in range(8))
    Path("batches.csv").write_text("batch,minute,mass\n" + "".join(rows))
    fits = {
        fit["job"]: fit for fit in json.loads(cli("inspect", "batches.csv", "--json").out)["fits"]
    }
    assert "batch seems to name series" in fits["classify"]["why_not"]
    assert fits["regress"]["options"]["id"] == "batch"
