"""Arrays that lie ready: an .npy or .npz file, or a folder with X.npy and y.npy.

How they are laid out follows from the job. B is rows, T steps, I features, O targets.

- classify, autoencode: X (B, T, I) or (B, F), y (B,) labels, numbers or text.
- regress, one signal: X (T,) or (T, I), y (T,) or (T, O); they become (1, T, I), (1, T, O).
- regress, rows: X (B, T, I), y (B, T, O) or (B, T), a target at every step, or (B, O) or (B,),
  one after the last. (B, T) is known by its T.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.npy import npy_header, read_npy, read_npz
from hiddenstate.data.rows import Rows, fractions
from hiddenstate.data.store import IN_MEMORY, RowStore
from hiddenstate.errors import DataError, did_you_mean, printable
from hiddenstate.system.typing import Array

NAMES = {
    "X": "X",
    "x": "X",
    "x_train": "X",
    "X_train": "X",
    "y": "y",
    "y_train": "y",
    "X_test": "X_test",
    "x_test": "X_test",
    "y_test": "y_test",
}
"""What an array is, by its name in an archive or a folder; Keras' names are known too."""


def is_array_folder(path: Path) -> bool:
    """Whether a folder holds X.npy, under one of its names."""
    names = [name for name, array in NAMES.items() if array == "X"]
    return path.is_dir() and any((path / f"{name}.npy").exists() for name in names)


