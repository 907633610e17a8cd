"""Evaluation of a fitted model on the test rows of its run, or on other rows with targets.

Scores come with a baseline: the score of a prediction that needs no model.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict, cast

import numpy as np

from hiddenstate.data import PreparedDataset, Rows, SequenceDataset
from hiddenstate.data.prepare.known_ahead import without_ends
from hiddenstate.data.prepare.layout import class_numbers
from hiddenstate.data.prepare.missing import filled_forward
from hiddenstate.data.prepare.windows import cut_windows
from hiddenstate.data.rows import with_origin
from hiddenstate.engines import Predictor
from hiddenstate.engines.signals import Carried, state_before
from hiddenstate.errors import DataError, printable
from hiddenstate.inference import loss_scores, score_intervals, target_scores
from hiddenstate.inference.forecast_scores import ForecastScores, forecast_scores
from hiddenstate.inference.inputs import prepare_inputs, run_test_data
from hiddenstate.inference.predict import predictions_and_targets
from hiddenstate.metrics import baselines, scores
from hiddenstate.metrics.answer import Answer
from hiddenstate.metrics.comparison import baseline_method, best_baseline
from hiddenstate.metrics.target_scores import TargetScore
from hiddenstate.metrics.target_scores import target_scores as scores_of_targets
from hiddenstate.models.fitted import FittedModel
from hiddenstate.program.jobs import kind_of
from hiddenstate.program.words import FORECAST
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset


class IntervalFigures(TypedDict, total=False):
    """Intervals of scores on few rows: `<score>_low` and `<score>_high` of each, and these."""

    interval_rows: int
    """Number of rows that were drawn; groups, series or blocks of steps under their names."""
    interval_groups: int
    interval_series: int
    interval_blocks: int
    interval_steps: int
    """Steps of a block."""
    gain_low: float
    """Ends of the interval of how much better than the best baseline the model is."""
    gain_high: float


class Answered(TypedDict, total=False):
    """Who answers, where something stands beside the network."""

    answered_by: str
    """The network and what stands beside it or, if its share is 0, that alone."""
    net_share: float
    """The share of the network in the answer; where its outputs are added to a path, 1 or 0."""


class ClassifierScores(Answered, IntervalFigures):
    """Scores of a classifier; `hiddenstate evaluate --json` prints these keys."""

    rows: int
    accuracy: float
    accuracy_low: NotRequired[float]
    accuracy_high: NotRequired[float]
    balanced_accuracy: float
    """Mean recall of the classes."""
    f1: float
    """Mean F1 score of the classes that occur."""
    log_loss: float
    baseline: str
    baseline_accuracy: float
    f1_by_class: dict[str, float]
    confusion: list[list[int]]
    """Rows by true class, then by predicted class."""


class RegressorScores(Answered, ForecastScores, IntervalFigures):
    """Scores of a regressor, in the units of its targets.

    Those of :class:`ForecastScores` are of forecasts; the scaled error needs the training rows.
    """

    answers: int
    """Number of targets compared."""
    unscored: NotRequired[int]
    """Number of rows or steps without a target or a prediction, if there are any."""
    mse: NotRequired[float]
    """This and those that follow are, of quantiles, of the median; missing if it is none."""
    mae: NotRequired[float]
    r2: NotRequired[float]
    esr: NotRequired[float]
    """The error-to-signal ratio with pre-emphasis; stateful models with a target at each step."""
    pinball: NotRequired[float]
    """The mean loss of all quantiles; also `coverage_<quantile>`, the share of targets at or below
    each, and `baseline_pinball`."""
    mse_low: NotRequired[float]
    mse_high: NotRequired[float]
    baseline: str
    baseline_mse: NotRequired[float]
    skill: NotRequired[float]
    """1 - mse / baseline_mse."""
    targets: NotRequired[list[dict[str, Any]]]
    """The scores of each target in its own unit: `target`, `unit`, `mae`, `rmse`, `r2`, `mase`,
    `baseline`, `baseline_mae`, `series`, the number of series that they are medians over, and all
    in `words`."""
    relative_gain: NotRequired[float]
    """The share by which the mean absolute error is below that of the best baseline."""
    reset_mse: NotRequired[float]
    """With the state set to zero at each window; stateful models only."""


class AutoencoderScores(IntervalFigures):
    """Scores of an autoencoder; those of the baseline if the training rows can be read."""

    rows: int
    mse: float
    baseline: NotRequired[str]
    baseline_mse: NotRequired[float]
    skill: NotRequired[float]
    knn_accuracy: NotRequired[float]
    """Accuracy of labels predicted from the 5 nearest codes, if there are labels."""


Scores = ClassifierScores | RegressorScores | AutoencoderScores


def answer_of_model(model: FittedModel) -> Answer:
    """Return who answers by a model."""
    if model.transform.has_path:
        return Answer(float(model.network_counts), (FORECAST,))
    share = math.prod((each.net_share for each in model.companions), start=1.0)
    return Answer(share, tuple(each.words for each in model.companions), part=share)


def _answered(model: FittedModel) -> Answered:
    answer = answer_of_model(model)
    return {"answered_by": answer.who, "net_share": answer.net_share}


def prepare_for_evaluation(model: FittedModel, dataset: SequenceDataset) -> Rows:
    """Prepare rows as read: inputs as the net reads them, labels as class numbers.

    Series with a target at every step are cut into windows where the model is stateful.

    Raises
    ------
    DataError
        If targets are missing or of another kind.
    """
    rows, where, job = dataset.train, printable(dataset.name), model.net.job
    if model.stateful:
        rows = with_origin(rows, dataset.source == "file")
    if kind_of(job).has_codes:
        return prepare_inputs(model, rows, where)
    if rows.y is None:
        raise DataError(f"{where}: no targets to compare with; name data with labels or targets")
    if kind_of(job).has_classes:
        if rows.y.ndim != 1:
            raise DataError(f"{where}: y is {rows.y.shape}; expected one label per row")
        numbers = class_numbers(rows.y, model.classes, where)
        return replace(prepare_inputs(model, rows, where), y=numbers)
    transform = model.transform
    if transform.known.ahead:
        rows, _ = without_ends(rows, transform.own_features, where)
    if rows.require_targets().ndim == 3:
        if model.transform.missing == "forward":  # before windows are cut
            rows = replace(rows, X=filled_forward(rows.X, rows.lengths, where)[0])
        rows = replace(rows, X=transform.known.moved(rows.X, rows.lengths))
        rows = cut_windows(
            rows,
            model.window if model.stateful else 0,
            None,
            model.transform.reading.get("horizon"),
            model.net.output if model.stateful else "steps",
            where,
        )
    y = transform.for_outputs(rows.require_targets())
    if y.shape[-1] != model.net.n_outputs:
        n_targets = (y.shape[-1], model.net.n_outputs)
        has, wanted = (n // max(1, len(transform.quantiles)) for n in n_targets)
        raise DataError(f"{where}: y has {has} targets; the model predicts {wanted}")
    return prepare_inputs(model, replace(rows, y=y), where)


def evaluate_run(
    model: FittedModel,
    predictor: Predictor,
    run: Run | None,
    prepared: PreparedDataset | None = None,
) -> Scores:
    """Scores of the model of a run on its test rows, `prepared` or read; see :func:`evaluate`."""
    dataset = prepared or run_test_data(run)
    test, train = dataset.require_test(), dataset.train
    state: Carried = {}
    if model.stateful:
        state = state_before(predictor, model.net, train, test)
    if model.net.kind.has_targets:
        train = _undo_targets(model, train)
    return evaluate(model, predictor, test, train, state)


def _undo_targets(model: FittedModel, rows: Rows) -> Rows:
    """Prepared rows, with targets in their own units again."""
    y = model.transform.undo_targets(rows.require_targets(), rows.X, rows.lengths)
    return replace(rows, y=y)


def evaluate_data(
    model: FittedModel, predictor: Predictor, dataset: SequenceDataset, run: Run | None
) -> Scores:
    """Scores of a model on rows that were read; see :func:`evaluate`.

    Baselines are fitted on the training rows if those can be read again.
    """
    rows = prepare_for_evaluation(model, dataset)
    train = None
    if run is not None and run.data_fact("source") != "arrays":
        train = run_dataset(run).train
        if model.net.kind.has_targets:
            train = _undo_targets(model, train)
    return evaluate(model, predictor, rows, train)


@np.errstate(over="ignore", invalid="ignore")  # checked at the end
def evaluate(
    model: FittedModel,
    predictor: Predictor,
    rows: Rows,
    train: Rows | None = None,
    state: Carried | None = None,
) -> Scores:
    """Scores of `model` on `rows`, and of a baseline.

    Parameters
    ----------
    model : FittedModel
    predictor : Predictor
        The same model, ready to compute.
    rows : Rows
        Prepared (:func:`prepare_for_evaluation`): class numbers, or targets in their own units.
    train : Rows, optional
        The training rows, prepared likewise, for baselines that are fitted on them.
    state : mapping of int to dict of ndarray, optional
        Initial state of a stateful model for each signal, by its number; zero by default.

    Raises
    ------
    DataError
        If an error overflows.
    """
    result: Scores
    if model.net.kind.has_classes:
        result = _score_classifier(model, predictor, rows, train)
    elif model.net.kind.has_targets:
        result = _score_regressor(model, predictor, rows, train, state or {})
    else:
        result = _score_autoencoder(model, predictor, rows, train)
    numbers: Mapping[str, Any] = {**result}
    for name in ("log_loss", "mse", "mae", "baseline_mse"):
        if not math.isfinite(numbers.get(name, 0)):
            raise DataError(f"{name} is not finite: values are too large to compare; correct them")
    return result


def _score_classifier(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None
) -> ClassifierScores:
    y, classes = rows.require_targets(), model.require_classes()
    n = len(classes)
    outputs = predictor.predict(rows.X, rows.lengths)
    matrix = scores.confusion(y, outputs.argmax(axis=1), n)
    labels = y if train is None or train.y is None else train.y
    always, chosen = baselines.most_frequent(labels, n), outputs.argmax(axis=1)
    f1 = scores.f1_by_class(matrix)
    result: ClassifierScores = {
        "rows": len(rows),
        "accuracy": scores.accuracy(outputs, y),
        "balanced_accuracy": scores.balanced_accuracy(matrix),
        "f1": float(f1[matrix.sum(axis=1) > 0].mean()),
        "log_loss": scores.cross_entropy(outputs, y),
        "baseline": "always the most frequent class",
        "baseline_accuracy": float(np.mean(y == always)),
        "f1_by_class": {str(name): float(f) for name, f in zip(classes, f1, strict=True)},
        "confusion": matrix.tolist(),
    }
    if model.companions:
        result = {**result, **_answered(model)}
    units = score_intervals.units_of_rows(model.transform, rows)
    ends = score_intervals.of_correct("accuracy", units, chosen == y, y == always)
    ends |= score_intervals.of_classes(units, y, outputs)
    return cast(ClassifierScores, {**result, **ends})


def _score_regressor(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None, state: Carried
) -> RegressorScores:
    answers, prep = predictions_and_targets(model, predictor, rows, state), model.transform
    of_quantiles = loss_scores.quantile_scores(prep, answers, train)
    one = loss_scores.central(prep, answers)
    if one is None:
        name = "the last value" if answers.now is not None else "the quantiles of the targets"
        few: RegressorScores = {"answers": len(answers.outputs), "baseline": name}
        if by_loss := _scored(model, of_quantiles):
            few["targets"] = [each.facts() for each in by_loss]
        return cast(RegressorScores, {**few, **of_quantiles})
    answers = one
    outputs, target, now = answers.outputs, answers.target, answers.now
    mse = scores.mean_squared_error(outputs, target)
    if now is not None:
        name, plain = "the last value", now
    elif train is not None and train.y is not None:
        lengths = train.lengths if train.y.ndim == 3 else None
        name = "the mean of the training targets"
        plain = prep.central(scores.target_mean(train.y, lengths))
    else:
        name, plain = "the mean of these targets", scores.target_mean(target)
    plain = np.broadcast_to(plain, target.shape) if now is None else now
    baseline = scores.mean_squared_error(plain, target)
    result: RegressorScores = {
        "answers": len(outputs),
        "mse": mse,
        "mae": scores.mean_absolute_error(outputs, target),
        "r2": scores.r2(outputs, target),
        "baseline": name,
        "baseline_mse": baseline,
        "skill": scores.skill(mse, baseline),
    }
    if now is not None and model.transform.has_path:
        result = {**result, **_answered(model)}
    result = {**result, **forecast_scores(model.transform, answers, train)}
    unscored = _n_asked(model, rows) - len(outputs)
    if unscored > 0:
        result["unscored"] = unscored
    if model.stateful:
        reset = prep.central(prep.undo_targets(predictor.predict(rows.X), rows.X))
        reset = reset[answers.row, answers.step] if reset.ndim == 3 else reset[answers.row]
        result["reset_mse"] = scores.mean_squared_error(reset, target)
        esr = loss_scores.signal_score(answers)
        if model.net.output == "steps" and not of_quantiles and math.isfinite(esr):
            result["esr"] = esr
    alone = not result.get("net_share", 1)
    by_target = target_scores.by_target(prep, answers, train, plain, alone)
    result["targets"] = [each.facts() for each in _scored(model, by_target)]
    result = cast(RegressorScores, {**result, **by_target})
    best = best_baseline(model.net.job, result), plain
    ends = score_intervals.of_answers(prep, answers, train, result, best)
    return cast(RegressorScores, {**result, **ends, **of_quantiles})


def _scored(model: FittedModel, by_target: Mapping[str, Any]) -> list[TargetScore]:
    """Return the scores of the targets of a model with their names."""
    return scores_of_targets(by_target, {"target": model.transform.targets})


def _n_asked(model: FittedModel, rows: Rows) -> int:
    """Return the number of steps, or of series with one target, that may be scored."""
    if rows.require_targets().ndim == 2 or (model.net.output == "last" and not model.window):
        return len(rows)
    lengths = rows.ends
    context = 0 if rows.origin is None else rows.origin.context
    return int(np.maximum(lengths - context, 0).sum())


def _score_autoencoder(
    model: FittedModel, predictor: Predictor, rows: Rows, train: Rows | None
) -> AutoencoderScores:
    mse = scores.reconstruction_error(predictor.predict, rows.X)
    result: AutoencoderScores = {"rows": len(rows), "mse": mse}
    components = None
    if train is not None:
        size = model.net.widths()[-1]
        components = baselines.fit_components(train.X, (rows.X,), size)
        baseline = components.error(rows.X)
        result["baseline"] = baseline_method(model.net.job, {"code_size": size})[1]
        result["baseline_mse"] = baseline
        result["skill"] = scores.skill(mse, baseline)
    if rows.y is not None and rows.y.ndim == 1:
        first = rows.take(slice(0, 2000))
        labels = np.unique(first.require_targets(), return_inverse=True)[1]
        result["knn_accuracy"] = scores.knn_accuracy(predictor.encode(first.X[:]), labels)
    units = score_intervals.units_of_rows(model.transform, rows)
    if not units.few and components is None:
        return result
    other = None if components is None else components.error_by_row(rows.X)
    errors = score_intervals.errors_of_rows(predictor.predict, rows.X)
    ends = score_intervals.of_errors("mse", units, errors, other)
    return cast(AutoencoderScores, {**result, **ends})
