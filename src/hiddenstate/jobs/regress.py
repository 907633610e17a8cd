"""regress: a recurrent net follows a signal; its hidden state is carried between windows."""

from typing import Any

import numpy as np

from hiddenstate.engines import Engine
from hiddenstate.errors import DataError
from hiddenstate.jobs.base import Array, Job
from hiddenstate.metrics import mean_of_last
from hiddenstate.models import Net

SHOWN = 20
"""Rows predicted for a snapshot where they are no sequence of windows."""


class RegressJob(Job):
    """RNN(tanh) 1->32, every step -> Linear 32->1, squared error, unless told otherwise."""

    headline = "last10_mse"

    @property
    def stateful(self) -> bool:
        """As the option of that name."""
        return self.config.data.stateful

    def make_net(self) -> Net:
        """A recurrent net with one output a target."""
        assert self.dataset.y is not None
        output, targets = self.config.data.output, self.dataset.y.shape[-1]
        n, T = self.dataset.X.shape[:2]
        if self.dataset.y.shape != ((n, T, targets) if output == "steps" else (n, targets)):
            raise DataError(
                f"{self.dataset.name}: y is {self.dataset.y.shape} for X "
                f"{self.dataset.X.shape} and --output {output}"
            )
        return Net("regress", self.config.model, self.dataset.X.shape[2], targets, output)

    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Nothing: predictions made while learning are the picture."""
        return {}

    def keepsake(self) -> dict[str, Array]:
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
        assert d.y is not None
        if d.y.ndim < 3:
            return {}
        flat = [part.reshape(-1, part.shape[-1])[:100] for part in (d.X, d.y)]
        return {"time": np.arange(len(flat[0]), dtype=float), "input": flat[0], "target": flat[1]}

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Where rows are no sequence of windows: the first of them, predicted as the net stands.

        Else nothing: the recorder adds the windows predicted since the last snapshot.
        """
        return {} if self.stateful else self.windows(0, engine.predict(self.dataset.X[:SHOWN]))

    def windows(self, first: int, outputs: Array) -> dict[str, Array]:
        """Time, target and prediction of the windows from step `first` on, (n, T, O) or (n, O)."""
        d = self.dataset
        assert d.y is not None
        epochs, rows = np.divmod(np.arange(first, first + len(outputs)), len(d.X))
        found = {"target": d.y[rows], "prediction": outputs}
        if d.times is not None:
            # Time goes on over the epochs: each begins a step after the one before ended.
            ends = d.times.flat[[0, 1, -1]] if d.times.size > 1 else np.array([0.0, 1.0, 0.0])
            epoch_length = ends[2] - ends[0] + (ends[1] - ends[0])
            found["time"] = d.times[rows] + epochs[:, None] * epoch_length
        return found

    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """Mean squared error of the last ten windows, each before it was learnt from."""
        return {"last10_mse": mean_of_last(recent, 10), "last100_mse": mean_of_last(recent, 100)}

    @classmethod
    def line(cls, event: dict[str, Any]) -> str:
        """A window and its loss."""
        return f"Window:  {event['step']} | train loss: {event['loss']:.4f}"

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """The mean squared error of the last ten windows."""
        return [f"mean squared error of the last 10 windows: {results['last10_mse']:.4g}"]
