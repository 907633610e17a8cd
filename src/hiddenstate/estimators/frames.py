"""Reads data frames of dated series as the commands read a table, and writes such frames."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np

from hiddenstate.data.readers.columns import Columns, Places
from hiddenstate.data.readers.dataframes import as_frame, frame_columns, is_frame
from hiddenstate.data.readers.profiles import kind_of
from hiddenstate.errors import DataError, listed, printable
from hiddenstate.system.typing import Array

TABLE_OPTIONS = ("input", "time", "id", "every", "calendar")
"""Parameters that say how the columns of a frame are read, in a frame of dated series."""

DATE, ISO = "date objects", "datetime objects"
"""Types of columns of Python's own dates, and of those with times of day."""

SERIES = "series"
"""Name of the column that numbers the frames of a list."""


@dataclass(frozen=True)
class FrameTable:
    """One frame, or several as one table, whose rows belong to series and follow one another.

    Parameters
    ----------
    columns : Columns
        Those of the frames, after the levels of their index that hold dates or have a role.
    time : str, optional
        The level of the index that holds dates.
    id : tuple of str, optional
        What names the series, where the frames say so: the other levels of the index, or the
        number of each frame of a list.
    library : {"pandas", "polars"}
    dates : dict
        The type of each column or level of dates, as its library calls it.
    """

    columns: Columns
    time: str | None
    id: tuple[str, ...] | None
    library: str
    dates: dict[str, str]

    def zone(self, time: str | None) -> str:
        """Return the time zone of a column of dates; empty if they have none."""
        return _zone(self.dates.get(time or "", ""))

    def facts(self, names: Sequence[str]) -> dict[str, Any]:
        """Return some of the columns as plain values and arrays, for a pickle."""
        which = [j for j, name in enumerate(self.columns.names) if name in names]
        columns = self.columns
        return {
            "names": [columns.names[j] for j in which],
            "arrays": [columns.arrays[j] for j in which],
            "truths": [k for k, j in enumerate(which) if j in columns.truths],
            "time": self.time,
            "id": self.id,
            "library": self.library,
            "dates": {name: self.dates[name] for name in names if name in self.dates},
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> "FrameTable":
        """Return the table that :meth:`facts` describes."""
        arrays = facts["arrays"]
        columns = Columns(
            tuple(facts["names"]),
            arrays,
            tuple(map(kind_of, arrays)),
            len(arrays[0]),
            "X",
            "data frame",
            Places(lambda i: i, ":row {}"),
            truths=frozenset(facts["truths"]),
        )
        own = None if facts["id"] is None else tuple(facts["id"])
        return cls(columns, facts["time"], own, facts["library"], dict(facts["dates"]))


def as_frames(X: Any) -> list[Any]:
    """Return X, or each of a list, as a frame if it is one or a pandas series; else unchanged."""
    each = map(as_frame, X) if isinstance(X, (list, tuple)) else [as_frame(X)]
    return [
        one.to_frame("value" if one.name is None else one.name)
        if hasattr(one, "to_frame") and hasattr(one, "iloc") and not is_frame(one)
        else one
        for one in each
    ]


def has_dates(X: Any) -> bool:
    """Return whether the index or a column of a frame, or of the first of several, holds dates."""
    frame = as_frames(X[0] if isinstance(X, (list, tuple)) and len(X) else X)[0]
    if not is_frame(frame):
        return False
    if any(_is_dates(str(each.dtype)) for each in _levels(frame)):
        return True
    columns = [_series(frame, j) for j in range(len(frame.columns))]
    return any(_is_dates(str(each.dtype)) or _are_objects_of_dates(each) for each in columns)


def _series(frame: Any, j: int) -> Any:
    return frame.iloc[:, j] if hasattr(frame, "iloc") else frame.to_series(j)


def _are_objects_of_dates(series: Any) -> bool:
    return str(series.dtype) == "object" and any(isinstance(x, date) for x in series[:1].tolist())


def table_of(X: Any, where: str, time: str | None, ids: Sequence[str]) -> FrameTable:
    """Return a frame, or a list of frames of a series each, as one table.

    Parameters
    ----------
    X : data frame, or list of these
    where : str
        Names it in messages.
    time : str, optional
        The column or the level of the index that orders the rows.
    ids : sequence of str
        Those that name the series.

    Raises
    ------
    DataError
        If X is no frame, or the frames of a list have other columns.
    """
    frames = as_frames(X)
    if not frames or not all(map(is_frame, frames)):
        other = next((each for each in frames if not is_frame(each)), X)
        raise DataError(
            f"{where}: expected a data frame with dates, or a list of these, got "
            f"{type(other).__name__}"
        )
    several = isinstance(X, (list, tuple))
    parts = [
        _one(frame, f"{where}[{i}]" if several else where, time, ids)
        for i, frame in enumerate(frames)
    ]
    return _joined(parts, where, ids) if several else parts[0]


def _one(frame: Any, where: str, time: str | None, ids: Sequence[str]) -> FrameTable:
    columns = frame_columns(frame, where)
    names, arrays, own_ids = [], [], []
    dates: dict[str, str] = {}
    own_time = None
    levels = _levels(frame)
    for level in levels:
        kind = str(level.dtype)
        if _is_dates(kind):
            name = str(level.name or time or ("index" if "time" in columns.names else "time"))
            if time not in (None, name) and time in columns.names:
                continue
            own_time, dates[name] = own_time or name, kind
            values = _written(level, kind)
        elif level.name is not None and (level.name in (time, *ids) or len(levels) > 1):
            name = str(level.name)
            own_ids += [name] if name != time else []
            values = frame_columns(_as_frame(frame, level), where).arrays[0]
        else:
            continue
        names.append(name)
        arrays.append(values)
    own_columns = list(columns.arrays)
    for j, kind in enumerate(str(each) for each in frame.dtypes):
        objects = columns.kinds[j] == "date" and kind == "object"
        if objects or _is_dates(kind):
            series = _series(frame, j)
            dates[columns.names[j]] = kind = _kind_of_objects(series) if objects else kind
            own_columns[j] = _written(series, kind)
    n = len(names)
    every = [*arrays, *own_columns]
    kinds = [kind if kind == "nested" else "" for kind in (*[""] * n, *columns.kinds)]
    for j in range(n, len(every)):
        kinds[j] = "" if columns.names[j - n] in dates else kinds[j]
    columns = replace(
        columns,
        names=(*names, *columns.names),
        arrays=every,
        kinds=tuple(kind or kind_of(a) for kind, a in zip(kinds, every, strict=True)),
        named=columns.named or bool(names),
        truths=frozenset(j + n for j in columns.truths),
    )
    library = "pandas" if hasattr(frame, "iloc") else "polars"
    return FrameTable(columns, own_time, tuple(own_ids) or None, library, dates)


def _as_frame(frame: Any, level: Any) -> Any:
    """Return a level of the index of a frame as a frame of one column."""
    return level.to_frame(index=False)


def _joined(parts: list[FrameTable], where: str, ids: Sequence[str]) -> FrameTable:
    """Return the tables of several frames as one; series without an id are numbered."""
    first = parts[0].columns
    for i, part in enumerate(parts):
        if part.columns.names != first.names:
            missing = sorted({*first.names} ^ {*part.columns.names}) or list(first.names)
            raise DataError(
                f"{where}[{i}]: its columns are not those of the first frame: {listed(missing)}"
            )
    lengths = [part.columns.n_rows for part in parts]
    arrays: list[Array] = []
    for j, name in enumerate(first.names):
        kinds = {part.columns.kinds[j] for part in parts}
        if len(kinds) > 1:
            raise DataError(
                f"{where}: column {printable(name, 40)} holds {' and '.join(sorted(kinds))} in "
                "different frames; expected one type"
            )
        arrays.append(np.concatenate([part.columns.arrays[j] for part in parts]))
    starts = np.cumsum([0, *lengths])

    def number(i: int) -> tuple[int, int]:
        part = int(np.searchsorted(starts, i, side="right")) - 1
        return part, i - int(starts[part])

    names, own = first.names, parts[0].id
    if own is None and len(ids) < 2 and not {*ids} & {*names}:
        name = str(ids[0]) if ids else SERIES
        while name in names:
            name += "_"
        names, own = (name, *names), (name,)
        arrays = [np.repeat(np.arange(len(parts)), lengths), *arrays]
    n = len(names) - len(first.names)
    columns = replace(
        first,
        names=names,
        arrays=arrays,
        kinds=(*("number",) * n, *first.kinds),
        n_rows=int(starts[-1]),
        where=where,
        places=Places(number, "[{0[0]}]:row {0[1]}"),
        truths=frozenset(j + n for j in first.truths),
    )
    return replace(parts[0], columns=columns, id=own)


def _levels(frame: Any) -> list[Any]:
    """Return the levels of the index of a pandas frame; none of a polars frame."""
    index = getattr(frame, "index", None)
    if index is None or not hasattr(index, "get_level_values"):
        return []
    return [index.get_level_values(k) for k in range(index.nlevels)]


def _is_dates(kind: str) -> bool:
    """Return whether a type, as its library writes it, is one of dates."""
    return kind.casefold().startswith(("datetime", "period", "date"))


def _kind_of_objects(series: Any) -> str:
    """Return the type of a column of Python's own dates: DATE, or ISO if they have times."""
    cells = [cell for cell in series.tolist() if isinstance(cell, date)]
    return ISO if any(isinstance(cell, datetime) for cell in cells) else DATE


def _zone(kind: str) -> str:
    """Return the time zone of a type of dates; empty if it has none."""
    if kind.startswith("Datetime("):  # polars
        zone = kind.partition("time_zone=")[2].rstrip(")").strip("'")
        return "" if zone == "None" else zone
    return kind.partition(",")[2].rstrip("]").strip() if kind.startswith("datetime64[") else ""


def _written(values: Any, kind: str) -> Array:
    """Return dates (N,) as `Columns` has them; those with a time zone as text with their offset,
    as `to_csv` writes them."""
    if kind.startswith("period"):
        values = values.to_timestamp() if hasattr(values, "to_timestamp") else values
        values = values.dt.to_timestamp() if hasattr(values, "dt") else values
        return np.asarray(values.to_numpy())
    if kind in (DATE, ISO):
        texts = [cell.isoformat() if isinstance(cell, date) else "" for cell in values.tolist()]
    elif not _zone(kind):
        return np.asarray(values.to_numpy())
    elif hasattr(values, "is_null"):  # polars
        texts = values.dt.to_string("iso:strict").to_list()
    else:
        texts = values.astype(str).tolist()
    written = np.empty(len(texts), object)
    written[:] = ["" if text in (None, "NaT") else text for text in texts]
    return written


def frame_of(columns: Mapping[str, Array], table: FrameTable, time: str | None) -> Any:
    """Return columns as a frame of the library of a table, with dates of the type that it has.

    Parameters
    ----------
    columns : mapping
        Arrays (n,) of equal length; that named `time` holds dates as text, None where unknown.
    table : FrameTable
    time : str, optional
        The column of `table` that holds its dates.
    """
    library = importlib.import_module(table.library)
    kind = table.dates.get(time or "")
    made: dict[str, Any] = dict(columns)
    if "time" in made and kind is None:  # texts or numbers
        made["time"] = made["time"].tolist()
    elif "time" in made and kind is not None:
        texts = [None if each in (None, "") else str(each) for each in made["time"].tolist()]
        convert = _of_polars if table.library == "polars" else _of_pandas
        made["time"] = convert(library, texts, kind)
    return library.DataFrame(made)


def _of_pandas(pandas: Any, texts: list[str | None], kind: str) -> Any:
    """Return dates as text (n,) as those of a type of pandas."""
    if kind in (DATE, ISO):
        read = (date if kind == DATE else datetime).fromisoformat
        return pandas.Series([text and read(text) for text in texts], dtype=object)
    if kind.startswith("period"):
        return pandas.PeriodIndex(pandas.DatetimeIndex(texts), freq=kind[7:-1])
    if zone := _zone(kind):
        utc = pandas.to_datetime(pandas.Series(texts, dtype=object), utc=True)
        return utc.dt.tz_convert(zone).astype(kind)
    return np.array([text or "NaT" for text in texts], kind)


def _of_polars(polars: Any, texts: list[str | None], kind: str) -> Any:
    """Return dates as text (n,) as those of a type of polars."""
    dates = polars.Series(texts, dtype=polars.String)
    if kind == "Date":
        return dates.str.slice(0, 10).str.to_date()
    unit = kind.partition("time_unit='")[2][:2]
    if zone := _zone(kind):
        utc = dates.str.to_datetime(time_unit=unit, time_zone="UTC")
        return utc.dt.convert_time_zone(zone)
    return dates.str.to_datetime(time_unit=unit)
