"""The .ts archive format of the UEA and UCR archives, as sktime and aeon read it.

Lines of comment (#, %), then header fields (@name value), then @data and a series a line:
values between commas, dimensions between colons, and after the last colon the label or
target. Fields are read whatever their case. Described on
https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html

T is steps, I dimensions; a series is read as (I, T) and given as (T, I).
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config import DataConfig
from hiddenstate.data.dataset import SequenceDataset
from hiddenstate.data.readers.text_lines import Lines
from hiddenstate.data.readers.ts_header import Header, content, read_header
from hiddenstate.data.rows import Rows
from hiddenstate.errors import DataError, printable
from hiddenstate.system.memory import check_free
from hiddenstate.system.typing import Array

HALVES = (("_TRAIN.ts", "_TEST.ts"), ("_train.ts", "_test.ts"))
"""How the names of two halves of one data set end."""

_PAIR = re.compile(r"\(([^(),]*),([^(),:]*)\)")
_DATE = re.compile(r"[0-9][0-9 T:.-]*")
_MISSING = ("", "?")


def is_ts_folder(path: Path) -> bool:
    """Whether a folder holds a NAME_TRAIN.ts with its NAME_TEST.ts."""
    return path.is_dir() and bool(_pairs(path))


def read_ts(path: Path, how: DataConfig, job: str, answered: bool = True) -> SequenceDataset:
    """Read a .ts file, and its test half where it is one of two.

    X is (N, T, I) float64, missing values NaN. Where series differ in length, X is padded with
    zeros and `lengths` says how much of it is meant. y is labels (N,), int64 where all that
    are declared are whole numbers, else text; or targets (N, 1). Where there are time stamps,
    `times` (N, T) has them, dates as seconds since 1970.

    Parameters
    ----------
    path : Path
        A file, or a folder as :func:`is_ts_folder` knows it. NAME_TEST.ts beside NAME_TRAIN.ts
        becomes the test rows.
    how : DataConfig
        Of it `encoding`, `max_unpacked` and `horizon`, with which series are their own targets.
    job : {"classify", "regress", "autoencode"}
    answered : bool
        Whether every row must have the label or target that `job` learns.

    Raises
    ------
    DataError
        With the line, and the header field that it contradicts.
    """
    train_path, test_path = _halves(path)
    parts = [_Part(train_path)] + ([_Part(test_path)] if test_path else [])
    for part in parts:
        _read_part(part, how, job, answered)
    _check_alike(parts)
    longest = max(int(part.lengths.max()) for part in parts)
    equal = all((part.lengths == longest).all() for part in parts)
    rows = [_rows(part, longest, not equal) for part in parts]
    answers = _answers(parts)
    forecast = job == "regress" and how.horizon is not None
    if forecast:
        answers = [r.X for r in rows]
    rows = [Rows(r.X, y, r.lengths, times=r.times) for r, y in zip(rows, answers, strict=True)]
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
    )


# --- which files


def _pairs(folder: Path) -> list[tuple[Path, Path]]:
    """Training and test halves that lie in a folder."""
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
        names = ", ".join(printable(train.name, 60) for train, _ in pairs) or "none"
        raise DataError(
            f"{printable(path)}: expected one NAME_TRAIN.ts with its NAME_TEST.ts, found {names}; "
            "name the file"
        )
    return pairs[0]


# --- one file


@dataclass
class _Part:
    """One file, as far as it is read."""

    path: Path
    header: Header = field(default_factory=Header)
    series: list[Array] = field(default_factory=list)
    """Each (I, T)."""
    times: list[Array] = field(default_factory=list)
    """Each (T,); none without time stamps."""
    answers: list[Any] | None = None
    """Labels, in the header's spelling, or targets."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Steps of each series (N,)."""
        return np.array([series.shape[1] for series in self.series], np.int64)

    def remarks(self) -> Iterator[str]:
        """What a user should know of the file."""
        if self.header.missing is False:
            n = sum(int(np.isnan(series).any()) for series in self.series)
            if n:
                rows = "1 row has" if n == 1 else f"{n} rows have"
                yield f"{printable(self.path)}: {rows} missing values though @missing is false"


