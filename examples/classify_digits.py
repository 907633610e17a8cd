"""Train an LSTM on the bundled MNIST digits, row by row; print the accuracy, draw ten predictions.

Usage: python classify_digits.py [FOLDER]
"""

import sys
from pathlib import Path

from hiddenstate import RecurrentClassifier, load_mnist
from hiddenstate.views.figures import predictions


def main(max_steps: int | None = None, out: str | Path = ".") -> float:
    """Train for one epoch or `max_steps` updates, and return the accuracy on the test images."""
    digits = load_mnist()  # X (60000, 28, 28) uint8: 28 steps of 28 features
    n_test = None if max_steps is None else 500

    clf = RecurrentClassifier(
        cell="lstm", hidden_size=64, lr=0.01, epochs=1, max_steps=max_steps, random_state=0
    )
    clf.fit(digits.X, digits.y)
    accuracy = float(clf.score(digits.X_test[:n_test], digits.y_test[:n_test]))
    print(f"test accuracy after {clf.n_steps_} updates: {accuracy:.4f}")

    first = digits.X_test[:10]
    real, predicted = map(str, digits.y_test[:10]), map(str, clf.predict(first))
    figure = predictions(first / 255, list(real), list(predicted), picture=(28, 28))
    figure.savefig(Path(out) / "classify_digits.png")
    return accuracy


if __name__ == "__main__":
    main(out=sys.argv[1] if len(sys.argv) > 1 else ".")
