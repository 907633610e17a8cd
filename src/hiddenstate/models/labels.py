"""The labels of a classifier that a model file can hold."""

from typing import Any

import numpy as np

from hiddenstate.errors import DataError, printable


def check_labels(labels: list[Any]) -> None:
    """Refuse labels that a model file cannot hold, or would not give back as they are.

    It holds text, integers, floats and truth values.

    Raises
    ------
    DataError
        Names the label and its type.
    """
    hint = "convert the labels to text or integers, or pickle the estimator instead"
    for label in labels:
        shown, kind = printable(label, 40), type(label).__name__
        if not isinstance(label, (str, int, float)):
            raise DataError(f"y: label {shown}: a model file cannot hold a {kind}; {hint}")
        if isinstance(label, str) and not is_text(label):
            raise DataError(f"y: label {shown}: not Unicode text, it has half of a pair; {hint}")
    if np.asarray(labels).tolist() != labels:
        raise DataError(f"y: numpy does not keep the labels apart or as they are; {hint}")


def is_text(value: Any) -> bool:
    """Return whether `value` is a string of Unicode characters, without lone surrogates."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)
