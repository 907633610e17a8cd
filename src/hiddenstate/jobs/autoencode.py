"""autoencode: rows pressed into a few numbers and built again from them."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig
from hiddenstate.data import Rows, fractions, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.engines import Engine, Task, make_predictor
from hiddenstate.errors import DataError
from hiddenstate.jobs.base import Array, Evaluation, Job
from hiddenstate.jobs.snapshot_limits import (
    DECODED_BYTES,
    DESCRIBED_BYTES,
    GRID_SIDE,
    WALK_STEPS,
    WORST_BYTES,
    WORST_KEPT,
    affordable,
    as_pixels,
    ends_of_walk,
    plane_of,
)
from hiddenstate.metrics import baselines
from hiddenstate.metrics.scores import error_by_row, reconstruction_error
from hiddenstate.models.net import Net

QUICK = 10**10
"""Multiplications that principal components may cost at a run's end; `evaluate` always has them."""

COMPONENTS_ROWS, COMPONENTS_WIDEST, MEASURED = 2000, 1024, 10**7
"""Training rows for the components drawn beside the loss, the widest rows they are drawn for, and
the numbers of test rows they are measured on: about a tenth of a second before training begins."""


class AutoencodeJob(Job):
    """784-128-64-12-3 and its mirror, squared error per pixel, unless told otherwise."""

    def make_net(self) -> Net:
        """A net from the row to itself."""
        F, model, X = self.dataset.X.shape[1], self.config.model, self.dataset.X
        assert isinstance(model, AutoencoderConfig)
        low, high = (0.0, 1.0) if X.dtype == np.uint8 else _range(X)
        in_range = low >= 0 and high <= 1
        if model.output_activation == "sigmoid" and not in_range:
            scaled = " once scaled" if self.transform.scaling is not None else ""
            raise DataError(
                f"{self.dataset.name}: values from {low:.4g} to {high:.4g}{scaled} cannot come "
                "out of a sigmoid; use --output-activation linear or --scale minmax"
            )
        if model.output_activation == "auto":
            model = replace(model, output_activation="sigmoid" if in_range else "linear")
        return Net("autoencode", model, F, F)

    def task(self) -> Task:
        """As every job's, but rows are their own target."""
        return replace(super().task(), y=None)

    def evaluate(self, engine: Engine) -> Evaluation:
        """Error per number on the first test rows, if any are asked for."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if test is None or not n or not len(test):
            return Evaluation()
        some = test.take(slice(0, n))
        return Evaluation({"test_mse": self.loss(engine, some)})

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Squared error per number, of rows as they are scaled."""
        return reconstruction_error(engine.predict, rows.X)

    def static_arrays(self) -> dict[str, Array]:
        """The example, the originals to reconstruct, the labels of the drawn codes and the rows
        they are of, the two rows to walk between, and what principal components reach."""
        originals = self.shown(self.config.display.n_reconstructed)
        scattered = self.shown(self.config.display.n_scattered)
        kept = self.examples() | {"original": self.drawn(originals)}
        if len(scattered):
            if scattered.y is not None:
                kept["code_label"] = scattered.y
            kept["code_row"] = self.drawn(self._described(scattered))
            kept["walk_end"] = self.drawn(scattered.take(np.array(self._walk(scattered))))
        reached = self._principal_errors()
        return kept | {name: np.array([error]) for name, error in reached.items()}

    def _described(self, scattered: Rows) -> Rows:
        """Those of the drawn rows that are kept, to be seen beside their codes."""
        X = scattered.X
        n = affordable(X.shape[1:], X.dtype.itemsize, DESCRIBED_BYTES, len(X))
        return scattered.take(slice(0, n))

    def _walk(self, scattered: Rows) -> tuple[int, int]:
        return ends_of_walk(scattered.y, len(scattered))

    def _principal_errors(self) -> dict[str, float]:
        """What as many principal components, found on the first training rows, err: on these, on
        the test rows, and on those of them that are looked at while learning; nothing where that
        would take long."""
        X, test = self.dataset.X, self.dataset.X_test
        F = X.shape[1]
        if F > COMPONENTS_WIDEST:
            return {}
        known = X[:COMPONENTS_ROWS]
        others = {"pca_train_mse": known}
        if len(test):
            most = COMPONENTS_ROWS if isinstance(test, RowStore) else MEASURED // F
            others["pca_mse"] = test[:most]
            if n := self.config.display.n_evaluated:
                others["pca_evaluated_mse"] = test[: min(n, most)]
        errors = baselines.principal_errors(known, list(others.values()), self.net.widths()[-1])
        return dict(zip(others, errors, strict=True))

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Reconstructions and codes of the shown rows; rows decoded from a square of the code
        space, and from the way between two codes."""
        originals = self.shown(self.config.display.n_reconstructed)
        scattered = self.shown(self.config.display.n_scattered)
        found = {}
        if len(originals):
            found["reconstruction"] = self._rebuilt(self.predict(engine, originals))
        if len(scattered):
            codes = engine.encode(scattered.X[:])
            first, last = (codes[row] for row in self._walk(scattered))
            width = self._rebuilt(np.zeros((1, self.net.n_features))).nbytes
            side = math.isqrt(affordable((width,), 1, DECODED_BYTES, GRID_SIDE**2))
            square = plane_of(codes, side)
            way = first + np.linspace(0, 1, WALK_STEPS)[:, None] * (last - first)
            model = self.fitted(engine.export().params)
            decoder = make_predictor(model, "cpu", self.config.training.threads)
            decoded = self._rebuilt(
                decoder.decode(np.concatenate([square, way.astype(codes.dtype)]))
            )
            found |= {"code": codes, "grid_code": square}
            found |= {"grid": decoded[: side * side], "walk": decoded[side * side :]}
        return found

    def _rebuilt(self, outputs: Array) -> Array:
        """The net's rows in the units of the data; of pixels a byte each."""
        rows = self.transform.undo(outputs)
        return as_pixels(rows) if self.dataset.X.dtype == np.uint8 else rows

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Squared error per number on every test row, and the mean of the last losses; the rows
        rebuilt worst, and those behind the drawn codes rebuilt."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        test = self.dataset.test
        if test is not None and len(test):
            results["test_mse"] = self.loss(engine, test)
            rows, F = self.dataset.X, self.net.n_features
            quick = not isinstance(rows, RowStore) and max(len(rows), F) * F * F < QUICK
            if self.dataset.source != "bundled" and quick:
                size = self.net.widths()[-1]
                results["baseline_mse"] = baselines.principal_components(rows, test.X, size)
        return Evaluation(results, self._worst(engine) | self._described_again(engine))

    def _worst(self, engine: Engine) -> dict[str, Array]:
        """The test rows rebuilt worst, beside what became of them."""
        test, errors = self.dataset.test, []
        if test is None or not len(test):
            return {}
        for _, piece in in_pieces(test.X):
            made = engine.predict(piece)
            errors.append(error_by_row(made, fractions(piece, made.dtype)))
        error = np.concatenate(errors)
        n = affordable(test.X.shape[1:], 2 * test.X.dtype.itemsize, WORST_BYTES, WORST_KEPT)
        worst = np.argsort(-error, kind="stable")[:n]
        rows = test.take(worst)
        found = {"worst": worst, "worst_error": error[worst], "worst_row": self.drawn(rows)}
        found["worst_rebuilt"] = self._rebuilt(self.predict(engine, rows))
        return found if rows.y is None else found | {"worst_label": rows.y}

    def _described_again(self, engine: Engine) -> dict[str, Array]:
        scattered = self.shown(self.config.display.n_scattered)
        if not len(scattered):
            return {}
        return {"code_rebuilt": self._rebuilt(self.predict(engine, self._described(scattered)))}

    def summary_lines(self, engine: Engine, results: dict[str, Any]) -> list[str]:
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
