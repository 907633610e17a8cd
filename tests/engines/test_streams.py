"""Streams of a batch carry a state each, as if every stream was read alone."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.config import RecurrentConfig
from hiddenstate.data.prepare.batches import Batches, Streams, generator
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.models.net import Net
from tests.conftest import ENGINES, needs_kernels
from tests.engines.tasks import assert_same_state, never, with_engine
from tests.engines.test_native import assert_agree, task_of

STREAMS = Streams((0, 6, 10, 17), (6, 4, 7, 3), 3)
"""Of 20 rows, in rounds of 3 and 1; the last row of stream 2 is alone in its batch."""

WASHED = 2


def streams_task(cell="gru", output="steps", dtype="float64", **training):
    net = Net("regress", RecurrentConfig(cell, "tanh", 6, 2), 2, 1, output)
    task = task_of(net, 20, dtype=dtype, stateful=True, **training)
    counts_from = np.zeros(20, np.int32)
    counts_from[list(STREAMS.first)] = WASHED
    steps = counts_from if output == "steps" else None
    return replace(task, batches=Batches(20, 1, streams=STREAMS), counts_from=steps)


@needs_kernels
@pytest.mark.parametrize("output", ["steps", "last"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "fastgrnn", "lru"])
def test_streams_are_as_torchs(cell, output):
    assert_agree(streams_task(cell, output), 24)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_learns_the_counted_steps_of_each_stream_from_its_own_state(engine):
    """The steps of an epoch, by torch's own layers with a state for each stream."""
    torch = pytest.importorskip("torch")
    task = with_engine(streams_task("lstm", optimizer="sgd", lr=0.05), engine)
    params = task.net.initial(3, "float64")
    made = make_engine(task, TrainingState(params))
    rnn = torch.nn.LSTM(2, 6, 2, batch_first=True, dtype=torch.float64)
    out = torch.nn.Linear(6, 1, dtype=torch.float64)
    for name, value in [*rnn.named_parameters(prefix="rnn"), *out.named_parameters(prefix="out")]:
        value.data = torch.tensor(params[name])
    sgd = torch.optim.SGD([*rnn.parameters(), *out.parameters()], lr=0.05)
    X, y = torch.tensor(task.X), torch.tensor(task.y)
    losses = []
    for round_of in ([2, 0, 1], [3]):  # the longest first
        state = dict.fromkeys(round_of)
        for j in range(max(STREAMS.length[k] for k in round_of)):
            errors = []
            for k in round_of:
                if j >= STREAMS.length[k]:
                    continue
                row = STREAMS.first[k] + j
                h, after = rnn(X[row : row + 1], state[k])
                state[k] = tuple(part.detach() for part in after)
                errors.append((out(h)[0] - y[row])[WASHED if j == 0 else 0 :].square())
            loss = torch.cat(errors).mean()
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
    np.testing.assert_allclose(made.run(0, len(losses), never).losses, losses, rtol=1e-10)
    assert len(losses) == task.batches.steps_per_epoch
    assert len(made.run(len(losses), len(losses) + 1, never).outputs) == 3
    assert made.export().carried["h"].shape == (2, 3, 6)


@pytest.mark.parametrize("engine", ENGINES)
def test_training_goes_on_from_the_state_of_any_step(engine):
    task = with_engine(streams_task("gru", dtype="float32"), engine)
    whole = make_engine(task, TrainingState(task.net.initial(0, "float32")))
    losses, states = [], [whole.export()]
    for step in range(23):
        losses.extend(whole.run(step, step + 1, never).losses)
        states.append(whole.export())
        rows = states[-1].carried["h"].shape[1]
        assert rows == task.batches.state_rows(step + 1)
    for step in range(0, 23, 3):
        half = make_engine(task, states[step])
        np.testing.assert_array_equal(half.run(step, 23, never).losses, losses[step:])
        assert_same_state(half.export(), states[-1])


def test_streams_of_any_lengths_visit_each_row_once_and_in_order():
    random = generator(0, "lengths")
    for at_once in (1, 2, 5, 9):
        length = tuple(random.integers(1, 6, 7).tolist())
        first = tuple(np.cumsum([0, *length[:-1]]).tolist())
        batches = Batches(sum(length), 1, streams=Streams(first, length, at_once))
        n = batches.steps_per_epoch
        rows, sizes, resets = batches.span(0, 2 * n)
        assert sorted(rows[: sum(length)]) == list(range(sum(length)))
        assert not resets[0]
        assert resets.sum() == 2 * -(-7 // at_once) - 1
        assert sizes.max() == min(at_once, 7)
        last = {}
        for step in range(n):
            own = batches.rows(step)
            np.testing.assert_array_equal(own, rows[sizes[:step].sum() :][: sizes[step]])
            if step == 0 or resets[step]:
                last = {}
                assert set(own) <= set(first)
            else:  # a place of the batch has one stream, and loses it only at its end
                assert all(row == last[place] + 1 for place, row in enumerate(own))
            last = dict(enumerate(own))
