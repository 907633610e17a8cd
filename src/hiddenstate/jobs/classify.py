"""classify: a recurrent net reads each row step by step and names its class."""

from typing import Any

import numpy as np

from hiddenstate.config import Config
from hiddenstate.data import Rows
from hiddenstate.engines import Engine
from hiddenstate.inference.hidden_states import prefixes
from hiddenstate.jobs.base import Array, Evaluation, Job
from hiddenstate.jobs.snapshot_limits import (
    CLASSES_CONFUSED,
    ROWS_FOLLOWED,
    STEPS_KEPT,
    UNITS_KEPT,
    WORST_BYTES,
    WORST_KEPT,
    affordable,
    thinned,
)
from hiddenstate.metrics import baselines
from hiddenstate.metrics.scores import accuracy, confusion, cross_entropy, softmax
from hiddenstate.models.net import Net


class ClassifyJob(Job):
    """LSTM 28->64, last step -> Linear 64->10, cross-entropy, unless told otherwise."""

    def make_net(self) -> Net:
        """A recurrent net with one output a class."""
        n_classes = len(self.dataset.require_classes())
        return Net("classify", self.config.model, self.dataset.X.shape[2], n_classes)

    def evaluate(self, engine: Engine) -> Evaluation:
        """Accuracy on the first test rows, what they were taken for, and the worst of them."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if n == 0 or test is None or not len(test):
            return Evaluation()
        return self._judge(engine, test.take(slice(0, n)))

    def _judge(self, engine: Engine, rows: Rows) -> Evaluation:
        """Accuracy on `rows`, their confusion, and those the net is furthest wrong on."""
        y, C = rows.y, self.net.n_outputs
        if y is None:
            return Evaluation()
        outputs = self.predict(engine, rows)
        chosen, chance = outputs.argmax(axis=1), softmax(outputs)[np.arange(len(y)), y]
        n = affordable(rows.X.shape[1:], rows.X.dtype.itemsize, WORST_BYTES, WORST_KEPT)
        order = np.argsort(chance, kind="stable")[:n]
        worst = order[chosen[order] != y[order]]
        found: dict[str, Array] = {
            "worst": worst,
            "worst_row": self.drawn(rows.take(worst)),
            "worst_label": y[worst],
            "worst_chosen": chosen[worst],
            "worst_chance": chance[worst],
        }
        if C <= CLASSES_CONFUSED:
            found["confusion"] = confusion(y, chosen, C).astype(np.int32)
        return Evaluation({"test_accuracy": accuracy(outputs, y)}, found)

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Cross-entropy."""
        return cross_entropy(self.predict(engine, rows), rows.require_targets())

    def static_arrays(self) -> dict[str, Array]:
        """The example digits, the rows whose predictions are shown, and how much of the first
        of them was read where their states are."""
        rows = self.shown(self.config.display.n_predicted)
        found = self.examples() | {"shown": self.drawn(rows), "shown_label": rows.require_targets()}
        return found | {"read": self._ends()}

    def _ends(self) -> Array:
        """Steps read (P,) where states and chances are kept, the last step among them."""
        return thinned(self.dataset.X.shape[1], STEPS_KEPT) + 1

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Class probabilities of the shown rows; of the first of them the state and the
        probabilities after each part read, as of a row that ends there."""
        rows = self.shown(self.config.display.n_predicted)
        if not len(rows):
            return {}
        found = {"probability": softmax(self.predict(engine, rows))}
        some, ends = rows.take(slice(0, ROWS_FOLLOWED)), self._ends()
        X = some.X[:]
        states = self.states(engine).predict(X, some.lengths)
        found["hidden"] = states[:, ends - 1, :UNITS_KEPT]
        if self.net.n_outputs <= CLASSES_CONFUSED:
            outputs = engine.predict(*prefixes(X, some.lengths, ends))
            found["decision"] = softmax(outputs).reshape(len(X), len(ends), -1)
        return found

    def finish(self, engine: Engine, recent: list[float]) -> Evaluation:
        """Accuracy on every test row, and the mean of the last losses."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        test = self.dataset.test
        if test is None or not len(test) or test.y is None:
            return Evaluation(results)
        judged = self._judge(engine, test)
        results |= judged.figures
        if self.dataset.source != "bundled" and self.dataset.y is not None:
            results["baseline_accuracy"] = baselines.majority(
                self.dataset.y, test.y, self.net.n_outputs
            )
        return Evaluation(results, judged.arrays)

    @classmethod
    def line(cls, event: dict[str, Any], config: Config) -> str:
        """The classic line, with the accuracy where there is one."""
        line = super().line(event, config)
        if "test_accuracy" in event:
            line += f" | test accuracy: {event['test_accuracy']:.2f}"
        return line

    def summary_lines(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """Predicted beside real labels, then the accuracy on all test rows."""
        lines = []
        rows = self.shown(self.config.display.n_predicted)
        if len(rows) and rows.y is not None:
            labels = np.asarray(self.dataset.require_classes())
            chosen = self.predict(engine, rows).argmax(axis=1)
            for numbers, what in ((chosen, "prediction number"), (rows.y, "real number")):
                lines.append(f"{np.array2string(labels[numbers], max_line_width=10**6)} {what}")
        if "test_accuracy" in results:
            n, score = len(self.dataset.X_test), results["test_accuracy"]
            line = f"test accuracy on all {n:,} rows: {score:.4f}"
            if "baseline_accuracy" in results:
                line += f" (always the most frequent class: {results['baseline_accuracy']:.4f})"
            lines.append(line)
        return lines
