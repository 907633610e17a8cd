"""What an answer rests on: the sum is the difference of answers, and it is where it should be."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.errors import OptionError
from hiddenstate.inference.answer_gradients import path_slope
from hiddenstate.inference.why import Explainer, mean_row, occluded_spans
from hiddenstate.models.meaning import program_of
from hiddenstate.program.cells import CHOICES
from hiddenstate.program.order import step_of
from hiddenstate.program.steps import Forecast
from hiddenstate.system.typing import Array
from tests.conftest import needs_kernels
from tests.contract.models import CLASSIFY, LAST, LINEAR, STEM, made, model_of

pytestmark = needs_kernels


def row_of(explainer: Explainer, steps: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(steps, explainer.program.width))


CLOSE = 1e-4
"""Of the sum of attributions to the difference of the answers, as a share of its unit or of it."""


@pytest.mark.parametrize("cell", CHOICES)
def test_attributions_add_up_to_the_difference_of_the_answers(cell: str) -> None:
    for number, wanted in enumerate(
        (CLASSIFY, {**LAST, "members": 2, "bidirectional": True}, {**STEM, "layers": 2}, LINEAR)
    ):
        model = made(number, {**wanted, "cell": cell, "nonlinearity": "relu"})
        explainer = Explainer(model)
        x = 2 * row_of(explainer, model.row_shape[0])
        why = explainer.why(x, 0)
        (output,) = {why.output}
        answers = [_answer(model, row)[output] for row in (x, np.zeros(x.shape))]
        size = 1.0
        if model.transform.target_scaling is not None and not model.transform.takes_logarithms:
            size = 1 / model.transform.target_scaling[1][0]
        limit = CLOSE * max(size, abs(answers[0] - answers[1]))
        assert why.attributions.sum() == pytest.approx(answers[0] - answers[1], abs=limit)
        assert (why.answer, why.base) == pytest.approx(answers, abs=1e-9)
        assert why.points >= 256
        has_kinks = model.net.recurrent.stem or model.net.cell.name in ("rnn_relu", "mingru")
        assert why.missing <= (100 if has_kinks else 1) * limit  # before it was spread


def _answer(model: object, x: Array) -> Array:
    found = program_of(model).predict_kept(x[None])  # type: ignore[arg-type]
    if "y" in found:
        y = found["y"]
        return np.asarray(y[0, -1] if y.ndim == 3 else y[0])
    p = found["probabilities"][0]
    return np.asarray(np.log(p / (1 - p)))


def test_of_a_linear_path_alone_they_are_its_weights_times_the_values() -> None:
    model = made(1, LINEAR)
    params = {n: a * 0 if n.startswith("out.") else a for n, a in model.params.items()}
    model = replace(model, params=params)
    assert not model.transform.takes_logarithms
    base = np.random.default_rng(5).normal(size=(1, model.net.n_features))
    explainer = Explainer(model, base)
    x = row_of(explainer, model.row_shape[0])
    path = step_of(explainer.program.steps, Forecast)
    assert path is not None
    expected = path_slope(path, *x.shape)[0] * (x - base)
    why = explainer.why(x, 0)
    np.testing.assert_allclose(why.attributions, expected, atol=1e-9)
    assert why.baseline == "mean"


def test_the_mask_of_a_feature_counts_with_the_feature() -> None:
    model = model_of("mask")
    explainer = Explainer(model)
    x = row_of(explainer, model.row_shape[0])
    why = explainer.why(x, 0)
    assert why.attributions.shape == (len(x), explainer.program.n_features)
    difference = why.answer - why.base
    assert why.attributions.sum() == pytest.approx(difference, abs=CLOSE * (1 + abs(difference)))


def test_step_t_is_compared_with_step_t_of_the_mean_and_later_ones_with_its_last() -> None:
    model = made(3, CLASSIFY)
    base = np.random.default_rng(2).normal(size=(4, model.net.n_features))
    explainer = Explainer(model, base)
    x = np.concatenate([base, np.repeat(base[-1:], 3, axis=0)])
    assert not explainer.why(x, 0).attributions.any()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fixed convolutions alone", "occlusion"),
        ("fixed convolutions", "integrated gradients and occlusion"),
    ],
)
def test_companions_are_explained_by_occlusion(name: str, kind: str) -> None:
    model = model_of(name)
    explainer = Explainer(model)
    (companion,) = model.companions
    x = row_of(explainer, model.row_shape[0])
    why = explainer.why(x, 0)
    spans = occluded_spans(*x.shape)
    assert why.kind == kind
    covered = np.zeros(x.shape)
    for steps, features in spans:
        covered[steps, features] += 1
    assert (covered == 1).all()

    def odds(row: Array) -> float:
        z = companion.logits(row[None].astype(model.dtype))[0].astype(np.float64)
        return float(z[0] - np.log(np.exp(z[1:]).sum()))

    steps, features = spans[0]
    without = x.copy()
    without[steps, features] = 0
    rest = 1 - companion.net_share
    nets = 0.0 if rest == 1 else Explainer(replace(model, companions=())).why(x, 0).attributions
    own = (why.attributions - (1 - rest) * nets)[steps, features].sum()
    assert own == pytest.approx(rest * (odds(x) - odds(without)), abs=1e-5)


def test_long_rows_are_occluded_in_few_spans() -> None:
    assert len(occluded_spans(1000, 3)) == 72
    assert len(occluded_spans(1000, 100)) == 24
    assert occluded_spans(2, 1) == [(slice(0, 1), slice(0, 1)), (slice(1, 2), slice(0, 1))]


def test_an_autoencoder_is_refused() -> None:
    with pytest.raises(OptionError, match="autoencoder"):
        Explainer(model_of("autoencoder"))


def test_gradients_need_kernels_or_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = made(4, CLASSIFY, cell="lstm", members=2)
    x = row_of(Explainer(model), model.row_shape[0])
    native = Explainer(model).why(x, 1)
    monkeypatch.setenv("HIDDENSTATE_LEVEL", "off")
    with pytest.raises(RuntimeError, match="off"):
        Explainer(model, engine="native").why(x, 1)
    pytest.importorskip("torch")
    by_torch = Explainer(model).why(x, 1)
    np.testing.assert_allclose(native.attributions, by_torch.attributions, atol=1e-10)


def test_the_baseline_is_the_mean_of_each_number_or_of_each_feature() -> None:
    model = made(3, CLASSIFY)
    X = np.random.default_rng(0).normal(size=(9, 6, 2))
    np.testing.assert_allclose(mean_row(model, Rows(X)), X.mean(axis=0))
    lengths = np.arange(1, 10).clip(max=6)
    each = [row[:length] for row, length in zip(X, lengths, strict=True)]
    mean = mean_row(model, Rows(X, None, lengths))
    np.testing.assert_allclose(mean, np.concatenate(each).mean(axis=0)[None])
    assert mean_row(made(3, LAST), Rows(X)).shape == (1, 2)
