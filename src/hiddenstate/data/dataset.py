"""A data set as a reader returns it, and as a job trains on it."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NotRequired, TypedDict

import numpy as np

from hiddenstate.data.calendar import Calendar, MissingSteps
from hiddenstate.data.column_names import are_names, table_names
from hiddenstate.data.framing import Framing
from hiddenstate.data.leaks import Leak, LeakFacts, UnusedColumns
from hiddenstate.data.prepare.augment_choice import Choice, ChoiceFacts
from hiddenstate.data.prepare.encoding import Encoding, EncodingFacts, source_names, spans
from hiddenstate.data.prepare.linear_path import GroupFacts
from hiddenstate.data.prepare.missing import SCAN_BYTES
from hiddenstate.data.prepare.season import Why
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.system.typing import Array

MAX_NAMES = 2**16
"""Most characters of column names that the record of a run holds; it may not be large."""


class DataFacts(TypedDict):
    """What a run records of its data, to recognise it later."""

    name: str
    source: str
    fingerprint: str
    rows: dict[str, int]
    sizes: list[str]
    columns: NotRequired[list[str]]
    encodings: NotRequired[list[EncodingFacts]]
    numbers_as_text: NotRequired[list[str]]
    split_rule: NotRequired[int]
    leaks: NotRequired[list[LeakFacts]]
    groups: NotRequired[list[GroupFacts]]
    season_why: NotRequired[Why]
    targets: NotRequired[list[str]]
    time: NotRequired[str]
    augment: NotRequired[ChoiceFacts]


def label_values(labels: Array) -> list[Any]:
    """Return labels (C,) as plain values; of numbers that are not all whole, those are integers."""
    values: list[Any] = labels.tolist()
    if labels.dtype.kind == "f" and not all(value.is_integer() for value in values):
        values = [int(value) if value.is_integer() else value for value in values]
    return values


def label_array(classes: list[Any]) -> Array:
    """Return labels (C,) as an array that keeps the type of each: 1 and 1.5 stay as they are."""
    if len({type(label) for label in classes}) == 1:
        return np.asarray(classes)
    labels = np.empty(len(classes), object)
    labels[:] = classes
    return labels


@dataclass(frozen=True)
class RowAxes:
    """What the axes of a row stand for, beside the row itself.

    Parameters
    ----------
    channels : tuple of str, optional
        Names of the features of a step.
    row_shape : tuple of int, optional
        Steps and features (T, C) of a row that the job reads flat.
    time_step : float, optional
        Time from each step to the next, if it is the same throughout.
    time_unit : str, optional
        Unit of `time_step`, such as `s`.
    sound : Framing, optional
        How the steps of a row were cut from a sound.
    """

    channels: tuple[str, ...] | None = None
    row_shape: tuple[int, int] | None = None
    time_step: float | None = None
    time_unit: str | None = None
    sound: Framing | None = None

    def facts(self) -> dict[str, Any]:
        """Return what is known, ready for JSON."""
        values = {part.name: getattr(self, part.name) for part in fields(self)}
        facts = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }
        return facts if self.sound is None else facts | {"sound": asdict(self.sound)}


@dataclass(frozen=True)
class Dataset:
    """What a data set has both as read and as prepared.

    Parameters
    ----------
    name : str
        Name of the data in messages, such as a file's name.
    train : Rows
        Training rows; all rows if the data has no test rows.
    test : Rows, optional
        Test rows.
    kind : str
        What the data is, in words: `a wide CSV table`.
    classes : list, optional
        The label of each class number; None while y holds labels.
    columns, targets : tuple of str, optional
        Names of the features and of the targets, if they have names.
    picture : tuple of int, optional
        (height, width) of a row that is a picture, or (height, width, 3) if its pixels are red,
        green and blue in turn.
    source : {"arrays", "bundled", "file"}
        Where the data comes from; arrays cannot be read again.
    remarks : tuple of str
        What a user should know about how the data was read, one line each.
    numbers_as_text : tuple of str
        Columns of ids, groups or labels that are text though all their cells are numbers.
    season_why : {"of the calendar", "of the data", "as given", "none"}, optional
        Where the seasons of forecasts come from.
    """

    name: str
    train: Rows
    test: Rows | None = None
    kind: str = "arrays"
    classes: list[Any] | None = None
    columns: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    picture: tuple[int, ...] | None = None
    source: str = "arrays"
    remarks: tuple[str, ...] = ()
    numbers_as_text: tuple[str, ...] = ()
    season_why: Why | None = None

    @property
    def X(self) -> Any:  # noqa: N802
        """Training inputs; see :class:`~hiddenstate.data.rows.Rows`."""
        return self.train.X

    @property
    def y(self) -> Array | Any:
        """Labels, class numbers or targets of the training rows, or None.

        The type lets you use them without a check where you know that the data has some.
        """
        return self.train.y

    @property
    def times(self) -> Array | Any:
        """Time of each step (N, T), for data with a time column, or None; typed as :attr:`y`."""
        return self.train.times

    @property
    def X_test(self) -> Any:  # noqa: N802
        """Test inputs; no rows if there are no test rows."""
        return self.X[:0] if self.test is None else self.test.X

    @property
    def y_test(self) -> Array | Any:
        """Labels, class numbers or targets of the test rows, or None; typed as :attr:`y`."""
        return None if self.test is None else self.test.y

    def fingerprint(self) -> str:
        """SHA-256 of the arrays, their types and shapes."""
        digest = hashlib.sha256()
        for part in (self.train, self.test or self.train.take(slice(0, 0))):
            for array, dtype in part.arrays():
                digest.update(f"{dtype.str}{array.shape}".encode())
                flat = array.reshape(-1) if array.flags.c_contiguous else array
                for _, piece in in_pieces(flat, SCAN_BYTES):
                    values = np.ascontiguousarray(piece, dtype)
                    digest.update(values.view(np.uint8).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class SequenceDataset(Dataset):
    """A data set as it was read: not split, not scaled, no missing values filled in.

    Parameters
    ----------
    name, train, test, kind, classes, columns, targets, picture, source, remarks, numbers_as_text,
    season_why
        As in :class:`Dataset`.
    read_as : dict
        Values that the reader chose for options left to it, by option name.
    unread : tuple of str
        What was not read if only a sample was wanted, one line each.
    encodings : tuple of Encoding
        How columns of text and dates became features, which `columns` names.
    known_fingerprint : str, optional
        Fingerprint of rows whose files were verified; None for other data.
    unused : UnusedColumns, optional
        Columns that no network reads, in which rows may belong together.
    missing_steps : MissingSteps, optional
        The steps that series are without, if there are some.
    """

    read_as: Mapping[str, Any] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    known_fingerprint: str | None = None
    unused: UnusedColumns | None = None
    missing_steps: MissingSteps | None = None

    def fingerprint(self) -> str:
        """SHA-256 of the arrays, their types and shapes; not computed where it is known."""
        return self.known_fingerprint or super().fingerprint()

    @property
    def calendar(self) -> Calendar | None:
        """The calendar of the time column; None without dates, or without a regular step."""
        origin = self.train.origin
        return None if origin is None or origin.table is None else origin.table.calendar

    def map(self, change: Callable[[Rows], Rows]) -> "SequenceDataset":
        """Return the data with `change` applied to its training rows and its test rows."""
        test = None if self.test is None else change(self.test)
        return replace(self, train=change(self.train), test=test, known_fingerprint=None)

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the input columns of a table; None for other data."""
        columns = table_names(self.columns, self.read_as.get("layout"))
        return source_names(columns, self.encodings)

    def with_columns(self, which: list[int]) -> "SequenceDataset":
        """Return the data of a table with `which` of its input columns, in this order."""
        columns = self.columns or ()
        inputs = spans(columns, self.encodings)
        if which == list(range(len(inputs))):
            return self
        features = np.arange(len(columns))
        encodings = {e.column: e for e in self.encodings}
        chosen_names = [inputs[i][0] for i in which]
        which = [int(j) for i in which for j in features[inputs[i][1]]]

        def chosen(rows: Rows) -> Rows:
            if isinstance(rows.X, RowStore):
                shape = (*rows.X.shape[1:-1], len(which))
                return replace(rows, X=rows.X.mapped(lambda X: X[..., which], shape, rows.X.dtype))
            return replace(rows, X=np.ascontiguousarray(rows.X[..., which]))

        return replace(
            self.map(chosen),
            columns=tuple(columns[j] for j in which),
            encodings=tuple(encodings[name] for name in chosen_names if name in encodings),
        )


