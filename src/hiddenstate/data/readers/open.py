"""Reads files and folders by their formats, and checks that training and test rows match."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.config import Config, DataConfig, make_config, section_options
from hiddenstate.config.data_fields import NO_CALENDAR, STDIN
from hiddenstate.config.parameters import errors_for_python
from hiddenstate.data.column_names import are_names, match_columns
from hiddenstate.data.dataset import PreparedDataset, SequenceDataset
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers import formats
from hiddenstate.data.readers.cells import with_texts
from hiddenstate.data.readers.columns import Columns
from hiddenstate.data.readers.formats import has_ending, is_table
from hiddenstate.data.readers.number_names import Names
from hiddenstate.data.readers.role_guesses import Part
from hiddenstate.data.readers.table import to_dataset
from hiddenstate.data.rows import as_rows
from hiddenstate.errors import DataError, Flag, OptionError, did_you_mean, printable
from hiddenstate.program.jobs import kind_of

TEXT_OPTIONS = (
    "delimiter",
    "decimal",
    "thousands",
    "encoding",
    "max_unpacked",
    "layout",
    "id",
    "sheet",
)
"""Options that say how the cells of a table are read, whatever its columns are for."""


def load_dataset(config: Config) -> PreparedDataset:
    """Read and prepare the data of `config`, or the bundled data if it names none.

    Raises
    ------
    DataError
        With the file, what was expected and what was found.
    """
    return prepare(read_dataset(config), config)


def read_dataset(
    config: Config,
    sample: bool = False,
    encodings: tuple[Encoding, ...] | None = None,
    numbers_as_text: tuple[str, ...] | None = None,
    stdin: Path | None = None,
) -> SequenceDataset:
    """Read the data of `config` as it is: not split, scaled or filled in.

    Parameters
    ----------
    config : Config
    sample : bool, default False
        Read only a bounded number of rows, which takes a few seconds for any file.
    encodings : tuple of Encoding, optional
        How text and dates of a table are encoded; by default, as follows from the data.
    numbers_as_text : tuple of str, optional
        The only ids, groups and labels that are text if 007 or the like is among their numbers;
        by default, all of them are.
    stdin : Path, optional
        The file with what stdin held, for data named `-`.

    Raises
    ------
    DataError
        As in :func:`load_dataset`.
    """
    options = config.data
    if options.data is None:
        formats.check_applies(vars(options), None)
        return _bundled(config)
    if config.kind.has_targets and options.windows != DataConfig.windows:
        raise OptionError(
            "--windows: applies only to the bundled waves; leave it out: for a file the number "
            "follows from its length"
        )
    if options.data == STDIN and stdin is None:
        raise DataError("-: stands for stdin, which only a command reads; name a file")
    data = str(stdin) if options.data == STDIN else options.data
    as_text = Names(numbers_as_text)
    dataset = read_path(data, options, config.job, True, sample, encodings, as_text)
    if (test_path := options.test) is not None:
        if dataset.test is not None:
            raise OptionError(
                f"--test: {printable(options.data)} has test rows already; leave it out"
            )
        options = _settled(options, dataset)
        as_text = replace(as_text, label=_like_training(dataset).label)
        has_targets, known = not config.kind.has_codes, dataset.encodings
        test = read_path(
            test_path, options, config.job, has_targets, sample, known, as_text, "test"
        )
        unread = (*dataset.unread, *test.unread)
        texts = (*dataset.numbers_as_text, *test.numbers_as_text)
        test = check_match(dataset, test)
        dataset = replace(
            dataset,
            test=test.train,
            unread=unread,
            numbers_as_text=tuple(dict.fromkeys(texts)),
        )
    return dataset


def _settled(options: DataConfig, dataset: SequenceDataset) -> DataConfig:
    """Return the options to read test rows with: what the training rows left open is settled."""
    settled = {n: v for n, v in dataset.read_as.items() if getattr(options, n) in (None, "auto")}
    if options.input is None and are_names(dataset.names):
        settled["input"] = dataset.names
    return replace(options, **settled)


def read_data(source: Any, job: str = "classify", **options: Any) -> SequenceDataset:
    """Read a file, a folder or a data frame: nothing is split, scaled or filled in.

    Parameters
    ----------
    source : path, pandas or polars DataFrame, Arrow table or DuckDB relation
    job : {"classify", "regress", "autoencode"}
        What the data is for: decides whether it has labels or targets, and its layout.
    **options
        Reading options, named as on the command line: `label="kind"`, `id="series"`,
        `time="t"`, `input=["x", "y"]`, `target=["z"]`, `layout="wide"`, ...

    Returns
    -------
    SequenceDataset
        `train.series()` and `y` are what `fit` of an estimator takes; `test` holds the test rows
        if the data has any.

    Raises
    ------
    DataError, OptionError
        With what was expected and what was found.
    """
    from hiddenstate.data.readers.dataframes import as_frame, is_frame, read_frame

    with errors_for_python():
        config = make_config(job, options, together=False)
        if is_frame(frame := as_frame(source)):
            return read_frame(frame, config.data, job)
        return read_path(os.fspath(source), config.data, job)


def read_path(
    name: str,
    options: DataConfig,
    job: str,
    require_targets: bool = True,
    sample: bool = False,
    encodings: tuple[Encoding, ...] | None = None,
    as_text: Names = Names(),  # noqa: B008  # frozen
    part: Part = "training",
    columns: Columns | None = None,
) -> SequenceDataset:
    """Read one file or folder with the reader for its name.

    Parameters
    ----------
    name : str
        The path.
    options : DataConfig
        The reading options.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool, default True
        Whether labels or targets must be there.
    sample : bool, default False
        As in :func:`read_dataset`.
    encodings : tuple of Encoding, optional
        How the training data was encoded, for further rows; by default, this is the training data.
    as_text : Names, optional
        Which ids, groups and labels of a table may be text though all their cells are numbers.
    part : {"training", "test", "new"}
        What the rows are for: training, `--test`, or a model that is trained already.
    columns : Columns, optional
        Some rows of the table, where it was read before, or those of a frame called `name`.

    Raises
    ------
    DataError
        As in :func:`load_dataset`.
    """
    path = existing(name) if columns is None else Path(name)
    if part == "training" and options.test is None:
        formats.check_applies(vars(options), path)
    if options.answers is not None and not _may_lack_targets(path, job):
        raise OptionError(
            f"--answers: applies only to .npy files, and to a WAV file to regress; "
            f"{printable(path)} holds its labels or targets itself"
        )
    if columns is not None or is_table(path):
        texts = [e.column for e in encodings or () if e.values]
        if columns is not None:
            columns = with_texts(columns, texts)
        elif sample:
            columns = sample_columns(path, options)
        else:
            columns = read_table(path, options, texts=texts)
        dataset = to_dataset(
            columns, options, job, require_targets, path.name, encodings, as_text, part
        )
    elif options.calendar not in (None, NO_CALENDAR):
        raise OptionError(f"--calendar: requires a table with dates; {printable(path)} is none")
    else:
        own = formats.format_of(path)
        read = own.function(own.read_folder or own.read if path.is_dir() else own.read)
        dataset = read(path, options, job, require_targets, sample)
    return replace(dataset, source="file")


def _like_training(dataset: SequenceDataset) -> Names:
    """Return how to read test rows, for these training rows."""
    has_labels = dataset.y is not None and dataset.y.ndim == 1
    return Names.like(np.unique(dataset.y).tolist() if has_labels else ())


def _may_lack_targets(path: Path, job: str) -> bool:
    """Return whether `--answers` may add the targets of a file or folder: an array or a sound."""
    if path.is_dir():
        return formats.format_of(path).endings == formats.ARRAYS
    is_sound = kind_of(job).has_targets and has_ending(path, formats.SOUNDS)
    return is_sound or has_ending(path, formats.ARRAYS)


def read_table(
    path: Path, options: DataConfig, sample: bool = False, texts: Sequence[str] = ()
) -> Columns:
    """Read the columns of a table, or of a sample of its rows.

    The columns named in `texts` are text, whatever they look like, but not those of Parquet files.

    Raises
    ------
    DataError
        As in :func:`load_dataset`.
    """
    own = formats.format_of(path)
    read: Callable[..., Columns] = own.function(own.read)
    if own.takes_texts:
        return read(path, options, sample, texts)
    return with_texts(read(path, options, sample), texts)


def sample_columns(path: Path, options: DataConfig) -> Columns:
    """Read a sample of the rows of a table; a second call for the same file reads nothing.

    Raises
    ------
    DataError
        As in :func:`load_dataset`.
    """
    about = path.stat()
    version = (about.st_ino, about.st_mtime_ns, about.st_size)
    return _sample_columns(path, tuple((n, getattr(options, n)) for n in TEXT_OPTIONS), version)


@lru_cache(2)
def _sample_columns(
    path: Path, options: tuple[tuple[str, Any], ...], version: tuple[int, ...]
) -> Columns:
    return read_table(path, DataConfig(**dict(options)), sample=True)


def read_like(
    name: str,
    job: str,
    reading: Mapping[str, Any],
    changes: Mapping[str, Any],
    require_targets: bool,
    encodings: tuple[Encoding, ...] = (),
    classes: Sequence[Any] = (),
    columns: Columns | None = None,
) -> SequenceDataset:
    """Read new rows with the options that the training data of a model was read with.

    If a file or folder has training and test rows, only the test rows are returned, as `train`.

    Parameters
    ----------
    name : str
        The path.
    job : {"classify", "regress", "autoencode"}
    reading : mapping
        Options that the training data was read with (`Transform.reading`).
    changes : mapping
        Options that differ for the new rows; None means no difference.
    require_targets : bool
        Whether labels or targets must be there.
    encodings : tuple of Encoding
        Those of the model.
    classes : sequence
        Its labels, if it has some.
    columns : Columns, optional
        Some rows of the table, where it was read before, or those of a frame called `name`.

    Raises
    ------
    DataError, OptionError
        As in :func:`load_dataset`.
    """
    changed = {n: v for n, v in changes.items() if v is not None}
    same = {n: v for n, v in reading.items() if n != "thousands" or "decimal" not in changed}
    values = {**same, **changed}
    config = make_config(job, {n: v for n, v in values.items() if v is not None})
    formats.check_applies(changed, existing(name) if columns is None else Path(name))
    try:
        as_text = Names.like(classes)
        dataset = read_path(
            name, config.data, job, require_targets, False, encodings, as_text, "new", columns
        )
    except DataError as error:
        raise _for_new_data(error, job) from None
    return dataset if dataset.test is None else replace(dataset, train=dataset.test, test=None)


def _for_new_data(error: DataError, job: str) -> DataError:
    """Return an error without hints to set an option that new data cannot have."""
    options = section_options(DataConfig, job).values()
    offered = {option.flag for option in options if option.new_data}
    kept = [
        hint
        for hint in error.hints
        if all(part.name in offered for part in hint if isinstance(part, Flag))
    ]
    instead = ["make the file like the training data"] if error.hints and not kept else []
    return DataError(error.what, *kept, *instead, place=error.place)


def check_match(dataset: SequenceDataset, other: SequenceDataset) -> SequenceDataset:
    """Return `other` with the columns of the training rows; refuse rows of another width.

    Raises
    ------
    DataError
        With what differs.
    """
    other = with_trained_columns(other, dataset.names, chosen=True)
    own, new = dataset.X.shape, other.X.shape
    if own[-1] != new[-1] or len(own) != len(new):
        raise DataError(
            f"{printable(other.name)}: rows are {new[1:]}, but rows of {printable(dataset.name)} "
            f"are {own[1:]}"
        )
    return other


def with_trained_columns(
    dataset: SequenceDataset, trained: tuple[str, ...] | None, chosen: bool = False
) -> SequenceDataset:
    """Return new data with the input columns of a model, in the order of the model.

    Parameters
    ----------
    dataset : SequenceDataset
    trained : tuple of str or None
        Names of the model's input columns, if it was trained on a table.
    chosen : bool, default False
        Whether the user chose the columns of `dataset` and their order.

    Raises
    ------
    DataError
        As in :func:`~hiddenstate.data.column_names.match_columns`.
    """
    which = match_columns(trained, dataset.names, printable(dataset.name), chosen)
    return dataset if which is None else dataset.with_columns(which)


def existing(name: str) -> Path:
    """Return the path `name` if it is a file or folder that can be read.

    Raises
    ------
    DataError
        If it does not exist, with the most similar name beside it; or if it cannot be data.
    """
    if not name:
        raise DataError("DATA is empty, expected a file or a folder")
    path = Path(name).expanduser()
    try:
        exists = path.exists()
        if exists and not (path.is_file() or path.is_dir()):
            raise DataError(f"{printable(path)}: neither a file nor a folder")
        if not exists:
            raise DataError(_missing(path, name))
        if path.is_file() and path.stat().st_size == 0:
            raise DataError(f"{printable(path)}: empty, no rows")
    except OSError as error:
        raise DataError(f"{printable(path)}: cannot be read: {error.strerror}") from None
    return path


def _missing(path: Path, name: str) -> str:
    """Return what is missing, a file or a folder, with the most similar name beside it."""
    what = "file" if path.suffix else "folder" if name.endswith(os.sep) else "file or folder"
    while not path.parent.is_dir() and path.parent != path:
        path, what = path.parent, "folder"
    names = (each.name for each in path.parent.iterdir() if what != "folder" or each.is_dir())
    return f"{printable(path)}: no such {what}{did_you_mean(path.name, names)}"


def _bundled(config: Config) -> SequenceDataset:
    """Return the bundled data of the job."""
    if config.kind.has_targets:
        from hiddenstate.data.bundled.waves import load_waves

        return load_waves(config.data.windows, max(config.data.window, 1), config.training.dtype)
    from hiddenstate.data.bundled.mnist import load_mnist

    mnist, steps = load_mnist(flat=config.kind.has_codes), config.data.steps
    if config.kind.has_codes or steps is None:
        return mnist
    return mnist.map(lambda rows: replace(rows, X=as_rows(rows.X, steps, "MNIST")))
