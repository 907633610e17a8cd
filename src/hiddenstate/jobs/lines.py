"""The lines that commands print of a job, in the form of the classic scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hiddenstate.config import Config, RecurrentConfig
from hiddenstate.data.dataset import label_array
from hiddenstate.data.prepare.augment import augmentation
from hiddenstate.data.prepare.batches import Streams
from hiddenstate.data.prepare.remarks import far_size
from hiddenstate.engines import Engine
from hiddenstate.engines.sparse import pruning_span
from hiddenstate.errors import count, printable
from hiddenstate.jobs.answering import answer_lines
from hiddenstate.jobs.base import Job
from hiddenstate.jobs.snapshot_limits import rows_to_show
from hiddenstate.jobs.taught import labels_read
from hiddenstate.metrics.comparison import baseline_method, compare, scored_alone
from hiddenstate.metrics.glossary import written
from hiddenstate.metrics.intervals import ends_of, interval_of
from hiddenstate.metrics.target_scores import (
    LOW,
    SEASONAL,
    TargetScore,
    is_pooled,
    method_in_words,
    target_scores,
    with_targets,
)
from hiddenstate.metrics.units import quantity
from hiddenstate.models.net import Net
from hiddenstate.program.cells import FACTORS
from hiddenstate.system.notice import Notice, note, warning


def log_line(event: Mapping[str, Any], config: Config) -> str:
    """Return a logged step as a line: its window of one stream, or its epoch and, if there is one,
    accuracy."""
    loss = f"train loss: {event['loss']:.4f}"
    of_streams = config.training.streams or config.data.group is not None
    if config.kind.has_targets and config.data.stateful and not of_streams:
        return f"Window:  {event['step']} | {loss}"
    line = f"Epoch:  {event['epoch']} | {loss}"
    if "test_accuracy" in event:
        line += f" | test accuracy: {event['test_accuracy']:.2f}"
    return line


_FAR = "the targets are of size {:.3g} and not scaled, but a network learns values near 1; add "
_FAR += "--scale standard"

MOST_TARGETS = 10
"""Targets that have a line of their own."""

CARRIED = "the {} state, which forecast does not take; to forecast, add --no-stateful"
"""What is to be known before a model with a horizon is trained to carry its state."""


def job_notices(job: Job) -> list[Notice]:
    """Return what a user should know about this data with these options."""
    n, size = len(job.dataset.X), job.config.training.batch_size
    notices = [note(remark) for remark in job.dataset.remarks]
    notices += _of_teacher(job)
    if job.config.training.streamable:
        notices += _of_stream(job)
    by_class = len(job.dataset.classes or ()) if job.config.training.recipe == "auto" else 0
    if n < size - by_class:  # the recipe counts rows before each class is split
        notices.append(
            warning(f"{n} rows are fewer than a batch of {size}; each batch has all of them")
        )
    if job.streams is not None:
        notices.append(note(_of_streams(job.streams)))
    of_file = job.stateful and job.dataset.source == "file"
    if of_file and job.dataset.transform.target_scaling is None:
        far = far_size(job.dataset.train.require_targets())
        notices += [warning(_FAR.format(far))] * bool(far)
    if job.config.kind.has_targets and job.config.data.horizon and job.config.data.stateful:
        notices.append(note(CARRIED.format("model carries its")))
    net = job.config.model
    if isinstance(net, RecurrentConfig) and net.cell != "rnn" and net.nonlinearity != "tanh":
        title = job.net.cell.title
        notices.append(
            note(f"--nonlinearity: applies to rnn cells, not to {title}; add --cell rnn")
        )
    if job.grid_from is not None:
        n, last = job.total_steps, job.total_steps - job.grid_from
        verb = "rounds" if last == 1 else "round"
        notices.append(
            note(f"--quantize: the last {count(last, 'update')} of {n:,} {verb} as integers")
        )
    if job.config.training.sparsity is not None:
        first, n = pruning_span(job.total_steps)
        notices.append(
            note(f"--sparsity: weights are pruned from update {first:,} to {first + n:,}")
        )
    if job.turn is not None and job.turn >= job.total_steps:
        notices.append(
            warning(
                f"--fold-epochs: training ends within {job.config.training.fold_epochs} epochs, so "
                "that no net learns from the fold that it leaves out; use fewer, or 0"
            )
        )
    if isinstance(net, RecurrentConfig) and net.rank and not _has_factors(job.net):
        notices.append(
            warning(
                f"--rank: two factors of rank {net.rank} are no fewer numbers than any matrix, so "
                "that all stay whole; use a smaller one"
            )
        )
    if job.config.kind.has_codes:
        *widths, code = job.net.widths()
        if min(widths) < code:
            notices.append(
                note(
                    f"the code has {code} numbers, but a layer before it only {min(widths)}, so "
                    "it holds no more; set wider --encoder-sizes or a smaller --code-size"
                )
            )
    return notices


def _has_factors(net: Net) -> bool:
    layers = range(net.recurrent.layers)
    return any(w.name.endswith(FACTORS) for n in layers for w in net.layer_weights(n))


def _of_streams(streams: Streams) -> str:
    """Say how many streams there are, how long they are, and how many are read side by side."""
    fewest, most = min(streams.length), max(streams.length)
    windows = count(most, "window") if fewest == most else f"{fewest:,} to {most:,} windows"
    n = len(streams.first)
    at_once = "side by side" if streams.at_once == n else f"{streams.at_once} at a time"
    return f"{count(n, 'stream')} of {windows}, read {at_once}, each with its own state"


def _of_teacher(job: Job) -> list[Notice]:
    """Return how often the teacher is right, and whether it may know held-out rows."""
    if job.taught is None:
        return []
    name, notices = printable(job.config.training.teach), list[Notice]()
    if job.config.kind.has_classes:
        labels = labels_read(job.task())
        right = int((job.taught.answers.argmax(axis=-1) == labels).sum())
        noun = "augmented row" if job.changes is not None else "training row"
        text = (
            f"{name}: the teacher is right on {right:,} of "
            f"{count(int((labels >= 0).sum()), noun)}, whose soft answers are learned"
        )
        blends = int((labels == -1).sum())
        if job.turn:
            text += f" after {job.turn:,} updates, with the fold that a net leaves out before"
            text += ", unless the nets are clearly better by then" * (job.taught.rival is not None)
        text += f", as are those of {count(blends, 'blend')} of two classes" if blends else ""
        notices.append(note(text))
    if not job.taught.knows_split:
        notices.append(
            warning(
                f"{name}: which rows the teacher learned from is not known; if held-out rows are "
                "among them, the score here is too good"
            )
        )
    return notices


def _of_stream(job: Job) -> list[Notice]:
    """Return how large a net that streams is, and what its steps are divided by."""
    train, transform = job.dataset.train, job.dataset.transform
    text = f"the net has {job.net.n_parameters():,} weights and answers after every step"
    if transform.scaling is not None:
        text += "; a step is scaled by statistics of the training rows, which the model holds"
    inputs = transform.net_inputs(train.X, train.lengths, job.config.training.dtype)
    if not augmentation(inputs, {}, None, train.lengths, train.weights).standard.any():
        return [note(text)]
    return [
        note(text),
        warning(
            f"{printable(job.dataset.name)}: each series has mean 0 and deviation 1, which are "
            "known at its end alone: a stream of raw readings is not like these rows"
        ),
    ]


def summary_lines(job: Job, engine: Engine, results: Mapping[str, float]) -> list[str]:
    """Return who answers and the results of a run as lines."""
    lines = {"classes": _classify, "targets": _regress, "codes": _autoencode}
    compared = compare(job.config.job, results, _options(job))
    warnings = []
    if compared and compared.warning():
        warnings.append(f"{compared.who} is {compared.warning()}")
    warnings += [leak.in_words() for leak in job.dataset.leaks]
    first = answer_lines(job, results)
    return first + lines[job.config.kind.answers](job, engine, results) + warnings


def _classify(job: Job, engine: Engine, results: Mapping[str, float]) -> list[str]:
    """Predicted and real labels of some rows, then the accuracy on all test rows."""
    lines = []
    rows = rows_to_show(job.dataset, job.config.display.n_predicted)
    if len(rows) and rows.y is not None:
        labels = label_array(job.dataset.require_classes())
        chosen = job.answers(engine, rows).argmax(axis=1)
        for numbers, what in ((chosen, "prediction number"), (rows.y, "real number")):
            lines.append(f"{np.array2string(labels[numbers], max_line_width=10**6)} {what}")
    if "test_accuracy" in results:
        n, score = len(job.dataset.X_test), results["test_accuracy"]
        line = f"test accuracy on all {n:,} rows: {score:.4f}"
        line += _interval("test_accuracy", results, ".4f")
        if "baseline_accuracy" in results:
            others = f"always the most frequent class: {results['baseline_accuracy']:.4f}"
            line += f" ({others}{_of_companions(job.config.job, results)})"
        lines.append(line + _of_members(results))
        lines += _of_teaching(results)
    return lines


def _of_teaching(results: Mapping[str, float]) -> list[str]:
    """What a net that streams gains by its teacher, and what is left to the full answer."""
    titles = {
        "teacher_accuracy": "the teacher's full answer",
        "untaught_accuracy": "this network untaught",
        "test_accuracy": "taught",
    }
    parts = []
    for name, title in titles.items():
        if name in results:
            ends = ends_of(name, results)
            interval = f" ({ends[0]:.4f} to {ends[1]:.4f})" if ends else ""
            parts.append(f"{title} {results[name]:.4f}{interval}")
    return [f"on the same rows: {', '.join(parts)}"] if len(parts) > 1 else []


def _interval(name: str, results: Mapping[str, float], form: str = "") -> str:
    """The interval of a score on few rows, or why it has none."""
    interval = interval_of(name, results)
    if interval is None:
        return ""
    end = written if not form else lambda value: format(value, form)
    return f", {interval.in_words(end)}"


def _of_companions(job: str, results: Mapping[str, float]) -> str:
    """What companions reach, and what the network without them, or both."""
    text = "".join(f", {w.title}: {score:.4f}" for w, score in scored_alone(job, results))
    if "full_accuracy" in results:
        text += f", both together: {results['full_accuracy']:.4f}"
    elif "net_accuracy" in results:
        does_not = ", which does not answer" * (not results["net_share"])
        text += f", the network{does_not}: {results['net_accuracy']:.4f}"
    return text


def _of_members(results: Mapping[str, float]) -> str:
    if "members_low" not in results:
        return ""
    return (
        f"; members alone: {written(results['members_low'])} to {written(results['members_high'])}"
    )


def _regress(job: Job, engine: Engine, results: Mapping[str, float]) -> list[str]:
    """The mean squared error of the last ten windows, or the last losses, then the test scores."""
    lines = []
    if "last10_mse" in results:
        lines = [f"mean squared error of the last 10 windows: {written(results['last10_mse'])}"]
    elif "train_loss" in results and (loss := job.config.training.loss) != "mse":
        lines = [f"mean of the last 100 losses ({loss}): {written(results['train_loss'])}"]
    noun = "step" if "test_steps" in results else "row"
    n = int(results.get(f"test_{noun}s", 0))
    scored = f"all {count(n, f'held-out {noun}')}" if n > 1 else f"the only held-out {noun}"
    scored = scored if n else "the test rows"
    if job.washed_out:
        scored = f"{count(n, f'held-out {noun}')}, without {job.washed_out:,} of washout"
    if "test_pinball" in results:
        lines += _quantile_lines(job, results, scored)
    scores = target_scores(results, _options(job))
    lines += _target_lines(scores, scored)
    alike = len(scores) < 2 and all(score.series == 1 for score in scores)
    if "test_mse" in results and alike:
        fit = f", R2 {results['test_r2']:.4f}" if "test_r2" in results else ""
        if results.get("test_r2", 0) <= -LOW:
            fit = f", R2 below -{LOW}"
        elif ends := ends_of("test_r2", results):
            fit += f" ({ends[0]:.4f} to {ends[1]:.4f})"
        of_median = " of the median" * ("test_pinball" in results)
        baseline = "the last value" if job.config.data.horizon else "the training mean"
        lines.append(
            f"mean squared error{of_median} on {scored}: {written(results['test_mse'])}"
            f"{_interval('test_mse', results)}{fit} ({baseline}: "
            f"{written(results['baseline_mse'])}"
            + f"; the value of {method_in_words(SEASONAL, results)}: "
            f"{written(results.get('seasonal_mse', 0))}"
            * ("seasonal_mse" in results)
            + f"){_of_members(results)}"
        )
    if "test_esr" in results:
        ratio = results["test_esr"]
        lines.append(f"error-to-signal ratio with pre-emphasis on {scored}: {written(ratio)}")
    if "test_mase" in results:
        mean = "" if alike else ", mean of all"
        line = f"mean absolute scaled error{mean}: {written(results['test_mase'])}"
        line += _interval("test_mase", results) * ("test_mase_low" in results)
        lines.append(line + _season(job))
    if alike:
        return [*lines, *_path_lines(job.config.job, results)]
    return lines + [
        f"linear path alone: {score.name} ± {quantity(results[name], score.unit)}"
        for k, score in enumerate(scores[:MOST_TARGETS], 1)
        if (name := f"target_{k}_linear_mae") in results
    ]


def _options(job: Job) -> dict[str, Any]:
    """The options of a job, with the names of its targets."""
    return with_targets(job.config.flat(), {"targets": job.dataset.transform.targets})


def _target_lines(scores: Sequence[TargetScore], scored: str) -> list[str]:
    """A line for each target, the first with what it is scored on."""
    lines = [score.in_words() for score in scores[:MOST_TARGETS]]
    if lines:
        lines[0] = f"{scores[0].name} on {scored}: {scores[0].figures}"
    if len(scores) > MOST_TARGETS:
        lines.append(f"{len(scores) - MOST_TARGETS} more targets; evaluate --json has all")
    return lines


def _quantile_lines(job: Job, results: Mapping[str, float], scored: str) -> list[str]:
    """The loss of quantiles on the test rows, and the share of targets at or below each."""
    loss, (_, plain) = results["test_pinball"], baseline_method(job.config.job, job.config.flat())
    line = f"quantile loss on {scored}: {written(loss)}{_interval('test_pinball', results)}"
    if "baseline_pinball" in results:
        line += f" ({plain}: {written(results['baseline_pinball'])})"
    shares = ", ".join(
        f"{results[f'test_coverage_{q:g}']:.1%} at or below quantile {q:g}"
        for q in job.config.training.quantile
    )
    lines = [] if is_pooled("test_pinball", results) else [line]
    return [*lines, f"coverage on {scored}: {shares}"]


def _season(job: Job) -> str:
    """The season that errors are scaled by, and why; nothing of runs of earlier versions."""
    steps, why = job.config.data.season, job.dataset.season_why
    if steps is None:
        return ""
    if not steps:
        return " (no season)"
    more = f" and of {', '.join(map(str, steps[1:]))}" * (len(steps) > 1)
    return f" (season of {count(steps[0], 'step')}{more}" + f", {why}" * bool(why) + ")"


def _path_lines(job: str, results: Mapping[str, float]) -> list[str]:
    """The error of what the outputs of the network are added to, and that of the network alone."""
    lines = [f"{w.title} alone: {written(error)}" for w, error in scored_alone(job, results)]
    if lines and "net_mse" in results:
        lines[0] += f"; the network alone, all of its output added: {written(results['net_mse'])}"
    return lines


def _autoencode(job: Job, engine: Engine, results: Mapping[str, float]) -> list[str]:
    """The mean squared error on all test rows."""
    if "test_mse" not in results:
        return []
    n = len(job.dataset.X_test)
    line = f"test mean squared error on all {n:,} rows: {written(results['test_mse'])}"
    line += _interval("test_mse", results)
    if "baseline_mse" in results:
        size = job.net.widths()[-1]
        line += f" ({size} principal components: {written(results['baseline_mse'])})"
    return [line]
