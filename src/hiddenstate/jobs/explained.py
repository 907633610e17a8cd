"""What a few telling answers of a run rest on, computed once, at the end of a recorded run."""

import math
from collections.abc import Mapping

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.engines import make_predictor
from hiddenstate.engines.signals import state_before
from hiddenstate.inference.answer_gradients import Answer
from hiddenstate.inference.why import MOST_POINTS, Explainer, occluded_spans, training_mean
from hiddenstate.inference.why_rows import carried_row, reason
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.held_out import letters
from hiddenstate.jobs.snapshot_limits import n_steps, rows_to_show
from hiddenstate.kernels import why_not
from hiddenstate.metrics.reasons import MANY, METHODS, Reason
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Params
from hiddenstate.system.cancellation import raise_if_cancelled
from hiddenstate.system.typing import Array

MOST_NUMBERS = 12_288
"""Most numbers of a row that is explained at the end of a run."""

MOST_PRODUCTS = 1e10
"""Most products of weights on all points of the path to one row: about half a second."""

MOST_SWEPT = 200_000
"""Most numbers of all rows whose spans are occluded for companions."""


def explained_arrays(job: Job, params: Params, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return what the answers to telling rows rest on, for views; nothing where it takes long,
    or the run is brief.

    These are, of a classifier, the shown row that it labels right with the highest probability and
    the first of the worst test rows, and of a regressor the held-out step with the largest error.

    Parameters
    ----------
    job : Job
        At its end.
    params : dict of ndarray
        The weights of the model.
    arrays : mapping of ndarray
        The final arrays of the run.
    """
    if job.brief or job.config.kind.has_codes or why_not() or not _is_short(job):
        return {}
    model = job.fitted(params)
    if job.config.kind.has_classes:
        return _of_classes(job, model, arrays)
    return _of_targets(job, model)


def _is_short(job: Job) -> bool:
    _, T, features = job.dataset.X.shape
    spans = len(occluded_spans(T, features)) if job.companions else 0
    share = math.prod(each.net_share for each in job.companions)
    products = T * MOST_POINTS * job.net.n_parameters() if share else 0
    is_small = T * features <= MOST_NUMBERS and T * features * spans <= MOST_SWEPT
    return is_small and products <= MOST_PRODUCTS


def _explainer(job: Job, model: FittedModel) -> Explainer:
    raise_if_cancelled()
    return Explainer(model, training_mean(model, None, job.dataset), engine="native")


def _of_classes(job: Job, model: FittedModel, arrays: Mapping[str, Array]) -> dict[str, Array]:
    dataset, parts = job.dataset, list[tuple[Rows, int]]()
    shown = rows_to_show(dataset, job.config.display.n_predicted)
    if len(shown):
        chances = arrays["probability"]
        own = np.where(chances.argmax(axis=1) == shown.y, chances.max(axis=1), -1.0)
        surest = int(own.argmax())
        if own[surest] > 0:
            parts.append((shown.take([surest]), int(chances[surest].argmax())))
    if len(arrays.get("worst", ())):
        worst = dataset.require_test().take(arrays["worst"][:1])
        parts.append((worst, int(arrays["worst_chosen"][0])))
    if not parts:
        return {}
    explainer = _explainer(job, model)
    reasons = [reason(explainer, rows, 0, answer=answer) for rows, answer in parts]
    labels = np.array([int(rows.require_targets()[0]) for rows, _ in parts])
    return _packed(reasons, n_steps(dataset)) | {"why_label": labels}


def _of_targets(job: Job, model: FittedModel) -> dict[str, Array]:
    if job.largest_error is None:
        return {}
    rows, number, step, output, target = job.largest_error
    begin = None
    if job.stateful:
        predictor = make_predictor(model, "cpu", job.config.training.threads)
        before = state_before(predictor, model.net, job.dataset.train, rows)
        T, last = rows.X.shape[1], number
        rows, first, begin = carried_row(model, predictor, rows, last, before)
        number, step = 0, step + (last - first) * T
    explainer = _explainer(job, model)
    most = Answer(explainer.program, explainer.nets, output).most_steps
    if most and (step + 1) * rows.X.shape[2] > MOST_NUMBERS:  # the rest has no part in the answer
        first = max(0, step + 1 - most)
        rows, number, step = Rows(rows.X[number : number + 1, first : step + 1]), 0, step - first
    found = reason(explainer, rows, number, step, output, begin=begin)
    return _packed([found], len(found.values)) | {"why_target": np.array([target])}


def _packed(reasons: list[Reason], steps: int) -> dict[str, Array]:
    """Return the arrays of reasons for rows of up to some steps, NaN after their ends."""
    methods, every = list(METHODS), [each.by_column() for each in reasons]
    n = len(every[0].names)
    added, rows = np.full((2, len(every), steps, n), np.nan, np.float32)
    for place, each in enumerate(every):
        added[place, : len(each.values)] = each.why.attributions
        rows[place, : len(each.values)] = each.values
    arrays = {
        "why": added,
        "why_row": rows,
        "why_class": np.array([each.why.output for each in every]),
        "why_answer": np.array([[each.why.answer, each.why.base] for each in every]),
        "why_method": np.array([methods.index(each.why.kind) for each in every]),
    }
    if n > MANY:
        return arrays
    if steps == 1:  # what the values are called stands beside them
        texts = [[f"{each.names[k]} = {each.said(k)}" for k in range(n)] for each in every]
    else:
        texts = [list(each.names) for each in every]
    arrays["why_name"] = np.array([[letters(text) for text in own] for own in texts])
    return arrays
