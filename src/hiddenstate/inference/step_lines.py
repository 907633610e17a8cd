"""Reads steps of series from lines of text that arrive one by one: CSV or JSON lines."""

import codecs
import csv
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.data.column_names import ALL, are_names, match_columns, order_note
from hiddenstate.data.prepare.layout import pixel_fractions
from hiddenstate.data.readers.columns import check_names
from hiddenstate.data.readers.dates import local_times
from hiddenstate.data.readers.delimited import delimiter_named
from hiddenstate.data.readers.header import is_header
from hiddenstate.data.readers.number_text import NumberMarks, is_number
from hiddenstate.data.readers.open import TEXT_OPTIONS
from hiddenstate.data.readers.profiles import TRUTHS, is_missing
from hiddenstate.data.readers.text_lines import decoder_of, is_blank
from hiddenstate.errors import DataError, OptionError, listed, printable
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.encoding import calendar_features
from hiddenstate.system.strict_json import parse_json
from hiddenstate.system.typing import Array


class StepLines:
    """Turns lines into steps, with the reading options of the model's training data.

    The first line that is not blank says what the lines are: JSON objects, if it begins with `{`;
    a header of CSV, if none of its cells is a number or it has the names of all inputs; otherwise a
    row of CSV without names. The rule of :mod:`hiddenstate.data.column_names` finds the inputs.

    Parameters
    ----------
    model : FittedModel
        Of a classifier or a regressor.
    changes : mapping
        Reading options that differ from training, by name.
    where : str
        Name of the source in messages.

    Attributes
    ----------
    number : int
        The number of the last line, from 1.
    remark : str
        What a user should know about the columns once the first line was read; often empty.
    ids : tuple of str
        The columns that say which series a line belongs to; empty if all lines are one series.

    Raises
    ------
    OptionError
        If a reading option is wrong, or cannot be used on lines that arrive one by one.
    """

    def __init__(self, model: FittedModel, changes: Mapping[str, Any], where: str) -> None:
        reading = model.transform.reading
        text = {n: reading[n] for n in TEXT_OPTIONS if reading.get(n) is not None}
        if changes.get("decimal") is not None:
            text.pop("thousands", None)  # that of training goes with its decimal mark
        text |= {n: changes[n] for n in TEXT_OPTIONS if changes.get(n) is not None}
        self._options = DataConfig(**text)
        self._marks = NumberMarks.of(self._options)
        self._delimiter = _delimiter(self._options)
        self._encoding = _encoding(self._options)
        self._trained, self._periods = _columns(model)
        self._order = changes.get("dates") or reading.get("dates")
        if changes.get("dates") is not None and not any(self._periods):
            raise OptionError("--dates: --stream reads lines of numbers; leave it out")
        self._chosen = changes.get("input")
        self._complete = model.transform.missing in ("error", "drop")
        self._pixels = model.transform.pixels
        self._json = False
        self._names: tuple[str, ...] = ()
        self._inputs: list[str] = []
        self.where, self.number, self.remark = where, 0, ""
        self.ids: tuple[str, ...] = ()
        self._truths: dict[str, bool] = {}  # columns of true and false, by their first cell

    def parse(self, line: bytes) -> tuple[str, Array] | None:
        """Return the series and the values (I,) of a line; None if it is blank or the header.

        Raises
        ------
        DataError
            With the line and, if it is one, the column.
        """
        self.number += 1
        text = self._decoded(line)
        if not text.strip() and (self._json or is_blank(text.rstrip("\r\n"), self._delimiter)):
            return None
        if not self._names and self._begin(text):
            return None
        row = self._row(text)
        columns = zip(self._inputs, self._periods, strict=True)
        parts = [
            self._calendar(name, row.get(name), periods)
            if periods
            else [self._value(name, row.get(name))]
            for name, periods in columns
        ]
        values = np.concatenate(parts)
        if self._pixels:  # as of a table
            values = pixel_fractions(values, True)
        return ", ".join(self._id(name, row) for name in self.ids), values

    @property
    def _at(self) -> str:
        return f"{self.where}:{self.number}"

    def _decoded(self, line: bytes) -> str:
        try:
            text = line.decode(self._encoding)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self._at}: byte {error.start} (0x{line[error.start]:02x}) is not "
                f"{printable(self._encoding, 40)}; name the encoding with --encoding"
            ) from None
        return text.removeprefix("\ufeff") if self.number == 1 else text

    def _begin(self, text: str) -> bool:
        """Name the columns by the first line, and return whether it is a header."""
        self._json = text.lstrip().startswith("{")
        if self._json:
            first, header = list(self._object(text)), False
        else:
            first = self._cells(text)
            plain = [self._marks.plain(cell) for cell in first]
            named = are_names(self._trained) and set(self._trained or ()) <= set(first)
            header = named or is_header(plain, [])
        names = first if self._json else [str(j) for j in range(len(first))]
        names = [name or f"Unnamed: {j}" for j, name in enumerate(first)] if header else names
        check_names(names, self._at)
        own = tuple(self._options.id or ())
        absent = [name for name in own if name not in names]
        if absent and len(absent) < len(own):
            raise DataError(
                f"{self._at}: no column {printable(absent[0], 40)} (--id); columns: {listed(names)}"
            )
        self.ids = () if absent else own
        self._inputs = self._matched([name for name in names if name not in self.ids])
        self._names = tuple(names)
        return header

    def _matched(self, names: list[str]) -> list[str]:
        """Return the names of the input columns, in the order of the model."""
        chosen = self._chosen is not None and tuple(self._chosen) != ALL
        if chosen:
            match_columns(self._chosen, names, self._at)
            names = list(self._chosen or ())
        which = match_columns(self._trained, names, self._at, self._chosen is not None)
        if which is not None:
            return [names[j] for j in which]
        if len(names) != len(self._periods):
            model = f" ({listed(self._trained or ())})" if are_names(self._trained) else ""
            n = len(self._periods)
            raise DataError(
                f"{self._at}: expected {n} columns, the inputs of the model{model}, "
                f"found {len(names)}"
            )
        self.remark = order_note(self._trained, names, self.where)
        return names

    def _row(self, text: str) -> Mapping[str, Any]:
        """Return the cells of a line by column."""
        if self._json:
            return self._object(text)
        cells = self._cells(text)
        if len(cells) != len(self._names):
            raise DataError(
                f"{self._at}: expected {len(self._names)} columns as in the first line, found "
                f"{len(cells)}; correct the line"
            )
        return dict(zip(self._names, cells, strict=True))

    def _cells(self, text: str) -> list[str]:
        spaced = self._delimiter not in " \t"
        reader = csv.reader(_only(text), delimiter=self._delimiter, skipinitialspace=spaced)
        try:
            cells = next(reader)
        except csv.Error as error:
            raise DataError(
                f"{self._at}: {printable(error, 60)}; check for a quote that is not closed"
            ) from None
        return [cell.strip() for cell in cells if cell or self._delimiter != " "]

    def _object(self, text: str) -> dict[str, Any]:
        try:
            row = parse_json(text.strip())
        except ValueError as error:
            raise DataError(
                f"{self._at}: {printable(error, 80)}; each line must be one JSON object"
            ) from None
        if not isinstance(row, dict) or not row:
            raise DataError(f"{self._at}: expected a JSON object with values")
        return row

    def _value(self, name: str, cell: Any) -> float:
        """Return a cell as a number, NaN if it is missing."""
        at = f"{self._at}:{printable(name, 40)}"
        if isinstance(cell, str):
            plain, word = cell if self._json else self._marks.plain(cell), cell.strip().casefold()
            if is_missing(cell):
                cell = None
            elif is_number(plain):
                cell = float(plain)
            else:
                cell = TRUTHS[word] == 1 if word in TRUTHS else cell
        is_truth = type(cell) is bool
        if cell is not None and (
            type(cell) not in (int, float, bool)
            or self._truths.setdefault(name, is_truth) != is_truth
        ):
            shown = printable(repr(cell), 40)
            raise DataError(f"{at}: {shown} is not a number; correct or empty the cell")
        try:
            value = math.nan if cell is None else float(cell)
        except OverflowError:
            value = math.inf
        self._check_complete(value, at)
        return value

    def _calendar(self, name: str, cell: Any, periods: tuple[str, ...]) -> Array:
        """Return the features of a date, NaN if it is missing."""
        at = f"{self._at}:{printable(name, 40)}"
        cells = np.array(["" if cell is None else str(cell).strip()], object)
        if is_missing(cells[0]):
            self._check_complete(math.nan, at)
            dates = np.array(["NaT"], "M8[us]")
            return np.asarray(calendar_features(dates, periods)[0])
        moments = local_times(cells, self._order)
        if moments is None:
            either = local_times(cells, "dmy") is not None
            problem = "may be two dates; add --dates dmy or --dates mdy"
            problem = problem if either else "is no date; expected one such as 2020-12-31"
            raise DataError(f"{at}: '{printable(cells[0], 40)}' {problem}")
        local, utc = (each.view("M8[us]") for each in (moments[0], moments[0] - moments[1]))
        return np.asarray(calendar_features(utc, periods, local)[0])

    def _check_complete(self, value: float, at: str) -> None:
        if self._complete and not math.isfinite(value):
            raise DataError(
                f"{at}: missing or not finite; the model was trained without missing values; fill "
                "them in, or train a new model with --missing mean, forward or mask"
            )

    def _id(self, name: str, row: Mapping[str, Any]) -> str:
        """Return the value of an id column, with its name if there are several."""
        cell = row.get(name)
        value = cell.strip() if isinstance(cell, str) else "" if cell is None else str(cell)
        if not value or isinstance(cell, (list, dict)):
            raise DataError(f"{self._at}:{printable(name, 40)}: no id; name the series of the line")
        return value if len(self.ids) == 1 else f"{name}={value}"


