"""Decides how long a net is trained whose state is carried: by the end of the training rows.

A recording without noise is learned the better the longer, one with noise is soon learned by heart.
So a net is trained for each of a few numbers of updates on the first windows of each signal, and
predicts the last ones from the state that it carries there. No test row is used.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.config import Config, job_options, make_config
from hiddenstate.config.option import AUTO_NUMBER
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.streams import signals_of
from hiddenstate.engines import make_predictor
from hiddenstate.engines.signals import follow_signals, state_before
from hiddenstate.errors import count, printable
from hiddenstate.jobs import make_job
from hiddenstate.jobs.again import trained_whole
from hiddenstate.metrics.losses import regression_loss
from hiddenstate.system.typing import Array

UPDATES = (300, 1_000, 3_000, 10_000)
"""Numbers of updates to choose from."""

USUAL = 1_000
"""Updates where too few windows could be left out to choose by."""

LATE, FEWEST = 0.2, 2
"""Share of the windows of a signal that is predicted, and the fewest that are."""


def with_budget(config: Config, dataset: PreparedDataset) -> tuple[Config, PreparedDataset]:
    """Return a config with the epochs that `--epochs auto` stands for, and data that says so.

    Another config is returned as it is.
    """
    if config.training.epochs != AUTO_NUMBER:
        return config, dataset
    late = late_windows(dataset)
    chosen, why = USUAL, "as too few windows could be left out to choose by"
    if late.any():
        errors = {updates: _error(config, dataset, late, updates) for updates in UPDATES}
        chosen = min(errors, key=lambda updates: errors[updates])
        why = f"the best for the last {count(int(late.sum()), 'window')} of training"
    values = _with_updates(config, dataset, chosen)
    text = (
        f"{printable(dataset.name)}: --epochs {values['epochs']}: about {chosen:,} updates, {why}"
    )
    dataset = replace(dataset, remarks=(*dataset.remarks, text))
    return make_config(config.job, values), dataset


def late_windows(dataset: PreparedDataset) -> Array:
    """Return which training windows (N,) are the last of their signal; none of a short one."""
    signals = signals_of(dataset.train)
    late = np.zeros(len(signals), bool)
    for number in np.unique(signals):
        own = np.flatnonzero(signals == number)
        n = round(LATE * len(own))
        if n >= FEWEST:
            late[own[-n:]] = True
    return late


def _with_updates(config: Config, dataset: PreparedDataset, updates: int) -> dict[str, object]:
    """Return options with as many epochs as have about that many updates, and about 20 lines."""
    values = config.flat()
    once = make_config(config.job, {**values, "epochs": 1, "teach": None})
    per_epoch = make_job(once, dataset).batches.steps_per_epoch
    values["epochs"] = epochs = max(1, round(updates / per_epoch))
    if values["log_every"] == _usual(config.job, "log_every"):
        values["log_every"] = max(1, epochs * per_epoch // 20)
    return values


def _most_streams(config: Config, early: Rows) -> int | None:
    """Return how many streams are wanted, but no more than there are windows."""
    streams = config.training.streams
    return None if streams is None else min(streams, len(early))


def _usual(job: str, name: str) -> object:
    """Return the value of an option that is not set."""
    return next(each.default_for(job) for _, each in job_options(job) if each.name == name)


def _error(config: Config, dataset: PreparedDataset, late: Array, updates: int) -> float:
    """Return the loss on the late windows; infinite if the net diverges."""
    early, last = (dataset.train.take(np.flatnonzero(which)) for which in (~late, late))
    dataset = replace(dataset, train=early, test=last)
    config = make_config(config.job, {**config.flat(), "streams": _most_streams(config, early)})
    values = {**_with_updates(config, dataset, updates), "teach": None, "weights": None}
    job = make_job(make_config(config.job, values), dataset)
    engine = trained_whole(job)
    if engine is None:
        return np.inf
    model, training = job.fitted(engine.export().params), job.config.training
    predictor = make_predictor(model, "cpu", training.threads)
    state = state_before(predictor, model.net, early, last)
    outputs = follow_signals(predictor, model.net, last, state)[0]
    return regression_loss(training, outputs, last.require_targets(), None, job.power)
