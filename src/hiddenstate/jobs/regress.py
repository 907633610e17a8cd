"""regress: a recurrent net follows a signal; its hidden state is carried between windows."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data import Rows
from hiddenstate.data.bundled.waves import load_waves
from hiddenstate.engines import Engine, make_predictor
from hiddenstate.errors import DataError, OptionError
from hiddenstate.inference.predict import answered
from hiddenstate.jobs.base import Array, Evaluation, Job
from hiddenstate.jobs.snapshot_limits import SIGNAL_STEPS, UNITS_KEPT, thinned
from hiddenstate.metrics import baselines
from hiddenstate.metrics.scores import mean_of_last, mean_squared_error, r2
from hiddenstate.models.net import Net

SHOWN = 20
"""Rows predicted for a snapshot where they are no sequence of windows."""


class RegressJob(Job):
    """RNN(tanh) 1->32, every step -> Linear 32->1, squared error, unless told otherwise."""

    @property
    def stateful(self) -> bool:
        """As the option of that name."""
        return self.config.data.stateful

    def make_net(self) -> Net:
        """A recurrent net with one output a target."""
        y = self.dataset.train.require_targets()
        output, targets = self.config.data.output, y.shape[-1]
        n, T = self.dataset.X.shape[:2]
        if y.shape != ((n, T, targets) if output == "steps" else (n, targets)):
            raise DataError(
                f"{self.dataset.name}: y is {y.shape} for X "
                f"{self.dataset.X.shape} and --output {output}"
            )
        if self.stateful and self.dataset.valid is not None:
            raise OptionError(
                "--valid-fraction: rows held out in the middle would break the carried state; add "
                "--no-stateful"
            )
        return Net("regress", self.config.model, self.dataset.X.shape[2], targets, output)

    def evaluate(self, engine: Engine) -> Evaluation:
        """Nothing: predictions made while learning are the picture."""
        return Evaluation()

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Squared error per number, of targets as they are scaled."""
        y = rows.require_targets()
        return mean_squared_error(self.predict(engine, rows), y, _lengths(rows))

    def static_arrays(self) -> dict[str, Array]:
        """Input and target before training: sin and cos on [0, 2*pi] at 100 points, or the
        first 100 steps of other data."""
        d = self.dataset
        if d.source == "bundled":
            times = np.linspace(0, 2 * np.pi, 100, dtype=np.float64)
            return {
                "time": times,
                "input": np.sin(times)[:, None],
                "target": np.cos(times)[:, None],
            }
        y = d.train.require_targets()
        if y.ndim < 3:
            return {}
        rows, own = self._apart()[: -(-100 // d.X.shape[1])], self.transform
        X = d.X[rows]
        parts = (own.undo(X), own.undo_targets(y[rows], X))
        flat = [part.reshape(-1, part.shape[-1])[:100] for part in parts]
        return {"time": np.arange(len(flat[0]), dtype=float), "input": flat[0], "target": flat[1]}

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Hidden states over the first windows, with the state carried and with it reset.

        Where rows are no sequence of windows, also the first of them, predicted as the net stands;
        else the recorder adds the windows predicted since the last snapshot.
        """
        found = self._hidden(engine)
        if self.stateful:
            return found
        rows = self._apart()
        outputs = self.predict(engine, self.dataset.train.take(rows))
        return found | self._drawn_windows(rows, outputs, 0)

    def _hidden(self, engine: Engine) -> dict[str, Array]:
        """`hidden` (P, H) at `hidden_time` (P,) in the first windows, `SIGNAL_STEPS` steps of them
        or two windows; `hidden_reset` (P, H) where each window began from a zero state."""
        some, predictor = self._followed(), self.states(engine)
        X, times = some.X[:], some.times
        N, T = X.shape[:2]
        kept = thinned(N * T, SIGNAL_STEPS)
        reset = self._at(kept, predictor.predict(X, some.lengths))
        time = np.arange(N * T, dtype=float) if times is None else times.reshape(-1)
        found = {"hidden_time": time[kept]}
        if not self.stateful:
            return found | {"hidden": reset}
        carried = self._at(kept, predictor.follow(X, {})[0])
        return found | {"hidden": carried, "hidden_reset": reset}

    def _followed(self) -> Rows:
        """The windows whose states are shown; of the waves the same ones however long the run."""
        T = self.dataset.X.shape[1]
        n = max(2, SIGNAL_STEPS // T)
        if self.dataset.source == "bundled":
            return load_waves(n, T, self.config.training.dtype).train
        return self.dataset.train.take(self._apart()[:n])

    def _at(self, kept: Array, states: Array) -> Array:
        """The first units of states (N, T, H) at the steps `kept` of all windows' steps."""
        return states.reshape(-1, states.shape[-1])[kept, :UNITS_KEPT]

    def _apart(self) -> Array:
        """The first windows that follow one another without sharing a step, `SHOWN` at most."""
        times = self.dataset.train.times
        if times is None:
            return np.arange(min(SHOWN, len(self.dataset.X)))
        chosen, last = [0], 0
        for row in range(1, len(times)):
            if len(chosen) == SHOWN or times[row, 0] < times[last, 0]:  # another series begins
                break
            if times[row, 0] > times[last, -1]:
                chosen.append(row)
                last = row
        return np.array(chosen)

    def windows(self, first: int, outputs: Array) -> dict[str, Array]:
        """Time, target and prediction of the windows from step `first` on, (n, T, O) or (n, O)."""
        epochs, rows = np.divmod(np.arange(first, first + len(outputs)), len(self.dataset.X))
        return self._drawn_windows(rows, outputs, epochs[:, None])

    def _drawn_windows(self, rows: Array, outputs: Array, epochs: Any) -> dict[str, Array]:
        """Time, target and prediction of the windows `rows`, each of its epoch (n, 1)."""
        d, y = self.dataset, self.dataset.train.require_targets()
        own, times = self.transform, d.train.times
        X, lengths = d.X[rows], None if d.train.lengths is None else d.train.lengths[rows]
        found = {
            "target": own.undo_targets(y[rows], X, lengths),
            "prediction": own.undo_targets(outputs, X, lengths),
        }
        if times is not None:
            # Time goes on over the epochs: each begins a step after the one before ended.
            ends = times.flat[[0, 1, -1]] if times.size > 1 else np.array([0.0, 1.0, 0.0])
            epoch_length = ends[2] - ends[0] + (ends[1] - ends[0])
            found["time"] = times[rows] + epochs * epoch_length
        return found

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Mean squared error of the last ten windows, each before it was learnt from, and, where
        other data brings test rows, of those, in the units of the targets."""
        results: dict[str, Any] = {}
        if self.transform.target_scaling is None:
            results["last10_mse"] = mean_of_last(recent, 10)
            results["last100_mse"] = mean_of_last(recent, 100)
        else:
            results["train_loss"] = float(np.mean(recent))
        test = self.dataset.test
        if self.dataset.source != "bundled" and test is not None and test.y is not None:
            outputs, target, now = self._test_answers(engine, test)
            results["test_mse"] = mean_squared_error(outputs, target)
            fit = r2(outputs, target)
            if np.isfinite(fit):  # one answer alone has no variance to explain
                results["test_r2"] = fit
            if now is not None:
                results["baseline_mse"] = mean_squared_error(now, target)
            elif self.dataset.y is not None:
                train = self.dataset.train
                y = self.transform.undo_targets(self.dataset.y, train.X, train.lengths)
                results["baseline_mse"] = baselines.training_mean(y, target, _lengths(train))
        return Evaluation(results)

    def _test_answers(self, engine: Engine, test: Rows) -> tuple[Array, Array, Array | None]:
        """Answers, targets and, in a forecast, the targets' last values, (n, O) each; a carried
        state follows the training rows."""
        model = self.fitted(engine.export().params)
        predictor = make_predictor(model, "cpu", self.config.training.threads)
        state = predictor.follow(self.dataset.X, {})[1] if self.stateful else {}
        y = model.transform.undo_targets(test.require_targets(), test.X, test.lengths)
        return answered(model, predictor, replace(test, y=y), state)

    @classmethod
    def line(cls, event: dict[str, Any], config: Config) -> str:
        """A window and its loss, or, where windows come in batches, the epoch and its."""
        if not config.data.stateful:
            return super().line(event, config)
        return f"Window:  {event['step']} | train loss: {event['loss']:.4f}"

    def summary_lines(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """The mean squared error of the last ten windows."""
        lines = []
        if "last10_mse" in results:
            lines = [f"mean squared error of the last 10 windows: {results['last10_mse']:.4g}"]
        if "test_mse" in results:
            mse = results["test_mse"]
            fit = f", R2 {results['test_r2']:.4f}" if "test_r2" in results else ""
            known = "the last value" if self.config.data.horizon else "the training mean"
            lines.append(
                f"mean squared error on the test rows: {mse:.4g}{fit} ({known}: "
                f"{results['baseline_mse']:.4g})"
            )
        return lines


def _lengths(rows: Rows) -> Array | None:
    """The steps that count in the targets of `rows`, where they have one at every step."""
    return rows.lengths if rows.y is not None and rows.y.ndim == 3 else None
