"""classify: a recurrent net reads each row step by step and names its class."""

from typing import Any

import numpy as np

from hiddenstate import baselines
from hiddenstate.config import Config
from hiddenstate.data import Rows
from hiddenstate.engines import Engine
from hiddenstate.jobs.base import Array, Job
from hiddenstate.metrics import accuracy, cross_entropy, softmax
from hiddenstate.models import Net


class ClassifyJob(Job):
    """LSTM 28->64, last step -> Linear 64->10, cross-entropy, unless told otherwise."""

    headlines = ("test_accuracy",)

    def make_net(self) -> Net:
        """A recurrent net with one output a class."""
        assert self.dataset.classes is not None
        n_classes = len(self.dataset.classes)
        return Net("classify", self.config.model, self.dataset.X.shape[2], n_classes)

    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Accuracy on the first test rows."""
        test, n = self.dataset.test, self.config.display.n_evaluated
        if n == 0 or test is None or test.y is None or not len(test):
            return {}
        some = test.take(slice(0, n))
        assert some.y is not None
        return {"test_accuracy": accuracy(self.predict(engine, some), some.y)}

    def loss(self, engine: Engine, rows: Rows) -> float:
        """Cross-entropy."""
        assert rows.y is not None
        return cross_entropy(self.predict(engine, rows), rows.y)

    def keepsake(self) -> dict[str, Array]:
        """The example digits, and the rows whose predictions are shown."""
        rows = self.shown(self.config.display.n_predicted)
        assert rows.y is not None
        return self.examples() | {"shown": self.drawn(rows), "shown_label": rows.y}

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Class probabilities of the shown rows."""
        rows = self.shown(self.config.display.n_predicted)
        return {"probability": softmax(self.predict(engine, rows))} if len(rows) else {}

    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """Accuracy on every test row, and the mean of the last losses."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        test = self.dataset.test
        if test is not None and len(test) and test.y is not None:
            results["test_accuracy"] = accuracy(self.predict(engine, test), test.y)
            if self.dataset.source != "bundled" and self.dataset.y is not None:
                results["baseline_accuracy"] = baselines.majority(
                    self.dataset.y, test.y, self.net.n_outputs
                )
        return results

    @classmethod
    def line(cls, event: dict[str, Any], config: Config) -> str:
        """The classic line, with the accuracy where there is one."""
        line = super().line(event, config)
        if "test_accuracy" in event:
            line += f" | test accuracy: {event['test_accuracy']:.2f}"
        return line

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """Predicted beside real labels, then the accuracy on all test rows."""
        lines = []
        rows = self.shown(self.config.display.n_predicted)
        assert self.dataset.classes is not None
        if len(rows) and rows.y is not None:
            labels = np.asarray(self.dataset.classes)
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
