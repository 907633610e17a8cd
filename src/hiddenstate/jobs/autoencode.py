"""autoencode: rows pressed into a few numbers and reconstructed from them."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from hiddenstate.config import AutoencoderConfig
from hiddenstate.data import PreparedDataset, Rows, in_pieces
from hiddenstate.data.store import RowStore
from hiddenstate.engines import Engine, make_predictor
from hiddenstate.errors import DataError
from hiddenstate.inference.score_intervals import errors_of_rows, of_errors, units_of_rows
from hiddenstate.jobs.base import Evaluation, Job
from hiddenstate.jobs.snapshot_arrays import JobSnapshots, TrainingOutputs
from hiddenstate.jobs.snapshot_limits import (
    DECODED_BYTES,
    DESCRIBED_BYTES,
    GRID_SIDE,
    WALK_STEPS,
    WORST_BYTES,
    WORST_KEPT,
    affordable,
    ends_of_walk,
    in_own_units,
    numbers_to_show,
    pixel_bytes,
    plane_of,
    rows_to_show,
)
from hiddenstate.metrics import baselines
from hiddenstate.metrics.scores import reconstruction_error
from hiddenstate.models.net import Net
from hiddenstate.system.typing import Array

MAX_COMPONENT_COST = 10**10
"""Most multiplications spent on principal components at a run's end; `evaluate` has no limit."""

COMPONENTS_ROWS, COMPONENTS_WIDEST, MEASURED = 2000, 1024, 10**7
"""For the principal components drawn beside the loss: the training rows they are fitted on, the
widest rows, and the numbers of test rows they are scored on. They take about 0.1 s."""


