"""Reads arrays: an .npy or .npz file, or a folder with X.npy and y.npy.

The layout depends on the job. N is rows, T steps, I features, O targets.

- classify, autoencode: X (N, T, I) or (N, F); y (N,) labels, numbers or text.
- regress, one signal: X (T,) or (T, I); y (T,) or (T, O). They become (1, T, I) and (1, T, O).
- regress, rows: X (N, T, I); y (N, T, O) or (N, T), a target at every step, or (N, O) or (N,), one
  after the last step. A 2-D y whose second axis has length T has a target at every step.
"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.prepare.missing import amount
from hiddenstate.data.readers.npy import First, first_of_npy, first_of_npz, npy_header
from hiddenstate.data.rows import Rows
from hiddenstate.data.store import IN_MEMORY, PIECE, RowStore, mapped_rows
from hiddenstate.errors import DataError, Flag, did_you_mean, listed, printable
from hiddenstate.program.jobs import kind_of
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
"""The array that a name in an archive or a folder stands for; names of Keras included."""


def is_array_folder(path: Path) -> bool:
    """Return whether a folder holds X.npy, under one of its names."""
    names = [name for name, array in NAMES.items() if array == "X"]
    return path.is_dir() and any((path / f"{name}.npy").exists() for name in names)


def read_arrays(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read X and, if they are there, y, X_test and y_test.

    Missing values (NaN) are kept. X in an .npy file larger than `IN_MEMORY` becomes a
    :class:`RowStore`, unless it is forecast from itself; only its header is read and checked.

    Parameters
    ----------
    path : Path
        An .npy file with X, an .npz file, or a folder as in :func:`is_array_folder`.
    options : DataConfig
        Uses `answers`, `channels_first`, `horizon` and `max_unpacked`.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool, default True
        Whether y must be there: labels, or targets unless a `horizon` makes them from X.

    Raises
    ------
    DataError
        If an array cannot be read, y is not finite, or shapes do not match.
    UntrustedFileError
        As in :func:`read_npz`.
    """
    where = printable(path)
    most = min(PIECE, IN_MEMORY) if sample else None
    own = _forecasts_itself(path, options, job)
    arrays, unread, kind, remarks = _arrays(
        path, options, most or (math.inf if own else IN_MEMORY), most
    )
    arrays, picture = _as_pictures(arrays, job)
    for name, values in arrays.items():
        if name.startswith("X"):
            _check_inputs(values, f"{where}:{name}")
        else:
            _check_targets(values, f"{where}:{name}", job)
    if "y_test" in arrays and "X_test" not in arrays:
        raise DataError(f"{where}: y_test without X_test; add X_test or remove y_test")
    learned = kind_of(job).has_classes or (kind_of(job).has_targets and options.horizon is None)
    if require_targets and learned and "y" not in arrays:
        targets = kind_of(job).has_targets
        ahead = ("forecast X with ", Flag("--horizon"), " 1")
        raise DataError(
            f"{where}: no {'targets' if targets else 'labels'}",
            "use an .npz file with X and y",
            ("add ", Flag("--answers")),
            *[ahead] * targets,
        )
    lay_out = _signals if kind_of(job).has_targets else _samples
    train = lay_out(arrays["X"], arrays.get("y"), where, options.channels_first)
    test = None
    if "X_test" in arrays:
        if ("y_test" in arrays) != ("y" in arrays):
            raise DataError(
                f"{where}: X and X_test must both have a y, or neither; add or remove one"
            )
        if 0 in (arrays["X_test"].shape or (0,)):
            raise DataError(f"{where}: X_test has no rows; add rows or remove it")
        test = lay_out(
            arrays["X_test"], arrays.get("y_test"), f"{where}:test", options.channels_first
        )
        _check_alike(train, test, where, job)
    dataset = SequenceDataset(
        path.name, train, test, kind=kind, remarks=remarks, unread=unread, picture=picture
    )
    return _own_targets(dataset) if own and train.y is None else dataset


