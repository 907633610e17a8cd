"""An LSTM reads MNIST digits row by row: train it, see when it decides, keep it, take it elsewhere.

Usage: python classify_digits.py [FOLDER]
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from hiddenstate import RecurrentClassifier, load, load_mnist
from hiddenstate.views import figures

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)

# Train. An image is a series of 28 steps (its rows) of 28 features (the pixels of a row).
digits = load_mnist()  # X (60000, 28, 28) uint8, y (60000,), and X_test, y_test
clf = RecurrentClassifier(cell="lstm", hidden_size=64, lr=0.01, epochs=1, random_state=0)
clf.fit(digits.X, digits.y)
accuracy = clf.score(digits.X_test, digits.y_test)
print(f"test accuracy after {clf.n_steps_} updates: {accuracy:.4f}")

# When does it decide? A stream reads the rows one by one and answers after each.
four, truth = digits.X_test[:4], digits.y_test[:4]
chances = clf.stream(rows=4).feed(four)  # (4, 28, 10): probabilities after 1, 2, ... 28 rows
states = clf.hidden_states(four)  # (4, 28, 64): h_t after every row
names = [str(label) for label in clf.classes_]
figure = figures.decision(four / 255, np.arange(1, 29), chances, states, truth, names, (28, 28))
figure.savefig(folder / "decision.png")

# A digit of your own: white on black in 28 x 28 pixels. Here a seven, drawn with two lines.
image = Image.new("L", (28, 28))
ImageDraw.Draw(image).line([(8, 7), (20, 7), (13, 22)], fill=255, width=2)
own = np.array(image)[None]  # (1, 28, 28) uint8, like the training data
chance = clf.predict_proba(own)[0]
print(f"your digit: {clf.predict(own)[0]}, with probability {chance.max():.2f}")

# Keep the model: one file, without pickle, that loads as the same estimator.
clf.save(folder / "digits.safetensors")
again = load(folder / "digits.safetensors", RecurrentClassifier)
assert (again.predict_proba(own) == chance[None]).all()

# Take it elsewhere: one HTML page with the network inside, on which you draw digits.
report = clf.export("html", folder / "digits.html", force=True)
print(f"its page answers as the model does, within {report.difference:.0e}")
print(f"in {folder}: decision.png, digits.safetensors, digits.html")
