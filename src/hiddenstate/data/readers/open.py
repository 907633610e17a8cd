"""From what a user names to a dataset: which reader, and whether its halves go together."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hiddenstate.config import Config, DataConfig, make_config
from hiddenstate.data.dataset import PreparedDataset, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.rows import as_rows
from hiddenstate.errors import DataError, OptionError, did_you_mean, printable

Reader = Callable[[Path, DataConfig, str, bool], SequenceDataset]

TABLES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz")
PARQUET = (".parquet", ".pq")


def load_dataset(config: Config) -> PreparedDataset:
    """Read and prepare what `config` names, bundled where it names nothing.

    Raises
    ------
    DataError
        Naming the file, what was expected and what was found.
    """
    return prepare(read_dataset(config), config)


def read_dataset(config: Config) -> SequenceDataset:
    """Read what `config` names as it is: nothing split, filled in or scaled.

    Raises
    ------
    DataError
        As :func:`load_dataset`.
    """
    how = config.data
    if how.data is None:
        return _bundled(config)
    if config.job == "regress" and how.windows != DataConfig.windows:
        raise OptionError("--windows: is for the bundled waves; a file has as many as fill it")
    dataset = read(how.data, how, config.job)
    if how.test is not None:
        if dataset.test is not None:
            raise OptionError(f"--test: {printable(how.data)} brings test rows of its own")
        test = read(how.test, how, config.job)
        check_alike(dataset, test)
        dataset = replace(dataset, test=test.train)
    return dataset


def read_data(source: Any, job: str = "classify", **options: Any) -> SequenceDataset:
    """Read a file, a folder or a data frame, from Python: nothing is split, filled in or scaled.

    Parameters
    ----------
    source : path, or pandas or polars DataFrame
    job : {"classify", "regress", "autoencode"}
        What it is for: whether it has labels or targets, and the layout it is given.
    **options
        The options of reading, under the names of the command line: `label="kind"`,
        `id="series"`, `time="t"`, `input=["x", "y"]`, `target=["z"]`, `layout="wide"`, ...

    Returns
    -------
    SequenceDataset
        `train.series()` and `y` are what an estimator's `fit` takes; `test` holds the test rows
        where the data brings some.

    Raises
    ------
    DataError, OptionError
        Saying what was expected and what was found.
    """
    from hiddenstate.data.readers.dataframes import is_frame, read_frame

    how = make_config(job, options, together=False).data
    if is_frame(source):
        return read_frame(source, how, job)
    return read(os.fspath(source), how, job)


def read(name: str, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read one file or folder by the reader its name calls for.

    Parameters
    ----------
    name : str
        The path.
    how : DataConfig
        How it is read.
    job : str
        The job it is for.
    answered : bool
        Whether labels or targets must be there.

    Raises
    ------
    DataError
        As :func:`load_dataset`.
    """
    path = existing(name)
    dataset = _reader(path)(path, how, job, answered)
    return replace(dataset, source="file")


def read_like(
    name: str, job: str, reading: Mapping[str, Any], changes: Mapping[str, Any], answered: bool
) -> SequenceDataset:
    """Read a file as the one a model was trained on was read: rows to predict or measure.

    Where a file or folder has a training and a test half, the test half is given.

    Parameters
    ----------
    reading : mapping
        Options the training file was read with (`Preparation.reading`).
    changes : mapping
        Options that differ this time; None means that they do not.
    """
    values = {**reading, **{n: v for n, v in changes.items() if v is not None}}
    how = make_config(job, {n: v for n, v in values.items() if v is not None}).data
    dataset = read(name, how, job, answered)
    return dataset if dataset.test is None else replace(dataset, train=dataset.test, test=None)


def _reader(path: Path) -> Reader:
    """The reader of a file by its name, or of a folder by what lies in it."""
    name = path.name.lower()
    if path.is_dir():
        return _folder_reader(path)
    if name.endswith(TABLES):
        from hiddenstate.data.readers.delimited import read_delimited

        return read_delimited
    if name.endswith(PARQUET):
        from hiddenstate.data.readers.parquet import read_parquet

        return read_parquet
    if name.endswith(".ts"):
        from hiddenstate.data.readers.ts import read_ts

        return read_ts
    if name.endswith((".npy", ".npz")):
        from hiddenstate.data.readers.arrays import read_arrays

        return read_arrays
    from hiddenstate.data.readers.idx import is_idx, read_idx_file

    if is_idx(path):
        return read_idx_file
    raise DataError(
        f"{printable(path)}: what is it? known are .csv, .tsv, .parquet, .ts, .npy, .npz, idx "
        "files, and folders of idx files, .npy files or images"
    )


def _folder_reader(path: Path) -> Reader:
    from hiddenstate.data.readers.arrays import is_array_folder, read_arrays
    from hiddenstate.data.readers.idx import is_idx_folder, read_idx_folder
    from hiddenstate.data.readers.images import read_images
    from hiddenstate.data.readers.ts import is_ts_folder, read_ts

    if is_idx_folder(path):
        return read_idx_folder
    if is_array_folder(path):
        return read_arrays
    return read_ts if is_ts_folder(path) else read_images


def check_alike(dataset: SequenceDataset, other: SequenceDataset) -> None:
    """Refuse rows with other columns, or of another width, than those trained on.

    Raises
    ------
    DataError
        Naming the columns that differ.
    """
    check_columns(dataset.columns, other.columns, other.name)
    own, new = dataset.X.shape, other.X.shape
    if own[-1] != new[-1] or len(own) != len(new):
        raise DataError(
            f"{printable(other.name)}: rows are {new[1:]}, those of {printable(dataset.name)} "
            f"{own[1:]}"
        )


def check_columns(
    expected: tuple[str, ...] | None, found: tuple[str, ...] | None, name: str
) -> None:
    """Refuse other columns, or the same in another order (`DataError`)."""
    if expected is None or found is None or tuple(expected) == tuple(found):
        return
    missing = [printable(c, 40) for c in expected if c not in found]
    added = [printable(c, 40) for c in found if c not in expected]
    parts = [
        f"{word} {', '.join(names[:5])}" + (f" and {len(names) - 5} more" if names[5:] else "")
        for word, names in (("lacks", missing), ("adds", added))
        if names
    ]
    if not parts:
        place = next(
            i for i, pair in enumerate(zip(expected, found, strict=True)) if len(set(pair)) > 1
        )
        parts = [
            f"has column {printable(found[place], 40)} where {printable(expected[place], 40)} was"
        ]
    mend = "each must be there by its name" if missing else "name them in order with --input"
    raise DataError(
        f"{printable(name)}: not the columns the model was trained on: it {' and '.join(parts)}; "
        f"{mend}"
    )


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
        from hiddenstate.data.bundled.waves import load_waves

        return load_waves(config.data.windows, max(config.data.window, 1), config.training.dtype)
    from hiddenstate.data.bundled.mnist import load_mnist

    mnist = load_mnist(flat=config.job == "autoencode")
    if config.job == "autoencode" or config.data.steps is None:
        return mnist
    train, test = mnist.train, mnist.test
    assert test is not None
    return replace(
        mnist,
        train=replace(train, X=as_rows(train.X, config.data.steps, "MNIST")),
        test=replace(test, X=as_rows(test.X, config.data.steps, "MNIST")),
    )
