"""Columns of text and dates as features: how a model that reads numbers reads them.

A text becomes 1 in the feature of its value and 0 in the others (one-hot). A date becomes points on
circles, one for each period: the sine and the cosine of 2 pi p, where p from 0 to 1 is the part of
the period that has passed, so that the end of a period lies beside its start (N. J. Cox, "Speaking
Stata: In praise of trigonometric predictors", The Stata Journal 6(4), 2006); or 1 in the feature of
its hour, weekday or month on the local clock. A missing cell is NaN in all its features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hiddenstate.program.rows import Array

FLAG_NAMES: dict[str, tuple[str, ...]] = {
    "hours": tuple(f"hour({hour})" for hour in range(24)),
    "weekdays": tuple(
        f"weekday({day})" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    ),
    "months": tuple(f"month({month})" for month in range(1, 13)),
}
"""Names of the features of a period in whole hours, days or months."""


def feature_names(
    column: str, values: Sequence[str] = (), calendar: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return the names of the features of a column: `store=north`, ...; `sin(hour)`, ..."""
    names = [f"{column}={value}" for value in values]
    for period in calendar:
        names += FLAG_NAMES.get(period) or (f"sin({period})", f"cos({period})")
    return tuple(names)


def one_hot(texts: Array, values: Sequence[str]) -> tuple[Array, Array]:
    """Encode text cells (N,), empty if missing.

    Returns
    -------
    features : ndarray (N, K)
        One for each of the K `values`; NaN if missing.
    unknown : ndarray (n,)
        The rows whose text is none of the values.
    """
    place = {value: k for k, value in enumerate(values)}
    numbers = np.array([place.get(text, -1) for text in texts], np.int64)
    features = np.zeros((len(texts), len(values)), np.float32)
    known = np.flatnonzero(numbers >= 0)
    features[known, numbers[known]] = 1
    missing = np.asarray(texts == "", bool)
    features[missing] = np.nan
    return features, np.flatnonzero((numbers < 0) & ~missing)


def calendar_features(dates: Array, periods: Sequence[str], local: Array | None = None) -> Array:
    """Encode dates (N,) datetime64 as the features of some periods; NaN if missing.

    `local` are the dates on the local clock, if `dates` are in UTC.
    """
    local = dates if local is None else local
    features: list[Array] = []
    for period in periods:
        if period in FLAG_NAMES:
            flags = number_of(local, period)[:, None] == np.arange(len(FLAG_NAMES[period]))
            flags = np.where(np.isnat(local)[:, None], np.nan, flags)
            features += list(flags.T)
        else:
            angle = 2 * np.pi * passed(dates, period)
            features += [np.sin(angle), np.cos(angle)]
    return np.stack(features, axis=1).astype(np.float32)


def number_of(dates: Array, flags: str) -> Array:
    """Return the hour, the weekday from Monday, or the month of dates (N,), from 0."""
    days = dates.astype("M8[D]")
    if flags == "hours":
        return np.asarray((dates - days).astype("m8[h]").view(np.int64))
    if flags == "weekdays":  # 1970 began on a Thursday
        return np.asarray((days.view(np.int64) + 3) % 7)
    return np.asarray(dates.astype("M8[M]").view(np.int64) % 12)


def passed(dates: Array, period: str) -> Array:
    """Return which part of a period has passed at each date (N,), from 0 to below 1.

    Parameters
    ----------
    dates : ndarray (N,) datetime64
    period : {"hour", "weekday", "month", "yearday"}
        The time of day, with its minutes and seconds; the day of the week, from Monday; the month
        of the year; or the day of the year, of as many as that year has.
    """
    days = dates.astype("M8[D]")
    if period == "hour":
        part = (dates - days) / np.timedelta64(1, "D")
    elif period == "weekday":  # 1970 began on a Thursday
        part = (days.view(np.int64) + 3) % 7 / 7
    elif period == "month":
        part = dates.astype("M8[M]").view(np.int64) % 12 / 12
    else:
        years = dates.astype("M8[Y]")
        first, last = years.astype("M8[D]"), (years + np.timedelta64(1, "Y")).astype("M8[D]")
        part = (days - first) / (last - first)
    return np.where(np.isnat(dates), np.nan, part)
