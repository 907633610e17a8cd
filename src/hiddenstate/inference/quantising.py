"""Integer models of models in floats, and what is lost by them on held-out rows."""

from dataclasses import dataclass, replace

import numpy as np

from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.prepare.streams import after_gaps, signals_of
from hiddenstate.data.rows import fractions
from hiddenstate.engines.signals import Carried, state_before
from hiddenstate.errors import DataError, OptionError, count, printable
from hiddenstate.inference.evaluate import prepare_for_evaluation
from hiddenstate.inference.overflow import checked_predictor
from hiddenstate.inference.predict import predictions_and_targets
from hiddenstate.inference.saturation import Saturated, saturation
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.integers import params_on_grid
from hiddenstate.models.meaning import program_of
from hiddenstate.program.calibrating import SHARE, NotInteger, calibrated
from hiddenstate.program.equations import softmax
from hiddenstate.system.notice import Notice, note, warning
from hiddenstate.system.typing import Array

FEWEST, ENOUGH = 10, 32
"""Fewest rows of a calibration, and without a warning: a number of one more row is beyond all of n
rows with a chance of 1 in n + 1, 9 % of 10 and 3 % of 32."""

MOST_ROWS = 1000
"""Rows of a calibration unless a user says how many."""

MOST_NUMBERS = 2**23
"""Most numbers of the states of all steps that a calibration holds at once."""

HELD_OUT = 4
"""One of so many rows is held out where there are no test rows."""


@dataclass(frozen=True)
class Lost:
    """What an integer model lost, on rows that its calibration did not read.

    Parameters
    ----------
    n_calibrated, n_rows : int
        Rows of the calibration, and held-out ones.
    score : str
        "accuracy", "rmse" in the units of the targets or, of an autoencoder, of what it reads.
    floats, integers : tuple of float
        The score of both models, of each target of `names`; one of a classifier or an autoencoder.
    names : tuple of str
    differences : ndarray
        Sizes of the differences of all answers: probabilities, targets in their units, or numbers
        of reconstructed rows as the network reads them.
    changed : float or None
        Share of rows with another class.
    saturated : tuple of Saturated
        Of each vector of the net, what share was cut.
    """

    n_calibrated: int
    n_rows: int
    score: str
    floats: tuple[float, ...]
    integers: tuple[float, ...]
    names: tuple[str, ...]
    differences: Array
    changed: float | None
    saturated: tuple[Saturated, ...]

    @property
    def largest(self) -> float:
        """The largest difference of an answer."""
        return float(self.differences.max(initial=0))