class AutoencodeJob(Job):
    """By default dense layers 784-128-64-12-3 and their mirror, with squared error per pixel."""

    def _make_net(self) -> Net:
        F, model, X = self.dataset.X.shape[1], self.config.model, self.dataset.X
        assert isinstance(model, AutoencoderConfig)  # as this job's config has it
        low, high = (0.0, 1.0) if X.dtype == np.uint8 else _range(X)
        in_range = low >= 0 and high <= 1
        if model.output_activation == "sigmoid" and not in_range:
            scaled = " after scaling" if self.dataset.transform.scaling is not None else ""
            raise DataError(
                f"{self.dataset.name}: values from {low:.4g} to {high:.4g}{scaled} are outside "
                "the range of a sigmoid; use --output-activation linear or --scale minmax"
            )
        if model.output_activation == "auto":
            model = replace(model, output_activation="sigmoid" if in_range else "linear")
        return Net(self.config.job, model, F, F)

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Return the squared error per number, of scaled rows."""
        return reconstruction_error(engine.predict, rows.X)

    def evaluate(self, engine: Engine) -> Evaluation:
        """Compute the error per number on the first test rows, if any are asked for."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if test is None or not n or not len(test):
            return Evaluation()
        return Evaluation({"test_mse": self.loss(engine, test.take(slice(0, n)))})

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Compute the squared error per number on all test rows and the mean of the last losses;
        also the rows with the largest error, and reconstructions of the rows behind the codes."""
        results, arrays = {"train_loss": float(np.mean(recent))}, dict[str, Array]()
        test = self.dataset.test
        if test is not None and len(test):
            results["test_mse"] = self.loss(engine, test)
            rows, F = self.dataset.X, self.net.n_features
            cost = max(len(rows), F) * F * F
            in_memory = not isinstance(rows, RowStore)
            components = None
            if self.dataset.source != "bundled" and in_memory and cost < MAX_COMPONENT_COST:
                size = self.net.widths()[-1]
                components = baselines.fit_components(rows, (test.X,), size)
                results["baseline_mse"] = components.error(test.X)
            units = units_of_rows(self.dataset.transform, test)
            other = None if components is None else components.error_by_row(test.X)
            errors = errors_of_rows(engine.predict, test.X)
            results |= of_errors("test_mse", units, errors, other)
            arrays = self._worst(engine, test, errors)
        return Evaluation(results, arrays | self._coded_rows(engine))

    def _worst(self, engine: Engine, test: Rows, error: Array) -> dict[str, Array]:
        """Return the test rows with the largest error (N,), beside their reconstructions."""
        n = affordable(test.X.shape[1:], 2 * test.X.dtype.itemsize, WORST_BYTES, WORST_KEPT)
        worst = np.argsort(-error, kind="stable")[:n]
        rows = test.take(worst)
        arrays = {"worst": worst, "worst_error": error[worst]}
        arrays["worst_row"] = in_own_units(self.dataset, rows)
        arrays["worst_rebuilt"] = reconstructed(self.dataset, self.predict(engine, rows))
        return arrays if rows.y is None else arrays | {"worst_label": rows.y}

    def _coded_rows(self, engine: Engine) -> dict[str, Array]:
        rows = rows_to_show(self.dataset, self.config.display.n_scattered)
        if not len(rows):
            return {}
        outputs = self.predict(engine, described(rows))
        errors = errors_of_rows(engine.predict, rows.X)
        return {"code_rebuilt": reconstructed(self.dataset, outputs), "code_error": errors}


class AutoencodeSnapshots(JobSnapshots):
    """Reconstructions, codes, and rows decoded from the code space."""

    def static_arrays(self) -> dict[str, Array]:
        """Return the examples, the originals to reconstruct, the rows behind the drawn codes and
        their labels, the two rows to walk between, and the error of principal components."""
        arrays = self.examples() | {"original": in_own_units(self.dataset, self._originals())}
        scattered = self._scattered()
        if len(scattered):
            if scattered.y is not None:
                arrays["code_label"] = scattered.y
            numbers = numbers_to_show(self.dataset, self.config.display.n_scattered)
            if (numbers != np.arange(len(numbers))).any():
                arrays["code_number"] = numbers
            ends = scattered.take(np.array(self._walk(scattered)))
            arrays["code_row"] = in_own_units(self.dataset, described(scattered))
            arrays["walk_end"] = in_own_units(self.dataset, ends)
        return arrays | {n: np.array([error]) for n, error in self._component_errors().items()}

    def snapshot(self, engine: Engine, made: TrainingOutputs | None = None) -> dict[str, Array]:
        """Return reconstructions and codes of the shown rows, and rows decoded from a square of
        the code space and from the line between two codes."""
        originals, scattered = self._originals(), self._scattered()
        arrays = {}
        if len(originals):
            outputs = self.job.predict(engine, originals)
            arrays["reconstruction"] = reconstructed(self.dataset, outputs)
        if len(scattered):
            codes = engine.encode(scattered.X[:])
            first, last = (codes[row] for row in self._walk(scattered))
            width = reconstructed(self.dataset, np.zeros((1, self.job.net.n_features))).nbytes
            side = math.isqrt(affordable((width,), 1, DECODED_BYTES, GRID_SIDE**2))
            square = plane_of(codes, side)
            line = first + np.linspace(0, 1, WALK_STEPS)[:, None] * (last - first)
            points = np.concatenate([square, line.astype(codes.dtype)])
            decoded = reconstructed(self.dataset, self._decode(engine, points))
            arrays |= {"code": codes, "grid_code": square}
            arrays |= {"grid": decoded[: side * side], "walk": decoded[side * side :]}
        return arrays

    def _decode(self, engine: Engine, codes: Array) -> Array:
        model = self.job.fitted(engine.export().params)
        return make_predictor(model, "cpu", self.config.training.threads).decode(codes)

    def _originals(self) -> Rows:
        return rows_to_show(self.dataset, self.config.display.n_reconstructed)

    def _scattered(self) -> Rows:
        return rows_to_show(self.dataset, self.config.display.n_scattered)

    def _walk(self, scattered: Rows) -> tuple[int, int]:
        return ends_of_walk(scattered.y, len(scattered))

    def _component_errors(self) -> dict[str, float]:
        """Return the error of as many principal components as the code has numbers, fitted on the
        first training rows: on these, on the test rows, and on those evaluated while training.
        Empty where that would take long."""
        X, test = self.dataset.X, self.dataset.X_test
        F = X.shape[1]
        if F > COMPONENTS_WIDEST:
            return {}
        fitted_on = X[:COMPONENTS_ROWS]
        scored = {"pca_train_mse": fitted_on}
        if self.dataset.valid is not None:
            scored["pca_valid_mse"] = self.dataset.valid.X[:COMPONENTS_ROWS]
        if len(test):
            most = COMPONENTS_ROWS if isinstance(test, RowStore) else MEASURED // F
            scored["pca_mse"] = test[:most]
            if n := self.config.display.n_evaluated:
                scored["pca_evaluated_mse"] = test[: min(n, most)]
        size = self.job.net.widths()[-1]
        components = baselines.fit_components(fitted_on, list(scored.values()), size)
        return {name: components.error(rows) for name, rows in scored.items()}


def described(scattered: Rows) -> Rows:
    """Return those of the drawn rows that are kept, to be seen beside their codes."""
    X = scattered.X
    n = affordable(X.shape[1:], X.dtype.itemsize, DESCRIBED_BYTES, len(X))
    return scattered.take(slice(0, n))


def reconstructed(dataset: PreparedDataset, outputs: Array) -> Array:
    """Return the net's rows in the units of the data; pixels as uint8."""
    rows = dataset.transform.undo(outputs)
    return pixel_bytes(rows) if dataset.X.dtype == np.uint8 else rows


def _range(X: Any) -> tuple[float, float]:
    """Return the smallest and the largest number of an array or a store."""
    pairs = [(piece.min(), piece.max()) for _, piece in in_pieces(X)]
    return float(min(low for low, _ in pairs)), float(max(high for _, high in pairs))
