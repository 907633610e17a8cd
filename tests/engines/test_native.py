"""The native engine: the steps of the torch engine, at every instruction level and thread count."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate import kernels
from hiddenstate.config import AutoencoderConfig, RecurrentConfig, TrainingConfig, make_config
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_waves
from hiddenstate.engines import Task, TrainingState, make_engine, make_predictor
from hiddenstate.errors import DataError
from hiddenstate.jobs import make_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.program.cells import CHOICES
from tests.conftest import needs_kernels
from tests.engines.tasks import assert_same_state

pytestmark = needs_kernels

LEVELS = kernels.levels()


def never():
    return False


def numbers(purpose, *shape, dtype="float64"):
    return generator(0, purpose).normal(0, 1, shape).astype(dtype)


def with_mean_readout(net):
    assert isinstance(net.config, RecurrentConfig)
    return replace(net, config=replace(net.config, readout="mean"))


def task_of(
    net, n_rows=37, T=5, batch_size=20, dtype="float64", lengths=False, weights=False, **training
):
    """A small task of any kind: 37 rows make a full and a short batch, and a short shard."""
    stateful = training.pop("stateful", False)
    config = TrainingConfig(dtype=dtype, batch_size=batch_size, threads=1, **training)
    if isinstance(net.config, AutoencoderConfig):
        X, y = numbers("x", n_rows, net.n_features, dtype=dtype) / 4 + 0.5, None
    else:
        X = numbers("x", n_rows, T, net.n_features, dtype=dtype)
        if net.job == "classify":
            y = generator(0, "y").integers(0, net.n_outputs, n_rows)
        elif net.output == "steps":
            y = numbers("y", n_rows, T, net.n_outputs, dtype=dtype)
        else:
            y = numbers("y", n_rows, net.n_outputs, dtype=dtype)
    steps = generator(0, "lengths").integers(1, T + 1, n_rows) if lengths else None
    counts = generator(0, "weights").uniform(0, 2, n_rows) if weights else None
    if weights:
        counts[::5] = 0
    batches = Batches(n_rows, batch_size)
    return Task(net, config, X, y, batches, 10, stateful, steps, counts)


def both(task, n=4):
    """Losses, outputs and state of the two engines after `n` steps from the same weights."""
    start = TrainingState(task.net.initial(3, task.training.dtype))
    results = []
    for name in ("torch", "native"):
        own = replace(task, training=replace(task.training, engine=name))
        engine = make_engine(own, start)
        chunk = engine.run(0, n, never)
        results.append((chunk, engine.export(), engine))
    return results


def assert_agree(task, n=4, tolerance=1e-10):
    (chunk, state, engine), (own, own_state, own_engine) = both(task, n)
    np.testing.assert_allclose(own.losses, chunk.losses, rtol=tolerance)
    if chunk.outputs is not None:
        np.testing.assert_allclose(own.outputs, chunk.outputs, rtol=0, atol=tolerance * 10)
    for one, two in (
        (own_state.params, state.params),
        (own_state.moments, state.moments),
        (own_state.carried, state.carried),
    ):
        assert one.keys() == two.keys()
        for name in one:
            assert one[name].shape == two[name].shape
            assert one[name].dtype == two[name].dtype
            np.testing.assert_allclose(one[name], two[name], rtol=0, atol=tolerance * 10)
    answers = own_engine.predict(task.X, task.lengths), engine.predict(task.X, task.lengths)
    np.testing.assert_allclose(*answers, rtol=0, atol=tolerance * 10)


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "sgd"},
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
        {"optimizer": "adam", "weight_decay": 0.1, "eps": 0.01, "hold": 4},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"clip": 0.05},
        {"clip": 0.05, "hold": 5, "lr_schedule": "inverse"},
        {"lr_schedule": "cosine", "hold": 2},
        {"shuffle": False},
    ],
    ids=lambda training: ",".join(f"{k}={v}" for k, v in training.items()),
)
def test_every_update_rule_equals_torchs(training):
    net = Net("classify", RecurrentConfig("gru", "tanh", 9), 3, 4)
    assert_agree(task_of(net, **training), 10, tolerance=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_weights_of_an_lru_decay_as_torchs(optimizer):
    net = Net("classify", RecurrentConfig("lru", "tanh", 5, 2), 3, 4)
    assert_agree(task_of(net, optimizer=optimizer, weight_decay=0.1), 10, tolerance=1e-9)


@pytest.mark.parametrize("cell", CHOICES)
@pytest.mark.parametrize("output", ["steps", "last"])
def test_carried_state_equals_torchs(cell, output):
    net = Net("regress", RecurrentConfig(cell, "tanh", 6, 2, False), 2, 1, output)
    assert_agree(task_of(net, n_rows=12, batch_size=3, stateful=True, shuffle=False))
    net = with_mean_readout(net)
    task = task_of(net, n_rows=12, batch_size=3, stateful=True, shuffle=False, weights=True)
    assert_agree(task)


@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("weights", [False, True])
def test_first_steps_that_do_not_count_are_as_torchs(lengths, weights):
    """Some rows end before a step of theirs counts, and all of the last batch do."""
    net = Net("regress", RecurrentConfig("gru", "tanh", 7, 2), 3, 2, "steps")
    task = task_of(net, lengths=lengths, weights=weights)
    task = replace(task, batches=replace(task.batches, shuffle=False))
    counts_from = generator(0, "from").integers(0, 6, 37)
    counts_from[20:] = 5
    task = replace(task, counts_from=counts_from.astype(np.int32))
    assert_agree(task)
    chunk, state, _ = both(task)[1]
    assert (chunk.losses[[0, 2]] > 0).all()
    assert not chunk.losses[[1, 3]].any()
    before = np.arange(task.X.shape[1]) < counts_from[:, None]
    other = replace(task, y=np.where(before[..., None], np.nan, task.y))
    assert_same_state(both(other)[1][1], state)


LOW_RANK = RecurrentConfig("fastgrnn", "tanh", 21, 2, rank=3)
"""Of two input columns: the first W stays whole, as its factors would be more numbers."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("config", "training", "factors"),
    [
        ({}, {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1, "weights": True}, 6),
        ({"bidirectional": True}, {"optimizer": "adamw", "clip": 0.05, "lengths": True}, 12),
        (
            {"stem": True, "stem_channels": (6,), "stem_kernels": (3,)},
            {"weight_decay": 0.1, "clip": 0.05},
            8,
        ),
    ],
    ids=["one direction", "both", "stem"],
)
def test_factors_of_weights_train_as_torchs(config, training, factors, level, monkeypatch):
    monkeypatch.setenv(kernels.VARIABLE, level)
    net = Net("classify", replace(LOW_RANK, **config), 2, 4)
    assert sum("_in_l" in name or "_out_l" in name for name in net.shapes()) == factors
    assert_agree(task_of(net, **training))