def quantised(
    model: FittedModel,
    rows: Rows,
    state_bits: int = 16,
    share: float = SHARE,
    most: int = MOST_ROWS,
    where: str = "rows",
) -> tuple[FittedModel, int]:
    """Return the integer model of a model in floats, and of how many rows its bits are.

    Parameters
    ----------
    model : FittedModel
    rows : Rows
        As they are kept, X (N, T, I) or (N, F).
    state_bits : {16, 8}
    share : float
        Of the numbers of each vector, how many fit.
    most : int
        Rows that are read, spread over all.
    where : str
        Names the rows in errors.

    Raises
    ------
    OptionError
        If a part of the model has no form in integers.
    DataError
        If rows are fewer than 10, or all equal.
    """
    check_has_form(model)
    rows = _shaped(model, rows)
    if len(rows) < FEWEST:
        raise DataError(
            f"{where}: {count(len(rows), 'row')} to find the ranges of numbers on; expected at "
            f"least {FEWEST}"
        )
    per_row = _numbers_of(model, rows)
    n = min(len(rows), most, max(ENOUGH, MOST_NUMBERS // per_row))
    some = rows.take(np.linspace(0, len(rows) - 1, n).round().astype(int))
    if not model.stateful:
        some = complete_rows(some)
    X = fractions(some.X[:], np.float64)
    if (X[:1, :1] == X if X.ndim == 3 else X[:1] == X).all():
        raise DataError(f"{where}: all rows are the same, and have no ranges; use other rows")
    X, lengths = _joined(some, rows) if model.stateful else (X, some.lengths)
    try:
        rounded = replace(model, params=params_on_grid(model.net, model.params))
        found = calibrated(program_of(rounded), X, lengths, state_bits, share)
        return rounded.in_integers(found), n
    except NotInteger as error:
        raise OptionError(f"{where}: {error}; train with --scale auto, or --streamable") from None


def ranges_of(n_rows: int) -> Notice:
    """Return of how many rows the ranges of a model are: a warning if these are few."""
    text = f"ranges found on {count(n_rows, 'row')}"
    if n_rows >= ENOUGH:
        return note(text)
    return warning(f"{text}: other rows may have larger numbers, which are cut; use {ENOUGH}")


def check_has_form(model: FittedModel) -> None:
    """Refuse a model that has no form in integers, or is in integers (`OptionError`)."""
    if model.integer is not None:
        raise OptionError("the model answers in integers; quantize the one in floats")
    for each in model.companions:
        words = each.words
        raise OptionError(
            f"{words.title} have no form in integers; train with --no-{words.name}, or a small "
            "net with --streamable"
        )


def _numbers_of(model: FittedModel, rows: Rows) -> int:
    """Return how many numbers of states a row has."""
    if model.net.kind.has_codes:
        return max(model.net.widths())
    config = model.net.recurrent
    width = max(config.hidden_size, *(config.stem_channels if config.stem else (0,)))
    return int(rows.X.shape[1]) * width


def _shaped(model: FittedModel, rows: Rows) -> Rows:
    """Return series as the windows that the net reads, one after the other."""
    X, W = rows.X, model.window if model.net.kind.has_targets else 0
    if not W or X.ndim != 3 or X.shape[1] < 2 * W or model.stateful:
        return rows
    n = X.shape[1] // W
    windows = X[:, : n * W].reshape(len(X) * n, W, X.shape[2])
    inside = (rows.ends[:, None] >= (np.arange(n) + 1) * W).ravel()
    return Rows(windows[inside])


def complete_rows(rows: Rows) -> Rows:
    """Return rows without those that have missing values, which nothing filled in."""
    X = rows.X[:]
    if X.dtype.kind != "f":
        return rows
    if rows.lengths is not None and X.ndim == 3:
        X = np.where((np.arange(X.shape[1]) < rows.lengths[:, None])[:, :, None], X, 0)
    return rows.take(np.flatnonzero(np.isfinite(X).reshape(len(X), -1).all(axis=1)))


def _joined(some: Rows, rows: Rows) -> tuple[Array, Array]:
    """Return windows of a model that carries its state as one series for each part of a signal
    without a gap: the first ones, as many as `some`."""
    some = rows.take(np.arange(len(some)))
    X = np.nan_to_num(fractions(some.X[:], np.float64))
    numbers = signals_of(some)
    begins = np.union1d(np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1)), after_gaps(some))
    T, lengths = X.shape[1], np.diff(np.append(begins, len(some)))
    out = np.zeros((len(begins), lengths.max() * T, X.shape[2]))
    for row, (first, n) in enumerate(zip(begins, lengths, strict=True)):
        out[row, : n * T] = X[first : first + n].reshape(n * T, -1)
    return out, lengths * T


def split_of(rows: Rows, model: FittedModel) -> tuple[Rows, Rows]:
    """Return the rows of a calibration, and held-out ones: every fourth, of few or consecutive
    rows the last quarter of their steps."""
    n = len(rows)
    if n * (HELD_OUT - 1) // HELD_OUT >= ENOUGH and not model.stateful:
        held = np.arange(n) % HELD_OUT == HELD_OUT - 1
        return rows.take(np.flatnonzero(~held)), rows.take(np.flatnonzero(held))
    if model.stateful or rows.X.ndim != 3 or rows.y is None or rows.y.ndim != 3:
        first = n - n // HELD_OUT
        return rows.take(slice(0, first)), rows.take(slice(first, n))
    first = rows.X.shape[1] - rows.X.shape[1] // HELD_OUT
    parts = []
    for part in (slice(0, first), slice(first, None)):
        lengths = np.clip(rows.ends - (part.start or 0), 0, rows.X[:, part].shape[1])
        kept = np.flatnonzero(lengths > 0)
        X, y = rows.X[kept][:, part], rows.y[kept][:, part]
        parts.append(Rows(X, y, None if rows.lengths is None else lengths[kept]))
    return parts[0], parts[1]


