"""From what a user names to a checked dataset: which reader, which split, which layout."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.batches import generator
from hiddenstate.config import Config, DataConfig
from hiddenstate.data.dataset import SequenceDataset, as_rows
from hiddenstate.data.idx import read_idx, read_idx_folder
from hiddenstate.data.npy import read_npy, read_npz
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable

Array = NDArray[Any]


def load_dataset(config: Config) -> SequenceDataset:
    """Load what `config` names, bundled where it names nothing, laid out for its job.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    if config.data.data is None:
        return _bundled(config)
    path = existing(config.data.data)
    if config.job == "regress" and config.data.windows != DataConfig.windows:
        raise OptionError("--windows: is for the bundled waves; a file has as many as fill it")
    dataset = _signal(config, path) if config.job == "regress" else _samples(config, path)
    return replace(dataset, source="file")


def _samples(config: Config, path: Path) -> SequenceDataset:
    """Rows with or without labels, laid out for classify or autoencode."""
    dataset = _rows(config, path)
    X, X_test = dataset.X, dataset.X_test
    if config.job == "classify":
        X = as_rows(X, config.data.steps, printable(path))
        X_test = as_rows(X_test, config.data.steps, printable(path))
    else:
        X, X_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    y, y_test, classes = _class_numbers(config, dataset, path)
    return SequenceDataset(
        dataset.name, X, y, X_test, y_test, classes=classes, picture=dataset.picture
    )


def load_inputs(name: str, max_unpacked: float | None = None) -> tuple[Array, Array | None]:
    """Read X, and y where the file has one, from .npy, .npz or an idx file or folder.

    Where a file or folder has a training and a test half, the test half is given.
    `max_unpacked` is in GiB, as the option of that name.

    Raises
    ------
    DataError
        As :func:`load_dataset`.
    """
    path = existing(name)
    if path.is_dir():
        dataset = read_idx_folder(path)
        return dataset.X_test, dataset.y_test
    if path.suffix == ".npz":
        arrays = _archive(path, max_unpacked)
        half = "_test" if "X_test" in arrays else ""
        X, y = arrays[f"X{half}"], arrays.get(f"y{half}")
    else:
        X, y = _single(path), None
    if X.ndim == 0 or not X.size:
        raise DataError(f"{printable(path)}: no rows; X is {X.shape}")
    if y is not None and y.ndim == 0:
        raise DataError(f"{printable(path)}: y is one number for {len(X)} rows of X")
    _check_numbers(X, f"{printable(path)}:X")
    X = _plain(X)
    if y is not None and len(y) != len(X):
        raise DataError(f"{printable(path)}: {len(y)} rows of y for {len(X)} of X")
    return X, y


def existing(name: str) -> Path:
    """The path `name` if it is a file or folder that can be read.

    Raises
    ------
    DataError
        With the nearest existing name, or why it cannot be data.
    """
    path = Path(name).expanduser()
    try:
        found = path.exists()
        if found and not (path.is_file() or path.is_dir()):
            raise DataError(f"{printable(path)}: neither a file nor a folder")
        if not found:
            beside = os.listdir(path.parent) if path.parent.is_dir() else []
            raise DataError(f"{printable(path)}: no such file{did_you_mean(path.name, beside)}")
        if path.is_file() and path.stat().st_size == 0:
            raise DataError(f"{printable(path)}: empty, no rows")
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    return path


def _bundled(config: Config) -> SequenceDataset:
    if config.job == "regress":
        from hiddenstate.datasets.waves import load_waves

        waves = load_waves(config.data.windows, config.data.window, config.training.dtype)
        if config.data.output == "steps" or waves.y is None or waves.y_test is None:
            return waves
        return replace(waves, y=waves.y[:, -1], y_test=waves.y_test[:, -1])
    from hiddenstate.datasets.mnist import load_mnist

    mnist = load_mnist(flat=config.job == "autoencode")
    if config.job == "autoencode" or config.data.steps is None:
        return mnist
    X, X_test = (as_rows(part, config.data.steps, "MNIST") for part in (mnist.X, mnist.X_test))
    return replace(mnist, X=X, X_test=X_test)


