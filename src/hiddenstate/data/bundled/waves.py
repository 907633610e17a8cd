"""Makes windows of a sine with the cosine as target."""

import numpy as np

from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.origin import windows_of_one
from hiddenstate.data.rows import Rows
from hiddenstate.system.memory import check_free


def load_waves(
    n_windows: int = 100, window: int = 10, dtype: str = "float32", first: int = 0
) -> SequenceDataset:
    """Make windows k = first, first + 1, ... of sin and cos, window k on [k*pi, (k+1)*pi).

    Angles are computed in float64 and rounded last, so window 10,000 is as accurate as the first.
    The next `n_windows` windows are the test rows.

    Parameters
    ----------
    n_windows, window : int
        Number of windows, and of steps in each.
    dtype : {"float32", "float64"}
        Float type of the values. Times are float64.
    first : int, default 0
        Number of the first window.

    Returns
    -------
    SequenceDataset
        X and y of shape (n_windows, window, 1), times of shape (n_windows, window).

    Raises
    ------
    MachineError
        If there is not enough memory.
    """
    n_numbers = 2 * n_windows * window
    check_free(n_numbers * 32, f"{n_windows} windows of {window} steps", "use fewer --windows")
    k = np.arange(first, first + 2 * n_windows)[:, None]
    times = (k + np.arange(window) / window) * np.pi
    X, y = np.sin(times)[:, :, None].astype(dtype), np.cos(times)[:, :, None].astype(dtype)
    n, origin = n_windows, windows_of_one(n_windows, window)
    return SequenceDataset(
        "sin -> cos",
        Rows(X[:n], y[:n], times=times[:n], origin=origin),
        Rows(X[n:], y[n:], origin=origin),
        kind="windows of a sine and a cosine",
        source="bundled",
    )