@pytest.mark.parametrize("level", LEVELS)
def test_factors_of_weights_train_to_the_same_bits_when_resumed(level, monkeypatch):
    monkeypatch.setenv(kernels.VARIABLE, level)
    net = Net("regress", LOW_RANK, 2, 1, "steps")
    task = task_of(net, n_rows=12, batch_size=3, stateful=True, shuffle=False, clip=0.1)
    task = replace(task, training=replace(task.training, engine="native"))
    whole = make_engine(task, TrainingState(net.initial(0, "float64")))
    losses = whole.run(0, 7, never).losses
    half = make_engine(task, TrainingState(net.initial(0, "float64")))
    half.run(0, 3, never)
    more = replace(task, training=replace(task.training, threads=3))
    rest = make_engine(more, half.export())
    np.testing.assert_array_equal(rest.predict(task.X), half.predict(task.X))
    np.testing.assert_array_equal(rest.run(3, 7, never).losses, losses[3:])
    assert_same_state(rest.export(), whole.export())


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("job", "dtype"), [("classify", "float32"), ("mean", "float64"), ("autoencode", "float32")]
)
def test_weights_are_bit_identical_at_any_thread_count(level, job, dtype, monkeypatch):
    monkeypatch.setenv(kernels.VARIABLE, level)
    if job != "autoencode":
        readout = "mean" if job == "mean" else "last"
        config = RecurrentConfig("lstm", "tanh", 70, 2, True, readout=readout)
        net = Net("classify", config, 9, 4)
    else:
        net = Net("autoencode", AutoencoderConfig((150, 30), 3, "tanh", "sigmoid"), 300, 300)
    options = {"clip": 1.0, "engine": "native", "weights": job == "mean"}
    task = task_of(net, n_rows=150, T=3, batch_size=70, dtype=dtype, **options)
    start = TrainingState(net.initial(0, dtype))
    results = []
    for threads in (1, 2, 5):
        engine = make_engine(replace(task, training=replace(task.training, threads=threads)), start)
        assert engine.about()["level"] == level
        losses = engine.run(0, 3, never).losses  # the last batch is short
        results.append([losses, engine.predict(task.X), *engine.export().params.values()])
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("output", ["last", "steps"])
def test_steps_after_the_end_of_all_rows_change_nothing(output):
    net = Net("regress", RecurrentConfig("gru", "tanh", 8, bidirectional=True), 3, 2, output)
    task = task_of(net, n_rows=50, T=9, batch_size=40)
    lengths = generator(0, "lengths").integers(1, 6, 50)
    y = task.y if output == "last" else task.y[:, :5]
    start, results = TrainingState(net.initial(0, "float64")), []
    for each in (
        replace(task, lengths=lengths),
        replace(task, X=task.X[:, :5], y=y, lengths=lengths),
    ):
        engine = make_engine(each, start)
        losses = engine.run(0, 3, never).losses
        outputs = engine.predict(each.X, lengths)
        if output == "steps":
            assert not outputs[:, 5:].any()
            outputs = outputs[:, :5]
        results.append([losses, outputs, *engine.export().params.values()])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_bytes_are_fractions_of_255():
    X = generator(0, "x").integers(0, 256, (40, 4, 6)).astype(np.uint8)
    task = task_of(Net("classify", RecurrentConfig("lstm", "tanh", 8), 6, 4), n_rows=40)
    assert_agree(replace(task, X=X))


