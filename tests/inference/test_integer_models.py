"""What reads an integer model answers as its program in integers, or refuses it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.errors import DataError, OptionError
from hiddenstate.export import export_model
from hiddenstate.inference.hidden_states import hidden_state_model
from hiddenstate.inference.stream import Stream, saved_stream
from hiddenstate.inference.why import Explainer
from hiddenstate.metrics.reasons import OF_FLOATS
from hiddenstate.models.meaning import program_of
from hiddenstate.models.torch_modules import module_of
from hiddenstate.program.integers import IntegerRecurrent
from hiddenstate.program.layers import run_layers
from tests.contract.models import CAUSAL, CLASSIFY, LINEAR, POOLED, STEPS, made
from tests.models.test_integers import in_integers

STREAMS: dict[str, Any] = {
    "lstm": lambda: made(1, CLASSIFY, cell="lstm", layers=2),
    "mean": lambda: made(2, CLASSIFY, readout="mean", missing="forward"),
    "stem": lambda: made(3, CAUSAL, readout="mean"),
    "pooled stem": lambda: made(4, POOLED),
    "path": lambda: made(5, LINEAR, cell="lstm"),
    "fastgrnn": lambda: made(6, STEPS, cell="fastgrnn", missing="mask"),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_has_the_answers_and_the_state_of_the_program(name: str, tmp_path: Path) -> None:
    model = in_integers(STREAMS[name]())
    program, steps = program_of(model), model.row_shape[0]
    X = np.random.default_rng(0).normal(2, 2, (3, steps, program.n_features))
    expected, after = program.advance(X, program.state(3))
    stream = Stream(model, 3)
    first = stream.feed(X[:, :2])
    stream.save(tmp_path / "s.safetensors")
    stream = saved_stream(model, tmp_path / "s.safetensors")
    rest = np.stack([stream.step(x) for x in X[:, 2:].swapaxes(0, 1)], axis=1)
    kind = "probabilities" if model.net.kind.has_classes else "y"
    assert np.array_equal(np.concatenate([first, rest], axis=1), expected[kind])
    assert all(np.array_equal(stream.state[n], a, equal_nan=True) for n, a in after.items())
    assert stream.state["h"].dtype == np.int64


def test_a_state_that_is_no_integer_or_too_large_is_refused() -> None:
    model = in_integers(STREAMS["lstm"]())
    state = dict(Stream(model).state)
    for wrong in (0.5, 32768):
        with pytest.raises(DataError, match="state: h"):
            Stream(model, state={**state, "h": np.full_like(state["h"], wrong, np.float64)})
    mean = in_integers(STREAMS["mean"]())
    state = dict(Stream(mean).state) | {"count": np.array([2])}
    with pytest.raises(DataError, match="sum: too large"):
        Stream(mean, state={**state, "sum": np.full_like(state["sum"], 70_000)})


def test_what_would_answer_in_floats_is_refused(tmp_path: Path) -> None:
    model = in_integers(STREAMS["lstm"]())
    with pytest.raises(DataError, match="no torch module"):
        module_of(model)
    x = np.random.default_rng(2).normal(size=model.row_shape)
    assert Explainer(model).why(x, 0).kind == OF_FLOATS
    for target in ("onnx", "nam", "rtneural"):
        with pytest.raises(OptionError, match=r"compute in integers|one signal"):
            export_model(model, target, tmp_path / "m")
    for make in (make_predictor, lambda each, device: Stream(each, 1, device)):
        with pytest.raises(OptionError, match="--device cuda: integers are computed on the CPU"):
            make(model, "cuda")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_predictions_and_hidden_states_are_those_of_the_program(bidirectional: bool) -> None:
    model = in_integers(made(8, CLASSIFY, cell="lstm", readout="mean", bidirectional=bidirectional))
    x = np.random.default_rng(1).normal(size=(5, *model.row_shape))
    lengths = np.array([6, 1, 4, 6, 2])
    for n, row in zip(lengths, x, strict=True):
        row[n:] = np.nan
    program, predictor = program_of(model), make_predictor(model)
    assert np.array_equal(predictor.predict(x, lengths), program.outputs(x, lengths))
    states = make_predictor(hidden_state_model(model)).predict(x, lengths)
    net, h = program.nets[0], program.nets[0][1]
    assert isinstance(h, IntegerRecurrent)
    whole = run_layers(net[:2], x, lengths)[0]
    assert np.array_equal(np.ldexp(states, h.formats["h"].bits), whole)


def test_a_state_is_carried_as_the_numbers_that_integers_stand_for() -> None:
    model = in_integers(made(9, STEPS, cell="lstm", layers=2, missing="error"))
    x = np.random.default_rng(2).normal(size=(3, 8, model.row_shape[1]))
    predictor = make_predictor(model)
    first, state = predictor.forward(x[:, :5], {})
    rest, after = predictor.forward(x[:, 5:], state)
    assert np.array_equal(np.concatenate([first, rest], axis=1), predictor.predict(x))
    x[1, 6] = np.nan
    gone, last = predictor.forward(x[:, 5:], state)
    assert np.array_equal(np.isnan(gone).all(axis=2), [[0, 0, 0], [0, 1, 1], [0, 0, 0]])
    assert np.array_equal(np.isnan(last["c"]).any(axis=(0, 2)), [0, 1, 0])
    assert np.isnan(predictor.forward(x[:, :2], last)[0][1]).all()
    assert np.array_equal(after["h"][:, 0], last["h"][:, 0])
