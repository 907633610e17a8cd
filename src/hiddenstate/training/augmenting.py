"""Decides how training rows are augmented: by rows that a model or a net did not learn from.

No test row is used. The first look is at most `LOOK_ROWS` rows of each kind, which a model fitted
on training rows labels; the comparison trains `2 * FOLDS` nets, each for at most `UPDATES` steps on
at most `MOST_ROWS` rows.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import Config, make_config
from hiddenstate.config.augment_kinds import AUTO, kinds_as_values
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.augment import augmentation
from hiddenstate.data.prepare.augment_choice import LEAST_AGREEMENT, Choice
from hiddenstate.data.prepare.augment_suited import usual_kinds
from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import fractions
from hiddenstate.engines import Task, TrainingState, make_engine
from hiddenstate.engines.interface import without_fold
from hiddenstate.errors import printable
from hiddenstate.jobs import make_job
from hiddenstate.jobs.memory import check_memory
from hiddenstate.jobs.path_share import FEWEST_FOLDS, folds_of
from hiddenstate.metrics.scores import cross_entropy_by_row
from hiddenstate.models.companions import KINDS
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array
from hiddenstate.training.initial_state import starting_state

LOOK_ROWS, LOOK_NUMBERS = 300, 3_000_000
"""Most rows that are looked at, and numbers in them."""

MOST_ROWS = 2000
"""Most rows that nets are compared on."""

FOLDS, UPDATES = 3, 500
"""Fifths of the rows that nets are compared on, and most updates of each net."""


def with_augmentation(config: Config, dataset: PreparedDataset) -> tuple[Config, PreparedDataset]:
    """Return a config with the kinds that `--augment auto` chooses, and data that says why.

    Another config is returned as it is.
    """
    if config.training.augment != AUTO:
        return config, dataset
    choice = _choice(config, dataset)
    values = {**config.flat(), "augment": kinds_as_values(choice.kept)}
    remark = f"{printable(dataset.name)}: {choice.in_words()}"
    remarks = (*dataset.remarks, remark)
    return make_config(config.job, values), replace(dataset, augment=choice, remarks=remarks)


def _choice(config: Config, dataset: PreparedDataset) -> Choice:
    """Return what is chosen for the training rows of `dataset`."""
    kinds, seed = usual_kinds(config, dataset), config.training.seed
    train = dataset.train
    if train.weights is not None:
        train = train.take(np.flatnonzero(train.weights > 0))
    agreement = _agreement(config, dataset, train, kinds) if config.job == "classify" else {}
    kept = {n: s for n, s in kinds.items() if agreement.get(n, 1.0) >= LEAST_AGREEMENT}
    if len(train) > MOST_ROWS:
        places = generator(seed, "augment rows").permutation(len(train))[:MOST_ROWS]
        train = train.take(np.sort(places))
    folds = _folds(config, train)
    if not kept or not (folds >= 0).any():
        return Choice({}, agreement)
    dataset = replace(dataset, train=train)
    plain, augmented = (_held_out(config, dataset, folds, each) for each in ({}, kept))
    if not _is_good(plain, augmented, needed=1.0 if len(kept) < len(kinds) else -2.0):
        kept = {}
    return Choice(kept, agreement, len(plain), *_means(plain, augmented))


def _is_good(plain: Array, augmented: Array, needed: float) -> bool:
    """Return whether the gain of augmented nets is at least `needed` standard errors.

    Of the two errors (n, 2) of each row the first one counts, or the second one if the first shows
    no difference of more than its standard error.
    """
    if not np.isfinite(augmented).all() or not np.isfinite(plain).all():
        return bool(np.isfinite(augmented).all())
    gain = plain - augmented
    mean, error = gain.mean(axis=0), gain.std(axis=0) / np.sqrt(len(gain))
    which = 0 if abs(mean[0]) > error[0] else 1
    return bool(mean[which] >= needed * error[which])


def _means(plain: Array, augmented: Array) -> tuple[float, float]:
    """Return the mean loss of nets without and with augmentation."""
    return float(plain[:, 1].mean()), float(augmented[:, 1].mean())


def _agreement(
    config: Config, dataset: PreparedDataset, train: Rows, kinds: Mapping[str, float]
) -> dict[str, float]:
    """Return in which part of the rows that a kind changes a model still sees their class."""
    n = min(LOOK_ROWS, max(1, LOOK_NUMBERS // int(np.prod(train.X.shape[1:]))))
    places = generator(config.training.seed, "augment look").permutation(len(train))[:n]
    rows = train.take(np.sort(places))
    X, y = fractions(rows.X[:], "float32"), rows.require_targets()
    if len(np.unique(y)) < 2:
        return {}
    judge = _judge(config, replace(rows, X=X, weights=None), len(dataset.require_classes()))
    masked = dataset.transform.missing == "mask"
    own = np.arange(len(X))
    agreement = {}
    for name, strength in kinds.items():
        raise_if_cancelled()
        what = augmentation(X, {name: strength}, y, rows.lengths, None, masked, dataset.picture)
        changed = replace(what, parts={name: 1.0}).apply(
            X, own, np.zeros(len(X), np.int64), config.training.seed, "float32", rows.lengths
        )
        agreement[name] = float(np.mean(judge(changed) == y))
    return agreement


def _judge(config: Config, rows: Rows, n_classes: int) -> Any:
    """Return a function that labels changed rows: a companion that applies to them as a baseline,
    else the label of the nearest row."""
    seed, threads = config.training.seed, config.training.threads
    for kind in KINDS:
        if kind.is_baseline(rows, rows.take(slice(0, 0))):
            alone = kind.fit(rows, n_classes, seed, threads).companion
            return lambda X: alone.logits(X, rows.lengths, threads).argmax(axis=1)
    known = rows.X.reshape(len(rows), -1).astype(np.float64)
    squares = (known**2).sum(axis=1)

    def nearest(X: Array) -> Array:
        distance = squares - 2 * X.reshape(len(X), -1).astype(np.float64) @ known.T
        return np.asarray(rows.require_targets()[distance.argmin(axis=1)])

    return nearest


def _folds(config: Config, train: Rows) -> Array:
    """Return the fold of each row, -1 for none; without classes or groups, blocks of rows, since
    those that follow one another may overlap."""
    if config.job == "classify" or train.groups is not None:
        y = train.y if train.y is not None else np.zeros(len(train))
        return folds_of(replace(train, y=y), 1, config.training.seed)
    return np.arange(len(train)) * FEWEST_FOLDS // max(len(train), FEWEST_FOLDS)


def _held_out(
    config: Config, dataset: PreparedDataset, folds: Array, kinds: dict[str, float]
) -> Array:
    """Return two errors of each row (n, 2), of nets that did not learn from it: whether its class
    is wrong, or its mean squared error, and its loss."""
    values = {**config.flat(), "augment": kinds_as_values(kinds)}
    values = {name: value for name, value in values.items() if not name.startswith("teach")}
    values |= {"members": 1} if "members" in values else {}
    values |= {"convolutions": False} if "convolutions" in values else {}
    values |= {"weights": None}  # they may be those of several members
    job = make_job(make_config(config.job, values), dataset)
    check_memory(job)
    task = replace(job.task(), folds=folds)
    errors = []
    for fold in range(FOLDS):
        held_out = np.flatnonzero(folds == fold)
        if not len(held_out):
            continue
        raise_if_cancelled()
        errors.append(_errors(task, starting_state(job), fold, held_out))
    return np.concatenate(errors)


def _errors(task: Task, state: TrainingState, fold: int, held_out: Array) -> Array:
    """Return the errors of one fold, by a net that is trained on the others."""
    learned = without_fold(task, fold)
    updates = min(task.total_steps, UPDATES)
    learned = replace(learned, total_steps=updates)
    engine = make_engine(learned, state)
    losses = engine.run(0, updates, lambda: False).losses
    raise_if_cancelled()
    if len(losses) < updates or not np.isfinite(losses).all():
        return np.full((len(held_out), 2), np.inf)
    X = task.X[held_out]
    lengths = None if task.lengths is None else task.lengths[held_out]
    outputs = engine.predict(X, lengths).astype(np.float64)
    if task.net.job == "classify":
        assert task.y is not None
        y = task.y[held_out]
        return np.stack([outputs.argmax(axis=1) != y, cross_entropy_by_row(outputs, y)], axis=1)
    target = fractions(X, "float64") if task.y is None else task.y[held_out]
    squares = (outputs - target) ** 2
    if lengths is not None and squares.ndim == 3:
        squares[np.arange(squares.shape[1]) >= lengths[:, None]] = 0
    each = squares.reshape(len(squares), -1).mean(axis=1)
    return np.stack([each, each], axis=1)
