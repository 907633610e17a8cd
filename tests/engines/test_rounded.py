"""Training that ends with rounded numbers, and answers in integers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.integers import calibrated_on
from hiddenstate.engines.native import NativePredictor
from hiddenstate.errors import OptionError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import params_on_grid, program_of_nets
from hiddenstate.models.layers import decoder_of, nets_of
from hiddenstate.models.net import Net
from hiddenstate.program.calibrating import BOUNDED, Calibration, calibrated
from hiddenstate.program.integers import IntegerRecurrent
from hiddenstate.program.layers import run_layers, state_of
from hiddenstate.program.quantising import in_integers
from tests.conftest import needs_kernels
from tests.engines.tasks import NETS as JOBS
from tests.engines.tasks import any_net, assert_same_state, net_of, never, small_task

pytestmark = needs_kernels
NETS = {
    "lstm, 16 bits": (net_of("classify last", "lstm"), 16),
    "gru, 8 bits": (net_of("regress steps", "gru", 2, True), 8),
    "fastgrnn": (net_of("classify mean", "fastgrnn"), 8),
    "autoencoder": (any_net("autoencode"), 16),
}


def ranked(cell: str, name: str = "regress steps", bidirectional: bool = False, **stem: Any) -> Net:
    job, output, readout = JOBS[name]
    config = RecurrentConfig(
        cell, "tanh", 9, 2 - bool(stem), bidirectional, readout=readout, rank=2, **stem
    )
    return Net(job, config, 6, 4, output)


ROUNDED = {
    "lstm": net_of("regress steps", "lstm", 2),
    "gru": net_of("regress steps", "gru", 2, True),
    "rnn": net_of("regress steps", "rnn"),
    "rnn, relu": Net(
        "regress", RecurrentConfig("rnn", "relu", 5, 2, False, readout="last"), 3, 4, "steps"
    ),
    "fastgrnn of rank 2": ranked("fastgrnn"),
    "rnn of rank 2, both directions": ranked("rnn", bidirectional=True),
    "mean": net_of("regress mean", "gru"),
    "autoencoder": any_net("autoencode"),
    "stem": ranked(
        *("fastgrnn", "regress mean"),
        stem=True,
        stem_channels=(5, 4),
        stem_kernels=(3, 2),
        stem_pool=2,
    ),
}
"""Nets with every kind of vector that is rounded."""


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
    assert state.calibration == (whole.calibration if stopped > 4 else None)


@pytest.mark.parametrize("kind", ["lstm", "gru", "fastgrnn of rank 2", "mean"])
def test_long_rows_in_segments_give_the_same_bits(kind: str) -> None:
    net = ROUNDED[kind]
    task = small_task(net, "float32", n=8, T=197, grid_from=0, state_bits=8)
    states = []
    for most_bytes in (1 << 28, 1):
        engine: Any = make_engine(task, TrainingState(net.initial(0, "float32")))
        engine._engine._learner.most_bytes = most_bytes
        engine.run(0, 3, never)
        states.append(engine.export())
    assert_same_state(*states)


def test_the_members_of_a_net_have_bits_of_their_own() -> None:
    config = RecurrentConfig("fastgrnn", hidden_size=5, members=2)
    net = Net("classify", config, 3, 4)
    task = replace(small_task(net, "float32"), grid_from=2)
    engine = trained(task, TrainingState(net.initial(0, "float32")), 4)
    alone = engine.calibration
    assert len(alone.nets) == 2
    outputs = engine.predict(task.X)
    model = FittedModel(net, engine.export().params, ["a", "b", "c", "d"], task.X.shape[1:])
    engine.settle(model.in_integers(alone))
    assert np.abs(outputs - engine.predict(task.X)).max() < 5e-3


def test_a_state_of_older_versions_which_has_no_bits_goes_on_with_bits_found_there() -> None:
    net = net_of("classify last", "lstm")
    task = replace(small_task(net, "float32"), grid_from=4, state_bits=8)
    state = trained(task, TrainingState(net.initial(0, "float32")), 6).export()
    older = trained(task, replace(state, calibration=None), 7)
    assert older.export().calibration == calibrated_on(task, state.params)


def test_engines_that_cannot_round_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of("classify last", "lstm")
    task = replace(small_task(net, "float32"), grid_from=4)
    monkeypatch.setenv("HIDDENSTATE_LEVEL", "off")
    with pytest.raises(OptionError, match="--quantize: only the native engine"):
        make_engine(task, TrainingState(net.initial(0, "float32")))


def twin_of(net: Net, params: Any, calibration: Calibration, x: Any) -> Any:
    """Return what a net gives in torch with the roundings of one in integers."""
    from tests.engines.rounded_twin import run

    whole = in_integers(program_of_nets(net, params_on_grid(net, arrays(params))), calibration)
    own = dict(params)
    y = run(nets_of(net, own)[0], whole.nets[0][:-1], x)
    return run(decoder_of(net, own), whole.decoder[:-1], y) if whole.decoder else y


def arrays(params: Any) -> Any:
    return {name: np.asarray(value.detach()) for name, value in params.items()}


def finer(calibration: Calibration, net: Net) -> Calibration:
    """Return bits with which the largest numbers are cut, where a vector may have more."""
    whole = {"output"} if net.kind.has_series and net.cell.name in BOUNDED else set()

    def each(layer: Any) -> Any:
        return {n: min(15, b + (2 if n == "c" else n not in whole)) for n, b in layer.items()}

    nets = tuple(tuple(map(each, net)) for net in calibration.nets)
    decoder = tuple(map(each, calibration.decoder))
    code = None if calibration.code is None else calibration.code + 1
    return replace(calibration, nets=nets, code=code, decoder=decoder)


@pytest.mark.parametrize("kind", ROUNDED)
def test_gradients_are_those_of_a_twin_that_rounds_the_same(kind: str) -> None:
    torch = pytest.importorskip("torch")
    net = ROUNDED[kind]
    task = small_task(net, "float64", n=8, T=5, grid_from=4, state_bits=8)
    training = replace(task.training, optimizer="sgd", lr=1.0, momentum=0.0, clip=0.0)
    task = replace(task, training=training)
    params = {n: 3.0 * a for n, a in net.initial(0, "float64").items()}
    bits = finer(calibrated_on(task, params), net)
    engine = make_engine(task, TrainingState(params, 5, calibration=bits))
    chunk = engine.run(5, 6, never)
    after = engine.export().params

    leaves = {n: torch.tensor(a) for n, a in params.items()}
    grid = params_on_grid(net, params)
    for name, tensor in leaves.items():
        tensor.data = torch.tensor(grid[name] if tensor.ndim > 1 else params[name])
        tensor.requires_grad_()
    x = torch.tensor(task.X)
    y = twin_of(net, leaves, bits, x)
    target = x if net.kind.has_codes else torch.tensor(task.y)
    loss = ((y - target) ** 2).mean()
    loss.backward()
    assert chunk.losses[0] == pytest.approx(loss.item(), rel=1e-12)
    for name, tensor in leaves.items():
        if tensor.grad is not None:
            np.testing.assert_allclose(
                params[name] - after[name], tensor.grad, rtol=1e-9, atol=1e-12, err_msg=name
            )


ALONE = {
    "lstm": net_of("regress steps", "lstm"),
    "gru": net_of("regress steps", "gru"),
    "rnn, relu": Net(
        "regress", RecurrentConfig("rnn", "relu", 5, 1, False, readout="last"), 3, 4, "steps"
    ),
    "fastgrnn of rank 2": Net(
        "regress", replace(ranked("fastgrnn").recurrent, layers=1), 6, 4, "steps"
    ),
}


@pytest.mark.parametrize("kind", ALONE)
@pytest.mark.parametrize("bits", [16, 8])
def test_a_step_is_that_in_integers_within_one_step_of_each_vector(kind: str, bits: int) -> None:
    """And within what sums, rounded one by one, and tables make; see docs/integers.md."""
    net = ALONE[kind]
    task = small_task(net, "float32", n=40, T=12, grid_from=4, state_bits=bits)
    params = net.initial(0, "float32")
    found = calibrated_on(task, params)
    engine: Any = make_engine(task, TrainingState(params, 5, calibration=found))
    whole = in_integers(program_of_nets(net, params_on_grid(net, params)), found).nets[0]
    formats = next(layer for layer in whole if isinstance(layer, IntegerRecurrent)).formats
    steps = {name: 2.0**-format.bits for name, format in formats.items()}
    state = state_of(whole, 40)
    for t in range(12):
        x = task.X[:, t : t + 1]
        before = {name: (array * steps[name]).astype("f4") for name, array in state.items()}
        y, after = engine._engine._net.forward(x, before)
        answer, _, state = run_layers(whole, x.astype("f8"), None, state)
        for name, step in steps.items():
            off = np.abs(after[name] - state[name] * step)
            assert off.max() < 1.01 * step + 5e-4
            assert (off > 0.1 * step + 5e-4).mean() < 0.15  # at the border of two steps
        assert np.abs(y - answer).max() < 2 * steps["h"] + 1e-3
