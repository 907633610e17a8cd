"""What answers to rows of a run, or to new rows, rest on: which row, and which moment.

Shapes: N rows, T time steps, I features of a step as the data has them.
"""

import numpy as np

from hiddenstate.data import Rows, fractions
from hiddenstate.data.prepare.encoding import OF_FLAGS
from hiddenstate.data.prepare.streams import signals_of
from hiddenstate.engines import Predictor
from hiddenstate.engines.signals import Carried, begin_from_zero, follow_signals
from hiddenstate.errors import DataError, OptionError, listed
from hiddenstate.inference.inputs import prepare_inputs, read_ahead
from hiddenstate.inference.why import Explainer
from hiddenstate.metrics.reasons import ODDS, Column, Reason
from hiddenstate.metrics.units import unit_of
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.models.net import Params
from hiddenstate.program.encoding import feature_names as feature_names_of
from hiddenstate.system.typing import Array

MOST_CARRIED = 256
"""Most steps that are explained of a state that is carried on."""


def feature_names(model: FittedModel) -> tuple[str, ...]:
    """Return the names of the features of a model's rows, or their numbers."""
    transform, n = model.transform, model.transform.n_features(model.net.n_features)
    names = transform.feature_names
    if names is None or len(names) != n:
        return tuple(f"feature {i + 1}" for i in range(n))
    return tuple(map(str, names))


def columns_of(model: FittedModel) -> tuple[Column, ...]:
    """Return the columns that a model's features are of; empty if each is one of its own."""
    transform, names = model.transform, feature_names(model)
    of_feature: dict[str, tuple[str, str]] = {}  # the column and the word of each
    for each in transform.encodings:
        texts = feature_names_of(each.column, each.values)
        of_feature |= {text: (each.column, w) for text, w in zip(texts, each.values, strict=True)}
        for period in each.calendar:
            features = feature_names_of(each.column, (), (period,))
            name = OF_FLAGS.get(period, period)
            words = [text.partition("(")[2].rstrip(")") for text in features]
            is_flag = period in OF_FLAGS
            of_feature |= {
                text: (name, word if is_flag else "")
                for text, word in zip(features, words, strict=True)
            }
    if not of_feature:
        return ()
    ahead = transform.known.ahead
    n_read = len(names) - len(ahead)
    found: dict[tuple[str, bool], list[tuple[int, str]]] = {}
    for place, name in enumerate(names):
        is_moved = place >= n_read
        read = names[ahead[place - n_read]] if is_moved else name
        column, word = of_feature.get(read, (read, ""))
        found.setdefault((column, is_moved), []).append((place, word))
    later = f" +{transform.known.horizon}"
    return tuple(
        Column(
            name + later * is_moved,
            tuple(place for place, _ in own),
            tuple(word for _, word in own if word),
        )
        for (name, is_moved), own in found.items()
    )


def prepared_rows(model: FittedModel, rows: Rows, where: str) -> Rows:
    """Return rows as read in the form in which they are kept; see `prepare_inputs`."""
    return prepare_inputs(model, read_ahead(model, rows, where)[0], where)


def reason(
    explainer: Explainer,
    rows: Rows,
    number: int,
    step: int | None = None,
    answer: str | int | None = None,
    picture: tuple[int, ...] | None = None,
    begin: Params | None = None,
    place: int | None = None,
) -> Reason:
    """Return what the answer to a row rests on.

    Parameters
    ----------
    explainer : Explainer
    rows : Rows
        As they are kept.
    number : int
        Of the row or series.
    step : int, optional
        The last step that is read, from 0; by default that of the row.
    answer : str or int, optional
        A class, by its label, or a target, by its name; or its number. By default the class of the
        highest probability, or the first target.
    picture : tuple of int, optional
        As of :class:`Reason`.
    begin : dict of ndarray, optional
        The state before the row; see :func:`carried_row`.
    place : int, optional
        As of :meth:`Explainer.why`.

    Raises
    ------
    DataError
        If there is no such row or step.
    OptionError
        If there is no such class or target.
    """
    model = explainer.model
    if not 0 <= number < len(rows):
        raise DataError(f"row {number}: there are {len(rows):,} rows; the first one is 0")
    T = int(rows.ends[number])
    if step is not None and not 0 <= step < T:
        raise DataError(f"step {step}: row {number} has {T:,} steps; the first one is 0")
    x = np.asarray(rows.X[number : number + 1, : T if step is None else step + 1])
    names = answers_of(model)
    if isinstance(answer, str):
        if answer not in names:
            raise OptionError(f"no answer is called {answer}; there are {listed(names)}")
        answer = names.index(answer)
    if answer is None:
        answer = 0
        if model.net.kind.has_classes:
            kept = fractions(x, np.float64)
            answer = int(program_of(model).predict_kept(kept)["class"].ravel()[0])
    if not 0 <= answer < len(names):
        raise OptionError(f"answer {answer}: there are {len(names)}")
    values = np.asarray(model.transform.undo(x)[0], np.float64)
    why = explainer.why(x[0], answer, begin, place)
    unit = ODDS if model.net.kind.has_classes else unit_of(names[answer]) or ""
    of = columns_of(model)
    return Reason(why, number, values, feature_names(model), names[answer], unit, picture, of)


def carried_row(
    model: FittedModel, predictor: Predictor, rows: Rows, number: int, before: Carried
) -> tuple[Rows, int, Params]:
    """Return what leads to the answers in a window of a model that carries its state.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    rows : Rows
        Consecutive windows, as they are kept.
    number : int
        Of the window.
    before : mapping of int to dict of ndarray
        The state that each signal begins with.

    Returns
    -------
    rows : Rows
        One row: the window, after earlier ones of its signal up to `MOST_CARRIED` steps. With
        convolutions, or one answer for a window, the window alone.
    first : int
        The number of the first of these windows.
    state : dict of ndarray
        The state before it; empty for zero.
    """
    T, numbers = rows.X.shape[1], signals_of(rows)
    anew, first = begin_from_zero(rows, before), number
    joins = model.net.output == "steps" and not model.net.recurrent.stem
    while joins and first and not anew[first] and (number - first + 2) * T <= MOST_CARRIED:
        first -= 1
    signal, state = int(numbers[number]), dict[str, Array]()
    if not anew[first]:
        earlier = np.flatnonzero(numbers[:first] == signal)
        state = before.get(signal, {})
        if len(earlier):
            own = rows.take(earlier)
            state = follow_signals(predictor, model.net, own, before)[1][signal]
    x = np.concatenate([rows.X[each] for each in range(first, number + 1)])
    return Rows(x[None]), first, state


def answers_of(model: FittedModel) -> list[str]:
    """Return the labels of the classes, or the names of the targets of a model."""
    if model.net.kind.has_classes:
        return [str(label) for label in model.require_classes()]
    return list(model.transform.answer_names(model.net.n_outputs))
