"""Gradual pruning: its schedule, its weights, and states that go on to the bit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.engines.sparse import pruned, prunings, share_at
from hiddenstate.errors import OptionError
from hiddenstate.models.integers import on_grid
from hiddenstate.models.net import Net
from tests.conftest import needs_kernels
from tests.engines.tasks import any_net, assert_same_state, job_of, net_of, never, small_task
from tests.engines.test_rounded import trained

TOTAL = 20


def task_of(net: Net, **options: Any) -> Any:
    task = replace(small_task(net, "float32"), grid_from=18, total_steps=TOTAL)
    own = {"sparsity": 0.6, "clip": 0.1, **options}
    return replace(task, training=replace(task.training, **own))


def test_the_share_of_zeros_rises_as_equation_1_of_zhu_and_gupta() -> None:
    assert prunings(TOTAL).tolist() == list(range(5, 16))
    assert len(prunings(10**6)) == 101
    assert [share_at(t, 0.8, TOTAL) for t in (0, 5, 15, 19)] == pytest.approx([0, 0, 0.8, 0.8])
    assert share_at(10, 0.8, TOTAL) == pytest.approx(0.8 * (1 - 0.5**3))


def test_the_smallest_weights_are_pruned_and_the_first_of_equal_ones() -> None:
    gone = pruned({"w": np.array([[3.0, -1, 0], [1, 1, -2]]), "b": np.zeros(3)}, 0.5)
    assert {name: mask.tolist() for name, mask in gone.items()} == {
        "w": [[False, True, True], [True, False, False]]
    }


@needs_kernels
@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "momentum": 0.9}])
@pytest.mark.parametrize("net", [net_of("classify last", "fastgrnn"), any_net("autoencode")])
def test_pruned_weights_and_their_moments_are_0_to_the_end(net: Net, options: Any) -> None:
    task = task_of(net, **options)
    state = trained(task, TrainingState(net.initial(0, "float32")), 15).export()
    end = trained(task, state, TOTAL).export()
    for name, array in end.params.items():
        if array.ndim == 1:
            continue
        count = int(0.6 * array.size + 0.5)
        assert np.count_nonzero(array == 0) == count
        assert (on_grid(array)[0][array == 0] == 0).all()
        of_each = [m for n, m in end.moments.items() if n.partition("/")[2] == name]
        assert of_each
        assert all((moments[array == 0] == 0).all() for moments in of_each)
        assert any((moments[array != 0] != 0).any() for moments in of_each)


@needs_kernels
@pytest.mark.parametrize("stopped", [5, 9, 15, 17])
def test_a_sparse_state_goes_on_to_the_bit_on_any_number_of_threads(stopped: int) -> None:
    net = net_of("classify last", "lstm")
    net = replace(net, config=replace(net.config, members=2))
    task = task_of(net)
    begin = TrainingState(net.initial(0, "float32"))
    whole = trained(task, begin, TOTAL)
    task = replace(task, training=replace(task.training, threads=3))
    state = trained(task, begin, stopped).export()
    again = trained(task, state, TOTAL).export()
    assert_same_state(again, whole.export())
    assert all((a == 0).mean() > 0.5 for n, a in again.params.items() if a.ndim > 1)


@needs_kernels
def test_gradients_of_pruned_weights_do_not_count_as_part_of_the_norm() -> None:
    """One update of a net without its pruned weights, as far as the norm goes: the others move as
    if only their gradients were clipped."""
    net = net_of("classify last", "gru")
    params = {
        n: np.where(np.arange(a.size).reshape(a.shape) % 2, a, 0) if a.ndim > 1 else a
        for n, a in net.initial(0, "float32").items()
    }
    task = task_of(net, optimizer="sgd", clip=1e-3, lr=1.0, sparsity=0.01)
    state = TrainingState(params, 16, moments_since=16)
    engine = make_engine(task, state)
    engine.run(16, 17, never)
    after = engine.export().params
    moved = np.sqrt(sum(np.square(after[n] - a, dtype="f8").sum() for n, a in params.items()))
    assert moved == pytest.approx(1e-3, rel=1e-2)


def test_too_few_updates_are_refused() -> None:
    with pytest.raises(OptionError, match="--sparsity: 7 updates are too few to prune"):
        job_of("regress", "gru", 0, "float32", quantize="int8", sparsity=0.5, max_steps=7)
