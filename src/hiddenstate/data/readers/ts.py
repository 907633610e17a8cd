"""Reads .ts files of the UEA and UCR archives, as sktime and aeon do.

A file has comment lines (#, %), header fields (@name value), @data, and then one series per line:
values separated by commas, dimensions by colons, and the label or target after the last colon. The
case of field names does not matter. The format is described at
https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html

T is steps, I dimensions; a series is read as (I, T) and returned as (T, I).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.origin import Table, whole
from hiddenstate.data.readers.text_lines import TextLines
from hiddenstate.data.readers.ts_header import Header, content, read_header
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, Flag, listed, printable
from hiddenstate.program.jobs import kind_of
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

HALVES = (("_TRAIN.ts", "_TEST.ts"), ("_train.ts", "_test.ts"))
"""Endings of the file names of the training and test halves of a data set."""

_PAIR = re.compile(r"\(([^(),]*),([^(),:]*)\)")
_DATE = re.compile(r"[0-9][0-9 T:.-]*")
_MISSING = ("", "?")


def is_ts_folder(path: Path) -> bool:
    """Return whether a folder holds a NAME_TRAIN.ts with its NAME_TEST.ts."""
    return path.is_dir() and bool(_pairs(path))


def read_ts(
    path: Path, options: DataConfig, job: str, require_targets: bool = True, sample: bool = False
) -> SequenceDataset:
    """Read a .ts file, and its test half if it is a training half.

    Parameters
    ----------
    path : Path
        A file, or a folder as in :func:`is_ts_folder`. NAME_TEST.ts beside NAME_TRAIN.ts holds
        the test rows, unless the options name another file.
    options : DataConfig
        Uses `encoding`, `max_unpacked`, `test` and `horizon`; with a horizon, series are their own
        targets.
    job : {"classify", "regress", "autoencode"}
    require_targets : bool, default True
        Whether every row must have the label or target that `job` learns.

    Returns
    -------
    SequenceDataset
        X (N, T, I) float64, NaN if missing; padded with zeros, with `lengths` (N,), if series
        differ in length. y is labels (N,), int64 if all declared labels are whole numbers, else
        text; or targets (N, 1). `times` (N, T) if there are time stamps; dates are seconds since
        1970.

    Raises
    ------
    DataError
        With the line, and the header field that it contradicts.
    """
    is_named = options.test is not None and path.is_file()
    train_path, test_path = (path, None) if is_named else _halves(path)
    parts = [_Part(train_path)] + ([_Part(test_path)] if test_path else [])
    for part in parts:
        _read_part(part, options, job, require_targets, sample)
    _check_alike(parts)
    longest = max(int(part.lengths.max()) for part in parts)
    equal = all((part.lengths == longest).all() for part in parts)
    rows = [_rows(part, longest, not equal) for part in parts]
    forecast = kind_of(job).has_targets and options.horizon is not None
    targets = [r.X for r in rows] if forecast else _targets(parts)
    rows = [replace(r, y=y) for r, y in zip(rows, targets, strict=True)]
    n_dimensions = rows[0].X.shape[2]
    names: tuple[str, ...] | None = tuple(f"channel_{n}" for n in range(1, n_dimensions + 1))
    if n_dimensions == 1:
        names = ("value",) if forecast else None
    return SequenceDataset(
        path.name,
        rows[0],
        rows[1] if test_path else None,
        kind="a .ts archive file" + (" and its test half" if test_path else ""),
        columns=names,
        targets=names if forecast else None,
        remarks=tuple(remark for part in parts for remark in part.remarks()),
        unread=tuple(part.unread for part in parts if part.unread),
    )


# --- which files


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Return the training and test halves in a folder."""
    pairs = []
    for path in sorted(folder.glob("*.ts")):
        test = _test_half(path)
        if test is not None:
            pairs.append((path, test))
    return pairs


def _test_half(path: Path) -> Path | None:
    for train_end, test_end in HALVES:
        if path.name.endswith(train_end):
            test = path.with_name(path.name.removesuffix(train_end) + test_end)
            return test if test.is_file() and path.is_file() else None
    return None


def _halves(path: Path) -> tuple[Path, Path | None]:
    if not path.is_dir():
        return path, _test_half(path)
    pairs = _pairs(path)
    if len(pairs) != 1:
        names = listed((train.name for train, _ in pairs), each=60) or "none"
        raise DataError(
            f"{printable(path)}: expected one NAME_TRAIN.ts with its NAME_TEST.ts, found {names}; "
            "name the file of training rows"
        )
    return pairs[0]


# --- one file


@dataclass
class _Part:
    """What was read of one file."""

    path: Path
    header: Header = field(default_factory=Header)
    series: list[Array] = field(default_factory=list)
    """Each (I, T)."""
    times: list[Array] = field(default_factory=list)
    """Each (T,); none without time stamps."""
    targets: list[Any] | None = None
    """Labels, in the spelling of the header, or targets."""
    unread: str = ""
    """What was not read of a sample."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of steps of each series (N,)."""
        return np.array([series.shape[1] for series in self.series], np.int64)

    def remarks(self) -> Iterator[str]:
        """Yield what a user should know about the file."""
        if self.header.missing is False:
            n = sum(int(np.isnan(series).any()) for series in self.series)
            if n:
                rows = "1 row has" if n == 1 else f"{n} rows have"
                yield f"{printable(self.path)}: {rows} missing values although @missing is false"


