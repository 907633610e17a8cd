"""A teacher: its answers for training rows, which a net learns too.

It is another model, or a companion that is fitted on the rows themselves (`own_teacher`).

A model that learned from a training row by folds answers it by the fold that left it out, so that
its answer is as uncertain as for a new row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.config.fields import OWN_TEACHERS
from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.prepare.encoding import Encoding, EncodingFacts
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.data.readers.npy import read_npy
from hiddenstate.data.readers.open import existing
from hiddenstate.engines import make_predictor
from hiddenstate.engines.members import member_task
from hiddenstate.engines.signals import follow_signals
from hiddenstate.errors import DataError, OptionError, count, printable
from hiddenstate.inference.inputs import open_model
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.companion_share import folds_of
from hiddenstate.jobs.own_teacher import own_answers
from hiddenstate.jobs.taught import Taught, draws_of, rows_read
from hiddenstate.models.companions import KINDS, kinds_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.models.ridge import scale_of_logits
from hiddenstate.program.companions import combine
from hiddenstate.program.equations import log_probabilities
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.system.typing import Array

WINDOWS = ("window", "horizon", "output", "future", "static", "every", "calendar")
"""Options that decide what a window is and what is forecast."""

SPLIT = ("split", "test_fraction", "valid_fraction", "window", "horizon", "stateful")
"""Options that decide, with the seed of the split, which rows are held out."""

SUM_ERROR = 1e-3
"""How far probabilities may be outside of 0 to 1, and their sum from 1, as rounded numbers are; of
logits hardly any row is so near."""


@dataclass(frozen=True)
class Teacher:
    """A model in memory that teaches.

    Parameters
    ----------
    model : FittedModel
    seed : int, optional
        That of its training, if it is known.
    learned : str, optional
        Fingerprint of the prepared data whose folds its nets left out, if no run has it.
    left_out : ndarray (N, C), optional
        What these nets answered to their folds before they learned from all rows.
    """

    model: FittedModel
    seed: int | None = None
    learned: str | None = None
    left_out: Array | None = None


def answers_of(
    config: Config,
    raw: SequenceDataset,
    job: Job,
    given: Teacher | Array | None = None,
) -> Taught:
    """Return the answers of the teacher for the training rows.

    Parameters
    ----------
    config : Config
        Names a teacher.
    raw : SequenceDataset
        The data as read.
    job : Job
        The job on this data, without its teacher.
    given : Teacher or ndarray, optional
        The teacher, or its answers as `answers.npy` holds them; by default what `--teach` names.

    Raises
    ------
    DataError, OptionError
        If there is no such teacher, it is of other classes, columns, lengths, windows or units,
        it learned from rows that are held out, or an answer is missing.
    UntrustedFileError
        If its file is damaged.
    """
    name, prepared = str(config.training.teach), job.dataset
    run, where = None, f"--teach {printable(name)}"
    if given is None and name in OWN_TEACHERS:
        kind = next(kind for kind in KINDS if kind.words.name == name)
        answers, rival = own_answers(kind, job, where)
        return Taught(answers, knows_split=True, rival=rival)
    if given is None:
        given, run = _opened(name)
    if isinstance(given, Teacher):
        _check_model(given.model, prepared, config, where)
        answers, knows_split = _of_model(given, run, config, raw, job, where)
    elif job.changes is not None:
        raise OptionError(
            f"{where}: has no answers for augmented rows; use a model, or add --augment none"
        )
    else:
        answers, knows_split = _of_rows(given, config, raw, prepared, where), False
    answers = answers if job.changes is not None else answers[None, None]
    if config.kind.has_targets:
        train, dtype = prepared.train, config.training.dtype
        if answers.shape[2:] != (shape := train.require_targets().shape):
            raise DataError(
                f"{where}: has answers of shape {answers.shape[2:]}, expected {shape}; use a "
                "teacher of the same data and options"
            )
        as_learned = prepared.transform.apply_targets
        answers = np.stack(
            [[as_learned(y, train.X, train.lengths, dtype) for y in each] for each in answers]
        )
    else:
        with np.errstate(over="ignore"):  # refused below
            answers = answers.astype(np.float32)
    by_row = np.moveaxis(answers, 2, 0)
    wrong = ~np.isfinite(by_row.reshape(len(by_row), -1)).all(axis=1)
    if wrong.any():
        raise DataError(
            f"{where}: no finite answer for {count(int(wrong.sum()), 'training row')}, the first "
            f"{int(np.argmax(wrong))}; leave these rows out"
        )
    chosen = None
    if config.training.streamable and isinstance(given, Teacher):
        chosen = _chosen(given.model, config, raw, prepared)
    return Taught(np.ascontiguousarray(answers), knows_split, chosen)


def _chosen(
    model: FittedModel, config: Config, raw: SequenceDataset, prepared: PreparedDataset
) -> Array | None:
    """Return the class (N,) that a model chooses for each test row; None without labels."""
    if prepared.test is None or prepared.test.y is None or not len(prepared.test):
        return None
    rows = prepare(raw, config, model.transform, every_class=False).require_test()
    return np.asarray(_whole(model, rows, config.training.threads).argmax(axis=1))


def _opened(name: str) -> tuple[Teacher | Array, Run | None]:
    """Return the model at a path and its run, or an array of answers."""
    path = existing(name)
    if path.suffix == ".npy":
        return read_npy(path), None
    if path.name == "model.safetensors" and (path.parent / "config.json").is_file():
        path = path.parent
    model, run = open_model(str(path), path.parent)
    if run is None:
        return Teacher(model), None
    checkpoint = run.checkpoint() if run.config.flat().get("fold_epochs") else None
    left_out = None if checkpoint is None else checkpoint[0].get("left_out/outputs")
    return Teacher(model, run.config.training.seed, left_out=left_out), run


def _check_model(model: FittedModel, prepared: PreparedDataset, config: Config, where: str) -> None:
    """Refuse a teacher that reads or answers something else (`DataError`)."""
    own, new, rows = model.transform, prepared.transform, prepared.train
    if model.net.job != config.job:
        raise OptionError(f"{where}: is a model of {model.net.job}, expected one of {config.job}")
    reading = {name: (own.reading.get(name), new.reading.get(name)) for name in WINDOWS}
    features = model.transform.n_features(model.net.n_features), new.n_features(rows.X.shape[2])
    facts: dict[str, tuple[Any, Any]] = {
        "classes": (model.classes, prepared.classes if config.kind.has_classes else None),
        "columns": _both_named(own.feature_names, new.feature_names),
        "number of columns": features,
        "targets": _both_named(own.targets, new.targets),
        "state from row to row": (model.stateful, config.kind.has_targets and config.data.stateful),
        **{f"--{name}": both for name, both in reading.items() if config.kind.has_targets},
        "encoded columns": (_facts(own.encodings), _facts(new.encodings)),
        "unit: bytes of pixels": (own.pixels, new.pixels),
    }
    if rows.lengths is None:
        facts["number of steps"] = model.row_shape[0], rows.X.shape[1]
    for what, (its, ours) in facts.items():
        if its != ours:
            raise DataError(
                f"{where}: other {what}: the teacher has {printable(_words(its), 80)}, this data "
                f"{printable(_words(ours), 80)}; use a teacher of the same data and options"
            )


def _facts(encodings: tuple[Encoding, ...]) -> list[EncodingFacts]:
    return [each.facts() for each in encodings]


def _words(value: Any) -> str:
    several = isinstance(value, (list, tuple))
    return ", ".join(map(str, value)) if several and value else str(value or "none")


def _both_named(own: Any, new: Any) -> tuple[Any, Any]:
    """Return names to compare; arrays have none, which differ from no other."""
    return (None, None) if own is None or new is None else (own, new)


def _of_model(
    teacher: Teacher,
    run: Run | None,
    config: Config,
    raw: SequenceDataset,
    job: Job,
    where: str,
) -> tuple[Array, bool]:
    """Return a model's answers for training rows, and whether its split is known."""
    model, prepared = teacher.model, job.dataset
    rows = prepare(raw, config, model.transform, every_class=False).train
    threads = config.training.threads
    learned = None if run is None else _same_data(run, prepared)
    if run is not None and learned is not None:
        _check_split(run, learned, config, raw, prepared, where)
    knows_split = run is not None and learned is not None and _is_alone(run)
    knows_split &= learned is None or learned.split_rule == prepared.split_rule
    if job.changes is not None:
        return _of_augmented(model, job, where), knows_split
    left_out, train = None, rows if learned is None else learned.train
    is_same = teacher.learned == prepared.fingerprint()
    by_folds = model.companions or is_same or (run is not None and kinds_of(run.config.flat()))
    if by_folds and teacher.seed is not None and (learned is not None or run is None):
        is_sure = learned is not None or is_same
        own = teacher.left_out
        left_out = held_out_answers(model, train, teacher.seed, threads, is_sure, own)
    places = np.arange(len(rows)) if learned is None else _places(train, rows)
    if left_out is not None and (places >= 0).all():
        return left_out[places], knows_split
    answers = _whole(model, rows, threads)
    if left_out is not None:
        answers[places >= 0] = left_out[places[places >= 0]]
    return answers, knows_split


