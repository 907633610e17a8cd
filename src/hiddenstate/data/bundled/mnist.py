"""Loads the bundled MNIST digits, 60,000 + 10,000 images, and verifies them.

Y. LeCun, C. Cortes, C. J. C. Burges; see NOTICE.
"""

import hashlib
from pathlib import Path

import numpy as np

from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.idx import read_idx
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError
from hiddenstate.system.typing import Array

FOLDER = Path(__file__).parent / "mnist"

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of each unpacked file by name."""


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
    X, y, X_test, y_test = (_verified(name) for name in SHA256)
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
    )


def _verified(name: str) -> Array:
    path = FOLDER / f"{name}.gz"
    values = read_idx(path)
    header = np.array([0x0800 | values.ndim, *values.shape], ">u4").tobytes()
    checksum = hashlib.sha256(header)
    checksum.update(values.data)
    if checksum.hexdigest() != SHA256[name]:
        raise DataError(f"{path}: the bundled file is damaged; reinstall hiddenstate")
    return values