def _rows(config: Config, path: Path) -> SequenceDataset:
    """Samples with a training and a test part, X as the file has it."""
    where = printable(path)
    if path.is_dir() or _is_idx(path):
        dataset = read_idx_folder(path)
        if config.job == "classify":
            _check_labels(dataset.y, where)
        return dataset
    arrays = (
        _archive(path, config.data.max_unpacked) if path.suffix == ".npz" else {"X": _single(path)}
    )
    for name, array in arrays.items():
        if not (name.startswith("y") and array.dtype.kind == "U"):
            _check_numbers(array, f"{where}:{name}")
        if name.startswith("X"):
            arrays[name] = _plain(array)
    X, y = arrays["X"], arrays.get("y")
    if X.ndim not in (2, 3) or 0 in X.shape:
        raise DataError(f"{where}: expected X with rows, steps and features, got {X.shape}")
    if config.job == "classify" and y is None:
        raise DataError(f"{where}: no labels; expected an .npz with X and y")
    if y is not None and y.shape != (len(X),):
        raise DataError(f"{where}: y is {y.shape} for {len(X)} rows of X")
    if config.job == "classify":
        _check_labels(y, where)
    if "y_test" in arrays and "X_test" not in arrays:
        raise DataError(f"{where}: y_test without X_test; add it or drop y_test")
    if "X_test" in arrays:
        X_test, y_test = arrays["X_test"], arrays.get("y_test")
        if 0 in (X_test.shape or (0,)):
            raise DataError(f"{where}: X_test has no rows; add some or drop it")
        if X_test.shape[1:] != X.shape[1:] or X_test.dtype != X.dtype:
            raise DataError(
                f"{where}: X_test rows are {X_test.dtype} {X_test.shape[1:]}, X rows {X.dtype} "
                f"{X.shape[1:]}"
            )
        if (y is None) != (y_test is None) or (
            y_test is not None and y_test.shape != (len(X_test),)
        ):
            raise DataError(f"{where}: y_test does not go with X_test")
        return SequenceDataset(path.name, X, y, X_test, y_test)
    return _split(SequenceDataset(path.name, X, y, X[:0], None), config, where)


def _check_labels(y: Array | None, where: str) -> None:
    """Refuse labels that are all one, or of a class with one row."""
    labels, counts = np.unique([] if y is None else y, return_counts=True)
    if len(labels) < 2:
        raise DataError(f"{where}: every label is {labels[0]}; two classes or more are needed")
    if counts.min() == 1:
        lone = labels[counts.argmin()]
        raise DataError(f"{where}: class {lone} has 1 row; add some or drop it")


def _archive(path: Path, limit: float | None) -> dict[str, Array]:
    return _named(read_npz(path, None if limit is None else limit * 2**30), path)


def _split(dataset: SequenceDataset, config: Config, where: str) -> SequenceDataset:
    """Hold out `test_fraction` of the rows, in each class alike where there are classes."""
    X, y = dataset.X, dataset.y
    random = generator(config.training.seed, "split")
    groups = [np.arange(len(X))] if y is None else [np.flatnonzero(y == c) for c in np.unique(y)]
    test = np.zeros(len(X), bool)
    for group in groups:
        n_test = round(config.data.test_fraction * len(group))
        test[random.permutation(group)[:n_test]] = True
    if test.all() or not test.any():
        raise DataError(f"{where}: {len(X)} rows are too few to hold some out for testing")
    return SequenceDataset(
        dataset.name, X[~test], None if y is None else y[~test], X[test],
        None if y is None else y[test],
    )  # fmt: skip


def _class_numbers(
    config: Config, dataset: SequenceDataset, path: Path
) -> tuple[Array | None, Array | None, list[Any] | None]:
    """Turn labels into class numbers in the order of the sorted labels."""
    if dataset.y is None:
        return None, None, None
    labels, y = np.unique(dataset.y, return_inverse=True)
    if dataset.y_test is None:
        return y, None, labels.tolist()
    y_test = np.searchsorted(labels, dataset.y_test)
    strange = np.flatnonzero(labels[np.minimum(y_test, len(labels) - 1)] != dataset.y_test)
    if strange.size:
        raise DataError(
            f"{printable(path)}: test row {strange[0]} has label {dataset.y_test[strange[0]]}, "
            "which no training row has"
        )
    return y, y_test, labels.tolist()


