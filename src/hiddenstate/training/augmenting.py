"""Decides how training rows are augmented: by rows that a model or a net did not learn from.

No test row is used, but all training rows may be, with their classes: those that a member of the
net leaves out later, too. That is harmless there, as it only chooses among a few sets of kinds.

For `classify` a model is fitted on at most 300 rows; it labels them after each kind, and is fitted
again with augmented copies. No net is trained. Other jobs briefly train two nets, on at most
`MOST_ROWS` rows.
"""

from dataclasses import replace

import numpy as np

from hiddenstate.config import Config, make_config
from hiddenstate.config.augment_kinds import AUTO, kinds_as_values
from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.data.prepare.augment_choice import LEAST_AGREEMENT, Choice
from hiddenstate.data.prepare.augment_suited import usual_kinds
from hiddenstate.data.prepare.batches import generator
from hiddenstate.data.rows import fractions
from hiddenstate.engines.interface import without_fold
from hiddenstate.errors import printable
from hiddenstate.jobs import make_job
from hiddenstate.jobs.again import trained_briefly
from hiddenstate.jobs.companion_share import FEWEST_FOLDS, folds_of
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array
from hiddenstate.training.augment_look import look_at

STRETCH = ("warp", "crop")
"""Kinds that change how long a part of a row is: they are left out first."""

WORSE = 2.0
"""Standard errors of the loss by which learning without augmentation must be better to count."""

MOST_ROWS = 2000
"""Most rows that nets are compared on."""

ALONE = {"members": 1, "weights": None}
"""Options of the nets that are compared: the weights may be those of several members."""


def with_augmentation(config: Config, dataset: PreparedDataset) -> tuple[Config, PreparedDataset]:
    """Return a config with the kinds that `--augment auto` chooses, and data that says why.

    Another config is returned as it is.
    """
    if config.training.augment != AUTO:
        return config, dataset
    kinds, train = usual_kinds(config, dataset), dataset.train
    if train.weights is not None:
        train = train.take(np.flatnonzero(train.weights > 0))
    choose = _by_model if config.kind.has_classes else _by_nets
    choice = choose(config, replace(dataset, train=train), kinds) if kinds else Choice({})
    values = {**config.flat(), "augment": kinds_as_values(choice.kept)}
    remark = f"{printable(dataset.name)}: {choice.in_words()}"
    remarks = (*dataset.remarks, remark)
    return make_config(config.job, values), replace(dataset, augment=choice, remarks=remarks)


def _by_model(config: Config, dataset: PreparedDataset, kinds: dict[str, float]) -> Choice:
    """Return the kinds after which a model still sees the classes, and from which it can learn.

    None are kept if it does not see them after most kinds: then details tell the classes apart.
    """
    look = look_at(config, dataset)
    fit = look.fit()
    judge = look.judge(fit)
    agreement = {}
    for name, strength in kinds.items():
        raise_if_cancelled()
        changed = look.changed({name: strength}, every=True)
        agreement[name] = float(np.mean(judge(changed) == look.y))
    kept = {name: s for name, s in kinds.items() if agreement[name] >= LEAST_AGREEMENT}
    choice = Choice(kept if 2 * len(kept) >= len(kinds) else {}, agreement)
    if fit is None:
        return choice
    plain = look.losses(fit)
    while choice.kept:
        raise_if_cancelled()
        augmented = look.fit(choice.kept)
        if augmented is None:
            break
        losses = look.losses(augmented)
        means = float(plain.mean()), float(losses.mean())
        choice = Choice(choice.kept, agreement, len(plain), *means)
        if _is_good(plain, losses, 1 / len(plain)):
            break
        rest = {name: s for name, s in choice.kept.items() if name not in STRETCH}
        choice = replace(choice, kept=rest if len(rest) < len(choice.kept) else {})
    return choice


def _is_good(plain: Array, augmented: Array, least: float = 0.0) -> bool:
    """Return whether the losses (n,) with augmentation are not clearly worse than those without:
    by some standard errors, and more than `least`."""
    if not np.isfinite(augmented).all() or not np.isfinite(plain).all():
        return bool(np.isfinite(augmented).all())
    worse = augmented - plain
    error = worse.std() / np.sqrt(len(worse))
    return bool(worse.mean() <= max(WORSE * error, least))


def _by_nets(config: Config, dataset: PreparedDataset, kinds: dict[str, float]) -> Choice:
    """Return all kinds, unless a net that learns without them is better on rows left out."""
    train = dataset.train
    if len(train) > MOST_ROWS:
        places = generator(config.training.seed, "augment rows").permutation(len(train))
        train = train.take(np.sort(places[:MOST_ROWS]))
        dataset = replace(dataset, train=train)
    folds = block_folds(config, train)
    held_out = np.flatnonzero(folds == 0)
    if not len(held_out):
        return Choice({})
    plain, augmented = (_losses(config, dataset, folds, each) for each in ({}, kinds))
    kept = kinds if _is_good(plain, augmented) else {}
    return Choice(kept, {}, len(plain), float(plain.mean()), float(augmented.mean()))


def block_folds(config: Config, train: Rows) -> Array:
    """Return the fold of each row, -1 for none; without groups blocks of rows, since those that
    follow one another may overlap."""
    if train.groups is not None:
        return folds_of(replace(train, y=np.zeros(len(train))), 1, config.training.seed)
    return np.arange(len(train)) * FEWEST_FOLDS // max(len(train), FEWEST_FOLDS)


def _losses(
    config: Config, dataset: PreparedDataset, folds: Array, kinds: dict[str, float]
) -> Array:
    """Return the mean squared error (n,) of each row of fold 0, by a net that learns the others."""
    values = {**config.flat(), "augment": kinds_as_values(kinds)}
    values |= {name: default for name, default in ALONE.items() if name in values}
    values = {name: value for name, value in values.items() if not name.startswith("teach")}
    job = make_job(make_config(config.job, values), dataset)
    task = replace(job.task(), folds=folds)
    engine = trained_briefly(job, without_fold(task, 0))
    held_out = np.flatnonzero(folds == 0)
    if engine is None:
        return np.full(len(held_out), np.inf)
    X = task.X[held_out]
    lengths = None if task.lengths is None else task.lengths[held_out]
    outputs = engine.predict(X, lengths)
    target = fractions(X, "float64") if task.y is None else task.y[held_out]
    return squared_errors(outputs, target, lengths)


def squared_errors(outputs: Array, target: Array, lengths: Array | None) -> Array:
    """Return the mean squared error (n,) of each row; steps after its end count 0."""
    squares = (outputs.astype(np.float64) - target) ** 2
    if lengths is not None and squares.ndim == 3:
        squares[np.arange(squares.shape[1]) >= lengths[:, None]] = 0
    return np.asarray(squares.reshape(len(squares), -1).mean(axis=1))