def test_one_step_at_a_time_is_the_same_as_many():
    task = task_of(
        Net("classify", RecurrentConfig("gru", "tanh", 9), 3, 4),
        engine="native",
        lr_schedule="inverse",
        hold=3,
    )
    start = TrainingState(task.net.initial(0, "float64"))
    many, one = make_engine(task, start), make_engine(task, start)
    bare: Any = make_engine(task, start)
    losses = many.run(0, 12, never).losses
    np.testing.assert_array_equal([one.run(k, k + 1, never).losses[0] for k in range(12)], losses)
    rows = [task.batches.rows(k) for k in range(12)]
    stepped = [bare.step(task.X[r], np.ascontiguousarray(task.y[r])) for r in rows]
    np.testing.assert_array_equal(stepped, losses)
    for name, array in many.export().params.items():
        np.testing.assert_array_equal(array, one.export().params[name])
        np.testing.assert_array_equal(array, bare.export().params[name])


def test_a_loss_that_is_not_finite_ends_the_chunk_before_its_update():
    net = Net("regress", RecurrentConfig("rnn", "relu", 5), 3, 4)
    task = task_of(net, optimizer="sgd", lr=1e30, engine="native")
    engine = make_engine(task, TrainingState(net.initial(0, "float64")))
    chunk = engine.run(0, 10, never)
    assert not np.isfinite(chunk.losses[-1])
    assert np.isfinite(chunk.losses[:-1]).all()
    assert engine.export().step == len(chunk.losses) - 1


def test_a_batch_of_another_size_than_the_carried_state_is_refused():
    net = Net("regress", RecurrentConfig("rnn", "tanh", 3), 1, 1, "steps")
    task = task_of(net, n_rows=8, batch_size=3, stateful=True, engine="native")
    engine = make_engine(task, TrainingState(net.initial(0, "float64")))
    with pytest.raises(DataError, match="carries 3 sequences, x has 2"):
        engine.run(0, 3, never)


def test_a_long_step_can_be_stopped_and_changes_nothing():
    """A single step takes many times the interval between two checks."""
    net = Net("classify", RecurrentConfig("lstm", "tanh", 256, 2), 64, 4)
    task = task_of(net, n_rows=256, T=600, batch_size=256, dtype="float32", engine="native")
    engine = make_engine(task, TrainingState(net.initial(0, "float32")))
    before = engine.export()
    checks = []

    def stop():
        checks.append(time.monotonic())
        return len(checks) == 2

    chunk = engine.run(0, 50, stop)
    assert len(checks) == 2
    assert len(chunk.losses) == 0
    after = engine.export()
    assert after.step == 0
    for name, array in before.params.items():
        np.testing.assert_array_equal(after.params[name], array)


def test_an_exception_in_the_stop_function_is_raised_to_the_caller():
    def stop():
        raise KeyboardInterrupt

    net = Net("classify", RecurrentConfig("lstm", "tanh", 128), 64, 4)
    task = task_of(net, n_rows=64, T=400, batch_size=64, dtype="float32", engine="native")
    engine = make_engine(task, TrainingState(net.initial(0, "float32")))
    with pytest.raises(KeyboardInterrupt):
        engine.run(0, 1000, stop)


def test_the_floating_point_state_of_the_caller_does_not_change():
    task = task_of(Net("classify", RecurrentConfig("lstm", "tanh", 8), 3, 4), engine="native")
    make_engine(task, TrainingState(task.net.initial(0, "float64"))).run(0, 3, never)
    assert np.float32(1e-38) * np.float32(0.01) != 0