def _columns(model: FittedModel) -> tuple[tuple[str, ...] | None, list[tuple[str, ...]]]:
    """Return the names of the columns that steps have, if they have names, and of each the periods
    of its calendar, if it holds dates.

    Columns known ahead are there twice: `price`, and last `price +12`, 12 steps later.
    """
    transform, known = model.transform, model.transform.known
    names = transform.names
    calendars = {each.column: each.calendar for each in transform.encodings}
    if names is None or (not calendars and len(names) != model.n_features):
        return None, [()] * (model.n_features + len(known.ahead))
    later = tuple(f"{name} +{known.horizon}" for name in known.columns)
    periods = [calendars.get(name, ()) for name in (*names, *known.columns)]
    return (*names, *later), periods


def _only(text: str) -> Iterator[str]:
    """Yield one line; refuse to go on, which an open quote needs."""
    yield text
    raise csv.Error("a quote is opened but not closed")


def _delimiter(options: DataConfig) -> str:
    """Return the delimiter that the options name, or the usual one."""
    if options.delimiter is not None:
        return delimiter_named(options.delimiter)
    return ";" if options.decimal == "," else ","


def _encoding(options: DataConfig) -> str:
    decoder_of(options.encoding)
    name = codecs.lookup(options.encoding).name
    if name.startswith(("utf-16", "utf-32")):
        raise OptionError(
            f"--encoding: --stream cannot read {name}, whose lines do not end in one byte; "
            "convert the lines to UTF-8"
        )
    return name