def _forecasts_itself(path: Path, options: DataConfig, job: str) -> bool:
    """Return whether series are forecast from themselves, unless an .npz file has targets.

    They are not read row by row, as a linear path reads all and their targets are in memory.
    """
    named = options.answers is not None or any(NAMES.get(f.stem) == "y" for f in path.glob("*.npy"))
    return kind_of(job).has_targets and options.horizon is not None and not named


def _as_pictures(
    arrays: dict[str, Array], job: str
) -> tuple[dict[str, Array], tuple[int, int, int] | None]:
    """Return pictures in colour, bytes (N, h, w, 3), as rows (N, h, 3 w), and (h, w, 3)."""
    shapes = {X.shape[1:] for name, X in arrays.items() if name.startswith("X")}
    (shape,) = shapes if len(shapes) == 1 else ((),)
    inputs = [X for name, X in arrays.items() if name.startswith("X")]
    are_bytes = all(isinstance(X, np.ndarray) and X.dtype == np.uint8 for X in inputs)
    if len(shape) != 3 or shape[2] != 3 or not are_bytes or kind_of(job).has_targets:
        return arrays, None
    height, width, _ = shape
    flat = {
        name: values.reshape(len(values), height, 3 * width) if name.startswith("X") else values
        for name, values in arrays.items()
    }
    return flat, (height, width, 3)


def _own_targets(dataset: SequenceDataset) -> SequenceDataset:
    """Return series with their own features as targets, to be forecast.

    Bytes are no pixels then, and both are in the units of the data.
    """
    width = dataset.X.shape[-1]
    names = ("value",) if width == 1 else tuple(f"value_{i}" for i in range(width))
    if dataset.X.dtype == np.uint8:
        dataset = dataset.map(lambda rows: replace(rows, X=rows.X.astype(np.float32)))
    dataset = dataset.map(lambda rows: replace(rows, y=_as_targets(rows.X)))
    remarks = dataset.remarks
    if width > 1:
        remarks += (
            f"{printable(dataset.name)}: without targets, all {width} channels are forecast; "
            "add others with --answers FILE",
        )
    return replace(dataset, columns=names, targets=names, remarks=remarks)


def _as_targets(X: Array) -> Array:
    """Return series as their own targets, in float64; many of them are not copied for it."""
    return X.astype(np.float64) if X.nbytes <= PIECE else X


# --- from files to arrays


def _arrays(
    path: Path, options: DataConfig, in_memory: float, most: int | None
) -> tuple[dict[str, Array], tuple[str, ...], str, tuple[str, ...]]:
    """Return arrays and stores under X, y, X_test and y_test; what was not read; the kind of file;
    and remarks.

    Inputs in .npy files of more than `in_memory` bytes become stores; of other arrays, at most
    `most` bytes are read if it is set. Targets beside inputs that are not cut are read whole.
    """
    where, remarks = printable(path), tuple[str, ...]()
    if path.is_dir():
        stems = sorted(file.stem for file in path.glob("*.npy"))
        used = [stem for stem in stems if stem in NAMES]
        _check_names(used, where)
        read = {
            NAMES[stem]: _read_inputs(path / f"{stem}.npy", in_memory, most)
            if NAMES[stem].startswith("X")
            else _read_plain(path / f"{stem}.npy")
            for stem in used
        }
        others = listed(f"{stem}.npy" for stem in stems if stem not in NAMES)
        kind = "a folder of .npy files"
        remarks = (f"not read: {others}",) if others else ()
    elif path.suffix == ".npz":
        limit = None if options.max_unpacked is None else options.max_unpacked * 2**30
        members = first_of_npz(path, limit, most)
        _check_names(list(members), where)
        read, kind = {NAMES[name]: first for name, first in members.items()}, "an .npz file"
    else:
        read, kind = {"X": _read_inputs(path, in_memory, most)}, "an .npy file"
    if options.answers is not None:
        if "y" in read:
            hint = ("remove it or leave out ", Flag("--answers"))
            raise DataError(f"{where}: has a y already", hint)
        read["y"] = _read_plain(Path(options.answers).expanduser())
    arrays, unread = _aligned(read, where)
    return arrays, unread, kind, remarks


