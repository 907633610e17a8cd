"""regress: a recurrent net follows a signal, its hidden state carried between windows."""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.bundled.waves import load_waves
from hiddenstate.data.dataset import MAX_NAMES
from hiddenstate.data.prepare.streams import overlap
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.data.rows import AT_ONCE, Computed, column_spans, in_pieces, overlapping
from hiddenstate.engines import Engine, make_predictor
from hiddenstate.engines.signals import state_before
from hiddenstate.errors import DataError, OptionError, count
from hiddenstate.inference.forecast_scores import forecast_scores
from hiddenstate.inference.hidden_states import at_every_step
from hiddenstate.inference.inputs import windows_per_call
from hiddenstate.inference.loss_scores import central, quantile_scores, signal_score
from hiddenstate.inference.predict import Answers, predict_steps, predictions_and_targets
from hiddenstate.inference.score_intervals import of_answers
from hiddenstate.inference.target_scores import by_target
from hiddenstate.jobs.base import Evaluation, Job, of_members
from hiddenstate.jobs.held_out import HeldOut, Steps, series_name
from hiddenstate.jobs.path_share import added_to_path
from hiddenstate.jobs.series_parts import parts_of_network
from hiddenstate.jobs.snapshot_arrays import JobSnapshots, TrainingOutputs
from hiddenstate.jobs.snapshot_limits import (
    SIGNAL_STEPS,
    TRACKED_BYTES,
    UNITS_KEPT,
    WINDOWS_SHOWN,
    affordable,
    thinned,
)
from hiddenstate.jobs.stream_states import stream_facts, stream_states
from hiddenstate.metrics.comparison import best_baseline
from hiddenstate.metrics.losses import constant, regression_loss
from hiddenstate.metrics.scores import mean_of_last, mean_squared_error, r2, target_mean
from hiddenstate.models.net import Net, Params
from hiddenstate.program.rows import after_end
from hiddenstate.system.typing import Array


