"""A net that learns while it reads: the same update as of an engine on its window."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.batches import Batches
from hiddenstate.engines.interface import Task, TrainingState
from hiddenstate.engines.native import NativeEngine, NativePredictor
from hiddenstate.engines.online import WINDOW, OnlineNet, layout
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from tests.conftest import needs_kernels

pytestmark = needs_kernels


def made(job: str = "regress", **options: object) -> OnlineNet:
    values = {"hidden_size": 5, "cell": "lstm", "hold": 0, "lr_schedule": "constant", **options}
    config = make_config(job, values)
    output = "steps" if job == "regress" else "last"
    return OnlineNet(
        Net(job, config.model, 3, 2 if job == "classify" else 1, output), config.training
    )


def weights_of(net: OnlineNet) -> dict[str, np.ndarray]:
    return {n[7:]: a for n, a in net.arrays().items() if n.startswith("params/")}


@pytest.mark.parametrize("job", ["regress", "classify"])
def test_an_update_is_that_of_an_engine_on_the_window_and_its_first_state(job: str) -> None:
    online = made(job, optimizer="sgd", lr=0.1)
    rng, n = np.random.default_rng(0), WINDOW + 4
    X, y = rng.normal(size=(n, 3)).astype("f4"), rng.normal(size=n).astype("f4")
    classes = (y > 0).astype(np.int64)
    states = [dict.fromkeys(("h", "c"), np.zeros((1, 1, 5), "f4"))]
    for i in range(n):
        first, before = max(0, i + 1 - WINDOW), weights_of(online)
        window = X[None, first : i + 1]
        targets = classes[i : i + 1] if job == "classify" else y[None, first : i + 1, None]
        options = {"optimizer": "sgd", "lr": 0.1, "hold": 0, "lr_schedule": "constant"}
        training = make_config(job, options).training
        batches = Batches(1, 1, shuffle=False)
        task = Task(online.net, training, window, targets, batches, 1, stateful=True)
        carried = {name: array.copy() for name, array in states[first].items()}
        engine = NativeEngine(task, TrainingState(before, 1, carried=carried))
        engine.step(window, targets)
        predictor = NativePredictor(FittedModel(online.net, before))
        states.append(predictor.forward(window, carried)[1])
        expected = predictor.forward(X[None, i : i + 1], states[i])[0].reshape(-1)
        np.testing.assert_allclose(online.predict(X[i]), expected, atol=1e-5)
        online.learn(X[i], classes[i : i + 1] if job == "classify" else y[first : i + 1])
        for name, array in engine.export().params.items():
            np.testing.assert_allclose(weights_of(online)[name], array, atol=1e-6, err_msg=name)


def test_arrays_have_the_layout_and_make_an_equal_net_or_a_larger_one() -> None:
    online, rng = made(), np.random.default_rng(0)
    for i in range(WINDOW + 2):
        online.learn(rng.normal(size=3).astype("f4"), np.zeros(min(i + 1, WINDOW)))
    arrays, x = online.arrays(), rng.normal(size=3).astype("f4")
    training = make_config("regress", {"hold": 0, "lr_schedule": "constant"}).training
    expected = {name: (array.dtype, array.shape) for name, array in arrays.items()}
    assert layout(online.net, training) == expected
    answer = online.predict(x).copy()
    wide = Net("regress", online.net.config, 6, 1, "steps")
    for net in (online.net, wide):
        again = OnlineNet(net, training, arrays)
        given = np.zeros(net.n_features, "f4")
        given[:3] = x
        np.testing.assert_allclose(again.predict(given), answer, atol=1e-6)
