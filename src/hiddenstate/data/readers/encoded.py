"""Makes features of the columns of a table that hold text or dates and are inputs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hiddenstate.config import DataConfig
from hiddenstate.config.data_fields import FLAGS, NO_CALENDAR, PERIODS
from hiddenstate.data.column_names import ALL
from hiddenstate.data.prepare.encoding import (
    MAX_VALUE,
    MAX_VALUES,
    OF_FLAGS,
    Encoding,
    varying_periods,
)
from hiddenstate.data.readers.cells import text_cells
from hiddenstate.data.readers.column_roles import TEXT, Roles
from hiddenstate.data.readers.columns import Columns, OnDemand, number_error, text_error
from hiddenstate.data.readers.dates import (
    are_clocks,
    first_bad_time,
    local_times,
    says_time,
)
from hiddenstate.data.readers.profiles import ColumnProfile, missing_cells
from hiddenstate.data.readers.row_order import compact_dates
from hiddenstate.errors import DataError, Flag, OptionError, count, did_you_mean, listed, printable
from hiddenstate.program.encoding import calendar_features, one_hot, passed
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array


def with_encoded_inputs(
    columns: Columns,
    roles: Roles,
    options: DataConfig,
    trained: tuple[Encoding, ...] | None,
    names: Sequence[str],
) -> tuple[Columns, Roles, tuple[Encoding, ...]]:
    """Return a table whose inputs are all numbers: text and dates are encoded.

    Parameters
    ----------
    columns : Columns
    roles : Roles
    options : DataConfig
    trained : tuple of Encoding, optional
        The encodings of the training data. If None, the values and periods of this table become
        those of its inputs.
    names : sequence of str
        The names of the columns, which features are named after.

    Returns
    -------
    columns : Columns
        With the features as further columns.
    roles : Roles
        Whose inputs are the features.
    encodings : tuple of Encoding

    Raises
    ------
    DataError
        If a cell is none of the values of `trained`, a column has too many values, or dates are
        wanted and there are none.
    """
    inputs, encodings = _encodings(columns, roles, options, trained)
    if not inputs:
        raise DataError(f"{columns.where}: no input columns; columns: {columns.listed()}")
    if not encodings:
        return columns, replace(roles, inputs=inputs), ()
    width = sum(len(e.features) for e in encodings.values())
    check_free(
        8 * columns.n_rows * width,
        f"{columns.where}: encoding {count(len(encodings), 'column')} as {width} features",
        "use fewer columns or rows",
    )
    features: list[str] = []
    arrays: list[Array] = []
    which: list[int] = []
    for j in inputs:
        encoding = encodings.get(j)
        if encoding is None:
            which.append(j)
            continue
        encodings[j] = own = replace(encoding, column=names[j])
        which += range(len(names) + len(features), len(names) + len(features) + len(own.features))
        features += own.features
        if own.calendar:
            utc, local = _dates(columns, j, options.dates)
            encoded = calendar_features(utc, own.calendar, local)
        else:
            encoded = _one_hot(columns, j, own)
        arrays += list(encoded.T)
    columns = replace(
        columns,
        names=(*columns.names, *features),
        arrays=_extended(columns.arrays, arrays),
        kinds=(*columns.kinds, *["number"] * len(features)),
        stack=None,
    )
    _check_names([*names, *features], which, columns.where)
    roles = replace(
        roles,
        inputs=which,
        unused={j: why for j, why in roles.unused.items() if j not in encodings},
        left_out=tuple(j for j in roles.left_out if j not in encodings),
    )
    return columns, roles, tuple(encodings.values())


def _encodings(
    columns: Columns, roles: Roles, options: DataConfig, trained: tuple[Encoding, ...] | None
) -> tuple[list[int], dict[int, Encoding]]:
    """Return the input columns, and the encodings of those that have one."""
    inputs = list(roles.inputs)
    if trained is not None:
        _check_calendar(options, trained)
        encodings = {columns.positions[e.column]: e for e in trained if e.column in columns.names}
        return [*inputs, *(j for j in encodings if j not in inputs)], encodings
    if options.input == ALL and ALL[0] not in columns.positions:
        texts = [j for j, why in roles.unused.items() if why in TEXT]
        inputs = sorted([*inputs, *(j for j in texts if columns.profile(j).has_few_texts)])
    encodings = {}
    if options.calendar not in (None, NO_CALENDAR):
        j = _date_column(columns, roles)
        encodings[j] = _calendar(columns, j, options.calendar, options.dates)
        inputs += [j] if j not in inputs else []
    for j in inputs:
        if j not in encodings and _needs_values(columns, j):
            encodings[j] = _fitted(columns, j)
    return inputs, {j: encodings[j] for j in inputs if j in encodings}


def _check_calendar(options: DataConfig, trained: tuple[Encoding, ...]) -> None:
    """Refuse other periods than a model was trained with."""
    wanted, own = set(options.calendar or ()), [p for e in trained for p in e.calendar]
    if wanted - {"auto", "none"} and wanted != set(own):
        hint = f"use --calendar {','.join(own)}" if own else "leave it out"
        raise OptionError(f"--calendar: is not that of the model; {hint}")


def _needs_values(columns: Columns, j: int) -> bool:
    """Return whether an input column is text, not numbers; dates are refused."""
    if columns.kinds[j] == "nested" or columns.profile(j).holds_numbers:
        return False
    name = printable(columns.names[j], 40)
    if columns.profile(j).content == "date" and not _may_be_scores(columns.profile(j)):
        clocks = columns.kinds[j] == "text" and are_clocks(columns.arrays[j])
        flags = (Flag("--time", name), " ", Flag("--calendar", "auto"))
        seconds = (", write durations in seconds",) if clocks else ()
        raise DataError(
            f"{columns.where}: column {name} holds dates, expected numbers or text",
            ("read them as inputs with ", *flags, *seconds),
            ("leave the column out of ", Flag("--input")),
        )
    if (error := number_error(columns, j)) is not None:
        raise error
    if columns.profile(j).sign:
        raise text_error(columns, j, "--input")
    return True


def _may_be_scores(profile: ColumnProfile) -> bool:
    """Return whether few cells such as 1:30, which repeat, need not be times of day."""
    if profile.kind != "text" or says_time(profile.name):
        return False
    return min(MAX_VALUES, len(profile.cells) // 2) >= len(profile.texts) and are_clocks(
        profile.texts
    )


def _fitted(columns: Columns, j: int) -> Encoding:
    """Return the encoding of a column of text by all its values, sorted."""
    name, cells = printable(columns.names[j], 40), columns.arrays[j]
    values = sorted(columns.profile(j).texts)
    if len(values) > MAX_VALUES:
        raise DataError(
            f"{columns.where}: column {name} holds text with {len(values):,} different values, "
            f"expected at most {MAX_VALUES}; leave it out of --input, or join rare values"
        )
    if len(values) < 2:
        only = f"only the text '{printable(values[0], 40)}'" if values else "no text"
        raise DataError(
            f"{columns.where}: column {name} holds {only}, so it says nothing about a row; leave "
            "it out of --input"
        )
    longest = max(values, key=len)
    if len(longest) > MAX_VALUE:
        raise DataError(
            f"{columns.at(_first(cells == longest), j)}: {len(longest)} characters; the text of an "
            f"input has at most {MAX_VALUE}"
        )
    for value in values:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise DataError(
                f"{columns.at(_first(cells == value), j)}: not Unicode text; correct the cell"
            ) from None
    return Encoding(columns.names[j], values=tuple(values))


def _date_column(columns: Columns, roles: Roles) -> int:
    """Return the column of the dates that `--calendar` is about: the time, or the only dates."""
    if roles.time is not None:
        return roles.time
    taken = {*roles.targets, *roles.id, roles.label, roles.group, roles.weight}
    free = [j for j in range(len(columns.names)) if j not in taken]
    dates = [j for j in free if columns.profile(j).content == "date"]
    if len(dates) != 1:
        what = f"columns {columns.listed(dates)} hold dates" if dates else "no column holds dates"
        raise OptionError(
            f"--calendar: {columns.where}: {what}; name the one to use with --time COL"
        )
    return dates[0]


def _calendar(columns: Columns, j: int, wanted: tuple[str, ...], order: str | None) -> Encoding:
    """Return the encoding of a column of dates; refuse periods in which they do not differ."""
    hint = "; name a column of dates with --time COL, or leave out --calendar"
    dates, local = _dates(columns, j, order, hint)
    varying = varying_periods(dates)
    chosen = {*wanted, *(varying if "auto" in wanted else ())}
    periods = tuple(period for period in (*PERIODS, *FLAGS) if period in chosen)
    name = printable(columns.names[j], 40)
    if not periods:
        raise OptionError(
            f"--calendar: {columns.where}: the dates in column {name} show no whole day, week or "
            f"year in which they differ; name periods, for example --calendar {PERIODS[0]}"
        )
    for period in periods:
        each, one = (local, OF_FLAGS[period]) if period in FLAGS else (dates, period)
        if len(set(passed(each[~np.isnat(each)], one))) < 2:
            raise OptionError(
                f"--calendar: {columns.where}: all dates in column {name} have the same {one}; "
                "leave it out"
            )
    return Encoding(columns.names[j], calendar=periods)


def _dates(columns: Columns, j: int, order: str | None, hint: str = "") -> tuple[Array, Array]:
    """Return a column of dates as datetime64 (N,), NaT if missing, in UTC if they have a zone, and
    on the local clock (N,).

    `order` is that of day, month and year (`--dates`).
    """
    cells = columns.arrays[j]
    dates = np.full(columns.n_rows, "NaT", "M8[us]")
    local = dates.copy()
    present = np.flatnonzero(~missing_cells(cells))
    cells = cells[present]
    if columns.kinds[j] == "date":
        dates[present] = local[present] = cells
    elif columns.kinds[j] == "text":
        moments = local_times(cells, order)
        if moments is None:
            bad, problem, hints = first_bad_time(cells, order)
            cell = printable(cells[bad], 40)
            raise DataError(f"{columns.at(int(present[bad]), j)}: '{cell}' {problem}", *hints)
        dates[present] = (moments[0] - moments[1]).view("M8[us]")
        local[present] = moments[0].view("M8[us]")
    elif len(cells):
        days = compact_dates(columns, j, cells, order, present)
        if days is None:
            raise DataError(
                f"{columns.where}: column {printable(columns.names[j], 40)} holds numbers, "
                f"expected dates for its calendar{hint}"
            )
        dates[present] = local[present] = days
    return dates, local


def _one_hot(columns: Columns, j: int, encoding: Encoding) -> Array:
    """Encode a column of text; refuse a text that is none of the values."""
    if columns.kinds[j] == "nested":
        raise text_error(columns, j, "--input")
    cells = text_cells(columns, j)
    features, unknown = one_hot(cells, encoding.values)
    if len(unknown):
        first = int(unknown[0])
        text = str(cells[first])
        more = f" ({len(unknown)} such rows)" if len(unknown) > 1 else ""
        raise DataError(
            f"{columns.at(first, j)}: '{printable(text, 40)}' is not in the training data{more}; "
            f"known values: {listed(encoding.values)}{did_you_mean(text, encoding.values)}"
        )
    return features


def _first(found: Array) -> int:
    return int(np.argmax(found))


def _check_names(names: Sequence[str], which: list[int], where: str) -> None:
    """Refuse a feature with the name of another input."""
    seen = set[str]()
    for name in (names[j] for j in which):
        if name in seen:
            raise DataError(
                f"{where}: a column is named {printable(name, 60)}, as is a feature made from "
                "another; rename the column"
            )
        seen.add(name)


def _extended(first: Sequence[Array], more: list[Array]) -> OnDemand:
    """Return columns that may be read on demand, and further ones in memory."""
    n = len(first)
    return OnDemand(n + len(more), lambda j: first[j] if j < n else more[j - n])