def _signal(config: Config, path: Path) -> SequenceDataset:
    """One long signal X with its target y, cut into windows in order."""
    where = printable(path)
    if path.suffix != ".npz":
        raise DataError(
            f"{where}: expected an .npz with X (steps, features) and y (steps, targets)"
        )
    arrays = _archive(path, config.data.max_unpacked)
    if "y" not in arrays:
        raise DataError(f"{where}: no targets; expected an .npz with X and y")
    X, y, times = _windows(config, arrays["X"], arrays["y"], where)
    n_test = ("X_test" in arrays) + ("y_test" in arrays)
    if n_test == 1:
        raise DataError(f"{where}: X_test and y_test go together; add the other or drop it")
    X_test, y_test = X[:0], y[:0]
    if n_test:
        X_test, y_test, _ = _windows(config, arrays["X_test"], arrays["y_test"], f"{where}:test")
        if (X_test.shape[2], y_test.shape[-1]) != (X.shape[2], y.shape[-1]):
            raise DataError(f"{where}: test steps have other features or targets than training")
    return SequenceDataset(path.name, X, y, X_test, y_test, times=times)


def _windows(config: Config, X: Array, y: Array, where: str) -> tuple[Array, Array, Array]:
    """A signal X with targets y as windows (n, T, I), their targets, and times (n, T)."""
    parts = []
    for name, values in (("X", X), ("y", y)):
        _check_numbers(values, f"{where}:{name}")
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or not values.shape[1]:
            raise DataError(f"{where}: expected {name} as (steps, features), got {values.shape}")
        kept = name == "X" and values.dtype == np.uint8  # fractions of 255, as everywhere
        parts.append(values if kept else values.astype(config.training.dtype))
    if len(parts[0]) != len(parts[1]):
        raise DataError(f"{where}: X has {len(parts[0])} steps, y has {len(parts[1])}")
    T = config.data.window
    n = len(parts[0]) // T
    if n == 0:
        raise DataError(
            f"{where}: a window has {T} steps, the signal only {len(parts[0])}; "
            f"use --window {len(parts[0])} or less"
        )
    rows, targets = (part[: n * T].reshape(n, T, -1) for part in parts)
    times = np.arange(n * T, dtype=np.float64).reshape(n, T)
    return rows, targets if config.data.output == "steps" else targets[:, -1], times


def _is_idx(path: Path) -> bool:
    """Whether a name is one the idx format has: `...-idx3-ubyte`, `x.idx`, gzipped or not."""
    stem = path.name.removesuffix(".gz")
    return stem.endswith(("ubyte", ".idx"))


def _single(path: Path) -> Array:
    if path.suffix == ".npy":
        return read_npy(path)
    if _is_idx(path):
        return read_idx(path)
    raise DataError(
        f"{printable(path)}: unknown format; expected .npy, .npz (see numpy.savez) or idx files"
    )


def _named(arrays: dict[str, Array], path: Path) -> dict[str, Array]:
    """The arrays under X, y, X_test, y_test; Keras' x_train and the like are known too."""
    names = {"x": "X", "x_train": "X", "X_train": "X", "y_train": "y", "x_test": "X_test"}
    renamed = {names.get(name, name): array for name, array in arrays.items()}
    unknown = set(renamed) - {"X", "y", "X_test", "y_test"}
    if "X" not in renamed or unknown or len(renamed) != len(arrays):
        found = ", ".join(printable(name, 40) for name in arrays)
        raise DataError(
            f"{printable(path)}: expected arrays X, y and if wanted X_test, y_test; found {found}"
        )
    return renamed


def _plain(values: Array) -> Array:
    """Numbers in a type the nets read: uint8, float32 or float64; others keep their values."""
    if values.dtype in (np.uint8, np.float32, np.float64):
        return values
    small = values.dtype.itemsize <= 2
    return values.astype(np.float32 if small else np.float64)


def _check_numbers(values: Array, where: str) -> None:
    if values.dtype.kind == "U":
        raise DataError(f"{where}: holds text, expected numbers")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        wrong = ~np.isfinite(values)
        n = int(wrong.sum())
        first = tuple(int(place) for place in np.argwhere(wrong)[0])
        raise DataError(
            f"{where}: {n} value{' is' if n == 1 else 's are'} not finite, the first at {first}; "
            "fill or drop"
        )
