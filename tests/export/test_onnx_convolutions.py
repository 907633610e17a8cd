"""The ONNX export of fixed convolutions beside the nets of a classifier."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.onnx.file import BATCH, build, run_in
from hiddenstate.export.target import source_of
from hiddenstate.export.trial import Trial, expected_answers
from hiddenstate.models.convolutions import choose_convolutions
from tests.export.models import path_of, random_model

onnx = pytest.importorskip("onnx")


def classifier(seed: int, **wanted: Any):
    return random_model(seed, job="classify", **{"convolutions": 0.5, "steps": 12} | wanted)


def opened(model, start):
    return start(build(source_of(model, "m", "float32"))[BATCH])[0]


def on_a_grid(model, seed):
    """Whole numbers, and the model with biases that are values of its convolutions of these."""
    random = np.random.default_rng(seed)
    X = random.integers(-2, 3, (40, 12, model.n_features)).astype(np.float64)
    if model.transform.fill is not None:
        X[random.random(X.shape) < 0.1] = np.nan
    rows = model.transform.apply(X, None, np.float64, "rows")
    own = replace(path_of(model), convolutions=choose_convolutions(rows, seed=seed))
    return X, replace(model, companions=(own,))


@pytest.mark.parametrize("missing", ["error", "mean", "forward", "mask"])
def test_a_value_beside_its_bias_falls_on_the_side_of_the_model(missing, start):
    X, model = on_a_grid(classifier(6, missing=missing, pixels=False, steps=12), 0)
    source = source_of(model, "m", "float32")
    trial = Trial(X, None, expected_answers(source.model, X, None), None)
    found = run_in(start, source, build(source), trial).answers
    assert trial.difference(found) <= 1e-6
    moved = path_of(source.model).convolutions
    moved = replace(moved, biases=np.nextafter(moved.biases, np.float32(np.inf)))
    beside = replace(source.model, companions=(replace(path_of(model), convolutions=moved),))
    other = Trial(X, None, expected_answers(beside, X, None), None)
    assert other.difference(found) > 1e-4  # so rounding to float32 anywhere would show


def test_a_row_that_the_model_cannot_read_has_no_answer(start):
    model = classifier(3, missing="error", pixels=False)
    X = np.zeros((3, 12, model.n_features), np.float32)
    X[1, 3, 0], X[2, 4, 0] = np.nan, np.inf
    compute = opened(model, start)
    found = compute({"x": X})
    assert (found["probabilities"][0] == compute({"x": X[:1]})["probabilities"][0]).all()
    assert np.isnan(found["probabilities"][1:]).all()
    assert (found["class"][1:] == -1).all()


def test_a_net_without_a_share_is_not_written():
    operators = [
        {
            node.op_type
            for node in onnx.load_from_string(
                build(source_of(classifier(3, convolutions=share, cell="gru"), "m", "float32"))[
                    BATCH
                ]
            ).graph.node
        }
        for share in (0.0, 0.5)
    ]
    assert ["GRU" in each for each in operators] == [False, True]


def test_a_certain_net_keeps_its_small_probabilities(start):
    """A probability below the least of float32 counts, if a scale below 1 raises it again."""
    model = classifier(3, members=1, missing="error", pixels=False)
    params = {**model.params, "out.bias": model.params["out.bias"] * 0}
    params["out.bias"][0] = 300
    path = replace(path_of(model), net_scale=0.01, net_share=0.9)
    source = source_of(replace(model, params=params, companions=(path,)), "m", "float32")
    (trial, *_) = source.trials
    found = run_in(start, source, build(source), trial).answers
    assert trial.answers["probabilities"].min() > 0.005
    assert trial.difference(found) <= 1e-5


def test_a_dilation_without_biases_or_beyond_all_rows_takes_no_memory(start):
    model = classifier(3, steps=40)
    path, own = path_of(model), path_of(model).convolutions
    counts, dilations = own.counts.copy(), own.dilations.copy()
    kept = np.repeat(np.arange(len(counts)) != 1, counts * 84)
    counts[1], dilations[-1] = 0, 2**31 - 1
    own = replace(own, counts=counts, dilations=dilations, biases=own.biases[kept])
    path = replace(path, convolutions=own, weights=path.weights[:, kept])
    source = source_of(replace(model, companions=(path,)), "m", "float32")
    contents = build(source)
    for trial in source.trials:
        assert trial.difference(run_in(start, source, contents, trial).answers) <= 1e-6
