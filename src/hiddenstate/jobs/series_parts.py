"""What part of the forecasts of each series comes from the network, and what from the path.

Of a forecast p + n, where p is the path and n what the network adds, the path makes the
change from the last known value l to p, and the network the change from p to p + n. The part of the
network is sum |n| / (sum |n| + sum |p - l|), over the held-out forecasts of a series.
"""

from dataclasses import dataclass

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.origin import whole
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import AT_ONCE, in_pieces
from hiddenstate.inference.forecast_scores import linear_forecast
from hiddenstate.inference.predict import Answers
from hiddenstate.jobs.held_out import letters, series_name
from hiddenstate.system.typing import Array

MOST_SERIES = 200
"""Series whose parts are kept."""


@dataclass(frozen=True)
class Parts:
    """The part of the network in the forecasts of S series.

    Parameters
    ----------
    series : ndarray (S,)
        Numbers of the series in the data.
    part : ndarray (S, O)
        From 0 to 1, for each target.
    """

    series: Array
    part: Array

    @property
    def mean(self) -> float:
        """The mean over series and targets."""
        return float(self.part.mean())

    def by_name(self, rows: Rows) -> dict[str, float]:
        """Return the part in each of the first `MOST_SERIES` series, the mean over targets, by the
        name that the series has in `rows`; nothing of a single series."""
        return dict(zip(self._names(rows), self.part.mean(axis=1).tolist(), strict=False))

    def arrays(self, rows: Rows) -> dict[str, Array]:
        """Return the same as a run keeps it, for each target."""
        names = list(map(letters, self._names(rows)))
        return (
            {"series_name": np.stack(names), "series_part": self.part[: len(names)]}
            if names
            else {}
        )

    def _names(self, rows: Rows) -> list[str]:
        kept = self.series[:MOST_SERIES].tolist() if len(self.series) > 1 else []
        return [series_name(rows, number) for number in kept]


def parts_of_network(transform: Transform, answers: Answers, share: Array) -> Parts:
    """Return the part of the network in forecasts that it adds to.

    Parameters
    ----------
    transform : Transform
    answers : Answers
        Forecasts with the network.
    share : ndarray (O,)
        Share of the network; where it is 0, so is its part.
    """
    origin = answers.rows.origin or whole(len(answers.rows))
    assert answers.now is not None
    alone = linear_forecast(transform, answers)
    numbers, place = np.unique(origin.series[answers.row], return_inverse=True)
    sizes = np.zeros((2, len(numbers), len(share)))
    for first, forecast in in_pieces(alone, 8 * AT_ONCE):
        rows = slice(first, first + len(forecast))
        np.add.at(sizes[0], place[rows], np.abs(answers.outputs[rows] - forecast))
        np.add.at(sizes[1], place[rows], np.abs(forecast - answers.now[rows]))
    total = sizes.sum(axis=0)
    part = np.divide(sizes[0], total, out=np.zeros_like(total), where=total > 0)
    return Parts(numbers, np.where(share > 0, part, 0.0))
