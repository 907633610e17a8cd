"""Folds that members leave out, and the share of a net beside fixed convolutions."""

import numpy as np
import pytest

from hiddenstate.data import Rows
from hiddenstate.jobs.companion_share import best_share, folds_of, nets_suffice

X = np.zeros((40, 9, 1))


@pytest.mark.parametrize(("members", "n_folds"), [(1, 5), (3, 5), (5, 5), (8, 8)])
def test_each_fold_has_its_part_of_every_class(members, n_folds):
    y = np.repeat([0, 1], [30, 10])
    folds = folds_of(Rows(X, y), members, seed=0)
    counts = [np.bincount(folds[y == label], minlength=n_folds) for label in (0, 1)]
    assert all(c.max() - c.min() <= 1 for c in counts)
    assert np.ptp(sum(counts)) <= 1
    np.testing.assert_array_equal(folds, folds_of(Rows(X, y), members, seed=0))
    assert (folds != folds_of(Rows(X, y), members, seed=1)).any()


def test_the_only_row_of_a_class_is_always_learned_from():
    y = np.r_[np.zeros(37), 1, 2, 2].astype(int)
    folds = folds_of(Rows(X, y), 5, seed=0)
    assert (folds == -1).tolist() == (y == 1).tolist()
    assert folds[38] != folds[39]  # of two rows, one is learned from


def test_a_fold_never_splits_a_group():
    groups = np.array(["anna", "bert", "carl", "dora", "emil", "fay", "gus", "hal"])[
        np.random.default_rng(0).integers(0, 8, 40)
    ]
    y = np.arange(40) % 2
    folds = folds_of(Rows(X, y, groups=groups), 5, seed=0)
    assert folds.min() == 0
    assert all(len(set(folds[groups == group])) == 1 for group in groups)
    assert np.bincount(folds, minlength=5).min() > 0
    alone = folds_of(Rows(X, y, groups=np.zeros(40)), 5, seed=0)
    assert (alone == -1).all()


def answers(y, right, size=2.0):
    """Logits of two classes: of `size` for the true class where `right`, else for the other."""
    chosen = np.where(right, y, 1 - y)
    return size * np.eye(2)[chosen]


def test_the_better_one_has_the_larger_share():
    y = np.arange(100) % 2
    good, bad = answers(y, np.arange(100) % 20 > 0), answers(y, np.arange(100) % 3 > 0)
    assert best_share(good, bad, y)[0] >= 0.75
    assert best_share(bad, good, y)[0] == 0


def test_a_net_that_is_less_certain_than_right_is_not_worse_for_that():
    y = np.arange(100) % 2
    right = np.arange(100) % 20 > 0
    shares, scales = zip(
        *(
            best_share(answers(y, right, size), answers(y, right[::-1], 1.0), y)
            for size in (0.3, 3)
        ),
        strict=True,
    )
    assert shares[0] == shares[1] > 0
    assert scales[0] == pytest.approx(10 * scales[1])


def test_where_both_are_as_good_the_convolutions_answer():
    y = np.arange(60) % 2
    right = np.arange(60) % 5 > 0
    path = answers(y, right, np.log(4))  # as certain as it is right
    assert best_share(path, path, y)[0] == 0


def test_a_gain_within_its_error_leaves_the_answer_to_the_convolutions():
    y = np.arange(40) % 2
    row = np.arange(40)
    path, net = (
        answers(y, ~np.isin(row, wrong), np.log(4)) for wrong in (range(10, 17), range(13, 20))
    )
    few, many = (
        best_share(np.tile(net, (n, 1)), np.tile(path, (n, 1)), np.tile(y, n)) for n in (1, 30)
    )
    assert few[0] == 0 < many[0]


def test_a_row_counts_by_its_weight():
    y = np.arange(100) % 2
    first = np.arange(100) < 50
    net, path = answers(y, first), answers(y, ~first)
    assert best_share(net, path, y, np.where(first, 1.9, 0.1))[0] > 0.5
    assert best_share(net, path, y, np.where(first, 0.1, 1.9))[0] == 0


@pytest.mark.parametrize(
    ("full", "net", "n", "suffices"),
    [
        (30, 30, 200, True),
        (30, 20, 200, True),  # the net alone is better
        (30, 33, 200, True),  # 0.015 less, of an error of 0.04
        (30, 35, 200, False),  # 0.025 less
        (0, 3, 200, False),  # 0.015 less, of an error of 0.009: each row is one that only it misses
        (0, 0, 0, False),
    ],
)
def test_a_net_suffices_within_two_points_and_the_error_of_the_difference(full, net, n, suffices):
    """Wrong rows: the first `full` of both together, the last `net` of the net alone."""
    y, row = np.arange(n) % 2, np.arange(n)
    made = answers(y, row >= n - net) * -1, answers(y, row >= full)
    assert nets_suffice(*made, y) == suffices


def test_rows_without_weight_do_not_decide_whether_a_net_suffices():
    y, row = np.arange(100) % 2, np.arange(100)
    net, full = answers(y, row >= 30), answers(y, row >= 0)
    assert not nets_suffice(net, full, y)
    assert nets_suffice(net, full, y, (row >= 30).astype(float))
    assert not nets_suffice(net, full, y, np.zeros(100))


def test_a_net_that_is_surely_less_certain_does_not_suffice():
    y, row = np.arange(100) % 2, np.arange(100)
    net, full = answers(y, row >= 10, 0.1), answers(y, row >= 10, 2.0)
    assert not nets_suffice(net, full, y)
    assert nets_suffice(net, full, y, scale=20.0)
