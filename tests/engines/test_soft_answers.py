"""Soft answers of a teacher in the loss of a classifier."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from hiddenstate.data.prepare.augment import Augmentation, augmentation
from hiddenstate.engines import TrainingState, make_engine
from hiddenstate.models.torch_modules import make_module
from hiddenstate.program.equations import softmax
from tests.conftest import ENGINES
from tests.engines.tasks import assert_same_state, net_of, never, small_task, with_engine

HARD, T = 0.3, 2.5


def taught_task(n_classes=4, **options):
    """Thirteen rows of unequal length and weight, of which a teacher knows two thirds."""
    net = replace(net_of("classify mean", "lstm", 2, True), n_outputs=n_classes)
    task = small_task(net, lengths=True, weights=True)
    logits = np.random.default_rng(1).normal(0, 3, (13, n_classes))
    classes = task.y + (np.arange(13) % 3 == 1)  # the likeliest
    logits[np.arange(13), classes % n_classes] = logits.max(axis=1) + 0.5
    soft = softmax(logits / T)
    training = {"optimizer": "sgd", "lr": 1.0, "label_smoothing": 0.1}
    training |= {"teach_temperature": T, "teach_weight": HARD}
    return replace(
        task, soft=soft[None, None], training=replace(task.training, **training | options)
    )


def step_of(task, name):
    """The loss and the gradient of the first step: with rate 1, what sgd takes off the weights."""
    start = TrainingState(task.net.initial(0, "float64"))
    engine = make_engine(with_engine(task, name), start)
    loss = engine.run(0, 1, never).losses[0]
    after = engine.export().params
    return loss, {n: start.params[n] - after[n] for n in after}


@pytest.mark.parametrize("blends", [False, True])
@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("n_classes", [2, 4, 19])
def test_loss_and_gradient_are_those_of_the_formula(name, n_classes, blends):
    """weight * (hard * cross-entropy + T^2 * sum p log(p / q)), written out for autograd: without
    the second part where the teacher contradicts the label, and the first of blends."""
    task = taught_task(n_classes)
    if blends:
        what = augmentation(task.X, {"blend": 0.5}, task.y, task.lengths, task.weights)
        task = replace(task, augment=replace(what, parts={"blend": 0.7}))
    loss, gradient = step_of(task, name)
    module = make_module(task.net, task.net.initial(0, "float64"))
    rows = task.batches.rows(0)
    epochs = np.zeros(len(rows), np.int64)
    x, y = task.inputs(rows, epochs), torch.from_numpy(task.targets(rows, epochs))
    assert bool((y < 0).any()) is blends
    assert (y >= 0).any()
    z = module(torch.from_numpy(x), lengths=torch.from_numpy(task.lengths[rows]))[0]
    p = torch.from_numpy(task.soft[0, 0, rows])
    p = p * ((p.argmax(1) == y) | (y < 0))[:, None]
    log_q = torch.log_softmax(z / T, 1)
    divergence = (torch.where(p > 0, p * (p.clamp_min(1e-300).log() - log_q), 0)).sum(1)
    log_p = torch.log_softmax(z, 1)
    own = log_p.gather(1, y.clamp_min(0)[:, None])[:, 0]
    hard = -(0.9 * own + 0.1 * log_p.mean(1)) * (y >= 0)
    weights = torch.from_numpy(task.weights[rows])
    expected = (weights * (HARD * hard + T * T * divergence)).mean()
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for parameter_name, parameter in module.named_parameters():
        wanted = parameter.grad.numpy()
        np.testing.assert_allclose(gradient[parameter_name], wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ENGINES)
def test_rows_without_an_answer_and_a_weight_of_1_train_as_without_a_teacher(name):
    task = taught_task(teach_weight=1.0)
    task = replace(task, soft=np.zeros_like(task.soft))
    states = []
    for each in (task, replace(task, soft=None)):
        engine = make_engine(with_engine(each, name), TrainingState(task.net.initial(0, "float64")))
        engine.run(0, 6, never)
        states.append(engine.export())
    if name == "native":
        assert_same_state(*states)
    for parameter, array in states[0].params.items():
        np.testing.assert_allclose(array, states[1].params[parameter], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ENGINES)
def test_the_answer_to_a_row_of_weight_0_may_be_anything(name):
    task = taught_task()
    soft = task.soft.copy()
    soft[:, :, task.weights == 0] = np.nan
    for one, two in zip(step_of(task, name), step_of(replace(task, soft=soft), name), strict=True):
        np.testing.assert_equal(two, one)


@pytest.mark.parametrize("name", ENGINES)
def test_augmented_rows_have_the_answers_of_their_draw(name):
    """With two draws, a net is trained as if the third epoch read the rows of the first again."""
    task = taught_task()
    what = augmentation(task.X, {"jitter": 0.5}, task.y, task.lengths, task.weights)
    draws = np.random.default_rng(2).dirichlet([1.0] * 4, (1, 2, 13))
    start = TrainingState(task.net.initial(0, "float64"))
    augmented = replace(task, augment=what, soft=draws)
    engine = make_engine(with_engine(augmented, name), start)
    losses = engine.run(0, 6, never).losses
    state = start
    for epoch in range(3):  # of two steps
        draw = np.full(13, epoch % 2)
        X = what.apply(task.X, np.arange(13), draw, 0, "float64", task.lengths)
        plain = replace(task, X=X, soft=draws[:, epoch % 2, None])
        alone = make_engine(with_engine(plain, name), state)
        found = alone.run(2 * epoch, 2 * epoch + 2, never).losses
        np.testing.assert_allclose(found, losses[2 * epoch : 2 * epoch + 2], rtol=1e-10)
        state = alone.export()


@pytest.mark.parametrize("name", ENGINES)
def test_blends_are_found_once_for_each_row_that_is_read(name, monkeypatch):
    task, found = taught_task(), []
    what = augmentation(task.X, {"blend": 0.5}, task.y, task.lengths, task.weights)
    blended = Augmentation.blended

    def counted(augmentation, rows, *more):
        found.extend(rows.tolist())
        return blended(augmentation, rows, *more)

    monkeypatch.setattr(Augmentation, "blended", counted)
    step_of(replace(task, augment=what), name)
    assert sorted(found) == sorted(task.batches.rows(0).tolist())
