"""Forecasts rolled over later steps of series, beside those of plain methods from the same origins.

Nothing is fitted on the steps that are scored: parameters stay those of the training part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hiddenstate.data import PreparedDataset, SequenceDataset
from hiddenstate.data.rows import Read, of_features, summed
from hiddenstate.engines import Predictor, make_predictor
from hiddenstate.errors import DataError, OptionError, count
from hiddenstate.inference.backtest import (
    MethodScores,
    backtest,
    coverage,
    last_origins,
    seasonal_paths,
)
from hiddenstate.inference.forecast import Forecaster, Paths, series_of_rows
from hiddenstate.inference.forecast_scores import simple_forecasts
from hiddenstate.inference.inputs import read_new_data, run_test_data
from hiddenstate.inference.intervals import Intervals
from hiddenstate.inference.outlook import Outlook, held_out_from, outlook_of
from hiddenstate.inference.peers import Peers, peer_paths
from hiddenstate.inference.step_scores import OWN, StepScores, ridge_paths, step_scores
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import is_of_head
from hiddenstate.program.words import FORECAST
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import kept_rows, run_dataset
from hiddenstate.system.typing import Array

LEVELS = [0.8, 0.95]
"""Levels of the intervals whose coverage is scored."""

MOST_ENDS = 200
"""Most origins, evenly chosen, before which intervals are calibrated to score their coverage by
step."""


@dataclass(frozen=True)
class Rolled:
    """Scores of forecasts from the same origins.

    Parameters
    ----------
    methods : dict of MethodScores
        Averages over origins, steps ahead and series, by the name of the method.
    steps : StepScores
    n : int
        Number of paths.
    remarks : tuple of str
        What was thinned or left out.
    """

    methods: dict[str, MethodScores]
    steps: StepScores
    n: int
    remarks: tuple[str, ...] = ()


def rolled(
    made: Outlook,
    n_origins: int | None = None,
    train: Sequence[Array] | None = None,
    peers: bool = False,
    alone: bool = False,
) -> Rolled:
    """Score forecasts from earlier origins beside the last value, the value a season ago and ridge
    regression.

    Parameters
    ----------
    made : Outlook
    n_origins : int, optional
        Most origins of a series, the last ones; by default all.
    train : sequence of ndarray (T_i, I), optional
        The training part of each series, on which ridge and peers are fitted and which scales
        errors; empty where there is none. By default what is before the first origin.
    peers : bool, default False
        Whether AutoETS, AutoARIMA and Theta of statsforecast are there, too.
    alone : bool, default False
        Whether what the network adds to is there alone, too, and all but peers have intervals.

    Raises
    ------
    OptionError
        If no origin is followed by enough steps.
    MissingExtraError
        If `peers` is set without statsforecast.
    """
    forecaster, paths = made.forecaster, made.earlier
    model, season = forecaster.model, forecaster.model.transform.season
    own = [of_features(values, forecaster.own) for values in made.series]
    if train is None:
        firsts = [_first(paths, i, len(x)) for i, x in enumerate(made.series)]
        ends = map(max, firsts, made.starts)
        train = [x[:end] for x, end in zip(made.series, ends, strict=True)]
    earlier = [of_features(values, forecaster.own) for values in train]
    scored, remarks = last_origins(paths, made.series, n_origins, made.starts), tuple[str, ...]()
    if not scored.any():
        H = count(forecaster.horizon, "step")
        raise OptionError(
            f"--backtest: no held-out step of a series is followed by {H}; use a smaller "
            "--horizon, or name DATA"
        )
    of_peers = None
    if peers:
        ours, theirs = ([np.asarray(x, np.float64) for x in part] for part in (own, earlier))
        fitted = peer_paths(Peers(ours, theirs, season or 1), paths, scored)
        scored, remarks, of_peers = fitted.scored, fitted.remarks, fitted.paths
    first = int(paths.origin[scored].min())
    simple = simple_forecasts(model.transform, made.dataset.calendar, first)
    methods = {OWN: paths} | {
        name.removeprefix("the "): seasonal_paths(paths, made.series, forecaster.own, period)
        for name, period in simple.items()
    }
    if alone and model.transform.has_path:
        methods[FORECAST.title] = _without_network(made)
    n = len(made.series)
    known = [forecaster.known_after(values, i) for i, values in enumerate(made.series)]
    history = [
        (own, values[:, forecaster.known]) for own, values in zip(earlier, train, strict=True)
    ]
    ridge = ridge_paths(paths, list(zip(own, known, strict=True)), history, forecaster.window)
    methods |= {} if ridge is None else {"ridge": ridge}
    methods |= of_peers or {}
    scales = {i: change for i in range(n) if (change := _change(earlier[i], season)) is not None}
    kept = {name: each.take(scored) for name, each in methods.items()}
    # Scales of series are those before the first forecast, as later ones are not known there.
    before = [x[: _first(paths, i, len(x))] for i, x in enumerate(made.series)]
    intervals = Intervals(model, before)
    rated = {
        name: coverage(each, intervals, made.series, scored, made.levels, MOST_ENDS)
        for name, each in methods.items()
        # Peers have no forecasts before these origins.
        if name == OWN or (alone and name not in (of_peers or {}))
    }
    return Rolled(
        backtest(methods, scored, scales, rated),
        step_scores(
            kept,
            _names_of(made.dataset, n),
            model.transform.targets or (),
            scales,
            {f"{100 * level:g}": each for level, (each, _) in rated[OWN].items()},
        ),
        int(scored.sum()),
        remarks,
    )


def _first(paths: Paths, series: int, n_steps: int) -> int:
    """Return how many steps of a series come before the first forecast step."""
    origins = paths.origin[paths.series == series]
    return int(origins.min()) + 1 if len(origins) else n_steps


def _names_of(dataset: SequenceDataset, n: int) -> list[str]:
    """Return the names of the n series of a data set, or their numbers."""
    ids = dataset.train.ids
    return [str(i if ids is None else ids[i]) for i in range(n)]


def _change(values: Array, season: int | None) -> Array | None:
    """Return the mean absolute change (O,) of a series (T, O) over a season, or from step to step
    if it is too short, NaN of constant targets; None if it is not known."""
    mean: Array | None = None
    for before in (season or 1, 1):
        n = len(values) - before
        total, known, finite = _changes(values, before)
        if n > 0 and (finite > 0).all():
            mean = total / known
            if (mean > 0).any():
                break
    return None if mean is None else np.where(mean > 0, mean, np.nan)


def _changes(values: Array, before: int) -> tuple[Array, Array, Array]:
    """Return the sum (O,) of the absolute changes of values (T, O) over some steps, how many are
    known, and how many are finite."""
    width = values.shape[1]
    counts = np.zeros((2, width))

    def part(first: int, last: int) -> tuple[Array]:
        own = Read(values)[first : last + before]
        change = np.abs(own[before:] - own[: max(last - first, 0)])
        known = ~np.isnan(change)
        counts[:] += known.sum(axis=0), np.isfinite(change).sum(axis=0)
        change[~known] = 0
        return (change,)

    (total,) = summed(part, 0, max(len(values) - before, 0), width)
    return total, *counts


def _without_network(made: Outlook) -> Paths:
    """Return the forecasts of what the network adds to."""
    model, forecaster = made.forecaster.model, made.forecaster
    params = {n: np.zeros_like(a) if is_of_head(n) else a for n, a in model.params.items()}
    bare = replace(model, params=params)
    single: Any = make_predictor(bare, "cpu", 1)
    own = Forecaster(bare, single, forecaster.horizon, forecaster.after)
    return replace(made.earlier, values=own.again(made.earlier, made.series))


def can_be_rolled(model: FittedModel) -> bool:
    """Return whether a model forecasts its targets from windows of their own past."""
    transform = model.transform
    return (
        model.net.kind.has_targets
        and bool(transform.reading.get("horizon"))
        and not model.stateful
        and bool(model.window and transform.own_features and not transform.quantiles)
    )


def rolled_test(
    model: FittedModel,
    predictor: Predictor,
    dataset: SequenceDataset,
    prepared: PreparedDataset,
    peers: bool = False,
) -> Rolled:
    """Score forecasts of the test part of the data that a model was trained on.

    Parameters
    ----------
    model : FittedModel
        One that :func:`can_be_rolled`.
    predictor : Predictor
    dataset : SequenceDataset
        The data as read.
    prepared : PreparedDataset
        The same data, with its test rows.
    peers : bool, default False

    Raises
    ------
    OptionError
        If the test part is too short.
    """
    if dataset.test is not None:
        later = replace(dataset, train=dataset.test, test=None)
        return rolled_data(model, predictor, later, dataset, None, peers)
    horizon = int(model.transform.reading["horizon"])
    made = outlook_of(
        model, predictor, dataset, horizon, LEVELS, None, backtest=True, trained_on=prepared
    )
    return rolled(made, peers=peers)


def rolled_data(
    model: FittedModel,
    predictor: Predictor,
    dataset: SequenceDataset,
    trained_on: SequenceDataset | None,
    prepared: PreparedDataset | None = None,
    peers: bool = False,
) -> Rolled:
    """Score forecasts of other series.

    Parameters
    ----------
    model, predictor, peers
        As for :func:`rolled_test`.
    dataset : SequenceDataset
        The series, as read.
    trained_on : SequenceDataset, optional
        The training series as read. Series of the same name, or single ones, belong together.
    prepared : PreparedDataset, optional
        The same data, whose test rows are not trained on.
    """
    horizon = int(model.transform.reading["horizon"])
    made = outlook_of(model, predictor, dataset, horizon, LEVELS, None, backtest=True)
    if trained_on is None:
        return rolled(made, peers=peers)
    values = series_of_rows(trained_on.train, made.forecaster, trained_on.name)
    starts = [len(each) for each in values]
    if prepared is not None and prepared.test is not None:
        starts = held_out_from(prepared, starts)
    own = [each[:start] for each, start in zip(values, starts, strict=True)]
    by_name = dict(zip(_names_of(trained_on, len(own)), own, strict=True))
    nothing = np.zeros((0, own[0].shape[1]))
    names = _names_of(dataset, len(made.series))
    train = own if len(own) == len(names) == 1 else [by_name.get(n, nothing) for n in names]
    return rolled(made, train=train, peers=peers)


def rolled_run(
    model: FittedModel,
    predictor: Predictor,
    run: Run,
    prepared: PreparedDataset | None = None,
    peers: bool = False,
) -> Rolled | None:
    """Score forecasts of the test rows of a run, `prepared` or read; None, unless `peers` is set,
    if they are too few.

    Raises as :func:`rolled_test`.
    """
    prepared = prepared or run_test_data(run)
    return unless_short(
        lambda: rolled_test(model, predictor, _own_data(model, run), prepared, peers), peers
    )


def rolled_further(
    model: FittedModel,
    predictor: Predictor,
    dataset: SequenceDataset,
    run: Run | None,
    peers: bool = False,
) -> Rolled | None:
    """Score forecasts of other series than those of the run of a model, as :func:`rolled_run`."""
    own, prepared = None, None
    if run is not None and run.data_fact("source") == "file":
        own, prepared = _own_data(model, run), run_dataset(run)
    return unless_short(lambda: rolled_data(model, predictor, dataset, own, prepared, peers), peers)


def unless_short(score: Callable[[], Rolled], peers: bool = False) -> Rolled | None:
    """Return scores; None where series are too short or have gaps, unless `peers` is set."""
    try:
        return score()
    except (OptionError, DataError):
        if peers:
            raise
        return None


def _own_data(model: FittedModel, run: Run) -> SequenceDataset:
    """Return the data of a run as read, with its test rows where they are in a file of their own.

    Raises
    ------
    OptionError
        If it is no file.
    """
    config = run.config.data
    if config.data is None or run.data_fact("source") != "file":
        raise OptionError("the run was not trained on a file; pass DATA after it")
    name = kept_rows(run) or config.data
    dataset = read_new_data(model, str(name), {}, require_targets=False)
    if config.test is None:
        return dataset
    test = read_new_data(model, config.test, {}, require_targets=False)
    return replace(dataset, test=test.train)