def _read_part(
    part: _Part, options: DataConfig, job: str, require_targets: bool, sample: bool
) -> None:
    """Read the header and the series of a file; of a sample, those in the first block of lines."""
    lines = TextLines(part.path, options.encoding, options.max_unpacked)
    try:
        texts = content(lines)
        part.header = read_header(texts, lines.where)
        used = _uses_targets(part.header, lines.where, options, job, require_targets)
        targets: list[Any] = []
        for place, text in texts:
            body, label = text, ""
            if part.header.has_targets:
                body, colon, label = text.rpartition(":")
                if not colon:
                    raise _no_target(part.header, place)
            series, times = _read_series(body, part, place)
            part.series.append(series)
            if times is not None:
                part.times.append(times)
            if used:
                required = require_targets and not kind_of(job).has_codes
                targets.append(_target(label.strip(), part.header, place, required))
            if sample and lines.at == len(lines.block) and not lines.all_read():
                name = printable(part.path.name, 60)
                part.unread = f"only the first {len(part.series):,} series of {name} were read"
                break
    finally:
        lines.close()
    if not part.series:
        raise DataError(f"{lines.where}: no rows after @data")
    if used and None not in targets:
        part.targets = targets


# --- a row


def _read_series(body: str, part: _Part, place: str) -> tuple[Array, Array | None]:
    """Read values (I, T) and times (T,) of a row; check them against header and first row."""
    times = None
    if part.header.stamped:
        body, times = _without_times(body, place)
    dimensions = body.split(":")
    _check_dimensions(len(dimensions), part, place)
    lengths = [dimension.count(",") + 1 for dimension in dimensions]
    if len(set(lengths)) > 1:
        other = next(n for n, length in enumerate(lengths, 1) if length != lengths[0])
        raise DataError(
            f"{place}: dimension 1 has {lengths[0]} steps, but dimension {other} has "
            f"{lengths[other - 1]}; all dimensions of a row must have the same number"
        )
    _check_length(lengths[0], part, place)
    words = body.replace(":", ",").replace("?", "nan").split(",")
    try:
        values = np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise _number_error(dimensions, place) from None
    # float() accepts 1_000 and digits of other scripts, which are not numbers here.
    if "_" in body or not body.isascii() or np.isinf(values).any():
        raise _number_error(dimensions, place)
    return values.reshape(len(dimensions), -1), times


def _check_dimensions(n: int, part: _Part, place: str) -> None:
    header = part.header
    if header.dimensions is not None:
        expected, why = header.dimensions, f"@dimensions is {header.dimensions}"
    elif header.univariate:
        expected, why = 1, "@univariate is true"
    elif part.series:
        expected = len(part.series[0])
        why = f"the first row has {expected} (there is no @dimensions)"
    else:
        return
    if n != expected:
        has = "1 dimension" if n == 1 else f"{n} dimensions"
        raise DataError(f"{place}: {has}, but {why}")


def _check_length(n: int, part: _Part, place: str) -> None:
    header = part.header
    if header.equal is False:
        return
    has = "1 step" if n == 1 else f"{n} steps"
    if header.length is not None and n != header.length:
        raise DataError(f"{place}: {has}, but @seriesLength is {header.length}")
    if header.equal and part.series and n != part.series[0].shape[1]:
        raise DataError(
            f"{place}: {has}, but @equalLength is true and the first row has "
            f"{part.series[0].shape[1]}; set @equalLength to false if lengths differ"
        )


def _number_error(dimensions: list[str], place: str) -> DataError:
    """Return an error with the first value that is not a finite number."""
    for n, dimension in enumerate(dimensions, 1):
        for step, word in enumerate(dimension.split(","), 1):
            value = _number(word.replace("?", "nan"))
            if value is None or np.isinf(value):
                at = f"{place}: dimension {n}, step {step}"
                text = printable(word.strip(), 40) or "nothing"
                if value is None:
                    return DataError(f"{at}: expected a number, or ? if missing, found {text}")
                return DataError(
                    f"{at}: {text} is not finite; write ? if it is missing (@missing true)"
                )
    return DataError(f"{place}: expected numbers separated by commas")


def _number(word: str) -> float | None:
    """Return the number that a word of a data file stands for, or None."""
    try:
        return None if "_" in word or not word.isascii() else float(word)
    except ValueError:
        return None


def _without_times(body: str, place: str) -> tuple[str, Array]:
    """Turn a row of (time,value) pairs into a row of values, and the times (T,)."""
    values, times = [], []
    for dimension in re.split(r"(?<=\))\s*:\s*(?=\()", body):
        pairs = _PAIR.findall(dimension)
        between = "".join(_PAIR.sub("", dimension).split())
        if not pairs or between != "," * (len(pairs) - 1):
            raise DataError(
                f"{place}: expected (time,value) pairs separated by commas, as @timeStamps is true"
            )
        values.append(",".join(value for _, value in pairs))
        times.append([time.strip() for time, _ in pairs])
    if any(other != times[0] for other in times[1:]):
        raise DataError(
            f"{place}: dimensions differ in their times; all must have the same (@timeStamps)"
        )
    return ":".join(values), _clock(times[0], place)