def test_a_forked_child_and_several_python_threads_train_too():
    net = Net("classify", RecurrentConfig("lstm", "tanh", 64), 16, 4)
    task = task_of(net, n_rows=128, T=20, batch_size=128, dtype="float32", engine="native")
    task = replace(task, training=replace(task.training, threads=2))
    start = TrainingState(net.initial(0, "float32"))

    def train(_=None):
        return make_engine(task, start).run(0, 3, never).losses

    expected = train()  # its threads are running now
    with ThreadPoolExecutor(3) as pool:
        for losses in pool.map(train, range(3)):
            np.testing.assert_array_equal(losses, expected)
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            os._exit(0 if np.array_equal(train(), expected) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_several_python_threads_ask_one_net():
    net = Net("classify", RecurrentConfig("gru", "tanh", 24), 3, 4)
    X = np.random.default_rng(5).normal(size=(200, 9, 3)).astype("f4")
    predictor = make_predictor(FittedModel(net, net.initial(0, "float32"), [*"abcd"], (9, 3)))
    parts = [X[first:] for first in range(20)]
    expected = [*map(predictor.predict, parts)]
    with ThreadPoolExecutor(4) as pool:
        for answer, alone in zip(pool.map(predictor.predict, parts), expected, strict=True):
            np.testing.assert_array_equal(answer, alone)


def test_a_signal_is_handled_during_a_native_call(tmp_path):
    """The main thread runs compiled code; Python's handler must still run."""
    code = (
        "from hiddenstate.cli import main\n"
        "main('classify --epochs 1000 --view off --runs-dir RUNS --threads 1'.split())"
    ).replace("RUNS", str(tmp_path / "runs"))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if line.startswith("Epoch:"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_predictor_follows_the_state_of_consecutive_rows():
    net = Net("regress", RecurrentConfig("lstm", "tanh", 6, 2), 2, 1, "steps")
    params = net.initial(0, "float64")
    X = numbers("x", 7, 5, 2)
    predictor = make_predictor(FittedModel(net, params, row_shape=(5, 2)))
    whole, end = predictor.forward(X.reshape(1, 35, 2), {})
    parts, state = predictor.follow(X, {})
    np.testing.assert_allclose(parts.reshape(1, 35, 1), whole, atol=1e-12)
    for name in ("h", "c"):
        np.testing.assert_allclose(state[name], end[name], atol=1e-12)
    with pytest.raises(DataError, match="carries 1 sequences, x has 7"):
        predictor.forward(X, state)
    with pytest.raises(DataError, match="state: h: expected numbers, got <U"):
        predictor.forward(X[:1], {name: array.astype(str) for name, array in state.items()})


def test_a_gradient_too_large_to_clip_ends_training_before_its_update():
    net = Net("regress", RecurrentConfig("rnn", "relu", 5), 3, 4)
    task = task_of(net, dtype="float32", clip=1.0, engine="native")
    task = replace(task, X=task.X * np.float32(1e18), y=task.y * np.float32(1e18))
    engine = make_engine(task, TrainingState(net.initial(0, "float32")))
    chunk = engine.run(0, 10, never)
    assert engine.export().step == 0
    assert len(chunk.losses) == 1
    assert not np.isfinite(chunk.losses[0])
    assert engine.export().not_finite() is None


def test_the_unchecked_step_refuses_arrays_of_another_type_or_size():
    task = task_of(Net("classify", RecurrentConfig("gru", "tanh", 9), 3, 4), engine="native")
    engine: Any = make_engine(task, TrainingState(task.net.initial(0, "float64")))
    with pytest.raises(ValueError, match="y: expected int64"):
        engine.step(task.X[:4], task.y[:4].astype(np.int32))
    with pytest.raises(ValueError, match="y: expected int64"):
        engine.step(task.X[:4], task.y[:3])
    with pytest.raises(ValueError, match="x: expected rows of the shape"):
        engine.step(task.X[:4, :2].copy(), task.y[:4])


def test_default_threads_are_what_the_machine_allows(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert kernels.default_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    if hasattr(os, "sched_setaffinity"):
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            assert kernels.default_threads() == 1
        finally:
            os.sched_setaffinity(0, before)


def test_the_waves_are_learned_in_float32_at_every_level(monkeypatch):
    config = make_config("regress", {"windows": 300, "engine": "native"})
    job = make_job(config, prepare(load_waves(300, 10), config))
    for level in LEVELS:
        monkeypatch.setenv(kernels.VARIABLE, level)
        engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float32")))
        assert engine.run(0, 300, never).losses[-20:].mean() < 0.01