def _read_part(part: _Part, how: DataConfig, job: str, answered: bool) -> None:
    """Read a file's header and series."""
    lines = Lines(part.path, how.encoding, how.max_unpacked)
    try:
        texts = content(lines)
        part.header = read_header(texts, lines.where)
        wanted = _wanted(part.header, lines.where, how, job, answered)
        answers: list[Any] = []
        for place, text in texts:
            body, label = text, ""
            if part.header.answered:
                body, colon, label = text.rpartition(":")
                if not colon:
                    raise _unanswered(part.header, place)
            series, times = _read_series(body, part, place)
            part.series.append(series)
            if times is not None:
                part.times.append(times)
            if wanted:
                must = answered and job != "autoencode"
                answers.append(_answer(label.strip(), part.header, place, must))
    finally:
        lines.close()
    if not part.series:
        raise DataError(f"{lines.where}: no rows after @data")
    if wanted and None not in answers:
        part.answers = answers


# --- a row


def _read_series(body: str, part: _Part, place: str) -> tuple[Array, Array | None]:
    """A row's values (I, T) and times (T,), checked against the header and the first row."""
    times = None
    if part.header.stamped:
        body, times = _unstamped(body, place)
    dimensions = body.split(":")
    _check_dimensions(len(dimensions), part, place)
    lengths = [dimension.count(",") + 1 for dimension in dimensions]
    if len(set(lengths)) > 1:
        other = next(n for n, length in enumerate(lengths, 1) if length != lengths[0])
        raise DataError(
            f"{place}: dimension 1 has {lengths[0]} steps, dimension {other} has "
            f"{lengths[other - 1]}; those of one row must have as many"
        )
    _check_length(lengths[0], part, place)
    words = body.replace(":", ",").replace("?", "nan").split(",")
    try:
        values = np.fromiter(map(float, words), np.float64, len(words))
    except ValueError:
        raise _blame(dimensions, place) from None
    # float() takes 1_000 and digits of other scripts, which are no numbers here.
    if "_" in body or not body.isascii() or np.isinf(values).any():
        raise _blame(dimensions, place)
    return values.reshape(len(dimensions), -1), times


def _check_dimensions(found: int, part: _Part, place: str) -> None:
    header = part.header
    if header.dimensions is not None:
        expected, why = header.dimensions, f"@dimensions is {header.dimensions}"
    elif header.univariate:
        expected, why = 1, "@univariate is true"
    elif part.series:
        expected = len(part.series[0])
        why = f"the first row has {expected} (no @dimensions is given)"
    else:
        return
    if found != expected:
        has = "1 dimension" if found == 1 else f"{found} dimensions"
        raise DataError(f"{place}: {has}, but {why}")


def _check_length(found: int, part: _Part, place: str) -> None:
    header = part.header
    if header.equal is False:
        return
    has = "1 step" if found == 1 else f"{found} steps"
    if header.length is not None and found != header.length:
        raise DataError(f"{place}: {has}, but @seriesLength is {header.length}")
    if header.equal and part.series and found != part.series[0].shape[1]:
        raise DataError(
            f"{place}: {has}, but @equalLength is true and the first row has "
            f"{part.series[0].shape[1]}; should it be false?"
        )


def _blame(dimensions: list[str], place: str) -> DataError:
    """An error that names the first value that is no finite number."""
    for n, dimension in enumerate(dimensions, 1):
        for step, word in enumerate(dimension.split(","), 1):
            value = _number(word.replace("?", "nan"))
            if value is None or np.isinf(value):
                at = f"{place}: dimension {n}, step {step}"
                shown = printable(word.strip(), 40) or "nothing"
                if value is None:
                    return DataError(f"{at}: expected a number, or ? if missing, found {shown}")
                return DataError(f"{at}: {shown} is not finite; if missing write ? (@missing true)")
    return DataError(f"{place}: expected numbers between commas")


def _number(word: str) -> float | None:
    """A number as it is written in a data file, or None."""
    try:
        return None if "_" in word or not word.isascii() else float(word)
    except ValueError:
        return None


def _unstamped(body: str, place: str) -> tuple[str, Array]:
    """A row of (time,value) pairs as a row of values, and the times (T,)."""
    values, times = [], []
    for dimension in re.split(r"(?<=\))\s*:\s*(?=\()", body):
        pairs = _PAIR.findall(dimension)
        between = "".join(_PAIR.sub("", dimension).split())
        if not pairs or between != "," * (len(pairs) - 1):
            raise DataError(
                f"{place}: expected (time,value) pairs between commas, as @timeStamps is true"
            )
        values.append(",".join(value for _, value in pairs))
        times.append([time.strip() for time, _ in pairs])
    if any(other != times[0] for other in times[1:]):
        raise DataError(f"{place}: its dimensions have other @timeStamps; they must be the same")
    return ":".join(values), _clock(times[0], place)


