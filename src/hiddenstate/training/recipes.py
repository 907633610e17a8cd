"""The automatic recipe: sizes, rate and steps that follow from the data.

docs/recipes.md states the rules and what they achieve. Each is a deterministic function of what is
known before training; none uses a test row.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hiddenstate.config import make_config
from hiddenstate.config.augment_kinds import AUTO
from hiddenstate.config.fields import NO_TEACHER, OWN_TEACHERS
from hiddenstate.config.option import AUTO_NUMBER
from hiddenstate.data import SequenceDataset
from hiddenstate.data.prepare.known_columns import without_future_rows
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.prepare.season import Seasons, find_seasons
from hiddenstate.data.prepare.split import hold_out
from hiddenstate.data.prepare.transform import feature_indices
from hiddenstate.data.rows import known_steps, of_features
from hiddenstate.data.store import RowStore
from hiddenstate.errors import HiddenstateError, OptionError, count, printable
from hiddenstate.kernels import level
from hiddenstate.models.companions.convolutions import (
    LEAST_STEPS,
    MOST_NUMBERS,
    ConvolutionPath,
)
from hiddenstate.models.net import Net
from hiddenstate.models.streaming import MOST_WEIGHTS
from hiddenstate.program.jobs import kind_of

LONG_SERIES = 128
"""Steps above which a series is long, and needs a smaller rate and more updates."""

POOLED_STEPS = 110
"""About how many steps a stem leaves of a series."""

QUICK_ROWS = 2000
"""Most training rows that fixed convolutions are fitted on in a few seconds."""

NETS, NETS_STEPS, NETS_UPDATES = 5, 55, 800
"""Nets that may answer alone, about how many steps their stem leaves of a series, and updates."""

FOLD_SHARE = 0.75
"""Share of these updates in which each net leaves out a fold of the rows."""

EASY_ROWS, EASY_ERROR = 1000, 0.01
"""Most rows, and largest leave-one-out error of fixed convolutions, of data that is easy."""

EASY_UPDATES, EASY_NETS_UPDATES = 100, 160
"""Updates of the one net of such data, and of nets that may answer alone."""

WIDTHS = (56, 48, 40, 32, 24, 16, 8)
"""Sizes of the recurrent layer of such a net; the first that leaves few enough weights is taken."""

STREAMED_UPDATES = 800
"""Fewest updates of such a net."""

SHORT_SEASON = 7
"""Most steps of a season of which a window of several series holds twelve."""

LONG_PART = 8
"""Part of a series that a window of more than four seasons has at most."""

MANY_SERIES = 10
"""Series from which on a window may have half of their steps: together they have enough targets."""

CARRIED_WINDOW, CARRIED_STREAMS, MOST_WASHOUT = 200, 8, 64
"""Most steps of a window, streams and steps without a loss where a state is carried."""

COMMON = {"scale": "auto", "test_fraction": 0.2, "eps": 1e-8, "hold": 0, "shuffle": True}
"""What is the same for all data."""


def suggest(job: str, dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the options that follow from the data.

    Parameters
    ----------
    job : str
        Name of a job.
    dataset : SequenceDataset
        The data as read.
    given : mapping
        The options that were set, by name: other values follow from them.
    """
    share = given.get("test_fraction", 0.2) if dataset.test is None else 0.0
    n_train = max(1, round(len(dataset.train) * (1 - share)))
    if kind_of(job).has_codes:
        return COMMON | _autoencode(dataset, n_train, given)
    if kind_of(job).has_classes and given.get("streamable"):
        return COMMON | _streamable(job, dataset, n_train, given)
    if kind_of(job).has_classes:
        return COMMON | _labelled(job, dataset, n_train, given)
    if dataset.y is not None and dataset.y.ndim == 2:
        return COMMON | _one_target(dataset, n_train, given)
    return COMMON | _signals(dataset, n_train, given)


