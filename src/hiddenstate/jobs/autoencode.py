"""autoencode: rows pressed into a few numbers and built again from them."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig
from hiddenstate.data import fractions
from hiddenstate.engines import Engine, Task
from hiddenstate.errors import DataError
from hiddenstate.jobs.base import Array, Job
from hiddenstate.metrics import mean_squared_error
from hiddenstate.models import Net


class AutoencodeJob(Job):
    """784-128-64-12-3 and its mirror, squared error per pixel, unless told otherwise."""

    headline = "test_mse"

    def make_net(self) -> Net:
        """A net from the row to itself."""
        F, model, X = self.dataset.X.shape[1], self.config.model, self.dataset.X
        assert isinstance(model, AutoencoderConfig)
        in_range = X.dtype == np.uint8 or (X.min() >= 0 and X.max() <= 1)
        if model.output_activation == "sigmoid" and not in_range:
            raise DataError(
                f"{self.dataset.name}: values from {X.min():.4g} to {X.max():.4g} cannot come out "
                "of a sigmoid; use --output-activation linear"
            )
        if model.output_activation == "auto":
            model = replace(model, output_activation="sigmoid" if in_range else "linear")
        return Net("autoencode", model, F, F)

    def task(self) -> Task:
        """As every job's, but rows are their own target."""
        return replace(super().task(), y=None)

    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Error per number on the first test rows, if any are asked for."""
        n = self.config.display.n_evaluated
        rows = self.dataset.X_test[:n]
        return {"test_mse": self._error(engine, rows)} if len(rows) else {}

    def keepsake(self) -> dict[str, Array]:
        """The example, the originals to reconstruct, and the labels of the drawn codes."""
        originals, _ = self.shown(self.config.display.n_reconstructed)
        _, labels = self.shown(self.config.display.n_scattered)
        kept = self.examples() | {"original": originals}
        return kept | ({} if labels is None else {"code_label": labels})

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Reconstructions and codes of the shown rows."""
        originals, _ = self.shown(self.config.display.n_reconstructed)
        scattered, _ = self.shown(self.config.display.n_scattered)
        found = {}
        if len(originals):
            found["reconstruction"] = engine.predict(originals)
        if len(scattered):
            found["code"] = engine.encode(scattered)
        return found

    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """Squared error per number on every test row, and the mean of the last losses."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        if len(self.dataset.X_test):
            results["test_mse"] = self._error(engine, self.dataset.X_test)
        return results

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """The error on all test rows."""
        if "test_mse" not in results:
            return []
        n = len(self.dataset.X_test)
        return [f"test mean squared error on all {n:,} rows: {results['test_mse']:.4g}"]

    def _error(self, engine: Engine, rows: Array) -> float:
        target = fractions(rows, self.config.training.dtype)
        return mean_squared_error(engine.predict(rows), target)
