"""The forecast of a linear path from the last values of its targets and of other features."""

from dataclasses import replace

import numpy as np
import pytest

from hiddenstate.data.prepare.linear_path import LinearPath, with_nearer
from hiddenstate.data.prepare.transform import Transform

random = np.random.default_rng(0)
PATH = LinearPath(
    weights=random.normal(size=(2, 3)),
    bias=random.normal(size=2),
    log=(False, False),
    inputs=(2, 3),
    input_weights=random.normal(size=(2, 4, 2)),
)
X = random.normal(size=(5, 6, 4))


def by_hand(X: np.ndarray, step: int) -> np.ndarray:
    """The forecast of two targets, features 0 and 1, after one step of a row (T, 4)."""
    assert PATH.input_weights is not None
    forecast = PATH.bias.copy()
    for o in range(2):
        for k in range(3):
            forecast[o] += PATH.weights[o, k] * X[max(step - k, 0), o]
        for k in range(4):
            forecast[o] += PATH.input_weights[o, k] @ X[max(step - k, 0), 2:]
    return forecast


@pytest.mark.parametrize("scaled", [False, True])
def test_a_transform_reads_the_last_values_of_other_inputs(scaled: bool) -> None:
    scaling = (np.arange(4.0), np.array([1, 2, 3, 0.5])) if scaled else None
    names = ("a", "b", "c", "d")
    own = Transform(columns=names, targets=("a", "b"), linear=PATH, scaling=scaling)
    read = own.apply(X, None, np.float64, "X")
    each = own.linear_targets(read)
    last = own.undo_targets(np.zeros((5, 2)), read, np.array([6, 6, 2, 1, 4]))
    assert each is not None
    for row in range(5):
        for step in range(6):
            np.testing.assert_allclose(each[row, step], by_hand(X[row], step), rtol=1e-12)
    np.testing.assert_allclose(last, each[np.arange(5), [5, 5, 1, 0, 3]], rtol=1e-12)


def test_paths_of_nearer_steps_answer_as_they_did_alone() -> None:
    plain = replace(PATH, weights=PATH.weights[:, :2], inputs=(), input_weights=None)
    path = with_nearer(replace(PATH, inputs=(3, 2)), [plain, PATH])
    assert path.inputs == (2, 3)
    assert [path.at(j) is not None for j in range(5)] == [False, True, True, True, False]
    assert PATH.at(1) is None
    values, others = X[..., :2], X[..., 2:]
    for j, alone in enumerate((plain, PATH), start=1):
        nearer = path.at(j)
        assert nearer is not None
        np.testing.assert_allclose(
            nearer.forecast().at_each_step(values, others),
            alone.forecast().at_each_step(values, others),
            rtol=1e-12,
        )
    np.testing.assert_allclose(
        path.forecast().at_each_step(values, others[..., ::-1]),
        replace(PATH, nearer=()).forecast().at_each_step(values, others),
        rtol=1e-12,
    )
