"""A stream answers like the whole series, however it is cut and whatever runs beside it."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate import Autoencoder, RecurrentRegressor
from hiddenstate.config import make_config
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.engines.reference import ReferencePredictor
from hiddenstate.errors import DataError, OptionError, UntrustedFileError
from hiddenstate.inference.overflow import CheckedPredictor
from hiddenstate.inference.stream import Stream
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Net
from tests.conftest import needs_kernels

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(5, 12, 3)) * [1.0, 20.0, 0.1]


def made(job: str, dtype: str = "float64", transform: Transform | None = None, **options: Any):
    """A model with random weights, standardised inputs and outputs in units of their own."""
    config = make_config(job, {"hidden_size": 7, "dtype": dtype, **options})
    output = "last" if job == "classify" else options.get("output", "steps")
    scaling = (np.array([0.5, -3.0, 0.0]), np.array([1.5, 0.05, 9.0]))
    outputs = 4 if job == "classify" else 2
    if transform is None:
        targets = None if job == "classify" else (np.array([5.0, 0.0]), np.array([0.1, 2.0]))
        transform = Transform(scaling=scaling, target_scaling=targets)
    net = Net(job, config.model, transform.width(3), outputs, output)
    classes = list("abcd") if job == "classify" else None
    return FittedModel(net, net.initial(1, dtype), classes, (12, 3), False, transform)


def reference(model: FittedModel, rows: int = 1) -> Stream:
    """A stream that computes with the reference."""
    stream = Stream(model, rows)
    steps = stream._predictor._model
    stream._predictor = CheckedPredictor(ReferencePredictor(steps), steps)
    stream._one_by_one, stream._stepper, stream._reads_raw = True, None, False
    return stream


FILLED = Transform("forward", np.array([0.1, 0.2, 0.3]), (np.zeros(3), np.array([1.0, 0.05, 5.0])))
MASKED = Transform("mask", np.array([0.1, 0.2, 0.3]))
STEM: dict[str, Any] = {
    "stem": True,
    "stem_causal": True,
    "stem_channels": [6, 5],
    "stem_kernels": [4, 3],
}
MODELS = {
    "lstm, classes": made("classify"),
    "two layers, mean": made("classify", cell="gru", layers=2, readout="mean"),
    "forecast": made("regress", transform=Transform(change=(0, 2), target_scaling=None)),
    "one target": made("regress", output="last", readout="mean", cell="gru"),
    "filled forward": made("regress", transform=FILLED, cell="lstm"),
    "masked": made("regress", transform=MASKED),
    "causal stem": made("regress", transform=FILLED, stateful=False, **STEM),
    "pooling stem": made("classify", cell="gru", layers=2, readout="mean", stem_pool=3, **STEM),
}


def with_gaps(model: FittedModel) -> np.ndarray:
    if model.transform.fill is None:
        return X
    return np.where(RANDOM.random(X.shape) < 0.3, np.nan, X)


@pytest.mark.parametrize("name", MODELS)
def test_any_cut_and_any_company_give_the_same_bits_in_the_reference(name):
    model = MODELS[name]
    data = with_gaps(model)
    whole = reference(model, 5).feed(data)
    cut = reference(model, 5)
    parts = [cut.feed(data[:, :4]), cut.step(data[:, 4])[:, None], cut.feed(data[:, 5:])]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    for row in range(5):
        assert np.array_equal(reference(model).feed(data[row : row + 1])[0], whole[row])


@needs_kernels
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MODELS)
def test_any_cut_gives_the_same_bits_in_the_kernels(name, dtype):
    model = MODELS[name]
    params = {name: array.astype(dtype) for name, array in model.params.items()}
    model = replace(model, params=params)
    data = with_gaps(model)
    stream = Stream(model, 5)
    assert stream._stepper
    steps = np.stack([stream.step(data[:, t]) for t in range(12)], axis=1)
    assert steps.dtype == dtype
    cut = Stream(model, 5)
    parts = [cut.feed(data[:, :7]), cut.feed(data[:, 7:])]
    assert np.array_equal(np.concatenate(parts, axis=1), steps)
    for key, array in stream.state.items():
        np.testing.assert_array_equal(array, cut.state[key])


def test_series_that_are_not_active_keep_their_state():
    model = MODELS["filled forward"]
    both, alone = Stream(model, 2), Stream(model)
    for t in range(12):
        active = np.array([True, t % 3 == 0])
        answers = both.step(X[:2, t], active)
        assert np.isnan(answers[1]).all() != active[1]
        if active[1]:
            np.testing.assert_allclose(answers[1], alone.step(X[1, t])[0], atol=1e-12)
    np.testing.assert_allclose(both.state["last"][1], alone.state["last"][0])


@pytest.mark.parametrize("kernels", [True, False])
def test_series_with_means_of_steps_of_their_own_answer_like_whole_rows(kernels):
    model = MODELS["pooling stem"]
    stream, ends = (Stream if kernels else reference)(model, 5), np.zeros(5, int)
    program = program_of(model)
    for _ in range(12):
        active = RANDOM.random(5) < 0.7
        answers = stream.step(X[np.arange(5), ends], active)
        ends += active
        whole = program.predict(X, np.maximum(ends, 1))["probabilities"]
        np.testing.assert_allclose(answers[active], whole[active], atol=1e-12)
    assert stream.state["phase"].tolist() == (ends % 3).tolist()


def test_a_state_between_two_means_of_steps_is_that_after_the_last():
    model = MODELS["pooling stem"]
    stream = Stream(model)
    stream.feed(X[:1, :3])
    before = {name: array.copy() for name, array in stream.state.items()}
    stream.feed(X[:1, 3:5])
    changed = {name for name, array in stream.state.items() if (array != before[name]).any()}
    assert changed == {"recent", "pooled", "phase"}
    for phase in (3, -1, 1.5):
        wrong = {**stream.state, "phase": np.array([phase])}
        with pytest.raises(DataError, match=f"phase: expected 0 to 2, got {phase}"):
            Stream(model, state=wrong)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("phase", None, "pooled says nothing without phase"),
        ("sum", None, "count says nothing without sum"),
        ("phase", [0], "pooled: expected zeros where phase is 0"),
        ("count", [-1], "count: expected 0 to 9007199254740992, got -1"),
        ("count", [1.5], "count: expected 0 to 9007199254740992, got 1.5"),
        ("h", [[["1"] * 7]] * 2, "h: expected numbers, got <U1"),
        ("h", [[[1], [2, 3]]], r"h: expected shape \(2, 1, 7\)"),
    ],
)
def test_a_state_that_no_step_leaves_is_refused(name, value, message):
    model = MODELS["pooling stem"]
    stream = Stream(model)
    stream.feed(X[:1, :4])
    state = {**stream.state, name: value}
    with pytest.raises(DataError, match=f"state: {message}"):
        Stream(model, state={key: array for key, array in state.items() if array is not None})


def test_an_infinite_last_value_is_refused():
    model = MODELS["filled forward"]
    state = {**Stream(model).state, "last": np.full((1, 3), np.inf)}
    with pytest.raises(DataError, match="last has numbers that are not finite"):
        Stream(model, state=state)


@pytest.mark.parametrize("name", MODELS)
def test_no_step_has_no_answer_and_leaves_the_state(name):
    model = MODELS[name]
    program, streams = program_of(model), [Stream(model, 5), reference(model, 5)]
    for stream in streams:
        stream.feed(X[:, :4])
        before = {key: array.copy() for key, array in stream.state.items()}
        assert stream.feed(X[:, :0]).shape == (5, 0, model.net.n_outputs)
        for key, array in stream.state.items():
            np.testing.assert_array_equal(array, before[key])
    state = program.advance(X[:, :4], program.state(5))[1]
    answers, after = program.advance(X[:, :0], state)
    assert [each.shape[:2] for each in answers.values()] == [(5, 0)] * len(answers)
    expected = program.advance(X[:, 4:], state)[0]
    for key, each in program.advance(X[:, 4:], after)[0].items():
        np.testing.assert_array_equal(each, expected[key])


def test_a_state_that_overflows_in_the_type_of_its_model_is_refused():
    model = made("classify", "float32", stem_pool=1, **STEM)
    state = {name: np.full(array.shape, 1e300) for name, array in Stream(model).state.items()}
    with pytest.raises(DataError, match="h has numbers that are not finite"):
        Stream(model, state=state)


def test_reset_begins_anew_in_some_rows():
    model = MODELS["two layers, mean"]
    stream = Stream(model, 5)
    first = stream.feed(X)
    stream.reset([1, 3])
    again = stream.feed(X)
    same = [bool(np.allclose(a, b)) for a, b in zip(again, first, strict=True)]
    assert same == [False, True, False, True, False]
    stream.reset()
    np.testing.assert_array_equal(stream.feed(X), first)


def test_a_copy_goes_on_alone_and_a_file_continues_its_model(tmp_path):
    model = MODELS["filled forward"]
    stream = Stream(model, 5)
    stream.feed(X[:, :6])
    others = [stream.copy(), copy.copy(stream), copy.deepcopy(stream)]
    estimator = RecurrentRegressor("lstm")
    estimator.model_ = model
    stream.save(tmp_path / "s")
    expected = stream.feed(X[:, 6:])
    for other in others:
        np.testing.assert_array_equal(other.feed(X[:, 6:]), expected)
    np.testing.assert_array_equal(estimator.stream(tmp_path / "s").feed(X[:, 6:]), expected)
    estimator.model_ = MODELS["masked"]
    with pytest.raises(UntrustedFileError, match="stream of another model"):
        estimator.stream(tmp_path / "s")
    damaged = bytearray((tmp_path / "s").read_bytes())
    damaged[-3] ^= 1
    (tmp_path / "s").write_bytes(damaged)
    estimator.model_ = model
    with pytest.raises(UntrustedFileError, match="damaged or changed"):
        estimator.stream(tmp_path / "s")


def test_what_cannot_answer_before_the_end_is_refused():
    with pytest.raises(OptionError, match="both directions"):
        Stream(made("classify", bidirectional=True))
    flat = Autoencoder(encoder_sizes=(4,), code_size=2, epochs=1).fit(X.reshape(5, 36))
    with pytest.raises(OptionError, match="reads whole rows"):
        flat.stream()
    with pytest.raises(OptionError, match="rows: expected a positive integer, got 0"):
        Stream(MODELS["masked"], 0)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[:4, 0], r"x: expected shape \(5, 3\), got \(4, 3\)"),
        (np.where(X[:, 0] > 9, np.nan, X[:, 0]), "missing or not finite"),
        (X[:, 0] * 1e300, "too large"),
        (np.full((5, 3), "a"), "expected numbers, got <U1"),
    ],
)
def test_a_step_that_is_refused_changes_nothing(x, message):
    stream = Stream(made("classify", "float32"), 5)
    stream.feed(X)
    before = {name: array.copy() for name, array in stream.state.items()}
    with pytest.raises(DataError, match=message):
        stream.step(x)
    assert all(np.array_equal(before[name], array) for name, array in stream.state.items())


def test_a_series_that_is_refused_changes_nothing(monkeypatch):
    monkeypatch.setattr("hiddenstate.inference.stream.WORK_AT_ONCE", 1)
    stream = Stream(MODELS["two layers, mean"], 5)
    stream.feed(X)
    before = {name: array.copy() for name, array in stream.state.items()}
    wrong = X.copy()
    wrong[2, 9, 1] = np.inf
    with pytest.raises(DataError, match="missing or not finite"):
        stream.feed(wrong)
    assert all(np.array_equal(before[name], array) for name, array in stream.state.items())


def test_an_answer_that_overflows_is_refused_and_changes_nothing():
    model = made("regress", output="last")
    params = {**model.params, "out.bias": np.full(2, 1e300)}
    stream = Stream(replace(model, params=params), 5)
    with pytest.raises(UntrustedFileError, match="no finite prediction"):
        stream.step(X[:, 0])
    assert not stream.state["h"].any()


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({"stem_pool": 7}, {"stem.1.conv.weight": [[[0.1], [-0.1]]]}),  # of infinities, NaN
        ({"readout": "mean"}, {"out.weight": np.full((4, 8), 1e9)}),
    ],
)
def test_no_sum_of_what_a_stem_gives_overflows(options, weights):
    sizes = {"stem": True, "stem_causal": True, "stem_channels": [2, 1], "stem_kernels": [1, 1]}
    model = made("classify", "float32", Transform(), **{"stem_pool": 1, **sizes, **options})
    params = {name: np.asarray(array, np.float32) for name, array in weights.items()}
    params["stem.0.conv.weight"] = np.full((2, 3, 1), 1 / 3, np.float32)
    model = replace(model, params={**model.params, **params})
    stream = Stream(model)
    with pytest.raises(DataError, match="too large for the model"):
        stream.feed(np.full((7, 3), 2e38))
    assert not any(array.any() for array in stream.state.values())


@pytest.mark.parametrize(("missing", "readout"), [("forward", "last"), ("error", "mean")])
def test_forward_continues_what_it_filled_in_and_averaged(missing, readout):
    data = with_gaps(MODELS["masked"]) if missing == "forward" else X
    reg = RecurrentRegressor(
        "gru", missing=missing, readout=readout, output="last", epochs=1, random_state=0
    ).fit(X, X[:, -1, 0])
    _, state = reg.forward(data[:, :5])
    after, _ = reg.forward(data[:, 5:], state)
    np.testing.assert_allclose(after, reg.predict(data), atol=1e-6)


@needs_kernels
@pytest.mark.parametrize("missing", ["error", "mean"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pixels_are_read_as_fractions(dtype, missing, monkeypatch):
    fill = None if missing == "error" else np.zeros(3)
    model = made("classify", dtype, Transform(missing, fill, pixels=True))
    pixels = RANDOM.integers(0, 256, (5, 12, 3), dtype=np.uint8)
    expected = Stream(model, 5).feed(np.divide(pixels, np.array(255, dtype), dtype=dtype))
    assert np.array_equal(Stream(model, 5).feed(pixels), expected)
    stream = Stream(model, 5)
    if missing == "error":  # one call of the kernels answers a step, as of floats
        monkeypatch.setattr(stream, "_answers", None)
    steps = [stream.step(pixels[:, t]) for t in range(12)]
    assert np.array_equal(np.stack(steps, axis=1), expected)


@pytest.mark.parametrize("wrong", [300, -1, 95])
def test_integers_are_refused_by_a_model_of_pixels(wrong):
    stream = Stream(made("classify", transform=Transform(pixels=True)))
    with pytest.raises(DataError, match=f"x: int64 values such as {wrong}, but .* reads pixels"):
        stream.step([0, 1, wrong])
    assert not stream.state["h"].any()
    assert np.array_equal(stream.copy().step([0, 1, 1]), stream.step([0.0, 1.0, 1.0]))


@needs_kernels
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_any_cut_of_a_series_with_a_linear_path_gives_the_same_bits(cell):
    reg = RecurrentRegressor(cell, horizon=1, linear=True, max_steps=1, random_state=0).fit(X)
    params = {name: RANDOM.normal(size=array.shape) for name, array in reg.model_.params.items()}
    transform, weights = reg.model_.transform, RANDOM.normal(size=(3, 4, 2))
    if cell == "gru":  # longer lags of inputs than of the targets
        path = replace(transform.linear, inputs=(0, 2), input_weights=weights)
        transform = replace(transform, linear=path)
    model = replace(reg.model_, params=params, transform=transform)
    whole, cut = Stream(model, 2), Stream(model, 2)
    steps = np.stack([cut.step(X[:2, t]) for t in range(12)], axis=1)
    np.testing.assert_array_equal(whole.feed(X[:2]), steps)
    before = whole.state["lags"].copy()
    answer = whole.step(X[:2, 0], np.array([False, True]))
    np.testing.assert_allclose(answer[1], cut.step(X[:2, 0])[1], rtol=1e-9)
    np.testing.assert_array_equal(whole.state["lags"][0], before[0])


@needs_kernels
def test_a_step_of_integers_and_lists_is_read_like_floats():
    stream, other = Stream(MODELS["lstm, classes"]), Stream(MODELS["lstm, classes"])
    np.testing.assert_array_equal(stream.step([1, 2, 3]), other.step(np.array([[1.0, 2.0, 3.0]])))
    truths = np.array([[True, False, True]])
    np.testing.assert_array_equal(stream.step(truths), other.step(truths.astype(float)))


@pytest.mark.parametrize("output", ["steps", "last"])
def test_float32_answers_far_from_0_keep_the_digits_of_their_targets(output):
    near = Transform(target_scaling=(np.zeros(2), np.array([1e3, 1e3])))
    far = replace(near, target_scaling=(np.array([1e6, 0]), np.array([1e3, 1e3])))
    options = {"output": output, "readout": "mean"} if output == "last" else {}
    models = [made("regress", "float32", each, **options) for each in (near, far)]
    expected, answers = (Stream(model, 2).feed(X[:2]) for model in models)
    assert [expected.dtype.name, answers.dtype.name] == ["float32", "float64"]
    np.testing.assert_allclose(answers - [1e6, 0], expected, rtol=1e-5, atol=1e-9)
    one = Stream(models[1], 2)
    steps = [one.step(X[:2, t], np.array([True, True])) for t in range(3)]
    np.testing.assert_allclose(np.stack(steps, axis=1) - [1e6, 0], expected[:, :3], rtol=1e-5)