def _of_augmented(model: FittedModel, job: Job, where: str) -> Array:
    """Return the answers (M, D, N, ...) of a model for the rows that each member reads in its first
    draws: logits, or targets in their units."""
    transform, task = job.dataset.transform, job.task()
    if transform.missing == "mask":
        raise OptionError(
            f"{where}: reads no augmented rows with marks of missing values; add --augment none"
        )
    n_members, draws, dtype = job.net.n_members, draws_of(task), task.training.dtype
    answers = np.empty(0)
    for number in range(n_members):
        own, learned = member_task(task, number), np.arange(len(task.X))
        learned = learned if task.folds is None else learned[task.folds != number]
        for draw in range(draws):
            for which, X in rows_read(own, draw):
                lengths = None if own.lengths is None else own.lengths[which]
                X = X if transform.pixels else transform.undo(X)
                X = model.transform.apply(X, lengths, dtype, where, check=False)
                found = _whole(model, Rows(X, lengths=lengths), task.training.threads)
                if not answers.size:
                    shape = (n_members, draws, len(task.X), *found.shape[1:])
                    answers = np.zeros(shape)
                answers[number, draw, learned[which]] = found
    return answers


def _whole(model: FittedModel, rows: Rows, threads: int) -> Array:
    """Return the answers of a model for prepared rows: logits, or targets in their units."""
    predictor = make_predictor(model, "cpu", threads)
    if model.stateful:
        outputs = follow_signals(predictor, model.net, rows, {})[0]
    else:
        outputs = predictor.predict(rows.X, rows.lengths)
    if model.net.kind.has_classes:
        return outputs.astype(np.float64)
    return model.transform.undo_targets(outputs, rows.X, rows.lengths)