class RegressJob(Job):
    """By default an RNN(tanh) 1->32, then Linear 32->1 at every step, with squared error."""

    def _make_net(self) -> Net:
        y = self.dataset.train.require_targets()
        output, targets = self.config.data.output, y.shape[-1]
        n, T = self.dataset.X.shape[:2]
        if y.shape != ((n, T, targets) if output == "steps" else (n, targets)):
            raise DataError(
                f"{self.dataset.name}: y is {y.shape} for X {self.dataset.X.shape} and "
                f"--output {output}"
            )
        if self.stateful and self.dataset.valid is not None:
            raise OptionError(
                "--valid-fraction: rows held out in the middle would break the carried state; add "
                "--no-stateful"
            )
        if (washout := self.config.data.washout) >= T and washout:
            raise OptionError(
                f"--washout: {count(washout, 'step')} are all {T} of a window; use fewer, or a "
                "longer --window"
            )
        if self.stateful and overlap(self.dataset.train):
            raise OptionError(
                f"--stride: {count(self.config.data.stride or 0, 'step')}, fewer than the {T} of a "
                "window, after which the carried state goes on; leave it out or add --no-stateful"
            )
        return Net(self.config.job, self.config.model, self.dataset.X.shape[2], targets, output)

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Return the loss per number, of scaled targets."""
        return loss_of(self, self.predict(engine, rows), rows)

    def evaluate(self, engine: Engine) -> Evaluation:
        """Compute nothing: views draw the predictions made while training."""
        return Evaluation()

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Compute the mean squared error of the last ten windows, each before its update, and, for
        data with test rows, the scores of these, in the units of the targets. The weights then
        include the share of the network in what they add to a path."""
        added = added_to_path(self, engine)
        results: dict[str, float] = {} if added is None else added.results()
        arrays: dict[str, Array] = {}
        transform, train, test = self.dataset.transform, self.dataset.train, self.dataset.test
        if transform.target_scaling is None and self.config.training.loss == "mse":
            results["last10_mse"] = mean_of_last(recent, 10)
            results["last100_mse"] = mean_of_last(recent, 100)
        else:
            results["train_loss"] = float(np.mean(recent))
        if self.dataset.source != "bundled" and test is not None and test.y is not None:
            answers = self._test_predictions(engine.export().params, test)
            self.washed_out = answers.washed_out
            members = self._answers_of_members(engine, test)
            if can_show_held_out(self) and _are_of_the_same(self.held_out.steps, answers):
                steps = self.held_out.steps  # as both are large
                now = None if answers.now is None else steps.baseline
                row, step, target = steps.row, steps.step, steps.target
                answers = replace(answers, row=row, step=step, target=target, now=now)
            full = None if added is None else self._of_other_weights(added.params, answers)
            if can_show_held_out(self):
                made = [own.outputs for own in members]
                arrays = self.held_out.final_arrays(answers, made, full)
            of_added = {} if added is None or full is None else added.scores(full, answers.target)
            del full
            noun = "steps" if test.y.ndim == 3 or self.stateful else "rows"
            results[f"test_{noun}"] = len(answers.target)
            of_quantiles = self._quantile_scores(answers)
            one = central(transform, answers)
            if one is None:
                return Evaluation(results | of_quantiles, arrays)
            answers, each = one, [central(transform, own) or own for own in members]
            outputs, target, last_value = answers.outputs, answers.target, answers.now
            self.largest_error = self._largest_error(answers)
            results["test_mse"] = mean_squared_error(outputs, target)
            results |= of_members([mean_squared_error(own.outputs, own.target) for own in each])
            if self._is_signal(answers) and np.isfinite(ratio := signal_score(answers)):
                results["test_esr"] = ratio
            fit = r2(outputs, target)
            if np.isfinite(fit):  # a single target has no variance to explain
                results["test_r2"] = fit
            scores: dict[str, Any] = {**forecast_scores(transform, answers, train)}
            results |= {f"test_{n}" if n == "mase" else n: v for n, v in scores.items()}
            if added is not None:
                parts = parts_of_network(transform, answers, added.shares.target)
                results |= {**of_added, "net_part": parts.mean}
                self.part_of_series = parts.by_name(test)
                arrays |= parts.arrays(test)
            plain = last_value
            if plain is None:
                mean = target_mean(transform.central(self._train_targets), _lengths(train))
                plain = np.broadcast_to(mean, target.shape)
            results["baseline_mse"] = mean_squared_error(plain, target)
            alone = added is not None and not results["net_share"]
            results |= by_target(transform, answers, train, plain, alone)
            best = best_baseline(self.config.job, results), plain
            results |= of_answers(transform, answers, train, results, best, "test_")
            results |= of_quantiles
        return Evaluation(results, arrays)

    @cached_property
    def held_out(self) -> HeldOut:
        """What is shown of the test rows; it holds their targets."""
        return HeldOut(self)

    def _largest_error(self, answers: Answers) -> tuple[Rows, int, int, int, float]:
        """Return which answer is farthest from its target, in deviations of that target."""
        quantiles, largest = self.dataset.transform.quantiles, []
        n, n_targets = answers.target.shape
        for span in column_spans(n_targets, 4 * AT_ONCE // n):
            target = answers.target[:, span].astype(np.float64)
            spread = target.std(axis=0)
            errors = np.abs(answers.outputs[:, span] - target) / np.where(spread > 0, spread, 1.0)
            place, o = divmod(int(errors.argmax()), target.shape[1])
            largest.append((errors[place, o], place, span.start + o))
        _, place, o = largest[int(np.argmax([error for error, *_ in largest]))]
        output = o * len(quantiles) + quantiles.index(0.5) if quantiles else o
        row, step = int(answers.row[place]), int(answers.step[place])
        return answers.rows, row, step, output, float(answers.target[place, o])

    @cached_property
    def _train_targets(self) -> Array:
        """The training targets in their own units."""
        train = self.dataset.train
        y = train.require_targets()
        return self.dataset.transform.undo_targets(y, train.X, train.lengths)

    def _quantile_scores(self, answers: Answers) -> dict[str, float]:
        transform = self.dataset.transform
        if not transform.quantiles:
            return {}
        train = replace(self.dataset.train, y=self._train_targets)
        return quantile_scores(transform, answers, train, "test_")

    def _is_signal(self, answers: Answers) -> bool:
        """Whether answers are steps of signals, whose error is compared with their power."""
        if self.config.training.loss == "esr":
            return True
        return self.stateful and self.net.output == "steps" and not self.dataset.transform.quantiles

    def _answers_of_members(self, engine: Engine, test: Rows) -> list[Answers]:
        """Return the predictions of each member on the test rows; nothing of a single net."""
        if self.net.n_members == 1:
            return []
        return [predictions_and_targets(*member, test, {}) for member in self.members(engine)]

    def _of_other_weights(self, params: Params, answers: Answers) -> Array | Computed:
        """Return the outputs (n, O) of a net with other weights for the same windows as answers,
        computed when they are read; or of whole series or all steps."""
        model = self.fitted(params)
        predictor = make_predictor(model, "cpu", self.config.training.threads)
        rows, (n, n_outputs), W = answers.rows, answers.outputs.shape, model.window
        if not W or self.net.output == "steps":
            row, step, outputs = predict_steps(model, predictor, rows, "test rows", {})
            if len(outputs) == n:
                return outputs
            T = rows.X.shape[1]
            kept = np.searchsorted(row * T + step, answers.row * T + answers.step)
            return np.asarray(outputs[kept])

        def some(which: slice) -> Array:
            row, last = answers.row[which, None], answers.step[which, None]
            windows = rows.X[row, last + np.arange(1 - W, 1)]
            return model.transform.undo_targets(predictor.predict(windows), windows)

        return Computed(some, (n, n_outputs), windows_per_call(rows.X, W))

    def _test_predictions(self, params: Params, test: Rows) -> Answers:
        """Return predictions and targets; a carried state continues from the training rows."""
        model = self.fitted(params)
        predictor = make_predictor(model, "cpu", self.config.training.threads)
        train, state = self.dataset.train, dict[int, Params]()
        if self.stateful:
            state = state_before(predictor, model.net, train, test)
        return predictions_and_targets(model, predictor, test, state)


class RegressSnapshots(JobSnapshots):
    """Targets and predictions over time, and the hidden states behind them."""

    def static_arrays(self) -> dict[str, Array]:
        """Return input and target before training, augmented rows, and the losses of the
        baseline."""
        arrays = self._signal() | self.augmented() | self._baseline_losses()
        return arrays | self._held_out.static_arrays() if self._held_out else arrays

    def facts(self) -> dict[str, Any]:
        """Return what a view must know besides the arrays, ready for JSON."""
        facts, targets = super().facts(), self.dataset.transform.targets
        names = self.dataset.transform.answer_names(self.job.net.n_outputs)
        if targets is not None and sum(map(len, names)) <= MAX_NAMES:
            facts["targets"] = list(names)
        if self._held_out is not None:
            facts |= {"held_series": self._held_out.n_series, "dates": self._held_out.dates}
        series, streams = self._series(), self.job.streams
        if streams is not None:
            facts |= stream_facts(streams, self.dataset.train)
        return facts | ({"series": series} if series else {})

    def _series(self) -> str:
        """Return the name of the series of the drawn training windows, if there are several."""
        train = self.dataset.train
        if train.times is None or train.origin is None or not len(train):
            return ""
        if self.job.stateful and not train.origin.separate:
            return ""
        return series_name(train, int(train.origin.series[self._drawn_stream[0]]))

    @cached_property
    def _held_out(self) -> HeldOut | None:
        job = self.job
        return job.held_out if isinstance(job, RegressJob) and can_show_held_out(job) else None

    def _baseline_losses(self) -> dict[str, Array]:
        """Return the loss without a network on training and validation rows, of own data."""
        d, losses = self.dataset, {}
        if d.source == "bundled" or not isinstance(d.X, np.ndarray):
            return {}
        for name, rows in (("baseline_train", d.train), ("baseline_valid", d.valid)):
            if rows is not None and len(rows):
                losses[name] = np.array([self._baseline_loss(rows)])
        return losses

    def _baseline_loss(self, rows: Rows) -> float:
        """Return the loss of the last value in a forecast, else of the mean training target or its
        quantiles."""
        transform, y = self.dataset.transform, rows.require_targets()
        if last_values(transform, rows.take(slice(1))) is not None:
            return loss_of(self.job, _last_scaled(transform, rows), rows)
        train = self.dataset.train
        plain = constant(train.require_targets(), _lengths(train), transform.quantiles)
        return loss_of(self.job, np.broadcast_to(plain, y.shape), rows)

    def _signal(self) -> dict[str, Array]:
        """Return input and target: sin and cos on [0, 2*pi] at 100 points, or the first 100 steps
        of other data."""
        d = self.dataset
        if d.source == "bundled":
            times = np.linspace(0, 2 * np.pi, 100, dtype=np.float64)
            waves = {"input": np.sin(times)[:, None], "target": np.cos(times)[:, None]}
            return {"time": times, **waves}
        y = d.train.require_targets()
        if y.ndim < 3:
            return {}
        rows = self._disjoint_windows()[: -(-100 // d.X.shape[1])]
        X = d.X[rows]
        parts = (d.transform.undo(X), d.transform.undo_targets(y[rows], X))
        flat = [part.reshape(-1, part.shape[-1])[:100] for part in parts]
        times = np.arange(len(flat[0]), dtype=float)
        if d.train.times is not None:
            times = d.train.times[rows].reshape(-1)[:100].astype(float)
        return {"time": times, "input": flat[0], "target": flat[1]}

    def snapshot(self, engine: Engine, made: TrainingOutputs | None = None) -> dict[str, Array]:
        """Return hidden states over the first windows, with the state carried and with it reset,
        and windows: those predicted since the last snapshot where the state is carried, else the
        first ones as the net predicts them now."""
        arrays = self._hidden_states(engine)
        if self.job.streams is not None:
            arrays |= stream_states(self.job.streams, self.job.net, engine.export())
        if self._held_out is not None:
            arrays |= self._held_out.snapshot(engine)
        if not self.job.stateful:
            rows = self._tracked_windows()
            outputs = self.job.predict(engine, self.dataset.train.take(rows))
            return arrays | self._windows(rows, outputs, 0)
        if made is None:
            return arrays
        steps = np.arange(made.first, made.first + len(made.outputs))
        epochs, places = np.divmod(steps, self.job.batches.steps_per_epoch)
        first, n = self._drawn_stream
        drawn = np.flatnonzero(places < n)
        if not len(drawn):
            return arrays
        rows, outputs = first + places[drawn], made.outputs[drawn]
        return arrays | self._windows(rows, outputs, epochs[drawn, None])

    @cached_property
    def _counts_from(self) -> Array | None:
        return self.job.counts_from()

    @property
    def _drawn_stream(self) -> tuple[int, int]:
        """The first row and the number of rows of the stream that is drawn: that of the first row
        of each step of the first round."""
        streams = self.job.streams
        if streams is None:
            return 0, len(self.dataset.X)
        drawn = streams.rounds[0][0]
        return streams.first[drawn], streams.length[drawn]

    def _hidden_states(self, engine: Engine) -> dict[str, Array]:
        """Return `hidden` (P, H) at `hidden_time` (P,) in the first windows, for at most
        `SIGNAL_STEPS` steps; `hidden_reset` (P, H) where each window starts from a zero state, or
        `hidden_window` (P,) where the state is not carried."""
        some, (predictor, eigenvalues) = self._followed(), self.states(engine)
        X, times = some.X[:], some.times
        N, T = X.shape[:2]
        steps = np.arange(N * T)
        if some.lengths is not None:
            steps = steps[~after_end(some.lengths, T).reshape(-1)]
        kept = steps[thinned(len(steps), SIGNAL_STEPS)]

        def at_kept(states: Array) -> Array:
            return states.reshape(-1, states.shape[-1])[kept, :UNITS_KEPT]

        time = np.arange(N * T, dtype=float) if times is None else times.reshape(-1)
        arrays = eigenvalues | {"hidden_time": time[kept]}
        reset = at_kept(at_every_step(predictor.predict(X, some.lengths), self.job.net, T))
        if not self.job.stateful:
            return arrays | {"hidden": reset, "hidden_window": (kept // T).astype(np.int32)}
        carried = at_kept(predictor.follow(X, {})[0])
        return arrays | {"hidden": carried, "hidden_reset": reset}

    def _followed(self) -> Rows:
        """Return the windows whose states are shown; of the waves always the same ones."""
        T = self.dataset.X.shape[1]
        n = max(2, SIGNAL_STEPS // T)
        if self.dataset.source == "bundled":
            return load_waves(n, T, self.config.training.dtype).train
        return self.dataset.train.take(self._disjoint_windows()[:n])

    def _disjoint_windows(self) -> Array:
        """Return the first windows that follow one another without sharing a step, of the stream
        that is drawn."""
        times, (first, n) = self.dataset.train.times, self._drawn_stream
        if times is None:
            return first + np.arange(min(WINDOWS_SHOWN, n))
        chosen, last = [first], first
        for row in range(first + 1, first + n):
            if len(chosen) == WINDOWS_SHOWN or times[row, 0] < times[last, 0]:  # another series
                break
            if times[row, 0] > times[last, -1]:
                chosen.append(row)
                last = row
        return np.array(chosen)

    def _tracked_windows(self) -> Array:
        """Return the windows whose predictions are shown: with a target at every step those that
        share no step, with one target the first that follow one another, as one line."""
        disjoint, train = self._disjoint_windows(), self.dataset.train
        if train.times is None or train.require_targets().ndim == 3:
            return disjoint
        most = affordable(train.times.shape[1:], 8, TRACKED_BYTES, SIGNAL_STEPS)
        ends = np.asarray(train.times[:most, -1])
        begins_anew = np.flatnonzero(np.diff(ends) <= 0)  # another series
        following = np.arange(begins_anew[0] + 1 if len(begins_anew) else len(ends))
        return following if len(following) > len(disjoint) else disjoint

    def _windows(self, rows: Array, outputs: Array, epochs: Any) -> dict[str, Array]:
        """Return time, target and prediction of the windows `rows`, each of its epoch (n, 1)."""
        train, transform = self.dataset.train, self.dataset.transform
        X, lengths = train.X[rows], None if train.lengths is None else train.lengths[rows]
        arrays = {
            "target": transform.undo_targets(train.require_targets()[rows], X, lengths),
            "prediction": transform.undo_targets(outputs, X, lengths),
        }
        if self._counts_from is not None:
            arrays["first_counted"] = self._counts_from[rows]
        times = train.times
        if times is not None:
            # Time continues over the epochs: each starts a step after the end of the one before.
            first, n = self._drawn_stream
            own = times[first : first + n]
            ends = own.flat[[0, 1, -1]] if own.size > 1 else np.array([0.0, 1.0, 0.0])
            epoch_length = ends[2] - ends[0] + (ends[1] - ends[0])
            arrays["time"] = times[rows] + epochs * epoch_length
        return arrays


def can_show_held_out(job: Job) -> bool:
    """Whether views draw the held-out part: not of the bundled waves, and only from memory."""
    dataset, test = job.dataset, job.dataset.test
    if dataset.source == "bundled" or test is None or test.y is None or not len(test):
        return False
    return isinstance(dataset.X, np.ndarray) and isinstance(test.X, np.ndarray)


def loss_of(job: Job, outputs: Array, rows: Rows) -> float:
    """Return the loss per number of outputs for prepared rows, after the washout."""
    y, training, lengths = rows.require_targets(), job.config.training, _lengths(rows)
    if washout := job.config.data.washout:
        y, outputs = y[:, washout:], outputs[:, washout:]
        lengths = None if lengths is None else np.maximum(lengths - washout, 0)
    return regression_loss(training, outputs, y, lengths, job.power)


def last_values(transform: Transform, rows: Rows) -> Array | None:
    """Return the last known values of the targets of prepared rows, in the shape of y and in their
    own units; None unless targets are forecast from their own past."""
    if not transform.reading.get("horizon"):
        return None
    if rows.require_targets().ndim == 3:
        return transform.current_targets(rows.X)
    return transform.current_targets(rows.X[np.arange(len(rows)), rows.ends - 1])


def _last_scaled(transform: Transform, rows: Rows) -> Array:
    """Return the last known values of the targets as a net learns them, in the shape of y: of many
    windows that do not overlap, some at a time, as values in their own units are float64."""

    def scaled(part: Rows) -> Array:
        now = last_values(transform, part)
        assert now is not None
        return transform.apply_targets(now, part.X, part.lengths, part.require_targets().dtype)

    y = rows.require_targets()
    if transform.linear is not None or y.ndim < 3 or overlapping(rows.X) is not None:
        return scaled(rows)
    own = np.empty(y.shape, y.dtype)
    for first, piece in in_pieces(rows.X):
        some = slice(first, first + len(piece))
        own[some] = scaled(rows.take(some))
    return own


def _are_of_the_same(some: Steps, others: Answers) -> bool:
    """Whether answers are for these steps, in their order."""
    same_row = np.array_equal(some.row, others.row)
    return same_row and np.array_equal(some.step, others.step)


def _lengths(rows: Rows) -> Array | None:
    """The steps that count in the targets of `rows`, where they have one at every step."""
    return rows.lengths if rows.y is not None and rows.y.ndim == 3 else None
