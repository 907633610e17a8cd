"""The rows of a run, its series up to the present, and the intervals of earlier forecasts."""

from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.errors import HiddenstateError
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.inference.outlook import Outlook, outlook_of
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import ahead_of
from hiddenstate.program.ahead import Ahead
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import kept_rows
from hiddenstate.system.typing import Array

LEVELS = [0.8, 0.95]
"""Levels of the intervals of an export."""


@dataclass(frozen=True)
class Present:
    """The series of a run of a forecast, and what follows them.

    Parameters
    ----------
    outlook : Outlook
    """

    outlook: Outlook

    def calibrated(self, ahead: Ahead) -> Ahead:
        """Return what forecasts need with the intervals that earlier ones give; those of a level
        only if every step has one."""
        widths = {
            level: half
            for level, half in self.outlook.half_widths().items()
            if np.isfinite(half).all()
        }
        if not widths:
            return ahead
        return replace(ahead, levels=tuple(widths), half=np.stack(list(widths.values())))


def present_of(model: FittedModel, run: Run | None) -> tuple[Present | None, str]:
    """Return the series of a run, and what an export lacks without them; nothing of a model that
    does not forecast."""
    if ahead_of(model) is None:
        return None, ""
    lacks = "no intervals, as they follow from earlier forecasts of the series of a run"
    if run is None:
        return None, lacks
    data = run.config.data
    if not data.data or run.data_fact("source") != "file":
        return None, f"{lacks}, and it has no file of its data"
    try:
        predictor = checked_predictor(model, "cpu", threads=1)
        dataset = read_new_data(model, str(kept_rows(run) or data.data), {}, require_targets=False)
        outlook = outlook_of(
            model, predictor, dataset, int(data.horizon or 0), LEVELS, run, assume=True
        )
    except HiddenstateError as error:
        return None, f"no forecast of the series of the run, and no intervals: {error}"
    return Present(outlook), outlook.without_intervals() or ""


def rows_of(run: Run) -> tuple[Array, Array] | None:
    """Return the rows (N, I) of one step of a run, and their targets (N, O) or the numbers of their
    classes (N, 1), as its file has them; None if that cannot be read."""
    data = run.config.data
    if not data.data or run.data_fact("source") != "file":
        return None
    try:
        model = run.model()
        rows = read_new_data(model, str(kept_rows(run) or data.data), {}, True).train
    except HiddenstateError:
        return None
    X, y = np.asarray(rows.X[:], np.float64), np.asarray(rows.require_targets()[:])
    if model.net.kind.has_classes:
        numbers = {str(name): number for number, name in enumerate(model.classes or ())}
        y = np.array([numbers.get(str(label), -1) for label in y.tolist()])
    return X.reshape(len(X), -1), y.reshape(len(X), -1)