def held_out_answers(
    model: FittedModel,
    train: Rows,
    seed: int,
    threads: int = 0,
    is_sure: bool = True,
    own: Array | None = None,
) -> Array | None:
    """Return logits (N, C) of a classifier whose members left out folds of the rows that it learned
    from, for these rows.

    Each is that of the member and of the companion that left the row out; where no member did, the
    companions answer alone, or without any the whole model. The companions are fitted again.

    Parameters
    ----------
    model : FittedModel
    train : Rows
        Prepared for it.
    seed : int
        That of its training.
    threads : int, default 0
    is_sure : bool, default True
        Whether it is known that it learned from these rows; else None is returned where companions
        that are fitted on them are others than those of the model, or `own` has other rows.
    own : ndarray (N, C), optional
        What the members answered before they learned from their folds.
    """
    if own is not None and len(own) != len(train):  # the members learned from other rows
        return None
    n_classes = model.net.n_outputs
    folds = folds_of(train, model.n_members, seed)
    answers = np.full((len(train), n_classes), np.nan)
    if own is not None:
        known = (folds >= 0) & (folds < model.n_members)
        answers[known] = own[known]
        if not model.companions:  # the members have this factor in their output layers
            y, w = train.require_targets()[known], train.weights
            z = log_probabilities(answers[known])
            answers[known] *= scale_of_logits(z, y, np.ones(len(y)) if w is None else w[known])
    elif all(each.net_share for each in model.companions):
        for number, member in enumerate(model.members()):
            which = np.flatnonzero(folds == number)
            if len(which):
                answers[which] = _whole(member, train.take(which), threads)
    for each in model.companions:
        fit = type(each).fit(train, n_classes, seed, threads)
        if not is_sure and not _are_equal(fit.companion.arrays(), each.arrays()):
            return None
        own = log_probabilities(fit.held_out)
        joined = combine(answers, own, each.net_share, each.net_scale)
        answers = np.where(np.isnan(answers), own, joined)
    others = np.flatnonzero(np.isnan(answers[:, 0]))
    if len(others) and not model.companions:
        answers[others] = _whole(model, train.take(others), threads)
    return answers


def _are_equal(one: Params, two: Params) -> bool:
    return all(np.array_equal(array, two[name]) for name, array in one.items())


