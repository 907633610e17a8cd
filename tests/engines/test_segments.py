"""Long series pass through the kernels in segments of time, with the numbers of whole ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import RecurrentConfig
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.kernels import VARIABLE, levels
from hiddenstate.models.net import Net
from hiddenstate.program.cells import CHOICES
from tests.conftest import needs_kernels
from tests.engines.tasks import assert_same_state, never, small_task, with_engine

OUTPUTS = {
    "steps": ("regress", "steps", "last"),
    "mean": ("classify", "last", "mean"),
    "last": ("classify", "last", "last"),
}


def net_of(cell, output, bidirectional=False, layers=2, **more):
    job, outputs, readout = OUTPUTS[output]
    config = RecurrentConfig(cell, "tanh", 5, layers, bidirectional, readout=readout, dropout=0.3)
    return Net(job, replace(config, **more), 3, 4, outputs)


def same_in_segments(net):
    task = small_task(net, "float32", n=21, T=200, lengths=True, weights=True)
    counts_from = np.arange(0, 210, 10, dtype=np.int32) if net.output == "steps" else None
    task = replace(with_engine(task, "native"), counts_from=counts_from)
    begin = TrainingState(net.initial(0, "float32"))
    whole, end, answers = trained(task, begin, 3, 2**40)
    for threads in (1, 2):
        chunk, other, same = trained(task, begin, 3, 0, threads)
        np.testing.assert_array_equal(chunk.losses, whole.losses)
        assert_same_state(other, end)
        np.testing.assert_array_equal(same, answers)


def trained(task, state, n_steps, most_bytes, threads=1):
    own = replace(task, training=replace(task.training, threads=threads))
    engine: Any = make_engine(own, state)
    engine._learner.most_bytes = most_bytes
    chunk = engine.run(state.step, n_steps, never)
    return chunk, engine.export(), engine.predict(task.X, task.lengths)


@needs_kernels
@pytest.mark.parametrize(
    ("output", "bidirectional"), [("steps", True), ("mean", False), ("last", True)]
)
@pytest.mark.parametrize("cell", CHOICES)
def test_segments_have_the_numbers_of_whole_series(cell, bidirectional, output, monkeypatch):
    monkeypatch.setenv(VARIABLE, levels()[len(cell) % len(levels())])
    same_in_segments(net_of(cell, output, bidirectional))


@needs_kernels
@pytest.mark.parametrize("channels", [(6,), (6, 5)])
@pytest.mark.parametrize("output", OUTPUTS)
def test_the_first_layer_of_a_stem_has_the_numbers_of_whole_series(output, channels):
    pool = 1 if output == "steps" else 7
    shape = {"stem": True, "stem_channels": channels, "stem_kernels": (4,) * len(channels)}
    same_in_segments(net_of("gru", output, stem_pool=pool, **shape))


@needs_kernels
def test_a_run_goes_on_in_segments_from_its_state():
    net = net_of("lstm", "steps", layers=1)
    task = with_engine(small_task(net, "float32", n=16, T=300, stateful=True), "native")
    begin = TrainingState(net.initial(0, "float32"))
    whole, end, _ = trained(task, begin, 4, 2**40)
    _, middle, _ = trained(task, begin, 2, 2**40)
    chunk, other, _ = trained(task, middle, 4, 0)
    np.testing.assert_array_equal(chunk.losses, whole.losses[2:])
    np.testing.assert_array_equal(chunk.outputs, whole.outputs[16:])
    assert_same_state(other, end)
