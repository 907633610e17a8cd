"""What reads an integer model answers as its program in integers, or refuses it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import DataError, OptionError
from hiddenstate.export import export_model
from hiddenstate.inference.stream import Stream, saved_stream
from hiddenstate.inference.why import Explainer
from hiddenstate.models.meaning import program_of
from hiddenstate.models.torch_modules import module_of
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
    with pytest.raises(OptionError, match="no gradients"):
        Explainer(model)
    for target in ("onnx", "nam", "rtneural"):
        with pytest.raises(OptionError, match=r"compute in integers|one signal"):
            export_model(model, target, tmp_path / "m")
