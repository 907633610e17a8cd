"""autoencode: rows pressed into a few numbers and built again from them."""

from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate import baselines
from hiddenstate.config import AutoencoderConfig
from hiddenstate.data import Rows, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.engines import Engine, Task
from hiddenstate.errors import DataError
from hiddenstate.jobs.base import Array, Job
from hiddenstate.metrics import reconstruction_error
from hiddenstate.models import Net

QUICK = 10**10
"""Multiplications that principal components may cost at a run's end; `evaluate` always has them."""


class AutoencodeJob(Job):
    """784-128-64-12-3 and its mirror, squared error per pixel, unless told otherwise."""

    headlines = ("test_mse",)

    def make_net(self) -> Net:
        """A net from the row to itself."""
        F, model, X = self.dataset.X.shape[1], self.config.model, self.dataset.X
        assert isinstance(model, AutoencoderConfig)
        low, high = (0.0, 1.0) if X.dtype == np.uint8 else _range(X)
        in_range = low >= 0 and high <= 1
        if model.output_activation == "sigmoid" and not in_range:
            raise DataError(
                f"{self.dataset.name}: values from {low:.4g} to {high:.4g} cannot come out "
                "of a sigmoid; use --output-activation linear or --scale minmax"
            )
        if model.output_activation == "auto":
            model = replace(model, output_activation="sigmoid" if in_range else "linear")
        return Net("autoencode", model, F, F)

    def task(self) -> Task:
        """As every job's, but rows are their own target."""
        return replace(super().task(), y=None)

    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Error per number on the first test rows, if any are asked for."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if test is None or not n or not len(test):
            return {}
        some = test.take(slice(0, n))
        return {"test_mse": self.loss(engine, some)}

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Squared error per number, of rows as they are scaled."""
        return reconstruction_error(engine.predict, rows.X)

    def keepsake(self) -> dict[str, Array]:
        """The example, the originals to reconstruct, and the labels of the drawn codes."""
        originals = self.shown(self.config.display.n_reconstructed)
        labels = self.shown(self.config.display.n_scattered).y
        kept = self.examples() | {"original": self.drawn(originals)}
        return kept | ({} if labels is None else {"code_label": labels})

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Reconstructions and codes of the shown rows."""
        originals = self.shown(self.config.display.n_reconstructed)
        scattered = self.shown(self.config.display.n_scattered)
        found = {}
        if len(originals):
            found["reconstruction"] = self.preparation.undo(self.predict(engine, originals))
        if len(scattered):
            found["code"] = engine.encode(scattered.X[:])
        return found

    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """Squared error per number on every test row, and the mean of the last losses."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        test = self.dataset.test
        if test is not None and len(test):
            results["test_mse"] = self.loss(engine, test)
            rows, F = self.dataset.X, self.net.n_features
            quick = not isinstance(rows, RowStore) and len(rows) * F * F < QUICK
            if self.dataset.source != "bundled" and quick:
                size = self.net.widths()[-1]
                results["baseline_mse"] = baselines.principal_components(rows, test.X, size)
        return results

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """The error on all test rows."""
        if "test_mse" not in results:
            return []
        n = len(self.dataset.X_test)
        line = f"test mean squared error on all {n:,} rows: {results['test_mse']:.4g}"
        if "baseline_mse" in results:
            size = self.net.widths()[-1]
            line += f" ({size} principal components: {results['baseline_mse']:.4g})"
        return [line]


def _range(X: Any) -> tuple[float, float]:
    """The least and the greatest number of an array or a store."""
    pairs = [(piece.min(), piece.max()) for _, piece in in_pieces(X)]
    return float(min(low for low, _ in pairs)), float(max(high for _, high in pairs))
