"""Every engine takes the steps a plain torch loop takes: losses, gradients, updates, state."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hiddenstate import kernels
from hiddenstate.config import AutoencoderConfig, RecurrentConfig, TrainingConfig, make_config
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.batches import Batches, generator
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.store import RowStore
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.engines import Task, TrainingState, make_engine, make_predictor
from hiddenstate.jobs import make_job
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests import classic

STEPS = 100

# float32: a gradient sums up to 1,792 products (64 rows of 28 steps); an output has seven digits,
# so the square of a small error has fewer.
GRADIENT_RTOL, GRADIENT_ATOL, OUTPUT_ATOL = 1e-3, 1e-6, 3e-7

ENGINES = ["torch", "native"] if kernels.levels() else ["torch"]

CASES = [
    *(("classify", cell, seed) for cell in ("rnn", "gru", "lstm") for seed in (0, 1, 2)),
    *(("regress", cell, seed) for cell in ("rnn", "gru", "lstm") for seed in (0, 1, 2)),
    *(("autoencode", None, seed) for seed in (0, 1, 2)),
]


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def job_of(kind, cell, seed, dtype, digits, **options):
    """A job with the classic sizes, on 6,400 digits or on the waves."""
    if cell:
        options["cell"] = cell
    config = make_config(kind, {"seed": seed, "dtype": dtype, "threads": 1, **options})
    if kind == "regress":
        return make_job(config, prepare(load_waves(STEPS, 10, dtype), config))
    X, y = digits.X[:6400], digits.y[:6400]
    if kind == "autoencode":
        X = X.reshape(len(X), -1)
    return make_job(config, PreparedDataset("digits", Rows(X, y), classes=list(range(10))))


def reference(job, params, dtype):
    """The plain loop from `params` over the job's own batches."""
    kind, net = job.config.job, job.net
    if kind == "autoencode":
        module = classic.Coder()
    else:
        c = net.config
        module = classic.Recurrent(c.cell, net.n_features, c.hidden_size, net.n_outputs)
    module.to(getattr(torch, dtype))
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    lr, d = job.config.training.lr, job.dataset
    return classic.loop(kind, module, lr, job.batches, d.X, d.y, STEPS)


def never():
    return False


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("kind", "cell", "seed"), CASES)
def test_free_running_float64_losses_agree_for_100_steps(kind, cell, seed, engine, digits):
    job = job_of(kind, cell, seed, "float64", digits, engine=engine)
    params = job.net.initial(seed, "float64")
    engine = make_engine(job.task(), TrainingState(params))
    losses = engine.run(0, STEPS, never).losses
    expected = np.array([step.loss for step in reference(job, params, "float64")])
    sound = STEPS
    if kind == "classify":
        sound = steps_before_chaos(job, params, expected)
    np.testing.assert_allclose(losses[:sound], expected[:sound], rtol=1e-6)


def steps_before_chaos(job, params, expected):
    """Steps the reference itself can be trusted for: until one rounding has grown to 1e-8.

    Digits at the classic rate are chaotic: the reference, each weight changed by one rounding up
    or down, ends up to 1e-3 from itself after 100 steps with a plain RNN, 1e-6 with an LSTM
    (measured over six seeds). An engine that rounds otherwise strays alike.
    """
    sign = np.random.default_rng(0)
    nudged = {
        name: np.nextafter(array, sign.choice([-np.inf, np.inf], array.shape))
        for name, array in params.items()
    }
    twin = np.array([step.loss for step in reference(job, nudged, "float64")])
    strayed = np.flatnonzero(np.abs(twin / expected - 1) > 1e-8)
    sound = int(strayed[0]) if strayed.size else STEPS
    assert sound >= STEPS // 2
    return sound


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(("kind", "cell", "seed"), CASES)
def test_every_float32_step_agrees_from_the_references_own_state(kind, cell, seed, name, digits):
    job = job_of(kind, cell, seed, "float32", digits, engine=name)
    task, lr = job.task(), job.config.training.lr
    for number, step in enumerate(reference(job, job.net.initial(seed, "float32"), "float32")):
        state = TrainingState(step.params, number, step.moments, step.carried)
        engine = make_engine(task, state)
        loss = engine.run(number, number + 1, never).losses[0]
        off = 1e-5 * step.loss + 2 * OUTPUT_ATOL * step.loss**0.5
        assert loss == pytest.approx(step.loss, rel=0, abs=off)
        assert_update(step, engine.export(), number + 1, lr)


