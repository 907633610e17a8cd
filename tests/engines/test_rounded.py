"""Training that ends with rounded numbers, and answers in integers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.native import NativePredictor
from hiddenstate.errors import OptionError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import params_on_grid, program_of_nets
from hiddenstate.program.quantising import calibrated
from tests.conftest import needs_kernels
from tests.engines.tasks import any_net, assert_same_state, net_of, never, small_task

pytestmark = needs_kernels
NETS = {
    "lstm, 16 bits": (net_of("classify last", "lstm"), 16),
    "gru, 8 bits": (net_of("regress steps", "gru", 2, True), 8),
    "fastgrnn": (net_of("classify mean", "fastgrnn"), 8),
    "autoencoder": (any_net("autoencode"), 16),
}


def trained(task: Any, state: TrainingState, last: int) -> Any:
    engine = make_engine(task, state)
    while state.step < last:
        engine.run(state.step, last, never)
        state = engine.export()
    return engine


@pytest.mark.parametrize("kind", NETS)
def test_updates_change_floats_and_outputs_are_those_of_rounded_weights(kind: str) -> None:
    net, bits = NETS[kind]
    task = replace(small_task(net, "float32"), grid_from=4, state_bits=bits)
    engine = trained(task, TrainingState(net.initial(0, "float32")), 9)
    floats = engine.export().params
    rounded = params_on_grid(net, floats)
    assert any((rounded[name] != floats[name]).any() for name in floats)
    model = FittedModel(net, rounded, ["a", "b", "c", "d"], task.X.shape[1:])
    outputs = engine.predict(task.X)
    expected, before = (
        NativePredictor(replace(model, params=params), 1).predict(task.X)
        for params in (rounded, floats)
    )
    near = np.abs(outputs - expected).max()
    assert near < (2e-4 if bits == 16 else 0.03)
    assert near > 0 or bits == 16
    if bits == 16:
        assert near < 0.2 * np.abs(outputs - before).max()


@pytest.mark.parametrize("kind", NETS)
def test_it_answers_as_the_model_in_integers_once_it_has_settled(kind: str) -> None:
    net, bits = NETS[kind]
    task = replace(small_task(net, "float32"), grid_from=2, state_bits=bits)
    engine = trained(task, TrainingState(net.initial(0, "float32")), 4)
    params = params_on_grid(net, engine.export().params)
    program = program_of_nets(net, params)
    model = FittedModel(net, params, ["a", "b", "c", "d"], task.X.shape[1:])
    model = model.in_integers(calibrated(program, task.X, None, bits))
    near = engine.predict(task.X)
    engine.settle(model)
    outputs = engine.predict(task.X)
    assert np.abs(outputs - near).max() < (5e-3 if bits == 16 else 0.2)
    assert np.array_equal(outputs * 2.0**16, np.rint(outputs * 2.0**16))
    assert all(np.array_equal(a, params[n]) for n, a in engine.export().params.items())


@pytest.mark.parametrize("stopped", [3, 4, 6])
def test_a_state_goes_on_to_the_bit_before_at_and_after_rounding(stopped: int) -> None:
    net = net_of("classify last", "lstm")
    task = replace(small_task(net, "float32"), grid_from=4, state_bits=8)
    begin = TrainingState(net.initial(0, "float32"))
    whole = trained(task, begin, 9)
    state = trained(task, begin, stopped).export()
    assert_same_state(trained(task, state, 9).export(), whole.export())


def test_engines_that_cannot_round_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of("classify last", "lstm")
    task = replace(small_task(net, "float32"), grid_from=4)
    monkeypatch.setenv("HIDDENSTATE_LEVEL", "off")
    with pytest.raises(OptionError, match="--quantize: only the native engine"):
        make_engine(task, TrainingState(net.initial(0, "float32")))