def _labelled(
    job: str, dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Whole series with one label each: convolutions find shapes wherever they are, and several
    nets, whose chance errors differ, are averaged."""
    values, T = _series(dataset, n_train, given), _median_length(dataset, given)
    if T < LEAST_STEPS:
        return values
    teach = given.get("teach")
    alone = given.get("layout") == "features" or teach not in (None, NO_TEACHER, *OWN_TEACHERS)
    alone = alone or given.get("quantize") is not None  # they have no form in integers
    if _is_quick(dataset, n_train) and not alone:
        values["convolutions"] = True
        if given.get("convolutions") is None:
            values |= {"prefer_nets": True, "augment": AUTO, "teach": "convolutions"}
    beside = given.get("convolutions", values.get("convolutions", False))
    if given.get("stem") is not False:
        preferred = "prefer_nets" in values
        values |= _nets(n_train, T, given) if preferred else _stem(n_train, T, beside, given)
    return values | _eased(job, dataset, n_train, values, given) if beside else values


def _nets(n_train: int, T: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Small nets with many updates of augmented rows, which may answer alone."""
    batch_size = given.get("batch_size") or min(64, n_train)
    budget = _budget(n_train, batch_size, NETS_UPDATES, given)
    return {
        "stem": True,
        "stem_channels": (32, 32, 48),
        "stem_pool": max(1, round(T / NETS_STEPS)),
        "hidden_size": 56,
        "layers": 2 if given.get("dropout") else 1,
        "members": NETS,
        "label_smoothing": 0.1,
        "batch_size": batch_size,
        "lr": 0.004,
        **budget,
        "fold_epochs": _fold_epochs(budget, given),
    }


def _fold_epochs(budget: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """Return the epochs in which each net leaves out a fold, of those that it has; 0, for all of
    them, where validation rows choose the weights."""
    return 0 if given.get("valid_fraction") else round(FOLD_SHARE * budget["epochs"])


def _stem(n_train: int, T: int, beside: bool, given: Mapping[str, Any]) -> dict[str, Any]:
    """Convolutional layers, and several nets; more updates of long series, unless fixed
    convolutions stand beside the nets."""
    batch_size = given.get("batch_size") or _batch_size(n_train, 25, 16)
    least = 500 if T > LONG_SERIES and not beside else 300
    updates = min(max(10 * n_train // batch_size, least), 4000)
    return {
        "stem": True,
        "stem_pool": max(1, round(T / POOLED_STEPS)),
        "layers": 2 if given.get("dropout") else 1,
        "members": 5 if n_train <= 1000 else 3 if n_train <= 10_000 else 1,
        "label_smoothing": 0.1,
        "batch_size": batch_size,
        "lr": 0.003,
        **_budget(n_train, batch_size, updates, given),
    }


def _streamable(
    job: str, dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]
) -> dict[str, Any]:
    """One small net that reads no later step, taught by fixed convolutions, on augmented rows."""
    T, batch_size = _median_length(dataset, given), given.get("batch_size") or min(64, n_train)
    updates = min(max(10 * n_train // batch_size, STREAMED_UPDATES), 4000)
    values = {
        "cell": "gru",
        "layers": 2 if given.get("dropout") else 1,
        "readout": "mean",
        "stem": True,
        "stem_causal": True,
        "stem_kernels": (9, 5, 3),
        "stem_pool": max(1, round(T / POOLED_STEPS)),
        "batch_size": batch_size,
        "lr": 0.004,
        "clip": 1.0,
        "lr_schedule": "cosine",
        "augment": AUTO,
        **_budget(n_train, batch_size, updates, given),
    }
    if T >= LEAST_STEPS and _is_quick(dataset, n_train):
        values["teach"] = "convolutions"
    for width in WIDTHS:
        channels = (4 * width // 7, 4 * width // 7, 6 * width // 7)
        values |= {"hidden_size": width, "stem_channels": channels}
        if _n_weights(job, dataset, values, given) <= MOST_WEIGHTS:
            break
    return values


def _n_weights(
    job: str, dataset: SequenceDataset, values: Mapping[str, Any], given: Mapping[str, Any]
) -> int:
    """Return how many numbers the net of a classifier has; 0 with options that are refused."""
    try:
        config = make_config(job, {**values, **given})
    except HiddenstateError:  # raised again where the run starts
        return 0
    n_features = math.prod(dataset.X.shape[1:]) // int(given.get("steps") or dataset.X.shape[1])
    n_features *= 2 if given.get("missing") == "mask" else 1
    n_classes = len(np.unique([] if dataset.y is None else dataset.y))
    return Net(job, config.model, n_features, n_classes).n_parameters()


def _is_quick(dataset: SequenceDataset, n_train: int) -> bool:
    """Return whether fixed convolutions of the rows take a few seconds."""
    numbers = n_train * math.prod(dataset.X.shape[1:])
    in_memory = not isinstance(dataset.X, RowStore)
    return level() is not None and in_memory and n_train <= QUICK_ROWS and numbers <= MOST_NUMBERS


def _eased(
    job: str,
    dataset: SequenceDataset,
    n_train: int,
    values: dict[str, Any],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Return fewer updates if fixed convolutions tell the training rows apart without having seen
    them, and one net, as others have nothing to add then, unless nets may answer alone."""
    is_set = any(given.get(name) is not None for name in ("members", "epochs"))
    if is_set or n_train > EASY_ROWS or not isinstance(dataset.X, np.ndarray):
        return {}
    try:
        config = make_config(job, {**COMMON, **values, **given})
        prepared = prepare(dataset, config)
        train, n_classes = prepared.train, len(prepared.require_classes())
        seed, threads = config.training.seed, config.training.threads
        path = ConvolutionPath.fit(train, n_classes, seed, threads)
    except HiddenstateError:  # raised again where the run starts
        return {}
    wrong = path.held_out.argmax(axis=1) != train.require_targets()
    if wrong.mean() > EASY_ERROR:
        return {}
    if config.training.prefer_nets:  # all of them, or few rows would say whether they may
        budget = _budget(n_train, config.training.batch_size, EASY_NETS_UPDATES, given)
        return budget | {"fold_epochs": _fold_epochs(budget, given)}
    budget = _budget(n_train, config.training.batch_size, EASY_UPDATES, given)
    return {"members": 1, **budget}


def _series(dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Whole series with one label each."""
    T = _median_length(dataset, given)
    batch_size = given.get("batch_size") or _batch_size(n_train, 25, 8)
    updates = min(max(20 * n_train // batch_size, 1200 if T > LONG_SERIES else 600), 4000)
    return {
        "cell": "gru",
        "layers": 2,
        "bidirectional": True,
        "hidden_size": 64,
        "readout": "mean",
        "batch_size": batch_size,
        "lr": 0.003 if T > LONG_SERIES else 0.01,
        "clip": 1.0,
        "lr_schedule": "cosine",
        **_budget(n_train, batch_size, updates, given),
    }


def _one_target(dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Whole series with one target each: few updates, or the net memorizes noise."""
    values = _series(dataset, n_train, given)
    batch_size = values["batch_size"]
    return values | {
        "output": "last",
        "stateful": False,
        "lr": 0.003,
        **_budget(n_train, batch_size, 200, given),
    }


def _signals(dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Signals with a target at every step: overlapping windows, each from a zero state."""
    values: dict[str, Any] = {
        "cell": "gru",
        "hidden_size": 32,
        "batch_size": 16,
        "lr": 0.003,
        "clip": 1.0,
        "lr_schedule": "cosine",
        "stateful": False,
    }
    if given.get("stateful"):
        return values | _carried(dataset, given)
    dataset = without_future_rows(dataset, given.get("future"))
    lengths = dataset.train.lengths
    longest = dataset.X.shape[1] if lengths is None else int(np.median(lengths))
    in_time = dataset.test is None and (len(dataset.train) == 1 or given.get("split") == "time")
    steps = round(longest * (1 - given.get("test_fraction", 0.2))) if in_time else longest
    n_train = len(dataset.train) if in_time else n_train
    usable = max(1, steps - (given.get("horizon") or 0))  # steps whose target is in the series
    is_forecast = given.get("horizon") and feature_indices(dataset.targets, dataset.columns)
    linear = bool(is_forecast and not given.get("change") and isinstance(dataset.X, np.ndarray))
    linear &= given.get("loss") not in ("quantile", "esr")  # of which a path has no share
    linear = given.get("linear", linear)
    seasons = seasons_of(dataset, given)
    season = None if seasons is None else seasons.main
    window = given.get("window") or min(
        _window(steps, linear, season, len(dataset.train), given), usable
    )
    stride = given.get("stride") or (1 if steps * n_train < 100_000 else window)
    n_windows = max(1, n_train * max(1, (steps - window) // stride))
    batch_size = given.get("batch_size") or values["batch_size"]
    total = steps * n_train
    values |= {"window": window, "stride": stride}
    values |= {} if seasons is None else {"season": seasons.steps}
    values |= _budget(n_windows, batch_size, 300 if total < 500 else 1000, given)
    if _has_gaps(dataset):  # a window without one of its targets is not trained on
        values["output"] = "last"
    if linear:
        values |= {"linear": True, "linear_inputs": True, "output": "last"}
        one_answer = given.get("output") in (None, "last")
        if len(dataset.train) > 1 and one_answer and given.get("missing") not in ("mean", "mask"):
            values["scale"] = "window"  # series of different size count alike
    elif is_forecast:
        values["change"] = True
    return values


def _carried(dataset: SequenceDataset, given: Mapping[str, Any]) -> dict[str, Any]:
    """A state that is carried from window to window of streams, and epochs that the end of the
    training rows is for."""
    lengths, n = dataset.train.lengths, len(dataset.train)
    longest = dataset.X.shape[1] if lengths is None else int(np.median(lengths))
    in_time = dataset.test is None and (n == 1 or given.get("split") == "time")
    steps = round(longest * (1 - given.get("test_fraction", 0.2))) if in_time else longest
    usual = max(min(16, steps), min(CARRIED_WINDOW, steps // 8))
    window = given.get("window", usual) or steps  # 0 does not cut
    streams = max(1, min(CARRIED_STREAMS, steps // window // 4)) if n == 1 else None
    values = {
        "window": given.get("window", usual),
        "streams": None if streams == 1 else streams,
        "washout": 0 if given.get("output") == "last" else min(MOST_WASHOUT, window // 2),
        "batch_size": 1,
        "shuffle": False,
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "lr": 0.005,
    }
    is_set = given.get("epochs") or given.get("max_steps")
    return values | {"epochs": given.get("epochs", 10) if is_set else AUTO_NUMBER}


def _window(
    steps: int, linear: bool, season: int | None, n_series: int, given: Mapping[str, Any]
) -> int:
    """Return the steps of a window: 32, or with a linear path four seasons if that is more, up to
    eight in long series; twelve short ones of several series, each of which has a season of its
    own shape.

    At most a quarter of a series, or with a linear path and without validation rows a third, and
    half of each of many series.
    """
    share = 2 if n_series >= MANY_SERIES else 3
    most = max(4, steps // (share if linear and not given.get("valid_fraction") else 4))
    if not linear or not season:
        return min(32, most)
    n_seasons = 12 if n_series > 1 and season <= SHORT_SEASON else 4
    long = min(max(64, 8 * season + 4), steps // LONG_PART)
    return min(max(32, n_seasons * season + 4, long), most)


def seasons_of(dataset: SequenceDataset, given: Mapping[str, Any]) -> Seasons | None:
    """Return the seasons of the training part of series that are forecast; None of other data.

    Parameters
    ----------
    dataset : SequenceDataset
        The data as read.
    given : mapping
        The options that were set, by name: `horizon`, `test_fraction`, `future` and `season`, and
        `split` with its seed.

    Raises
    ------
    OptionError
        If less than two of a season that was set fit into the longest training series.
    DataError
        If there are too few series to hold some out.
    """
    features = feature_indices(dataset.targets, dataset.columns)
    if not given.get("horizon") or not features or not isinstance(dataset.X, np.ndarray):
        return None
    if dataset.X.ndim < 3:
        return None
    dataset = without_future_rows(dataset, given.get("future"))
    share, train = given.get("test_fraction", 0.2) if dataset.test is None else 0.0, dataset.train
    way = given.get("split") or "auto"
    way = "group" if way == "auto" and train.groups is not None else way
    of_series = way in ("random", "distinct") or (way == "group" and train.groups is not None)
    if share and len(train) > 1 and of_series:  # whole series are held out
        seed = given.get("split_seed")
        seed = given.get("seed") or 0 if seed is None else seed
        train = hold_out(train, share, way, seed, "split", printable(dataset.name))[0]
        share = 0.0
    training = [
        of_features(X[: n - round(share * n)], features)
        for X, n in _with_lengths(train.X, train.lengths)
    ]
    seasons, longest = given.get("season"), max(len(values) for values in training)
    for season in seasons or ():
        if 2 * season > longest:
            raise OptionError(
                f"--season: {count(season, 'step')} are more than half of the training history of "
                f"{printable(dataset.name)}, {count(longest, 'step')}; use at most {longest // 2}, "
                "or --season none"
            )
    calendar = () if dataset.calendar is None else dataset.calendar.seasons
    return find_seasons(training, calendar, seasons)


def _with_lengths(X: Any, lengths: Any) -> list[tuple[Any, int]]:
    """Return each series of X (N, T, I), and its number of steps."""
    return list(zip(X, [X.shape[1]] * len(X) if lengths is None else lengths, strict=True))


def _has_gaps(dataset: SequenceDataset) -> bool:
    """Return whether a target of a signal is missing; without targets, it forecasts itself."""
    targets = dataset.X if dataset.y is None else dataset.y
    if not isinstance(targets, np.ndarray) or targets.ndim < 3:
        return isinstance(targets, np.ndarray) and not np.isfinite(targets).all()
    return not known_steps(targets).all()


def _autoencode(dataset: SequenceDataset, n_train: int, given: Mapping[str, Any]) -> dict[str, Any]:
    F = math.prod(dataset.X.shape[1:])
    batch_size = given.get("batch_size") or min(64, max(8, n_train // 8))
    sizes = (64, 32) if n_train < 1000 else (128, 64) if F <= 256 else (256, 64)
    return {
        "encoder_sizes": tuple(max(size, given.get("code_size") or 1) for size in sizes),
        "code_size": min(3, max(1, F - 1)),
        "batch_size": batch_size,
        "lr": 0.003,
        "lr_schedule": "cosine",
        **_budget(n_train, batch_size, 2000, given),
    }


def _median_length(dataset: SequenceDataset, given: Mapping[str, Any]) -> int:
    """Return the median number of steps; flat rows are cut as `--steps` sets."""
    if dataset.train.lengths is not None:
        return int(np.median(dataset.train.lengths))
    if given.get("layout") == "features":
        return 1
    return int(given.get("steps") or dataset.X.shape[1])


def _batch_size(n_train: int, share: int, least: int) -> int:
    """Return the largest of 64, 32, 16 that is at most 1 / `share` of the rows, or `least`."""
    return next((size for size in (64, 32, 16) if size <= n_train // share), least)


def _budget(n_rows: int, batch_size: int, updates: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the epochs that make at least `updates`, and an interval of about 20 lines."""
    per_epoch = math.ceil(n_rows / batch_size)
    epochs = given.get("epochs") or max(1, math.ceil(updates / per_epoch))
    return {"epochs": epochs, "log_every": max(1, epochs * per_epoch // 20)}