def _aligned(read: dict[str, First], where: str) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return arrays with as many targets as rows of a sample, and what was not read."""
    arrays: dict[str, Array] = {name: first.values for name, first in read.items()}
    unread = []
    for X, y in (("X", "y"), ("X_test", "y_test")):
        pair = [name for name in (X, y) if name in read and arrays[name].ndim]
        total = {read[name].n_rows for name in pair}
        if all(len(arrays[name]) == read[name].n_rows for name in pair):
            continue
        if len(total) > 1:
            raise DataError(
                f"{where}: {y} has {read[y].n_rows:,} rows for {read[X].n_rows:,} rows of {X}"
            )
        n = min(len(arrays[name]) for name in pair)
        arrays.update({name: arrays[name][:n] for name in pair})
        unread.append(f"only the first {n:,} of {total.pop():,} rows of {X} were read")
    return arrays, tuple(unread)


def _check_names(names: list[str], where: str) -> None:
    arrays = [NAMES.get(name) for name in names]
    if "X" not in arrays or None in arrays or len(set(arrays)) != len(arrays):
        found = listed(names) or "none"
        raise DataError(
            f"{where}: expected arrays X, y and optionally X_test, y_test; found {found}"
        )


def _read_inputs(path: Path, in_memory: float, most: int | None) -> First:
    """Read X from a file: into memory, or as a store if it is large and its rows are contiguous."""
    _check_file(path)
    header = npy_header(path)
    if header.n_bytes <= in_memory or header.fortran or not header.shape:
        if most is None and header.n_bytes > PIECE and header.is_plain:
            values = mapped_rows(path, header.offset, header.shape, header.dtype)
            return First(values, header.shape[0])
        return first_of_npy(path, most)
    store: Any = RowStore(path, header.offset, header.shape, header.dtype)
    return First(store, header.shape[0])


def _read_plain(path: Path) -> First:
    _check_file(path)
    return first_of_npy(path, None)


def _check_file(path: Path) -> None:
    """Refuse what is not a file before it is opened: opening a FIFO would block."""
    if path.exists() and not path.is_file():
        raise DataError(f"{printable(path)}: not a file")
    if not path.is_file():
        beside = [file.name for file in path.parent.glob("*")]
        raise DataError(f"{printable(path)}: no such file{did_you_mean(path.name, beside)}")


# --- checks of a single array


def _check_inputs(values: Any, where: str) -> None:
    if values.dtype.kind == "U":
        raise DataError(f"{where}: holds text, expected numbers")


def _check_targets(values: Array, where: str, job: str) -> None:
    if values.dtype.kind == "f":
        _refuse(~np.isfinite(values), where)
    elif values.dtype.kind == "U" and kind_of(job).has_targets:
        raise DataError(f"{where}: holds text, expected numbers")
    elif values.dtype.kind == "U" and kind_of(job).has_classes and (values == "").any():
        row = np.argwhere(values == "")[0][0] if values.ndim else 0
        raise DataError(f"{where}: row {row} has no label; add one or drop the row")


def _refuse(wrong: NDArray[np.bool_], where: str) -> None:
    n = int(wrong.sum())
    if n:
        first = tuple(int(place) for place in np.argwhere(wrong)[0])
        raise DataError(
            f"{where}: {amount(n, 'value')} not finite, the first at {first}; correct the data or "
            "drop the rows"
        )


# --- the layout


def _samples(X: Any, y: Array | None, where: str, channels_first: bool) -> Rows:
    """Lay out rows, with or without labels."""
    if X.ndim not in (2, 3) or 0 in X.shape:
        raise DataError(
            f"{where}: expected X as (rows, steps, features) or (rows, features), found {X.shape}"
        )
    if y is not None and y.shape != (len(X),):
        raise DataError(f"{where}: y is {y.shape} for {len(X)} rows of X")
    return Rows(_plain(_steps_first(X, where) if channels_first else X), y)


def _signals(X: Any, y: Array | None, where: str, channels_first: bool) -> Rows:
    """Lay out one signal or several, with or without targets."""
    if X.ndim not in (1, 2, 3) or 0 in X.shape:
        raise DataError(
            f"{where}: expected X as (steps, features) or (rows, steps, features), found {X.shape}"
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
    """Return a signal (T,) or (T, I) as one row (1, T, I)."""
    width = X.shape[1] if X.ndim == 2 else 1
    if isinstance(X, RowStore):
        return X.joined() if X.ndim == 2 else X.joined().reshaped((len(X), 1))
    return X.reshape(1, len(X), width)


def _signal_targets(n_steps: int, y: Array, where: str) -> Array:
    """Return the targets (T,) or (T, O) of one signal as (1, T, O)."""
    if y.ndim not in (1, 2) or (y.size == 0 and len(y)):
        raise DataError(f"{where}: expected y as (steps, targets), found {y.shape}")
    if len(y) != n_steps:
        raise DataError(f"{where}: X has {n_steps} steps, but y has {len(y)}")
    return y.reshape(1, n_steps, -1)


def _row_targets(shape: tuple[int, ...], y: Array, where: str) -> Array:
    """Return the targets of rows (N, T, I) as (N, T, O), or (N, O) if only after the last step."""
    if y.ndim not in (1, 2, 3) or len(y) != shape[0] or not y.size:
        raise DataError(f"{where}: y is {y.shape} for {shape[0]} rows of X")
    if y.ndim == 3 and y.shape[1] != shape[1]:
        raise DataError(
            f"{where}: rows of X have {shape[1]} steps, but rows of y have {y.shape[1]}"
        )
    if y.ndim == 1:
        return y[:, None]
    return y[:, :, None] if y.ndim == 2 and y.shape[1] == shape[1] else y


def _check_alike(train: Rows, test: Rows, where: str, job: str) -> None:
    """Refuse test rows that do not match the training rows."""
    X, X_test = train.X, test.X
    if kind_of(job).has_targets:
        widths = [
            (rows.X.shape[-1], None if rows.y is None else (rows.y.ndim, rows.y.shape[-1]))
            for rows in (train, test)
        ]
        if widths[0] != widths[1]:
            raise DataError(
                f"{where}: X_test or y_test has another number of features or targets than X or y"
            )
        if np.uint8 not in (X.dtype, X_test.dtype):
            return  # float types may differ
    alike = kind_of(job).has_targets or X_test.shape[1:] == X.shape[1:]
    if X_test.dtype != X.dtype or not alike:
        raise DataError(
            f"{where}: rows of X_test are {X_test.dtype} {X_test.shape[1:]}, but rows of X are "
            f"{X.dtype} {X.shape[1:]}"
        )


def _steps_first(X: Any, where: str) -> Any:
    """Return rows (N, I, T) as (N, T, I)."""
    if X.ndim != 3:
        raise DataError(
            f"{where}: --channels-first requires arrays (rows, channels, steps), found {X.shape}"
        )
    if isinstance(X, RowStore):
        return X.mapped(_swapped, (X.shape[2], X.shape[1]), X.dtype)
    return _swapped(X)


def _swapped(rows: Array) -> Array:
    return np.ascontiguousarray(rows.swapaxes(1, 2))


def _plain(X: Any) -> Any:
    """Convert numbers to a type that the nets read: uint8, float32 or float64."""
    if X.dtype in (np.uint8, np.float32, np.float64):
        return X
    dtype = np.dtype(np.float32 if X.dtype.itemsize <= 2 else np.float64)
    if isinstance(X, RowStore):
        return X.mapped(lambda rows: _cast(rows, dtype), X.shape[1:], dtype)
    return _cast(X, dtype)


@np.errstate(over="ignore", invalid="ignore")
def _cast(values: Array, dtype: Any) -> Array:
    """Convert to `dtype`; values that are too large become infinite, and are refused later."""
    return values.astype(dtype, copy=False)