def read_arrays(path: Path, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read X, and y, X_test and y_test where there are such, from `path`.

    Missing values (NaN) stay. X in an .npy larger than `IN_MEMORY` is a :class:`RowStore`, of
    which only the header is read and checked.

    Parameters
    ----------
    path : Path
        An .npy with X, an .npz, or a folder as :func:`is_array_folder` knows it.
    how : DataConfig
        Of it `answers`, `channels_first`, `horizon` and `max_unpacked`.
    job : {"classify", "regress", "autoencode"}
    answered : bool
        Whether y must be there: labels, or targets unless a `horizon` makes them from X.

    Raises
    ------
    DataError
        If they cannot be read, are infinite, or their shapes do not go together.
    UntrustedFileError
        As :func:`read_npz`.
    """
    where = printable(path)
    arrays, kind, remarks = _arrays(path, how)
    if how.answers is not None:
        if "y" in arrays:
            raise DataError(f"{where}: has a y of its own; drop it or --answers")
        arrays["y"] = _answers(how.answers)
    for name, values in arrays.items():
        if name.startswith("X"):
            _check_inputs(values, f"{where}:{name}")
        else:
            _check_answers(values, f"{where}:{name}", job)
    if "y_test" in arrays and "X_test" not in arrays:
        raise DataError(f"{where}: y_test without X_test; add it or drop y_test")
    needed = answered and (job == "classify" or (job == "regress" and how.horizon is None))
    if needed and "y" not in arrays:
        what = "labels" if job == "classify" else "targets"
        raise DataError(f"{where}: no {what}; expected an .npz with X and y, or add --answers")
    lay_out = _signals if job == "regress" else _samples
    train = lay_out(arrays["X"], arrays.get("y"), where, how.channels_first)
    test = None
    if "X_test" in arrays:
        if ("y_test" in arrays) != ("y" in arrays):
            raise DataError(f"{where}: y_test does not go with X_test: both have a y, or none has")
        if 0 in (arrays["X_test"].shape or (0,)):
            raise DataError(f"{where}: X_test has no rows; add some or drop it")
        test = lay_out(arrays["X_test"], arrays.get("y_test"), f"{where}:test", how.channels_first)
        _check_alike(train, test, where, job)
    dataset = SequenceDataset(path.name, train, test, kind=kind, remarks=remarks)
    forecast = job == "regress" and how.horizon is not None and train.y is None
    return _own_targets(dataset) if forecast else dataset


def _own_targets(dataset: SequenceDataset) -> SequenceDataset:
    """Series as their own targets, to be forecast; one that is left on disk has none."""
    parts = {}
    for name in ("train", "test"):
        rows = getattr(dataset, name)
        if rows is not None:
            if isinstance(rows.X, RowStore):
                return dataset
            parts[name] = replace(rows, y=fractions(rows.X, np.float64))
    width = dataset.X.shape[-1]
    names = ("value",) if width == 1 else tuple(f"value_{i}" for i in range(width))
    return replace(dataset, columns=names, targets=names, **parts)


# --- from files to arrays


def _arrays(path: Path, how: DataConfig) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """Arrays and stores under X, y, X_test, y_test; in words, what they lay in; and remarks."""
    where = printable(path)
    if path.is_dir():
        stems = sorted(file.stem for file in path.glob("*.npy"))
        known = [stem for stem in stems if stem in NAMES]
        paths = {stem: path / f"{stem}.npy" for stem in known}
        _check_names(known, where)
        arrays = {
            NAMES[stem]: _inputs(file) if NAMES[stem].startswith("X") else _plain_file(file)
            for stem, file in paths.items()
        }
        others = ", ".join(f"{printable(stem, 40)}.npy" for stem in stems if stem not in NAMES)
        return arrays, "a folder of .npy files", (f"not read: {others}",) if others else ()
    if path.suffix == ".npz":
        limit = None if how.max_unpacked is None else how.max_unpacked * 2**30
        found = read_npz(path, limit)
        _check_names(list(found), where)
        return {NAMES[name]: array for name, array in found.items()}, "an .npz file", ()
    return {"X": _inputs(path)}, "an .npy file", ()


def _check_names(names: list[str], where: str) -> None:
    known = [NAMES.get(name) for name in names]
    if "X" not in known or None in known or len(set(known)) != len(known):
        found = ", ".join(printable(name, 40) for name in names)
        raise DataError(
            f"{where}: expected arrays X, y and if wanted X_test, y_test; found {found or 'none'}"
        )


def _inputs(path: Path) -> Any:
    """X from a file: whole, or as a store where it is large and its rows lie together."""
    _check_file(path)
    header = npy_header(path)
    if header.n_bytes <= IN_MEMORY or header.fortran or not header.shape:
        return read_npy(path)
    return RowStore(path, header.offset, header.shape, header.dtype)


def _plain_file(path: Path) -> Array:
    _check_file(path)
    return read_npy(path)


def _answers(name: str) -> Array:
    return _plain_file(Path(name).expanduser())


def _check_file(path: Path) -> None:
    """Refuse what is no file before it is opened: a FIFO would wait for ever."""
    if path.exists() and not path.is_file():
        raise DataError(f"{printable(path)}: not a file")
    if not path.is_file():
        beside = [file.name for file in path.parent.glob("*")]
        raise DataError(f"{printable(path)}: no such file{did_you_mean(path.name, beside)}")


# --- what is checked of each array alone


def _check_inputs(values: Any, where: str) -> None:
    if values.dtype.kind == "U":
        raise DataError(f"{where}: holds text, expected numbers")


def _check_answers(values: Array, where: str, job: str) -> None:
    if values.dtype.kind == "f":
        _refuse(~np.isfinite(values), where)
    elif values.dtype.kind == "U" and job == "regress":
        raise DataError(f"{where}: holds text, expected numbers")
    elif values.dtype.kind == "U" and job == "classify" and (values == "").any():
        row = np.argwhere(values == "")[0][0] if values.ndim else 0
        raise DataError(f"{where}: row {row} has no label; add one or drop the row")


def _refuse(wrong: NDArray[np.bool_], where: str) -> None:
    n = int(wrong.sum())
    if n:
        first = tuple(int(place) for place in np.argwhere(wrong)[0])
        raise DataError(
            f"{where}: {n} value{' is' if n == 1 else 's are'} not finite, the first at {first}; "
            "fill or drop"
        )


# --- the layout


def _samples(X: Any, y: Array | None, where: str, channels_first: bool) -> Rows:
    """Rows with or without a label each."""
    if X.ndim not in (2, 3) or 0 in X.shape:
        raise DataError(f"{where}: expected X with rows, steps and features, got {X.shape}")
    if y is not None and y.shape != (len(X),):
        raise DataError(f"{where}: y is {y.shape} for {len(X)} rows of X")
    return Rows(_plain(_steps_first(X, where) if channels_first else X), y)


def _signals(X: Any, y: Array | None, where: str, channels_first: bool) -> Rows:
    """One signal or several, with or without targets."""
    if X.ndim not in (1, 2, 3) or 0 in X.shape:
        raise DataError(
            f"{where}: expected X as (steps, features) or (rows, steps, features), got {X.shape}"
        )
    if channels_first:
        X = _steps_first(X, where)
        y = _steps_first(y, where) if y is not None and y.ndim == 3 else y
    if y is not None:
        y = _cast(y, np.float32 if y.dtype == np.float32 else np.float64)
    if X.ndim < 3:
        y = None if y is None else _signal_targets(len(X), y, where)
        return Rows(_plain(_one_row(X)), y)
    if y is not None:
        y = _row_targets(X.shape, y, where)
    return Rows(_plain(X), y)


def _one_row(X: Any) -> Any:
    """A signal (T,) or (T, I) as one row (1, T, I)."""
    width = X.shape[1] if X.ndim == 2 else 1
    if isinstance(X, RowStore):
        return X.joined() if X.ndim == 2 else X.joined().reshaped((len(X), 1))
    return X.reshape(1, len(X), width)


def _signal_targets(n_steps: int, y: Array, where: str) -> Array:
    """Targets (T,) or (T, O) of one signal as (1, T, O)."""
    if y.ndim not in (1, 2) or (y.size == 0 and len(y)):
        raise DataError(f"{where}: expected y as (steps, targets), got {y.shape}")
    if len(y) != n_steps:
        raise DataError(f"{where}: X has {n_steps} steps, y has {len(y)}")
    return y.reshape(1, n_steps, -1)


def _row_targets(shape: tuple[int, ...], y: Array, where: str) -> Array:
    """Targets of rows (B, T, I) as (B, T, O), at every step, or (B, O), after the last."""
    if y.ndim not in (1, 2, 3) or len(y) != shape[0] or not y.size:
        raise DataError(f"{where}: y is {y.shape} for {shape[0]} rows of X")
    if y.ndim == 3 and y.shape[1] != shape[1]:
        raise DataError(f"{where}: rows of X have {shape[1]} steps, of y {y.shape[1]}")
    if y.ndim == 1:
        return y[:, None]
    return y[:, :, None] if y.ndim == 2 and y.shape[1] == shape[1] else y


def _check_alike(train: Rows, test: Rows, where: str, job: str) -> None:
    """Refuse test rows that are not of the kind of the training rows."""
    X, X_test = train.X, test.X
    if job == "regress":
        widths = [
            (rows.X.shape[-1], None if rows.y is None else (rows.y.ndim, rows.y.shape[-1]))
            for rows in (train, test)
        ]
        if widths[0] != widths[1]:
            raise DataError(f"{where}: test steps have other features or targets than training")
        if np.uint8 not in (X.dtype, X_test.dtype):
            return  # floats of any width are the same numbers
    if X_test.dtype != X.dtype or (job != "regress" and X_test.shape[1:] != X.shape[1:]):
        raise DataError(
            f"{where}: X_test rows are {X_test.dtype} {X_test.shape[1:]}, X rows {X.dtype} "
            f"{X.shape[1:]}"
        )


def _steps_first(X: Any, where: str) -> Any:
    """Rows (B, I, T) as (B, T, I)."""
    if X.ndim != 3:
        raise DataError(
            f"{where}: --channels-first is for arrays (rows, channels, steps), got {X.shape}"
        )
    if isinstance(X, RowStore):
        return X.mapped(_swapped, (X.shape[2], X.shape[1]), X.dtype)
    return _swapped(X)


def _swapped(rows: Array) -> Array:
    return np.ascontiguousarray(rows.swapaxes(1, 2))


def _plain(X: Any) -> Any:
    """Numbers in a type the nets read: uint8, float32 or float64; others keep their values."""
    if X.dtype in (np.uint8, np.float32, np.float64):
        return X
    dtype = np.dtype(np.float32 if X.dtype.itemsize <= 2 else np.float64)
    if isinstance(X, RowStore):
        return X.mapped(lambda rows: _cast(rows, dtype), X.shape[1:], dtype)
    return _cast(X, dtype)


@np.errstate(over="ignore", invalid="ignore")
def _cast(values: Array, dtype: Any) -> Array:
    """`values` as `dtype`; what does not fit is infinite, and refused as that later on."""
    return values.astype(dtype, copy=False)
