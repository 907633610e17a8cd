"""classify: a recurrent net reads each row step by step and names its class."""

from typing import Any

import numpy as np

from hiddenstate.engines import Engine
from hiddenstate.jobs.base import Array, Job
from hiddenstate.metrics import accuracy, softmax
from hiddenstate.models import Net


class ClassifyJob(Job):
    """LSTM 28->64, last step -> Linear 64->10, cross-entropy, unless told otherwise."""

    headline = "test_accuracy"

    def make_net(self) -> Net:
        """A recurrent net with one output a class."""
        assert self.dataset.classes is not None
        n_classes = len(self.dataset.classes)
        return Net("classify", self.config.model, self.dataset.X.shape[2], n_classes)

    def evaluate(self, engine: Engine) -> dict[str, float]:
        """Accuracy on the first test rows."""
        n = self.config.display.n_evaluated
        if n == 0 or self.dataset.y_test is None or not len(self.dataset.X_test):
            return {}
        outputs = engine.predict(self.dataset.X_test[:n])
        return {"test_accuracy": accuracy(outputs, self.dataset.y_test[:n])}

    def keepsake(self) -> dict[str, Array]:
        """The example digits, and the rows whose predictions are shown."""
        X, y = self.shown(self.config.display.n_predicted)
        assert y is not None
        return self.examples() | {"shown": X, "shown_label": y}

    def snapshot(self, engine: Engine) -> dict[str, Array]:
        """Class probabilities of the shown rows."""
        X, _ = self.shown(self.config.display.n_predicted)
        return {"probability": softmax(engine.predict(X))} if len(X) else {}

    def finish(self, engine: Engine, recent: list[float]) -> dict[str, Any]:
        """Accuracy on every test row, and the mean of the last losses."""
        results: dict[str, Any] = {"train_loss": float(np.mean(recent))}
        if len(self.dataset.X_test) and self.dataset.y_test is not None:
            outputs = engine.predict(self.dataset.X_test)
            results["test_accuracy"] = accuracy(outputs, self.dataset.y_test)
        return results

    @classmethod
    def line(cls, event: dict[str, Any]) -> str:
        """The classic line, with the accuracy where there is one."""
        line = super().line(event)
        if "test_accuracy" in event:
            line += f" | test accuracy: {event['test_accuracy']:.2f}"
        return line

    def closing(self, engine: Engine, results: dict[str, Any]) -> list[str]:
        """Predicted beside real labels, then the accuracy on all test rows."""
        lines = []
        X, y = self.shown(self.config.display.n_predicted)
        assert self.dataset.classes is not None
        if len(X) and y is not None:
            labels = np.asarray(self.dataset.classes)
            lines.append(f"{labels[engine.predict(X).argmax(axis=1)]} prediction number")
            lines.append(f"{labels[y]} real number")
        if "test_accuracy" in results:
            n, score = len(self.dataset.X_test), results["test_accuracy"]
            lines.append(f"test accuracy on all {n:,} rows: {score:.4f}")
        return lines
