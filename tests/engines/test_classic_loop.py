"""Both engines compute the steps of a plain torch loop: losses, gradients, updates, state.

The loop is slow, so one run of it serves both engines where it can.
"""

import numpy as np
import pytest
import torch

from hiddenstate.config import make_config
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.datasets import load_waves
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.jobs import make_job
from tests import classic
from tests.conftest import ENGINES
from tests.engines.tasks import WINDOWS, assert_update, digits, job_of, never, with_engine

N_STEPS = {"classify": 8, "autoencode": 8, "regress": WINDOWS // 2}
"""Steps of the loop. Every step of the digits costs as much as many of the waves, and digits at the
classic rate are chaotic: one rounding grows to 1e-3 in 100 steps of a plain RNN."""

# float32: an output has seven digits, so the square of a small error has fewer.
OUTPUT_ATOL = 3e-7

CASES = [
    *(("classify", cell, 0) for cell in ("rnn", "gru", "lstm")),
    *(("regress", cell, seed) for seed, cell in enumerate(("rnn", "gru", "lstm"))),
    ("autoencode", None, 1),
]


def reference(job, params, dtype):
    """Run the plain loop from `params` over the job's own batches."""
    kind, net = job.config.job, job.net
    module: classic.Coder | classic.Recurrent
    if kind == "autoencode":
        module = classic.Coder()
    else:
        c = net.config
        module = classic.Recurrent(c.cell, net.n_features, c.hidden_size, net.n_outputs)
    module.to(getattr(torch, dtype))
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    lr, d = job.config.training.lr, job.dataset
    return classic.loop(kind, module, lr, job.batches, d.X, d.y, N_STEPS[kind])


@pytest.mark.parametrize(("kind", "cell", "seed"), CASES)
def test_free_running_float64_losses_agree(kind, cell, seed):
    job = job_of(kind, cell, seed, "float64")
    params = job.net.initial(seed, "float64")
    expected = [step.loss for step in reference(job, params, "float64")]
    for name in ENGINES:
        engine = make_engine(with_engine(job.task(), name), TrainingState(params))
        losses = engine.run(0, N_STEPS[kind], never).losses
        np.testing.assert_allclose(losses, expected, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(("kind", "cell", "seed"), CASES)
def test_float32_steps_agree_from_the_references_own_state(kind, cell, seed):
    job = job_of(kind, cell, seed, "float32")
    tasks = [with_engine(job.task(), name) for name in ENGINES]
    checked = {0, 1, 2, N_STEPS[kind] // 2, N_STEPS[kind] - 1}
    for number, step in enumerate(reference(job, job.net.initial(seed, "float32"), "float32")):
        for task in tasks if number in checked else ():
            state = TrainingState(step.params, number, step.moments, step.carried)
            engine = make_engine(task, state)
            loss = engine.run(number, number + 1, never).losses[0]
            off = 1e-5 * step.loss + 2 * OUTPUT_ATOL * step.loss**0.5
            assert loss == pytest.approx(step.loss, rel=0, abs=off), task.training.engine
            assert_update(step, engine.export(), number + 1, job.config.training.lr)


@pytest.mark.parametrize("engine", ENGINES)
def test_predictions_equal_those_of_the_classic_modules(engine):
    job = job_of("classify", "lstm", 0, "float64", engine=engine)
    params = job.net.initial(0, "float64")
    engine = make_engine(job.task(), TrainingState(params))
    module = classic.Recurrent("lstm", 28, 64, 10).double()
    module.load_state_dict({n: torch.from_numpy(a.copy()) for n, a in params.items()})
    x = torch.from_numpy(digits().X_test[:50]).double() / 255
    expected = module.out(module.rnn(x)[0][:, -1]).detach().numpy()
    np.testing.assert_allclose(engine.predict(digits().X_test[:50]), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_the_first_hundred_windows_are_exactly_the_classic_recipe(name):
    """Schedule, clipping and eps begin at window 100."""
    config = make_config("regress", {"engine": name})
    options = {"lr_schedule": "constant", "eps": 1e-8, "clip": None, "engine": name}
    plain = make_config("regress", options)
    losses = []
    for each in (config, plain):
        job = make_job(each, prepare(load_waves(100, 10), each))
        engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float32")))
        losses.append(engine.run(0, 100, never).losses)
    np.testing.assert_array_equal(losses[0], losses[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["classify", "regress", "autoencode"])
def test_cuda_computes_the_steps_that_the_cpu_computes(kind):
    losses = []
    for device in ("cpu", "cuda"):
        job = job_of(kind, None, 0, "float64", device=device)
        engine = make_engine(job.task(), TrainingState(job.net.initial(0, "float64")))
        losses.append(engine.run(0, 20, never).losses)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