def _same_data(run: Run, prepared: PreparedDataset) -> PreparedDataset | None:
    """Return the data that a run learned from, if it is the data of this job too."""
    same = run.data_fact("fingerprint") == prepared.fingerprint()
    if not same or run.data_fact("source") == "arrays":
        return None
    data = run_dataset(run)
    return data if data.fingerprint() == prepared.fingerprint() else None


def _is_alone(run: Run) -> bool:
    """Return whether a run learned from its rows alone, not from what another model had learned."""
    training = run.config.training
    return training.teach in (None, *OWN_TEACHERS) and training.weights is None


def _places(learned: Rows, rows: Rows) -> Array:
    """Return the number of each of `rows` among those that were learned from (N,), or -1."""
    assert learned.origin is not None
    assert rows.origin is not None
    places = np.full(learned.origin.n_series, -1)
    places[learned.origin.series] = np.arange(len(learned))
    return places[rows.origin.series]


def _check_split(
    run: Run,
    learned: PreparedDataset,
    config: Config,
    raw: SequenceDataset,
    prepared: PreparedDataset,
    where: str,
) -> None:
    """Refuse a teacher that learned from rows that are held out here (`OptionError`)."""
    own = run.config
    theirs, ours = ({n: getattr(c.data, n) for n in SPLIT} for c in (own, config))
    if theirs == ours and own.split_seed == config.split_seed:
        return
    parts = [prepared.valid, prepared.test if raw.test is None else None]
    held_out = [rows for rows in parts if rows is not None and len(rows)]
    if raw.y is not None and raw.y.ndim == 3 and held_out:  # windows share steps
        n = sum(map(len, held_out))
    else:
        n = sum(int((_places(learned.train, rows) >= 0).sum()) for rows in held_out)
    if n:
        same = [f"--{name.replace('_', '-')} {theirs[name]}" for name in SPLIT[:3]]
        raise OptionError(
            f"{where}: learned from rows that are held out here ({n:,}); use its split: "
            f"{' '.join(same)} --split-seed {own.split_seed}"
        )


def _of_rows(
    given: Array, config: Config, raw: SequenceDataset, prepared: PreparedDataset, where: str
) -> Array:
    """Return the answers for training rows of an array with one for each row as read."""
    train, y, raw_y = prepared.train, prepared.train.require_targets(), raw.y
    if given.dtype.kind not in "fiu":
        raise DataError(f"{where}: expected numbers, got {given.dtype}")
    shape: tuple[int, ...]
    n_rows = len(raw.train) if raw.train.origin is None else raw.train.origin.n_series
    if config.kind.has_classes:
        shape = (n_rows, len(prepared.require_classes()))
    elif config.data.horizon or raw_y is None or train.origin is None:
        raise OptionError(f"{where}: windows of a forecast have no rows of DATA; name a model")
    else:
        shape = (n_rows, *raw_y.shape[1:])
        if [n for n in given.shape if n > 1] == [n for n in shape if n > 1]:
            given = given.reshape(shape)
    if given.shape != shape:
        raise DataError(
            f"{where}: has shape {given.shape}, expected {shape}: one row for each of DATA"
        )
    assert train.origin is not None
    answers = given[train.origin.series].astype(np.float64)
    if config.kind.has_classes:
        return _as_logits(answers, where)
    if raw_y is not None and raw_y.ndim == 3:  # each window has the answers of its own steps
        width = y.shape[1] if y.ndim == 3 else train.X.shape[1]
        last = train.ends
        steps = np.arange(width) if y.ndim == 3 else last[:, None] - 1
        steps = np.minimum(train.origin.first[:, None] + steps, given.shape[1] - 1)
        answers = np.take_along_axis(answers, steps[..., None], axis=1)
    return answers.reshape(y.shape)


def _as_logits(values: Array, where: str) -> Array:
    """Return logits of rows of probabilities, whose sum is 1, or of logits."""
    if not np.isfinite(values).all() or (np.abs(values - 0.5) > 0.5 + SUM_ERROR).any():
        return values
    off = np.abs(values.sum(axis=1) - 1) > SUM_ERROR
    if off.any():
        raise DataError(
            f"{where}: probabilities of training row {int(np.argmax(off))} have the sum "
            f"{values[off][0].sum():.4g}, expected 1; or store logits"
        )
    return np.asarray(np.log(np.maximum(values, np.finfo(np.float64).tiny)))
