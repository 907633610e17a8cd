"""Encodes text with few values and dates as features, the numbers that a network reads.

A column of text becomes one feature for each of its values (one-hot): 1 where a row has the value
and 0 elsewhere. A date becomes points on circles, one for each period: the sine and the cosine of
2 pi p, where p from 0 to 1 is the part of the period that has passed, so that the end of a period
lies beside its start (N. J. Cox, "Speaking Stata: In praise of trigonometric predictors", The Stata
Journal 6(4), 2006). A missing cell is NaN in all its features.

A date also becomes features of 0 and 1, one for each hour, weekday or month, on the local clock.

Features of an encoding are never scaled, and a missing one is filled in with 0, not with the mean:
a row without a value has none of the values. A model keeps the encodings of its training data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from hiddenstate.config.data_fields import FLAGS, PERIODS
from hiddenstate.errors import UntrustedFileError
from hiddenstate.program.encoding import feature_names, passed
from hiddenstate.system.typing import Array

MAX_VALUES = 100
"""Largest number of different values of a column of text that becomes features."""

MAX_VALUE = 100
"""Largest number of characters of such a value."""


OF_FLAGS = {"hours": "hour", "weekdays": "weekday", "months": "month"}
"""The period that each of `FLAGS` tells apart."""


class EncodingFacts(TypedDict):
    """An encoding as values for JSON; it has either values or periods."""

    column: str
    values: NotRequired[list[str]]
    calendar: NotRequired[list[str]]


@dataclass(frozen=True)
class Encoding:
    """How one column becomes features.

    Parameters
    ----------
    column : str
        Name of the column.
    values : tuple of str
        The values of a column of text, sorted; one feature each.
    calendar : tuple of str
        The periods of a column of dates: of `PERIODS`, two features each, then of `FLAGS`, a
        feature for each value.
    """

    column: str
    values: tuple[str, ...] = ()
    calendar: tuple[str, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features: `store=north`, ...; `sin(hour)`, `cos(hour)`, ..."""
        return feature_names(self.column, self.values, self.calendar)

    def facts(self) -> EncodingFacts:
        """Return the encoding as values for JSON."""
        facts: EncodingFacts = {"column": self.column}
        if self.values:
            facts["values"] = list(self.values)
        if self.calendar:
            facts["calendar"] = list(self.calendar)
        return facts


def encodings_from(stored: Any, columns: Sequence[str] | None, where: str) -> tuple[Encoding, ...]:
    """Return the encodings that :meth:`Encoding.facts` described.

    Parameters
    ----------
    stored : list of dict
    columns : sequence of str, optional
        Names of all features, which the encodings must fit.
    where : str
        Name of the file in messages.

    Raises
    ------
    UntrustedFileError
        If they are damaged, or do not fit `columns`.
    """
    damaged = UntrustedFileError(f"{where}: encodings are damaged, or do not fit the columns")
    if not isinstance(stored, list):
        raise damaged
    encodings = []
    for facts in stored:
        if not isinstance(facts, dict) or len(facts) != 2 or type(facts.get("column")) is not str:
            raise damaged
        parts = {name: part for name, part in facts.items() if name != "column"}
        (name, part), *_ = parts.items()
        if not isinstance(part, list) or not part or len(set(map(str, part))) < len(part):
            raise damaged
        is_calendar = name == "calendar" and all(period in (*PERIODS, *FLAGS) for period in part)
        is_text = name == "values" and len(part) <= MAX_VALUES and all(map(_is_value, part))
        if not (is_calendar or is_text):
            raise damaged
        encodings.append(Encoding(facts["column"], **{name: tuple(part)}))
    found = [name for name, _ in spans(columns or (), encodings)]
    if columns is not None and not {e.column for e in encodings} <= set(found):
        raise damaged
    if len({e.column for e in encodings}) < len(encodings):
        raise damaged
    return tuple(encodings)


def _is_value(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= MAX_VALUE


def spans(columns: Sequence[str], encodings: Sequence[Encoding]) -> list[tuple[str, slice]]:
    """Return the name of each input column in order, and which of the features it became.

    Parameters
    ----------
    columns : sequence of str
        Names of all features.
    encodings : sequence of Encoding
    """
    begin = {e.features: e for e in encodings}
    sizes = {features[0]: len(features) for features in begin}
    result, j = [], 0
    while j < len(columns):
        n = sizes.get(columns[j], 1)
        encoding = begin.get(tuple(columns[j : j + n]))
        n = 1 if encoding is None else n
        result.append((columns[j] if encoding is None else encoding.column, slice(j, j + n)))
        j += n
    return result


def source_names(
    columns: tuple[str, ...] | None, encodings: Sequence[Encoding]
) -> tuple[str, ...] | None:
    """Return the names of the input columns whose features are `columns`."""
    if not encodings or columns is None:
        return columns
    return tuple(name for name, _ in spans(columns, encodings))


def encoded_features(
    columns: Sequence[str] | None, encodings: Sequence[Encoding], width: int
) -> NDArray[np.bool_]:
    """Return which of the features of rows belong to encodings (width,).

    `width` is the number of `columns`, or a multiple of it for rows of several steps in one.
    """
    names = {name for e in encodings for name in e.features}
    if not names or not columns:
        return np.zeros(width, bool)
    own = np.array([name in names for name in columns])
    return np.resize(own, width)


LENGTHS = {"hour": 1, "weekday": 7, "month": 365, "yearday": 365}
"""Days after which a period starts again."""


def varying_periods(dates: Array) -> tuple[str, ...]:
    """Return the periods of which dates (N,) show at least one whole, in which they differ."""
    present = dates[~np.isnat(dates)]
    if not len(present):
        return ()
    days = (present.max() - present.min()) / np.timedelta64(1, "D")
    return tuple(
        period
        for period in ("hour", "weekday", "month")  # the day of the year says what the month does
        if days >= LENGTHS[period] and np.ptp(passed(present, period)) > 0
    )