def _clock(words: list[str], place: str) -> Array:
    """Return times (T,) as float64, from numbers or dates."""
    numbers = [_number(word) for word in words]
    times = np.array(numbers, np.float64)  # None becomes NaN
    if None in numbers and all(_DATE.fullmatch(word) for word in words):
        with contextlib.suppress(ValueError, OverflowError):
            dates = np.array(words, "M8[us]")
            times = (dates - np.datetime64(0, "us")) / np.timedelta64(1, "s")
    if not np.isfinite(times).all():
        raise DataError(f"{place}: a time is neither a number nor a date, but @timeStamps is true")
    return times


# --- labels and targets


def _uses_targets(
    header: Header, where: str, options: DataConfig, job: str, require_targets: bool
) -> bool:
    """Return whether `job` uses the labels or targets; refuse a file without required ones."""
    if kind_of(job).has_codes:
        return header.labels is not None
    if kind_of(job).has_targets and options.horizon is not None:
        return False
    fits = header.labels is not None if kind_of(job).has_classes else header.target
    if fits or not require_targets:
        return fits
    if not header.has_targets:
        what = "labels" if kind_of(job).has_classes else "targets"
        raise DataError(f"{where}: @classLabel is false, so rows have no {what}")
    if kind_of(job).has_classes:
        raise DataError(
            f"{where}: @targetLabel is true, so rows have numbers, not classes; use "
            "hiddenstate regress"
        )
    raise DataError(
        f"{where}: @classLabel is true, so rows have classes, not numbers",
        "use hiddenstate classify",
        (Flag("--horizon"), " to forecast the series"),
    )


def _no_target(header: Header, place: str) -> DataError:
    kind = "target (@targetLabel)" if header.target else "label (@classLabel)"
    return DataError(f"{place}: no {kind} after the last ':'")


def _target(text: str, header: Header, place: str, required: bool) -> Any:
    """Return the label of a row, in the spelling of the header, or its target; None if missing."""
    declared = header.labels or {}
    label = declared.get(text, declared.get(text.lower()))
    if label is not None:
        return label
    if text in _MISSING or text.lower() == "nan":
        if required:
            raise _no_target(header, place)
        return None
    if header.labels is not None:
        labels = listed(dict.fromkeys(header.labels.values()))
        raise DataError(f"{place}: label {printable(text, 40)} is not one of @classLabel: {labels}")
    target = _number(text)
    if target is None or not np.isfinite(target):
        raise DataError(f"{place}: target {printable(text, 40)} is not a number (@targetLabel)")
    return target


def _targets(parts: list[_Part]) -> list[Array | None]:
    """Return the labels (N,) or targets (N, 1) of each part, of the same type in all parts."""
    if any(part.targets is None for part in parts):
        return [None for _ in parts]
    if parts[0].header.target:
        return [np.array(part.targets, np.float64)[:, None] for part in parts]
    declared = {label for part in parts for label in (part.header.labels or {}).values()}
    whole = all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", label, re.ASCII) for label in declared)
    if whole:
        return [np.array([int(label) for label in part.targets or ()], np.int64) for part in parts]
    return [np.array(part.targets, np.str_) for part in parts]


# --- from files to rows


def _check_alike(parts: list[_Part]) -> None:
    """Refuse a test half that does not match the training half."""
    train, test = parts[0], parts[-1]
    where = f"{printable(test.path)}: the test half"
    if len(test.series[0]) != len(train.series[0]):
        raise DataError(
            f"{where} has {len(test.series[0])} @dimensions, but the training half has "
            f"{len(train.series[0])}"
        )
    if test.header.stamped != train.header.stamped:
        raise DataError(f"{where} and the training half differ in @timeStamps")


def _rows(part: _Part, longest: int, padded: bool) -> Rows:
    """Return the series of a file as X (N, `longest`, I)."""
    n_rows, n_dimensions = len(part.series), len(part.series[0])
    check_free(
        n_rows * longest * n_dimensions * 8,
        f"{printable(part.path)}: {n_rows} series of up to {longest} steps",
        "cut the longest series into several, or use fewer",
    )
    X = np.zeros((n_rows, longest, n_dimensions))
    times = np.zeros((n_rows, longest)) if part.times else None
    for row, series in enumerate(part.series):
        X[row, : series.shape[1]] = series.T
        if times is not None:
            times[row, : series.shape[1]] = part.times[row]
    table = None
    if part.times:
        starts = np.cumsum(part.lengths) - part.lengths
        table = Table(starts, times=np.concatenate([np.ravel(stamps) for stamps in part.times]))
    lengths = part.lengths if padded else None
    return Rows(X, lengths=lengths, times=times, origin=whole(n_rows, table))
