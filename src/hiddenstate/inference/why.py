"""What in a row an answer rests on: integrated gradients of nets, occlusion of companions.

Integrated gradients are those of Sundararajan, Taly and Yan, 2017, arXiv 1703.01365, equation 1:
the mean gradient of the answer on the straight path from a baseline to the row, times the
difference of the two.
They add up to the difference of both answers (completeness, their proposition 1). Shapes: T time
steps, I features of a step.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from hiddenstate.data.dataset import PreparedDataset
from hiddenstate.data.prepare.statistics import statistics
from hiddenstate.data.rows import Rows, fractions, in_pieces
from hiddenstate.engines.gradients import gradients_of
from hiddenstate.errors import HiddenstateError, OptionError
from hiddenstate.inference.answer_gradients import Answer, log_odds
from hiddenstate.metrics.reasons import GRADIENTS, OCCLUSION, OF_FLOATS, Why
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.meaning import program_of
from hiddenstate.program.companions import mean_probabilities
from hiddenstate.program.steps import Logarithm
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import unchanged_dataset
from hiddenstate.system.typing import Array

SEGMENTS, POINTS = 64, 4
"""Segments of the path, and points of the Gauss-Legendre rule in each: 256 points."""

MOST_POINTS = 1024
"""Points from which no segment is halved."""

TOLERANCE = 0.01
"""What segments may lack in all, as a share of the difference of the answers or of their unit."""

MEAN_ROW = 10_000
"""Most numbers of a row whose baseline is the mean of each of them, not only of each feature."""

SPANS, MOST_SPANS = 24, 480
"""Spans of a row that are occluded, and up to how many each feature is occluded on its own."""

AT_ONCE = 1 << 22
"""Numbers of rows and states that are in memory at a time, about."""


def training_mean(
    model: FittedModel, run: Run | None, dataset: PreparedDataset | None = None
) -> Array | None:
    """Return the mean of the kept training rows of a run, (M, I) float64; None without its data.

    The mean of step t is row min(t, M - 1). M is T if the rows of a classifier have one length and
    at most `MEAN_ROW` numbers, else 1.
    """
    try:
        if dataset is None and run is not None:
            dataset = unchanged_dataset(run)
    except HiddenstateError:
        return None
    return None if dataset is None else mean_row(model, dataset.train)


def mean_row(model: FittedModel, rows: Rows) -> Array:
    """Return the mean of kept rows as a baseline, (M, I) float64; see :func:`training_mean`."""
    _, T, features = rows.X.shape
    if model.net.kind.has_classes and rows.lengths is None and T * features <= MEAN_ROW:
        total = np.zeros((T, features))
        for _, piece in in_pieces(rows.X):
            whole = np.uint64 if piece.dtype == np.uint8 else np.float64
            total += piece.sum(axis=0, dtype=whole)
        return np.asarray(total / (len(rows) * (255 if rows.X.dtype == np.uint8 else 1)))
    return statistics(rows.X, rows.lengths, None).mean[None]


class Explainer:
    """Says what in rows the answers of a model rest on.

    Parameters
    ----------
    model : FittedModel
        A classifier or a regressor; of one in integers, which have no gradient, the same in floats
        is explained.
    baseline : ndarray (M, I), optional
        The row that answers are compared with, as it is kept; see :func:`training_mean`. By default
        zeros, which are the mean of features that are scaled by it.
    name : {"mean", "zero", "given"}, optional
        What the baseline is called.
    engine : {"auto", "native", "torch"}, default "auto"

    Raises
    ------
    OptionError
        If the model is an autoencoder.
    """

    def __init__(
        self,
        model: FittedModel,
        baseline: Array | None = None,
        name: str | None = None,
        engine: str = "auto",
    ) -> None:
        if model.net.kind.has_codes:
            raise OptionError("an autoencoder has no answer whose reasons are looked for")
        self.method = GRADIENTS if model.integer is None else OF_FLOATS
        model = replace(model, integer=None)
        self.model = model
        self.program = program_of(replace(model, companions=()))
        self.nets = gradients_of(model, engine)
        self.share = float(np.prod([each.net_share for each in model.companions]))
        zeros = np.zeros((1, self.program.width))
        self.baseline = zeros if baseline is None else np.asarray(baseline, np.float64)
        self.name = name or ("zero" if baseline is None else "mean")

    def why(
        self,
        x: Array,
        output: int,
        begin: Mapping[str, Array] | None = None,
        place: int | None = None,
    ) -> Why:
        """Return what the answer to a row rests on.

        Parameters
        ----------
        x : ndarray (T, I)
            The row as it is kept, up to the step whose answer is explained.
        output : int
            The number of the class or of the target.
        begin : mapping of ndarray, optional
            The state before the first step, by name (L*D, 1, H), which is left as it is.
        place : int, optional
            Of a forecast of all steps up to a horizon, the number of the step that is explained.
        """
        x = fractions(np.asarray(x), np.float64)
        b = self.baseline[np.minimum(np.arange(len(x)), len(self.baseline) - 1)]
        parts: list[Why] = []
        if self.share > 0:
            parts.append(
                self._by_gradients(x, b, Answer(self.program, self.nets, output, begin, place))
            )
        if self.share < 1:
            parts.append(self._by_occlusion(x, b, output))
        why, n = _joined(parts), self.program.n_features
        if x.shape[1] > n:  # the mask of missing values
            both = why.attributions[:, :n] + why.attributions[:, n:]
            why = replace(why, attributions=both)
        return why

    def _by_gradients(self, x: Array, b: Array, answer: Answer) -> Why:
        output = answer.output
        first = max(0, len(x) - answer.most_steps) if answer.most_steps else 0
        path = _Path(answer.at, x[first:], b[first:], self._rows_at_once(len(x) - first))
        own, missing, points = path.integral(self._unit(output))
        attributions = np.concatenate([np.zeros((first, x.shape[1])), own])
        begin, end = path.ends
        share = self.share
        return Why(attributions, output, end, begin, self.method, share, missing, points, self.name)

    def _unit(self, output: int) -> float:
        """Return the size of a difference of answers that counts as one."""
        scaling, steps = self.model.transform.target_scaling, self.program.steps
        if scaling is None or any(isinstance(step, Logarithm) for step in steps):
            return 1.0
        return float(1 / abs(scaling[1][output]))

    def _rows_at_once(self, steps: int) -> int:
        config = self.model.net.recurrent
        stem = sum(config.stem_channels) if config.stem else 0
        each = self.program.width + stem + 16 * config.hidden_size * config.layers
        return max(1, AT_ONCE // (steps * each))

    def _by_occlusion(self, x: Array, b: Array, output: int) -> Why:
        """Return the change of the answer of companions when spans of the row are the baseline."""
        spans = occluded_spans(*x.shape)
        rows = np.concatenate([x[None], b[None], np.repeat(x[None], len(spans), axis=0)])
        for row, (steps, features) in zip(rows[2:], spans, strict=True):
            row[steps, features] = b[steps, features]
        kept = rows.astype(self.model.dtype)
        each = [path.logits(kept) for path in self.model.companions]
        logits = each[0] if len(each) == 1 else mean_probabilities(each)
        odds = log_odds([np.asarray(logits, np.float64)], output)[0]
        attributions = np.zeros(x.shape)
        for (steps, features), value in zip(spans, odds[0] - odds[2:], strict=True):
            part = attributions[steps, features]
            part[...] = value / part.size
        end, begin, share = float(odds[0]), float(odds[1]), 1 - self.share
        return Why(attributions, output, end, begin, OCCLUSION, share, 0.0, 0, self.name)


def occluded_spans(T: int, features: int) -> list[tuple[slice, slice]]:
    """Return spans of a row (T, I): at most `SPANS` of steps, each of one feature if these are at
    most `MOST_SPANS`, else of all."""
    edges = np.unique(np.linspace(0, T, min(T, SPANS) + 1).round().astype(int)).tolist()
    steps = [slice(*pair) for pair in pairwise(edges)]
    alone = len(steps) * features <= MOST_SPANS
    columns = [slice(i, i + 1) for i in range(features)] if alone else [slice(0, features)]
    return [(span, column) for span in steps for column in columns]


def _joined(parts: list[Why]) -> Why:
    """Return the sum of parts, each times its share."""
    if len(parts) == 1:
        return replace(parts[0], share=0.0 if parts[0].kind == OCCLUSION else 1.0)
    nets, rest = parts
    return replace(
        nets,
        attributions=nets.share * nets.attributions + rest.share * rest.attributions,
        answer=nets.share * nets.answer + rest.share * rest.answer,
        base=nets.share * nets.base + rest.share * rest.base,
        kind=f"{nets.kind} and {rest.kind}",
    )


class _Path:
    """The straight path from a baseline to a row, and the answers on it.

    Parameters
    ----------
    answer : callable
        As :meth:`Answer.at`.
    x, b : ndarray (T, I)
    at_once : int
        Rows whose gradients are computed at once.
    """

    def __init__(
        self,
        answer: Callable[[Array], tuple[Array, Callable[[], Array]]],
        x: Array,
        b: Array,
        at_once: int,
    ) -> None:
        self._answer, self._x, self._b, self._at_once = answer, x, b, at_once
        self.ends = (0.0, 0.0)

    def _rows(self, places: Array) -> Array:
        return np.asarray(self._b + places[:, None, None] * (self._x - self._b))

    def answers(self, places: Array) -> Array:
        """Return the answers (n,) at places from 0 to 1."""
        n = self._at_once
        pieces = [places[first : first + n] for first in range(0, len(places), n)]
        return np.concatenate([self._answer(self._rows(piece))[0] for piece in pieces])

    def segments(self, starts: Array, ends: Array) -> Array:
        """Return the attributions (n, T, I) of segments of the path."""
        nodes, weights = np.polynomial.legendre.leggauss(POINTS)
        width = (ends - starts)[:, None]
        places = (starts[:, None] + width * (nodes + 1) / 2).ravel()
        factors = (width * weights / 2).ravel()
        total = np.zeros((len(starts), *self._x.shape))
        for first in range(0, len(places), self._at_once):
            part = slice(first, first + self._at_once)
            gradient = self._answer(self._rows(places[part]))[1]()
            segment = np.arange(len(places))[part] // POINTS
            np.add.at(total, segment, factors[part, None, None] * gradient)
        return np.asarray(total * (self._x - self._b))

    def integral(self, unit: float) -> tuple[Array, float, int]:
        """Return the attributions (T, I), what the points lacked of the difference of the answers
        at both ends, and the number of points.

        Segments whose part differs from the difference of the answers at their ends are halved. A
        net with relus has kinks everywhere: 256 points then lack about a thousandth, which is
        spread over the attributions of each segment, so that they add up.
        """
        edges = np.linspace(0, 1, SEGMENTS + 1)
        values = self.answers(edges)
        self.ends = float(values[0]), float(values[-1])
        tolerance = TOLERANCE * max(unit, abs(self.ends[1] - self.ends[0]))
        starts, ends, rises = edges[:-1], edges[1:], np.diff(values)
        done, missing, n, points, rough = np.zeros(self._x.shape), 0.0, SEGMENTS, 0, 0.0
        while True:
            parts = self.segments(starts, ends)
            points += POINTS * len(starts)
            lacking = rises - parts.sum(axis=(1, 2))
            sizes = np.abs(lacking)
            halved = sizes > tolerance / n
            enough = rough + sizes.sum() <= tolerance
            if enough or points + 2 * POINTS * halved.sum() > MOST_POINTS:
                halved[:] = False
            done += _complete(parts[~halved], lacking[~halved])
            missing += float(lacking[~halved].sum())
            rough += float(sizes[~halved].sum())
            if not halved.any():
                return done, abs(missing), points
            left, right = starts[halved], ends[halved]
            middle = (left + right) / 2
            before, inner = self.answers(left), self.answers(middle)
            n += len(middle)
            rises = np.concatenate([inner - before, before + rises[halved] - inner])
            starts, ends = np.concatenate([left, middle]), np.concatenate([middle, right])


def _complete(parts: Array, lacking: Array) -> Array:
    """Return the sum (T, I) of attributions of segments (n, T, I), with what each lacks."""
    size = np.abs(parts)
    whole = size.sum(axis=(1, 2))
    shares = np.divide(lacking, whole, out=np.zeros(len(whole)), where=whole > 0)
    return np.asarray((parts + shares[:, None, None] * size).sum(axis=0))
