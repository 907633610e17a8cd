"""The share of a net beside a companion, from rows that neither learned from.

Each member of the net leaves out a fold of the training rows, and predicts it. The companion says
what each row would be if it was left out. So the share costs no second training, and the worst case
is about the companion alone.
"""

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.prepare.batches import generator
from hiddenstate.engines.turn import mean_and_error
from hiddenstate.models.companions import Fit, FittedCompanion
from hiddenstate.models.ridge import scale_of_logits
from hiddenstate.program.companions import combine
from hiddenstate.program.equations import log_probabilities
from hiddenstate.system.typing import Array

FEWEST_FOLDS = 5
"""Number of folds, if there are not more members; a net learns from the other folds."""

SHARES = (0.0, 0.25, 0.5, 0.75)
"""Shares of the net to choose from; a net alone was no better than with a quarter of the
convolutions."""

MOST_LOST, MOST_LOSS = 0.02, 0.1
"""Largest loss of accuracy for which companions are left out, and rise of the log loss that always
counts as little."""


def folds_of(rows: Rows, n_members: int, seed: int) -> Array:
    """Return the fold of each training row (N,), whose member leaves it out; -1 for none.

    Folds have about the same share of each class or, with groups, whole groups. The only row of a
    class, and rows of a single group, are in no fold.
    """
    n_folds, random = max(FEWEST_FOLDS, n_members), generator(seed, "folds")
    y, folds = rows.require_targets(), np.full(len(rows), -1)
    if rows.groups is not None:
        names, numbers = np.unique(rows.groups, return_inverse=True)
        if len(names) < 2:
            return folds
        counts, sizes = np.bincount(numbers), np.zeros(n_folds, int)
        shuffled = random.permutation(len(names))
        for group in shuffled[np.argsort(-counts[shuffled], kind="stable")]:
            fold = int(sizes.argmin())
            folds[numbers == group] = fold
            sizes[fold] += counts[group]
        return folds
    first = 0
    for label in np.unique(y):
        of_label = random.permutation(np.flatnonzero(y == label))
        if len(of_label) > 1:
            folds[of_label] = (first + np.arange(len(of_label))) % n_folds
            first += len(of_label)
    return folds


def with_share(
    fit: Fit[FittedCompanion], net: Array, places: Array, train: Rows
) -> tuple[FittedCompanion, Array]:
    """Return a companion with the best share of the net, and the answers of both for rows new to
    them.

    Parameters
    ----------
    fit : Fit
    net : ndarray (n, C)
        Outputs of the net for training rows that it did not learn from. Without any its share is 0.
    places : ndarray (n,)
        Numbers of these rows.
    train : Rows
    """
    rows, path = train.take(places), fit.held_out[places]
    share, scale = 0.0, 1.0
    if len(places):
        share, scale = best_share(net, path, rows.require_targets(), rows.weights)
    return fit.companion.with_share(share, scale), combine(net, path, share, scale)


def best_share(
    net: Array, path: Array, y: Array, weights: Array | None = None
) -> tuple[float, float]:
    """Return the share of the net and the factor of its outputs, for rows new to both.

    The factor is that of the least log loss of the net. The share is that of the least log loss, if
    the loss is lower than that of the path alone by more than the standard error of the
    difference, and no more rows are wrong; else 0.

    Parameters
    ----------
    net, path : ndarray (n, C)
        Outputs of the net and of the companion.
    y : ndarray of int (n,)
        Class numbers.
    weights : ndarray (n,), optional
    """
    w = np.ones(len(y)) if weights is None else weights
    scale = scale_of_logits(log_probabilities(net.astype(np.float64)), y, w)
    mixed = np.stack([combine(net, path, share, scale) for share in SHARES])
    losses = -mixed[:, np.arange(len(y)), y]
    best = int((losses @ w).argmin())
    gain, error = mean_and_error(losses[0] - losses[best], w)
    right = (mixed.argmax(axis=2) == y) @ w
    share = SHARES[best] if gain > error and right[best] >= right[0] else 0.0
    return share, scale


def nets_suffice(
    net: Array, full: Array, y: Array, weights: Array | None = None, scale: float = 1.0
) -> bool:
    """Return whether a net may answer alone, for rows new to it and to its companions.

    It may if it is at most `MOST_LOST` less accurate than the answer with companions, and at most
    the standard error of the difference, and if its log loss is at most the standard error of its
    difference larger, or `MOST_LOSS`: few rows hide much in their accuracy.

    Parameters
    ----------
    net, full : ndarray (n, C)
        Outputs of the net, and of the net with its companions. Without any the net does not.
    y : ndarray of int (n,)
        Class numbers.
    weights : ndarray (n,), optional
    scale : float, default 1
        Factor of the outputs of the net.
    """
    w = np.ones(len(y)) if weights is None else weights
    if not w.sum():
        return False
    both = [log_probabilities(z) for z in (full.astype(np.float64), scale * net.astype(np.float64))]
    right = [(outputs.argmax(axis=1) == y).astype(float) for outputs in (full, net)]
    lost, error = mean_and_error(right[0] - right[1], w)
    own = [outputs[np.arange(len(y)), y] for outputs in both]
    loss, loss_error = mean_and_error(own[0] - own[1], w)
    return lost <= min(MOST_LOST, error) and loss <= max(MOST_LOSS, loss_error)