def assert_update(step, after, updates, lr, gradient_rtol=GRADIENT_RTOL, atol=GRADIENT_ATOL):
    """The gradient is the reference's, and what became of it is Adam's rule to the last digits.

    The rule is checked on the engine's own moments: where a gradient is mostly rounding, its
    sign, and so the update, may differ from the reference's by the whole rate.
    """
    for name, gradient in step.gradients.items():
        old = step.moments.get(f"exp_avg/{name}", 0.0)
        m, v = (after.moments[f"{kind}/{name}"].astype(float) for kind in ("exp_avg", "exp_avg_sq"))
        found = (m - 0.9 * old) / 0.1
        scale = max(np.abs(gradient).max(), np.abs(old).max())
        off = atol + 0.01 * gradient_rtol * scale
        np.testing.assert_allclose(found, gradient, rtol=gradient_rtol, atol=off)
        old = step.moments.get(f"exp_avg_sq/{name}", 0.0)
        np.testing.assert_allclose(v, 0.999 * old + 0.001 * found**2, rtol=1e-4, atol=1e-12)
        size = np.sqrt(v / (1 - 0.999**updates)) + 1e-8
        update = lr * m / (1 - 0.9**updates) / size
        np.testing.assert_allclose(
            after.params[name], step.params[name] - update, rtol=2e-7, atol=1e-5 * lr
        )


