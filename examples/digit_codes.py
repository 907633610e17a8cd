"""An autoencoder compresses each MNIST digit to three numbers, and draws it from them again.

Usage: python digit_codes.py [FOLDER]
"""

import sys
from pathlib import Path

from hiddenstate import Autoencoder, load_mnist
from hiddenstate.views import figures

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)

digits = load_mnist(flat=True)  # X (60000, 784) uint8, read as fractions of 255
ae = Autoencoder(code_size=3, lr=0.005, epochs=2, random_state=0)
ae.fit(digits.X)  # without labels
error = -ae.score(digits.X_test)
print(f"mean squared error of a test pixel after {ae.n_steps_} updates: {error:.4f}")

# The labels only colour the drawing: equal digits lie together anyway.
codes = ae.transform(digits.X_test[:200])  # (200, 3)
names = [str(digit) for digit in range(10)]
figures.codes(codes, digits.y_test[:200], names).savefig(folder / "digit_codes.png")

rebuilt = ae.inverse_transform(codes[:5])  # (5, 784), fractions of 255
figure = figures.reconstructions(digits.X_test[:5] / 255, rebuilt, (28, 28))
figure.savefig(folder / "digits_rebuilt.png")
print(f"in {folder}: digit_codes.png, digits_rebuilt.png")
