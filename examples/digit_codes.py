"""Train an autoencoder with a code of three numbers; print the error, draw the codes of 200 digits.

Usage: python digit_codes.py [FOLDER]
"""

import sys
from pathlib import Path

from hiddenstate import Autoencoder, load_mnist
from hiddenstate.views.figures import codes, reconstructions


def main(max_steps: int | None = None, out: str | Path = ".") -> float:
    """Train for two epochs or `max_steps` updates, and return the squared error per test pixel."""
    digits = load_mnist(flat=True)  # X (60000, 784) uint8, read as fractions of 255
    X_test = digits.X_test if max_steps is None else digits.X_test[:500]

    ae = Autoencoder(code_size=3, lr=0.005, epochs=2, max_steps=max_steps, random_state=0)
    ae.fit(digits.X)
    error = float(-ae.score(X_test))
    print(f"mean squared error after {ae.n_steps_} updates: {error:.4f}")

    names = [str(digit) for digit in range(10)]
    drawn = codes(ae.transform(X_test[:200]), digits.y_test[:200], names)
    drawn.savefig(Path(out) / "digit_codes.png")
    five = X_test[:5]
    rebuilt = ae.inverse_transform(ae.transform(five))
    reconstructions(five / 255, rebuilt, (28, 28)).savefig(Path(out) / "digits_rebuilt.png")
    return error


if __name__ == "__main__":
    main(out=sys.argv[1] if len(sys.argv) > 1 else ".")
