"""A watch tells what its wearer does: a small GRU, exported as a C header and run sample by sample.

The data is BasicMotions: 80 recordings of a watch's accelerometer and gyroscope, 10 s at 10 Hz.

Usage: python motion_on_device.py [FOLDER]    (pip install '.[series]', and a C compiler)
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from aeon.datasets import load_basic_motions

from hiddenstate import RecurrentClassifier

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "examples-output")
folder.mkdir(parents=True, exist_ok=True)

# aeon has the channels first: (40, 6, 100). Recordings (40, 100, 6) are steps of six numbers.
X, y = load_basic_motions(split="train")
X_test, y_test = load_basic_motions(split="test")
X, X_test = X.transpose(0, 2, 1), X_test.transpose(0, 2, 1)

# One direction and one layer: it answers after each sample, and its state is only 16 numbers.
clf = RecurrentClassifier(
    cell="gru", hidden_size=16, lr=0.01, epochs=40, batch_size=8, random_state=0
)
clf.fit(X, y)
chances = clf.stream(rows=len(X_test)).feed(X_test)  # (40, 100, 4)
for seconds in (1, 2, 5, 10):
    answers = clf.classes_[chances[:, 10 * seconds - 1].argmax(axis=1)]
    print(f"right after {seconds:2} s: {np.mean(answers == y_test):.0%} of 40 test recordings")

clf.export("c", folder / "motion.h", force=True)
print(f"exported: {folder / 'motion.h'}")

compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
if compiler is None:
    sys.exit("no C compiler (cc, gcc or clang) is installed, so the program was not built")
program = folder.resolve() / "motion"
source = Path(__file__).with_name("motion_on_device.c")
subprocess.run([compiler, "-O2", "-I", folder, source, "-o", program, "-lm"], check=True)

# The program reads each recording as text, as a device reads its sensors, and answers 100 times.
largest = 0.0
for recording, expected in zip(X_test, chances, strict=True):
    samples = "\n".join(" ".join(f"{value:.9g}" for value in sample) for sample in recording)
    done = subprocess.run([program], input=samples, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines()]  # label, then probabilities
    computed = np.array([line[1:] for line in lines], float)
    largest = max(largest, np.abs(computed - expected).max())
print(f"largest difference of its 4000 answers from those of Python: {largest:.0e}")
print(f"the last recording, {y_test[-1]}: {lines[9][0]} after 1 s, {lines[-1][0]} after 10 s")