@dataclass(frozen=True)
class PreparedDataset(Dataset):
    """A data set that a job trains on: laid out, split, missing values filled in, scaled.

    Parameters
    ----------
    name, train, test, kind, classes, columns, targets, picture, source, remarks, numbers_as_text,
    season_why
        As in :class:`Dataset`.
    valid : Rows, optional
        Validation rows. The targets of these and of training rows are scaled, those of test rows
        are in their own units.
    transform : Transform
        What was done to X and y, and is done to new rows.
    fingerprint_as_read : str, optional
        Fingerprint of the data as it was read; None for arrays, which nobody reads again.
    axes : RowAxes
        What steps and features of a row are.
    split_rule : int
        How its series were split in time; see `SPLIT_RULE` in `data/prepare/split`.
    leaks : tuple of Leak
        What makes its score too good, if that was looked for.
    augment : Choice, optional
        How its training rows are augmented, if that was chosen.
    """

    valid: Rows | None = None
    transform: Transform = field(default_factory=Transform)
    fingerprint_as_read: str | None = None
    axes: RowAxes = RowAxes()
    split_rule: int = 1
    leaks: tuple[Leak, ...] = ()
    augment: Choice | None = None

    def require_classes(self) -> list[Any]:
        """Return the label of each class number.

        Raises
        ------
        RuntimeError
            If y holds no class numbers. This is an internal error: `prepare` checks for them.
        """
        if self.classes is None:
            raise RuntimeError(f"{self.name}: data without classes where classes are required")
        return self.classes

    def require_test(self) -> Rows:
        """Return the test rows of data that must have some; errors as :meth:`require_classes`."""
        if self.test is None:
            raise RuntimeError(f"{self.name}: data without test rows where they are required")
        return self.test

    def fingerprint(self) -> str:
        """SHA-256 of the data as it was read; of arrays, as they were prepared."""
        return self.fingerprint_as_read or super().fingerprint()

    def facts(self) -> DataFacts:
        """What a run records of its data, to recognise it later."""
        facts: DataFacts = {
            "name": self.name,
            "source": self.source,
            "fingerprint": self.fingerprint(),
            "rows": {part: len(rows) for part, rows in self._parts()},
            "sizes": self.sizes(),
        }
        names = self.transform.names
        if names is not None and are_names(names) and sum(map(len, names)) <= MAX_NAMES:
            facts["columns"] = list(names)
            encodings = self.transform.encodings
            if encodings:
                facts["encodings"] = [e.facts() for e in encodings]
        if self.numbers_as_text:
            facts["numbers_as_text"] = list(self.numbers_as_text)
        if self.split_rule > 1:
            facts["split_rule"] = self.split_rule
        if self.season_why is not None:
            facts["season_why"] = self.season_why
        targets = self.transform.targets
        if targets is not None and are_names(targets) and sum(map(len, targets)) <= MAX_NAMES:
            facts["targets"] = list(targets)
        if time := self.transform.reading.get("time"):
            facts["time"] = str(time)
        if self.augment is not None:
            facts["augment"] = self.augment.facts()
        if self.leaks:
            facts["leaks"] = [leak.facts() for leak in self.leaks]
        if self.transform.linear is not None and self.transform.linear.groups:
            facts["groups"] = [group.facts() for group in self.transform.linear.groups]
        return facts

    def sizes(self) -> list[str]:
        """Sizes of the data, one line for each part."""
        lines = []
        for part, rows in self._parts():
            shape = (len(rows), *self.picture) if self.picture else rows.X.shape
            line = f"{part} data: {shape}"
            if rows.y is not None:
                line += f", {'labels' if self.classes else 'targets'} {rows.y.shape}"
            if rows.lengths is not None:
                line += f", {rows.lengths.min()} to {rows.lengths.max()} steps"
            lines.append(line)
        return lines

    def _parts(self) -> Iterator[tuple[str, Rows]]:
        """The parts that have rows, and their names."""
        for part, rows in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            if rows is not None and len(rows):
                yield part, rows