def _clock(words: list[str], place: str) -> Array:
    """Times (T,) float64, from numbers or from dates."""
    numbers = [_number(word) for word in words]
    times = np.array(numbers, np.float64)  # None becomes NaN
    if None in numbers and all(_DATE.fullmatch(word) for word in words):
        with contextlib.suppress(ValueError, OverflowError):
            dates = np.array(words, "M8[us]")
            times = (dates - np.datetime64(0, "us")) / np.timedelta64(1, "s")
    if not np.isfinite(times).all():
        raise DataError(f"{place}: a time is no number and no date, but @timeStamps is true")
    return times


# --- labels and targets


def _wanted(header: Header, where: str, how: DataConfig, job: str, answered: bool) -> bool:
    """Whether the rows' labels or targets are for `job`; refuse a file that lacks them."""
    if job == "autoencode":
        return header.labels is not None
    if job == "regress" and how.horizon is not None:
        return False
    fits = header.labels is not None if job == "classify" else header.target
    if fits or not answered:
        return fits
    if not header.answered:
        raise DataError(f"{where}: @classLabel is false: rows have nothing to learn")
    if job == "classify":
        raise DataError(
            f"{where}: @targetLabel is true: rows have a number, not a class; use "
            "hiddenstate regress"
        )
    raise DataError(
        f"{where}: @classLabel is true: rows have a class, not a number; use hiddenstate classify, "
        "or --horizon to forecast the series"
    )


def _unanswered(header: Header, place: str) -> DataError:
    kind = "target (@targetLabel)" if header.target else "label (@classLabel)"
    return DataError(f"{place}: no {kind} after the last ':'")


def _answer(text: str, header: Header, place: str, answered: bool) -> Any:
    """A row's label in the header's spelling, or its target; None where it is missing."""
    known = header.labels or {}
    label = known.get(text, known.get(text.lower()))
    if label is not None:
        return label
    if text in _MISSING or text.lower() == "nan":
        if answered:
            raise _unanswered(header, place)
        return None
    if header.labels is not None:
        labels = ", ".join(dict.fromkeys(header.labels.values()))
        raise DataError(
            f"{place}: label {printable(text, 40)} is not one of @classLabel: "
            f"{printable(labels, 100)}"
        )
    target = _number(text)
    if target is None or not np.isfinite(target):
        raise DataError(f"{place}: target {printable(text, 40)} is not a number (@targetLabel)")
    return target


def _answers(parts: list[_Part]) -> list[Array | None]:
    """Labels (N,) or targets (N, 1) of each part, of one type in all."""
    if any(part.answers is None for part in parts):
        return [None for _ in parts]
    if parts[0].header.target:
        return [np.array(part.answers, np.float64)[:, None] for part in parts]
    declared = {label for part in parts for label in (part.header.labels or {}).values()}
    whole = all(re.fullmatch(r"0|-?[1-9][0-9]{0,17}", label, re.ASCII) for label in declared)
    if whole:
        return [np.array([int(label) for label in part.answers or ()], np.int64) for part in parts]
    return [np.array(part.answers, np.str_) for part in parts]


# --- from files to rows


def _check_alike(parts: list[_Part]) -> None:
    """Refuse a test half that is of another kind than the training half."""
    train, test = parts[0], parts[-1]
    where = f"{printable(test.path)}: the test half"
    if len(test.series[0]) != len(train.series[0]):
        raise DataError(
            f"{where} has other @dimensions, {len(test.series[0])}, than the training half, "
            f"{len(train.series[0])}"
        )
    if test.header.stamped != train.header.stamped:
        raise DataError(f"{where} and the training half differ in @timeStamps")


def _rows(part: _Part, longest: int, padded: bool) -> Rows:
    """A file's series as X (N, `longest`, I)."""
    n_rows, n_dimensions = len(part.series), len(part.series[0])
    check_free(
        n_rows * longest * n_dimensions * 8,
        f"{printable(part.path)}: {n_rows} series of up to {longest} steps",
        "cut the longest into several, or take fewer",
    )
    X = np.zeros((n_rows, longest, n_dimensions))
    times = np.zeros((n_rows, longest)) if part.times else None
    for row, series in enumerate(part.series):
        X[row, : series.shape[1]] = series.T
        if times is not None:
            times[row, : series.shape[1]] = part.times[row]
    return Rows(X, lengths=part.lengths if padded else None, times=times)
