"""Loads the bundled MNIST digits, 60,000 + 10,000 images.

Y. LeCun, C. Cortes, C. J. C. Burges; see NOTICE.
"""

import numpy as np

from hiddenstate.data.bundled.unpack import FILES, header_size, unpacked
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.rows import Rows

FINGERPRINTS = {
    False: "c9c899568825c0192b158204e056115690ebe9e01a8a467321a8e34a416b7a26",
    True: "b9f950d800c28d3dc3100a63b214e9a410947ee0f1618d7371764cc22cfc95b2",
}
"""Fingerprint of the data, whose files are verified, by whether its rows are flat."""


def load_mnist(*, flat: bool = False) -> SequenceDataset:
    """Load the bundled MNIST digits.

    Parameters
    ----------
    flat : bool, default False
        Whether X is (N, 784) instead of (N, 28, 28).

    Returns
    -------
    SequenceDataset
        X and X_test uint8, y and y_test int64; 60,000 training and 10,000 test rows.

    Raises
    ------
    DataError
        If a file of the installation is missing or damaged.
    """
    X, y, X_test, y_test = (
        np.frombuffer(content, np.uint8, offset=header_size(shape)).reshape(shape)
        for content, (shape, _) in zip(unpacked(), FILES.values(), strict=True)
    )
    if flat:
        X, X_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    return SequenceDataset(
        "MNIST",
        Rows(X, y.astype(np.int64)),
        Rows(X_test, y_test.astype(np.int64)),
        kind="60,000 and 10,000 handwritten digits",
        classes=list(range(10)),
        picture=(28, 28),
        source="bundled",
        known_fingerprint=FINGERPRINTS[flat],
    )
