"""Every engine takes the steps a plain torch loop takes: losses, gradients, updates, state."""

import numpy as np
import pytest
import torch

from hiddenstate import kernels
from hiddenstate.config import make_config
from hiddenstate.data import SequenceDataset
from hiddenstate.datasets import load_mnist, load_waves
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.jobs import make_job
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
        return make_job(config, load_waves(STEPS, 10, dtype))
    X, y = digits.X[:6400], digits.y[:6400]
    if kind == "autoencode":
        X = X.reshape(len(X), -1)
    return make_job(config, SequenceDataset("digits", X, y, X[:0], y[:0], list(range(10))))


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


def assert_update(step, after, updates, lr):
    """The gradient is the reference's, and what became of it is Adam's rule to the last digits.

    The rule is checked on the engine's own moments: where a gradient is mostly rounding, its
    sign, and so the update, may differ from the reference's by the whole rate.
    """
    for name, gradient in step.gradients.items():
        old = step.moments.get(f"exp_avg/{name}", 0.0)
        m, v = (after.moments[f"{kind}/{name}"].astype(float) for kind in ("exp_avg", "exp_avg_sq"))
        found = (m - 0.9 * old) / 0.1
        scale = max(np.abs(gradient).max(), np.abs(old).max())
        np.testing.assert_allclose(
            found, gradient, rtol=GRADIENT_RTOL, atol=GRADIENT_ATOL + 1e-5 * scale
        )
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
    job = make_job(config, load_waves(5, 10, "float64"))
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
    from hiddenstate.config import RecurrentConfig
    from hiddenstate.models import Net
    from hiddenstate.nets import make_module

    config = RecurrentConfig(cell=cell, hidden_size=7, layers=3, bidirectional=bidirectional)
    net = Net("classify", config, 4, 5)
    module = make_module(net, net.initial(0, "float64"))
    x = torch.randn(6, 9, 4, dtype=torch.float64)
    width = 14 if bidirectional else 7
    ones = [torch.ones(6, 9, width, dtype=torch.float64)] * 2
    plain, state = module(x)
    masked, state_masked = module(x, None, ones)
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


def test_state_of_another_batch_size_is_refused():
    from hiddenstate.config import RecurrentConfig
    from hiddenstate.errors import DataError
    from hiddenstate.models import Net
    from hiddenstate.nets import make_module

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
        job = make_job(each, load_waves(100, 10))
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