@pytest.mark.parametrize("engine", ENGINES)
def test_predictions_are_those_of_the_classic_modules(engine, digits):
    job = job_of("classify", "lstm", 0, "float64", digits, engine=engine)
    params = job.net.initial(0, "float64")
    engine = make_engine(job.task(), TrainingState(params))
    module = classic.Recurrent("lstm", 28, 64, 10).double()
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    x = torch.from_numpy(digits.X_test[:50]).double() / 255
    expected = module.out(module.rnn(x)[0][:, -1]).detach().numpy()
    np.testing.assert_allclose(engine.predict(digits.X_test[:50]), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_carried_state_reaches_the_next_window_detached(name, digits):
    job = job_of("regress", "rnn", 0, "float64", digits, engine=name)
    engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float64")))
    engine.run(0, 3, never)
    carried = engine.export().carried["h"]
    assert carried.shape == (1, 1, 32)
    assert np.abs(carried).max() > 0


@pytest.mark.parametrize("name", ENGINES)
def test_carried_state_is_reset_where_an_epoch_starts(name):
    options = {"epochs": 2, "lr": 1e-30, "dtype": "float64", "engine": name}
    config = make_config("regress", options)
    job = make_job(config, prepare(load_waves(5, 10, "float64"), config))
    engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float64")))
    first, second = engine.run(0, 5, never).outputs, engine.run(5, 10, never).outputs
    np.testing.assert_allclose(first, second, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_clipping_bounds_the_norm_of_the_whole_gradient(name, digits):
    clipped = job_of(
        "classify", "lstm", 0, "float64", digits, clip=1e-3, optimizer="sgd", lr=1.0, engine=name
    )
    params = clipped.net.initial(0, "float64")
    engine = make_engine(clipped.task(), TrainingState(params))
    engine.run(0, 1, never)
    after = engine.export().params
    squares = sum(float(((after[n] - params[n]) ** 2).sum()) for n in params)
    assert np.sqrt(squares) == pytest.approx(1e-3, rel=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_going_on_from_an_exported_state_changes_nothing(optimizer, engine, digits):
    options = {"optimizer": optimizer, "weight_decay": 1e-3, "engine": engine}
    if optimizer == "sgd":
        options["momentum"] = 0.9
    job = job_of("classify", "gru", 0, "float32", digits, **options)
    start = TrainingState(job.net.initial(0, "float32"))
    whole = make_engine(job.task(), start)
    whole.run(0, 12, never)
    half = make_engine(job.task(), start)
    half.run(0, 5, never)
    rest = make_engine(job.task(), half.export())
    rest.run(5, 12, never)
    one, two = whole.export(), rest.export()
    assert one.step == two.step == 12
    for arrays, others in ((one.params, two.params), (one.moments, two.moments)):
        assert arrays.keys() == others.keys()
        for name in arrays:
            np.testing.assert_array_equal(arrays[name], others[name])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_layerwise_stack_is_torchs_stack(cell, bidirectional):
    """With masks of ones the layer-by-layer way gives what torch gives in one call."""
    from hiddenstate.models.torch_modules import make_module

    config = RecurrentConfig(cell=cell, hidden_size=7, layers=3, bidirectional=bidirectional)
    net = Net("classify", config, 4, 5)
    module = make_module(net, net.initial(0, "float64"))
    x = torch.randn(6, 9, 4, dtype=torch.float64)
    width = 14 if bidirectional else 7
    ones = [torch.ones(6, 9, width, dtype=torch.float64)] * 2
    for lengths in (None, torch.tensor([2, 9, 1, 5, 9, 4])):
        plain, state = module(x, lengths=lengths)
        masked, state_masked = module(x, None, ones, lengths)
        torch.testing.assert_close(masked, plain, rtol=1e-12, atol=1e-12)
        for one, two in zip(state, state_masked, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


def test_dropout_depends_on_seed_and_step_alone(digits):
    job = job_of("classify", "rnn", 0, "float32", digits, layers=2, dropout=0.5)
    start = TrainingState(job.net.initial(0, "float32"))
    torch.manual_seed(1)
    one = make_engine(job.task(), start).run(0, 3, never).losses
    torch.manual_seed(2)
    two = make_engine(job.task(), start).run(0, 3, never).losses
    np.testing.assert_array_equal(one, two)
    without = job_of("classify", "rnn", 0, "float32", digits, layers=2)
    three = make_engine(without.task(), start).run(0, 3, never).losses
    assert not np.array_equal(one, three)


def test_dropout_goes_with_lengths_weights_and_means():
    """A row's padding, and how far it reaches, changes nothing."""
    config = RecurrentConfig("gru", "tanh", 5, 2, True, dropout=0.4, readout="mean")
    net = Net("regress", config, 3, 4)
    task = with_engine(small_task(net, lengths=True, weights=True), "torch")
    spoilt = task.X.copy()
    spoilt[np.arange(4) >= task.lengths[:, None]] = 7
    start = TrainingState(net.initial(0, "float64"))
    one, two = (make_engine(t, start) for t in (task, replace(task, X=spoilt)))
    losses = one.run(0, 6, never).losses
    np.testing.assert_array_equal(two.run(0, 6, never).losses, losses)
    assert np.isfinite(losses).all()
    whole = replace(net, config=replace(config, dropout=0.0))
    assert not np.array_equal(
        make_engine(replace(task, net=whole), start).run(0, 6, never).losses, losses
    )


def test_state_of_another_batch_size_is_refused():
    from hiddenstate.errors import DataError
    from hiddenstate.models.torch_modules import make_module

    net = Net("regress", RecurrentConfig(cell="rnn", hidden_size=3), 1, 1, "steps")
    module = make_module(net, net.initial(0, "float32"))
    _, state = module(torch.zeros(1, 4, 1))
    with pytest.raises(DataError, match="carries 1 sequences, x has 2"):
        module(torch.zeros(2, 4, 1), state)


@pytest.mark.parametrize("name", ENGINES)
def test_one_hundred_windows_are_exactly_the_classic_recipe(name):
    """Schedule, clipping and epsilon begin at window 100: before it nothing differs."""
    config = make_config("regress", {"engine": name})
    plain = {"lr_schedule": "constant", "eps": 1e-8, "clip": None, "engine": name}
    plain = make_config("regress", plain)
    losses = []
    for each in (config, plain):
        job = make_job(each, prepare(load_waves(100, 10), each))
        engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float32")))
        losses.append(engine.run(0, 100, never).losses)
    np.testing.assert_array_equal(*losses)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["classify", "regress", "autoencode"])
def test_cuda_takes_the_steps_the_cpu_takes(kind, digits):
    losses = []
    for device in ("cpu", "cuda"):
        job = job_of(kind, None, 0, "float64", digits, device=device)
        engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float64")))
        losses.append(engine.run(0, 20, never).losses)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


NETS = {
    "classify last": ("classify", "last", "last"),
    "classify mean": ("classify", "last", "mean"),
    "regress last": ("regress", "last", "last"),
    "regress mean": ("regress", "last", "mean"),
    "regress steps": ("regress", "steps", "last"),
}
TRAINING = {"lr": 0.01, "threads": 1}


def net_of(name, cell="gru", layers=1, bidirectional=False):
    job, output, readout = NETS[name]
    config = RecurrentConfig(cell, "tanh", 5, layers, bidirectional, readout=readout)
    return Net(job, config, 3, 4, output)


def small_task(net, dtype="float64", n=13, lengths=False, weights=False, **facts):
    """Thirteen rows of four steps: a batch of eight, then one of five."""
    random, T = generator(0, "rows"), 4
    if net.job == "autoencode":
        X, y = random.uniform(0, 1, (n, net.n_features)).astype(dtype), None
    else:
        X = random.normal(0, 1, (n, T, net.n_features)).astype(dtype)
        steps = (T,) if net.output == "steps" else ()
        y = random.normal(0, 1, (n, *steps, net.n_outputs)).astype(dtype)
        if net.job == "classify":
            y = random.integers(0, net.n_outputs, n)
    found = {
        "batches": Batches(n, 8),
        "lengths": random.integers(1, T + 1, n) if lengths else None,
        "weights": random.uniform(0, 2.4, n) * (np.arange(n) % 6 != 1) if weights else None,
    }
    training = TrainingConfig(dtype=dtype, batch_size=8, **TRAINING)
    return Task(net, training, X, y, total_steps=100, **found | facts)


def with_engine(task, name):
    return replace(task, training=replace(task.training, engine=name))


def rows_alone(task, params, n_steps):
    """The row by row loop of `task` from `params`."""
    net, dtype = task.net, task.training.dtype
    if net.job == "autoencode":
        module = classic.Coder(net.widths())
    else:
        c = net.config
        sizes = (net.n_features, c.hidden_size, net.n_outputs, c.layers, c.bidirectional)
        module = classic.Recurrent(c.cell, *sizes)
    module.to(getattr(torch, dtype))
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    facts = task.batches, task.X, task.y, task.lengths, task.weights
    return classic.row_loop(net, module, task.training.lr, *facts, n_steps)


def assert_every_step(task, n_steps):
    """Each step, from the reference's own state, has its loss, gradients and update."""
    single = task.training.dtype == "float32"
    rtol, atol = (1e-3, 1e-6) if single else (1e-8, 1e-12)
    start = task.net.initial(0, task.training.dtype)
    for number, step in enumerate(rows_alone(task, start, n_steps)):
        engine = make_engine(task, TrainingState(step.params, number, step.moments))
        loss = engine.run(number, number + 1, never).losses[0]
        assert loss == pytest.approx(step.loss, rel=1e-5 if single else 1e-11)
        assert_update(step, engine.export(), number + 1, task.training.lr, rtol, atol)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("lengths", "weights"), [(False, False), (False, True), (True, False), (True, True)]
)
@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (1, True), (2, True)])
@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("kind", NETS)
def test_readout_lengths_and_weights_are_those_of_each_row_alone(
    kind, cell, layers, bidirectional, lengths, weights, name
):
    net = net_of(kind, cell, layers, bidirectional)
    for dtype in ("float32", "float64"):
        task = small_task(net, dtype, lengths=lengths, weights=weights)
        assert_every_step(with_engine(task, name), 4)
    losses = make_engine(with_engine(task, name), TrainingState(net.initial(0, dtype)))
    expected = [step.loss for step in rows_alone(task, net.initial(0, dtype), 12)]
    np.testing.assert_allclose(losses.run(0, 12, never).losses, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_autoencoders_rows_are_weighted(dtype, name):
    net = Net("autoencode", AutoencoderConfig((9, 6), 3, "tanh", "sigmoid"), 11, 11)
    assert_every_step(with_engine(small_task(net, dtype, weights=True), name), 8)


ALL = [*NETS, "autoencode"]


def any_net(kind, **sizes):
    if kind == "autoencode":
        return Net("autoencode", AutoencoderConfig((9, 6), 3, "tanh", "sigmoid"), 11, 11)
    return net_of(kind, **sizes)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", ALL)
def test_a_row_of_weight_0_may_hold_anything(kind, name):
    task = with_engine(small_task(any_net(kind, layers=2), lengths=True, weights=True), name)
    out = task.weights == 0
    assert out.any()
    X, y = task.X.copy(), None if task.y is None else task.y.copy()
    X[out] = np.nan
    if y is not None:
        y[out] = 0 if task.net.job == "classify" else np.nan
    start = TrainingState(task.net.initial(0, "float64"))
    sound, spoilt = make_engine(task, start), make_engine(replace(task, X=X, y=y), start)
    losses = sound.run(0, 10, never).losses
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(spoilt.run(0, 10, never).losses, losses)
    assert_same_state(spoilt.export(), sound.export())


def assert_same_state(one, two):
    """Both are at the same step with the same numbers, to the last bit."""
    assert one.step == two.step
    for a, b in ((one.params, two.params), (one.moments, two.moments), (one.carried, two.carried)):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("kind", ALL)
def test_weights_of_1_change_nothing(kind, name):
    task = with_engine(small_task(any_net(kind)), name)
    start = TrainingState(task.net.initial(0, "float64"))
    plain = make_engine(task, start).run(0, 10, never).losses
    weighted = make_engine(replace(task, weights=np.ones(13)), start).run(0, 10, never).losses
    np.testing.assert_allclose(weighted, plain, rtol=1e-12 if name == "torch" else 0)


@pytest.mark.parametrize("name", ENGINES)
def test_a_mean_readout_answers_the_mean_of_the_answers_at_every_step(name):
    """The head is linear, so the order of the two does not matter."""
    task = with_engine(small_task(net_of("regress mean", "lstm", 2, True), lengths=True), name)
    every = replace(task, net=replace(task.net, output="steps"), y=np.zeros((13, 4, 4)))
    start = TrainingState(task.net.initial(0, "float64"))
    once = make_engine(task, start).predict(task.X, task.lengths)
    steps = make_engine(every, start).predict(task.X, task.lengths)
    np.testing.assert_allclose(once, steps.sum(1) / task.lengths[:, None], atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_predictor_averages_over_the_steps_of_a_call(engine, monkeypatch):
    if engine == "torch":
        monkeypatch.setenv(kernels.VARIABLE, "off")
    task = small_task(net_of("regress mean", "lstm", 2))
    params = task.net.initial(0, "float64")
    once = make_predictor(FittedModel(task.net, params, row_shape=(4, 3)))
    net = replace(task.net, output="steps")
    every = make_predictor(FittedModel(net, params, row_shape=(4, 3)))
    state, state_every = {}, {}
    for some in (slice(0, 1), slice(1, 4)):
        mean, state = once.forward(task.X[:, some], state)
        steps, state_every = every.forward(task.X[:, some], state_every)
        np.testing.assert_allclose(mean, steps.mean(1), atol=1e-12)
        for part in state:
            np.testing.assert_allclose(state[part], state_every[part], atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_restored_weights_are_there_and_nothing_else_has_changed(name):
    task = with_engine(
        small_task(net_of("regress steps"), n=12, stateful=True, batches=Batches(12, 4)), name
    )
    engine = make_engine(task, TrainingState(task.net.initial(0, "float64")))
    engine.run(0, 3, never)
    best = engine.export()
    kept = {n: array.copy() for n, array in best.params.items()}
    for array in best.params.values():
        array.flags.writeable = False
    answers = engine.predict(task.X)
    engine.run(3, 7, never)
    before = engine.export()
    assert not np.array_equal(engine.predict(task.X), answers)
    engine.restore(best.params)
    after = engine.export()
    assert_same_state(after, replace(before, params=kept))
    np.testing.assert_array_equal(engine.predict(task.X), answers)
    # What is trained from there is what a new engine trains.
    other = make_engine(task, replace(before, params=kept))
    np.testing.assert_array_equal(engine.run(7, 12, never).losses, other.run(7, 12, never).losses)
    assert_same_state(engine.export(), other.export())


class WatchedStore(RowStore):
    """Rows on disk; the bytes that were read at once."""

    read: list

    def __getitem__(self, which):
        values = super().__getitem__(which)
        self.read.append(values.nbytes)
        return values


def stored(X, folder):
    X.tofile(folder / "rows")
    store = WatchedStore(folder / "rows", 0, X.shape, X.dtype)
    store.read = []
    return store


def small_pieces(monkeypatch, n_bytes):
    for name in ENGINES:
        monkeypatch.setattr(f"hiddenstate.engines.{name}.PIECE", n_bytes)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("held", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("rows_at_once", [3, 17, 40, 1000])
@pytest.mark.parametrize("kind", ["classify mean", "regress steps", "autoencode"])
def test_rows_on_disk_give_what_rows_in_memory_give(
    kind, rows_at_once, held, name, tmp_path, monkeypatch
):
    task = small_task(
        any_net(kind), n=150, lengths=kind != "autoencode", weights=True, dtype="float32"
    )
    X = (task.X * 100 + 50).clip(0, 200).astype(held) if held == np.uint8 else task.X.astype(held)
    task = with_engine(replace(task, X=X), name)
    store = stored(X, tmp_path)
    small_pieces(monkeypatch, rows_at_once * store.row_bytes)
    start = TrainingState(task.net.initial(0, "float32"))
    memory, disk = make_engine(task, start), make_engine(replace(task, X=store), start)
    for first, last in ((0, 7), (7, 50)):  # beyond the second epoch
        one, two = memory.run(first, last, never), disk.run(first, last, never)
        np.testing.assert_array_equal(one.losses, two.losses)
    assert_same_state(memory.export(), disk.export())
    assert max(store.read) <= max(8, rows_at_once) * store.row_bytes
    store.read.clear()
    expected = memory.predict(X, task.lengths), disk.predict(store, task.lengths)
    exact = name == "native"  # torch's own sums depend on the rows beside
    np.testing.assert_allclose(*expected, rtol=0, atol=0 if exact else 1e-6)
    if kind == "autoencode":
        codes = memory.encode(X), disk.encode(store)
        np.testing.assert_allclose(*codes, rtol=0, atol=0 if exact else 1e-6)
    at_least = 63 if exact else 1  # two shards, and what would be less
    assert max(store.read) <= max(at_least, rows_at_once) * store.row_bytes


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("n", [1, 5, 31, 32, 33, 63, 64, 65, 96, 100, 129])
def test_a_model_answers_rows_on_disk_as_rows_in_memory(n, name, tmp_path, monkeypatch):
    if name == "torch":
        monkeypatch.setenv(kernels.VARIABLE, "off")
    task = small_task(net_of("classify last", "lstm"), "float32", n=n, lengths=True)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 40 * store.row_bytes)
    params = task.net.initial(0, "float32")
    predictor = make_predictor(FittedModel(task.net, params, list("abcd"), (4, 3)))
    answers = predictor.predict(store, task.lengths)
    expected = predictor.predict(task.X, task.lengths)
    np.testing.assert_allclose(answers, expected, rtol=0, atol=1e-6 if name == "torch" else 0)
    for one, two in zip(predictor.follow(store, {}), predictor.follow(task.X, {}), strict=True):
        np.testing.assert_equal(one, two)


@pytest.mark.parametrize("name", ENGINES)
def test_a_carried_state_passes_from_piece_to_piece(name, tmp_path, monkeypatch):
    net = net_of("regress steps", "lstm", 2)
    batches = Batches(12, 1, shuffle=False)
    task = small_task(net, n=12, stateful=True, batches=batches, weights=True)
    task = with_engine(task, name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 5 * store.row_bytes)
    start = TrainingState(net.initial(0, "float64"))
    memory, disk = make_engine(task, start), make_engine(replace(task, X=store), start)
    one, two = memory.run(0, 30, never), disk.run(0, 30, never)
    np.testing.assert_array_equal(one.losses, two.losses)
    np.testing.assert_array_equal(one.outputs, two.outputs)
    assert_same_state(memory.export(), disk.export())


@pytest.mark.parametrize("name", ENGINES)
def test_a_question_to_stop_is_heard_between_pieces(name, tmp_path, monkeypatch):
    task = with_engine(small_task(net_of("classify last"), n=80), name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 24 * store.row_bytes)  # three steps
    start = TrainingState(task.net.initial(0, "float64"))
    disk, whole = make_engine(replace(task, X=store), start), make_engine(task, start)
    asked = []

    def stop():
        asked.append(True)
        return len(asked) == 2

    first = disk.run(0, 10, stop).losses
    assert 0 < len(first) < 10
    assert disk.export().step == len(first)
    rest = disk.run(len(first), 10, never).losses
    np.testing.assert_array_equal([*first, *rest], whole.run(0, 10, never).losses)


@pytest.mark.parametrize("name", ENGINES)
def test_a_loss_that_is_not_finite_ends_training_in_any_piece(name, tmp_path, monkeypatch):
    task = small_task(net_of("regress last"), n=80, batches=Batches(80, 8, shuffle=False))
    task.X[50] = np.nan
    task = with_engine(task, name)
    store = stored(task.X, tmp_path)
    small_pieces(monkeypatch, 24 * store.row_bytes)
    engine = make_engine(replace(task, X=store), TrainingState(task.net.initial(0, "float64")))
    losses = engine.run(0, 10, never).losses
    assert len(losses) == 7
    assert np.isfinite(losses[:6]).all()
    assert not np.isfinite(losses[6])
    assert engine.export().step == 6


def test_torch_is_not_loaded_where_addresses_would_not_do(monkeypatch):
    """With less it may abort the process, which nothing can catch."""
    from hiddenstate.engines import interface
    from hiddenstate.errors import MachineError
    from hiddenstate.system import memory

    monkeypatch.setattr(memory, "_of_process", lambda: 100 * 2**20)
    interface._check_torch()  # it is loaded here
    monkeypatch.delitem(interface.sys.modules, "torch")
    with pytest.raises(MachineError, match=r"640 MiB of addresses .* leaves 100 MiB"):
        interface._check_torch()
