"""Which row and moment is explained."""

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.data import Rows
from hiddenstate.errors import DataError, OptionError
from hiddenstate.inference.why import Explainer
from hiddenstate.inference.why_rows import reason
from tests.conftest import needs_kernels
from tests.contract.models import CLASSIFY, LAST, made, model_of


@needs_kernels
def test_a_moment_is_explained_by_what_was_read_until_then() -> None:
    model = made(3, CLASSIFY)
    X = np.random.default_rng(0).normal(size=(2, 6, model.net.n_features)).astype(np.float32)
    explainer = Explainer(model)
    early = reason(explainer, Rows(X), 1, step=2, answer=0)
    assert early.values.shape == (3, model.net.n_features)
    alone = reason(explainer, Rows(X[:, :3]), 1, answer=model.require_classes()[0])
    np.testing.assert_array_equal(early.why.attributions, alone.why.attributions)


@needs_kernels
def test_rows_steps_and_answers_that_are_not_there_are_refused() -> None:
    explainer = Explainer(model_of("last step"))
    X = np.zeros((2, 6, explainer.program.n_features), np.float32)
    for error, number, step, answer in (
        (DataError, 2, None, None),
        (DataError, 0, 6, None),
        (OptionError, 0, None, "none"),
        (OptionError, 0, None, 99),
    ):
        with pytest.raises(error):
            reason(explainer, Rows(X), number, step, answer)


@needs_kernels
def test_an_estimator_explains_where_the_class_is_decided() -> None:
    random = np.random.default_rng(0)
    X, y = random.normal(size=(120, 20, 2)), np.repeat([0, 1], 60)
    X[:, 8:12, 1] += np.where(y, 1.5, -1.5)[:, None]
    estimator = RecurrentClassifier(
        hidden_size=8, epochs=12, lr=0.02, stem=False, convolutions=False, members=1, random_state=0
    ).fit(X, y)
    why = estimator.why(X[:10], background=X)
    assert why["attributions"].shape == (10, 20, 2)
    difference = why["answer"] - why["base"]
    np.testing.assert_allclose(why["attributions"].sum(axis=(1, 2)), difference, atol=1e-4)
    size = np.abs(why["attributions"]).sum(axis=0)
    largest = np.argsort(-size.ravel())[:4]
    assert sorted(divmod(int(place), 2) for place in largest) == [(t, 1) for t in range(8, 12)]
    given = estimator.why(X[:1], answer=0, background=X)
    other = estimator.why(X[:1], answer=1, background=X)
    np.testing.assert_allclose(given["attributions"], -other["attributions"], atol=1e-6)
    with pytest.raises(ValueError, match="no answer is called"):
        estimator.why(X[:1], answer=7)


@needs_kernels
def test_a_target_is_explained_by_name() -> None:
    model = made(13, LAST)
    explainer = Explainer(model)
    X = np.ones((1, 6, model.net.n_features), np.float32)
    by_name = reason(explainer, Rows(X), 0, answer="y_1")
    assert by_name.unit == ""
    assert by_name.why.output == 0
