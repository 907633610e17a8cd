"""Describes data as one JSON object, with rows to draw and the options of each job that fits."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hiddenstate.cli.findings import MAX_SIGNALS, Planned, command_line, drawn_rows
from hiddenstate.config import DataConfig, job_options
from hiddenstate.program.jobs import kind_of

if TYPE_CHECKING:
    from hiddenstate.data import SequenceDataset
    from hiddenstate.data.inspect import Findings
    from hiddenstate.data.job_fit import Fit
    from hiddenstate.system.typing import Array

MAX_STEPS, MAX_SIDE, MAX_QUANTITIES = 200, 64, 12
"""Steps of a series, pixels of each side of a picture, and quantities of a row that are sent."""

OF_ALL_ROWS = ("members", "epochs", "batch_size", "log_every")
"""Options that follow from the number of rows, which a sample does not tell."""

LENGTH_BINS = 20
"""Equal ranges of steps in which series are counted."""


def as_json_object(
    findings: "Findings",
    d: "SequenceDataset",
    options: DataConfig,
    data: str,
    plans: Mapping[str, Planned],
) -> dict[str, Any]:
    """Return the findings as one JSON object.

    Parameters
    ----------
    findings : Findings
    d : SequenceDataset
        The rows that were read.
    options : DataConfig
        The options that they were read with.
    data : str
        Name of the data in commands.
    plans : mapping
        What jobs that fit would train, by job.
    """
    facts = asdict(findings)
    steps = facts.pop("steps") or (None, None, None)
    facts |= dict(zip(("steps_min", "steps_median", "steps_max"), steps, strict=True))
    facts["leaks"] = [leak.facts() for leak in findings.leaks]
    facts["fixes"] = [getattr(line, "fix", None) for line in findings.warnings]
    facts["lengths"] = _lengths(d)
    facts["samples"] = _samples(findings, d, options)
    facts["fits"] = [
        {
            "job": fit.job,
            "command": None if fit.why_not else command_line(fit, data),
            "layout": fit.layout or None,
            "when": fit.when or None,
            "why_not": fit.why_not or None,
            "needs": fit.needs or None,
            "options": {name: _plain(value) for name, value in fit.options.items()},
            **_plan(plans.get(fit.job), bool(findings.unread)),
        }
        for fit in findings.fits
    ]
    return facts


def _plan(plan: Planned | None, is_sample: bool) -> dict[str, Any]:
    """Return why the model would not answer step by step, and the options that the recipe sets."""
    if plan is None:
        return {"not_streaming": [], "recipe": {}}
    values = plan.config.flat()
    names = [option.name for _, option in job_options(plan.config.job) if option.recipe]
    return {
        "not_streaming": [asdict(obstacle) for obstacle in plan.obstacles],
        "recipe": {n: _plain(values[n]) for n in names if not (is_sample and n in OF_ALL_ROWS)},
    }


def _plain(value: Any) -> Any:
    """Return a value as the command line takes it."""
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else value


def _lengths(d: "SequenceDataset") -> list[int] | None:
    """Return how many series have how many steps, in equal ranges; None if all have as many."""
    import numpy as np

    if d.train.lengths is None or np.ptp(d.train.lengths) == 0:
        return None
    n = min(LENGTH_BINS, int(np.ptp(d.train.lengths)) + 1)
    return [int(count) for count in np.histogram(d.train.lengths, n)[0]]


def _samples(findings: "Findings", d: "SequenceDataset", options: DataConfig) -> list[Any]:
    """Return the first row of each class, of a few, as what it is drawn as."""
    from hiddenstate.data.description import feature_names, first_rows

    X = first_rows(d.X)
    if not len(X):
        return []
    picture, names = d.picture, feature_names(d)
    best = next((fit for fit in findings.fits if not fit.why_not), None)
    if X.ndim == 2 and picture is None and best is not None and _reads_steps(best):
        return [{"label": None, **_series(X, names)}]
    found: list[dict[str, Any]] = []
    for label, row in drawn_rows(d, len(X)).items():
        head = {"label": label or None}
        if picture is not None:
            found.append({**head, **_picture(X[row], picture)})
        elif X.ndim == 3:
            T = X.shape[1] if d.train.lengths is None else int(d.train.lengths[row])
            found.append({**head, **_series(X[row, :T], names)})
        elif "features" in (options.layout, findings.reading and findings.reading.layout):
            found.append({**head, **_quantities(X, row, names)})
        else:
            found.append({**head, **_series(X[row][:, None], [""])})
    return found


def _reads_steps(fit: "Fit") -> bool:
    """Whether a job reads the rows of a table as the steps of one series."""
    return kind_of(fit.job).has_targets and fit.options.get("layout") not in ("wide", "features")


def _series(values: "Array", names: list[str]) -> dict[str, Any]:
    """Describe a series (T, I): its first channels, of many steps every n-th."""
    every = -(-len(values) // MAX_STEPS) or 1
    shown = values[::every, :MAX_SIGNALS].astype(float)
    return {
        "kind": "series",
        "channels": names[:MAX_SIGNALS],
        "n_channels": values.shape[1],
        "steps": len(values),
        "every": every,
        "values": [[_short(value) for value in channel] for channel in shown.T.tolist()],
    }


def _picture(row: "Array", shape: tuple[int, ...]) -> dict[str, Any]:
    """Describe a picture: pixels from 0 to 255, of large ones every n-th of each side."""
    import numpy as np

    every = -(-max(shape) // MAX_SIDE)
    pixels = row.reshape(shape)[::every, ::every].astype(float)
    pixels = pixels * (255 / (255 if row.dtype == np.uint8 else max(float(pixels.max()), 1e-9)))
    pixels = np.clip(np.nan_to_num(pixels), 0, 255).round().astype(int)
    return {
        "kind": "picture",
        "shape": list(pixels.shape[:2]),
        "in_color": pixels.ndim == 3,
        "values": pixels.ravel().tolist(),
    }


def _quantities(X: "Array", row: int, names: list[str]) -> dict[str, Any]:
    """Describe the first quantities of a row of X (N, F), with the range of each in all rows."""
    import numpy as np

    shown = X[:, :MAX_QUANTITIES].astype(float)
    with np.errstate(invalid="ignore"):
        low, high = np.fmin.reduce(shown), np.fmax.reduce(shown)
    return {
        "kind": "quantities",
        "channels": names[:MAX_QUANTITIES],
        "n_channels": X.shape[1],
        "values": [_short(value) for value in shown[row].tolist()],
        "low": [_short(value) for value in low.tolist()],
        "high": [_short(value) for value in high.tolist()],
    }


def _short(value: float) -> float:
    """Return a number with the digits that can be seen."""
    return float(f"{value:.5g}")