def parts_of_run(model: FittedModel, dataset: PreparedDataset) -> tuple[Rows, Rows]:
    """Return the training rows of a run, and its test rows; without these, parts of the first."""
    train, test = dataset.train, dataset.test
    if test is None or not len(test):
        train, test = split_of(train, model)
        if model.net.kind.has_targets:
            y = model.transform.undo_targets(test.require_targets(), test.X, test.lengths)
            test = replace(test, y=y)
    return train, test


def lost(
    model: FittedModel,
    integer: FittedModel,
    rows: Rows,
    n_calibrated: int,
    train: Rows | None = None,
) -> Lost:
    """Return what an integer model lost on held-out rows.

    Parameters
    ----------
    model, integer : FittedModel
    rows : Rows
        Prepared, with class numbers, or targets in their own units.
    n_calibrated : int
        Rows of the calibration.
    train : Rows, optional
        Of a model that carries its state, the windows before `rows`.
    """
    if not len(rows):
        raise DataError("no rows are held out, on which to see what is lost; use more rows")
    answers = [_answers(each, rows, train) for each in (model, integer)]
    (floats, target), (integers, _) = answers
    names: tuple[str, ...] = ()
    differences, changed = np.abs(floats - integers), None
    if model.net.kind.has_classes:
        score, values = "accuracy", [((y.argmax(1) == target).mean(),) for y, _ in answers]
        changed = float((floats.argmax(1) != integers.argmax(1)).mean())
    else:
        errors = [((y - target) ** 2).mean(axis=0) for y, _ in answers]
        if model.net.kind.has_targets:
            names = tuple(map(str, model.transform.answer_names(model.net.n_outputs)))
        else:
            errors = [error.mean(keepdims=True) for error in errors]
        score, values = "rmse", [tuple(np.sqrt(error)) for error in errors]
    one, other = (tuple(map(float, each)) for each in values)
    read = complete_rows(_shaped(model, rows).take(slice(0, MOST_ROWS)))
    cut = saturation(integer, read)
    shown = len(rows) if changed is not None or not names else len(floats)
    return Lost(n_calibrated, shown, score, one, other, names, differences, changed, cut)


def _answers(model: FittedModel, rows: Rows, train: Rows | None) -> tuple[Array, Array]:
    """Return the answers of a model, and what they are compared with."""
    predictor = checked_predictor(model, "cpu")
    if model.net.kind.has_classes:
        return softmax(predictor.predict(rows.X, rows.lengths)), rows.require_targets()
    if model.net.kind.has_codes:
        return predictor.predict(rows.X), fractions(rows.X[:], np.float64)
    state: Carried = {}
    if model.stateful and train is not None:
        state = state_before(predictor, model.net, train, rows)
    found = predictions_and_targets(model, predictor, rows, state)
    return found.outputs, found.target


def quantised_run(
    model: FittedModel,
    dataset: PreparedDataset,
    state_bits: int = 16,
    share: float = SHARE,
    most: int = MOST_ROWS,
) -> tuple[FittedModel, Lost]:
    """Return the integer model of a run, with bits of its training rows, and what is lost on its
    test rows; parameters and errors are those of :func:`quantised`."""
    check_has_form(model)
    where = printable(dataset.name)
    train, held = parts_of_run(model, dataset)
    integer, n = quantised(model, train, state_bits, share, most, where)
    return integer, lost(model, integer, held, n, train)


def quantised_on(
    model: FittedModel,
    dataset: SequenceDataset,
    state_bits: int = 16,
    share: float = SHARE,
    most: int = MOST_ROWS,
) -> tuple[FittedModel, Lost]:
    """Return the integer model with bits of some rows that were read, and what is lost on others;
    parameters and errors are those of :func:`quantised`."""
    check_has_form(model)
    some, held = split_of(prepare_for_evaluation(model, dataset), model)
    integer, n = quantised(model, some, state_bits, share, most, printable(dataset.name))
    return integer, lost(model, integer, held, n, some)
