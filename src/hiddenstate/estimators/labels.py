"""Labels of a fit: their checks, their numbers and their weights."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import compute_class_weight

from hiddenstate.data import Rows
from hiddenstate.errors import DataError, printable
from hiddenstate.estimators.inputs import check_labels, check_numbers
from hiddenstate.system.typing import Array


def class_numbers(labels: Array, classes: Array) -> Array:
    """The position of each label in `classes`, which are sorted."""
    try:
        numbers = np.searchsorted(classes, labels)
    except TypeError:  # labels of another type
        numbers = np.full(len(labels), len(classes))
    is_known = classes[np.minimum(numbers, len(classes) - 1)] == labels
    if not np.all(is_known):
        label = labels[int(np.argmin(is_known))] if np.ndim(is_known) else labels[0]
        raise DataError(
            f"y: label {printable(repr(label), 40)} is not among the classes "
            f"{printable(classes.tolist(), 80)}"
        )
    return numbers.astype(np.int64)


def weights_of_classes(weights: dict[Any, float], classes: Array) -> Array:
    """The weight of each class; 1 for a class without one, as in scikit-learn."""
    return np.asarray(compute_class_weight(weights, classes=classes, y=classes))


def with_class_weights(rows: Rows, weight_of_class: Array) -> Rows:
    """Rows whose weights are multiplied by those of their classes, and average 1."""
    own = weight_of_class[rows.y]
    weights = own if rows.weights is None else own * rows.weights
    if not (own >= 0).all() or not np.isfinite(own).all() or not weights.any():
        raise DataError("class_weight: expected numbers of at least 0, not all of them 0")
    return replace(rows, weights=weights / weights.mean())


def one_dimensional(y: Any, n_rows: int) -> Array:
    """Labels (n_samples,), checked as by scikit-learn."""
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise DataError("requires y to be passed, but the target y is None")
    check_labels(y, "y")
    labels = column_or_1d(y, warn=True)
    check_numbers(labels, "y")
    if len(labels) != n_rows:
        raise DataError(f"y: {len(labels)} labels for {n_rows} rows of X")
    return np.asarray(labels)
