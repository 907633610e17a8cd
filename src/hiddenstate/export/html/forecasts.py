"""What the page of a forecast shows: the series of its run up to the present, and what follows.

The page computes the forecast itself, from the last steps of each series.
"""

from typing import Any, TypedDict

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.export.present import Present
from hiddenstate.export.python.file import packed
from hiddenstate.inference.fans import MOST_SERIES, Fans, fans_of
from hiddenstate.program.program import Program
from hiddenstate.system.typing import Array

MAX_BYTES = 96 * 1024
"""Bytes of the last steps of all series; of longer windows there are fewer series."""

MOST_KNOWN = 4
"""Columns known ahead that a reader can bend."""

MOST_WHOLE = 10
"""Largest span of whole numbers between which a column known ahead changes by whole ones."""


class Known(TypedDict):
    """A column known ahead that can be bent: its name, its moved feature and its range."""

    name: str
    feature: int
    low: float
    high: float
    whole: bool


class ForecastView(TypedDict):
    """What the scripts of the page read beside what every page has.

    `ends` are the last steps of each series as the model reads them, (steps, I), None of one that
    is too short, and `sizes` the mean change of each of its targets over a season.
    """

    fans: Fans
    ends: list[Any]
    sizes: list[list[float]]
    known: list[Known]


def forecast_view(present: Present, program: Program) -> ForecastView:
    """Return what the page of a program shows of the series of its run."""
    made, H, ahead = present.outlook, program.horizon, program.ahead
    assert ahead is not None
    n_steps = program.window + H - 1
    size = 4 * n_steps * program.n_features
    fans = fans_of(made, max(1, min(MOST_SERIES, MAX_BYTES // size)), program.window)
    ends, sizes = [], []
    for i in range(len(fans["series"])):
        rows = with_moved(present, i, H)
        enough = len(rows) >= program.least
        rows = rows[-n_steps:].astype(np.float32).astype(np.float64)
        ends.append(packed(rows, ("<f4",)) if enough else None)
        sizes.append(made.intervals.scales[i].tolist())
    return ForecastView(fans=fans, ends=ends, sizes=sizes, known=_known(present, program))


def with_moved(present: Present, number: int, horizon: int) -> Array:
    """Return a series (T, I) with what is known ahead as it is `horizon` steps later."""
    forecaster, series = present.outlook.forecaster, present.outlook.series[number]
    if not forecaster.known:
        return series
    later = forecaster.known_after(series, number)[horizon:]
    after = np.full((max(0, len(series) - len(later)), later.shape[1]), np.nan)
    return np.concatenate([series, np.concatenate([later, after])[: len(series)]], axis=1)


def _known(present: Present, program: Program) -> list[Known]:
    """Return the columns known ahead but for a calendar, which goes on by itself."""
    forecaster, found = present.outlook.forecaster, list[Known]()
    transform = forecaster.model.transform
    calendar = {f for each in transform.encodings if each.calendar for f in each.features}
    first = program.n_features - program.n_moved
    for place, k in enumerate(forecaster.known):
        name = str(transform.known.names[k])
        values = np.concatenate(
            [forecaster.known_after(x, i)[:, place] for i, x in enumerate(present.outlook.series)]
        )
        values = values[np.isfinite(values)]
        if name in calendar or not len(values) or len(found) == MOST_KNOWN:
            continue
        low, high = float(values.min()), float(values.max())
        whole = bool((values % 1 == 0).all()) and high - low <= MOST_WHOLE
        found.append(
            Known(
                name=printable(name),
                feature=first + place,
                low=low,
                high=high if high > low else low + 1,
                whole=whole,
            )
        )
    return found
