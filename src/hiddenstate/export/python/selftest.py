"""The self-test of an exported Python file."""

import sys

import numpy as np

from hiddenstate.export.python.model import Model


def selftest(model: Model) -> int:
    """Compare the answers to the example of the file with those of the model; 1 if they differ."""
    examples, wrong = model.about.get("examples", {}), 0
    for example in examples.values():
        answers = model.predict(np.array([example["x"]], np.float64))
        for name, tolerance in example["tolerance"].items():
            off = float(np.abs(answers[name][0] - np.array(example["answers"][name])).max())
            word = "passed" if off <= tolerance else "FAILED"
            wrong += word == "FAILED"
            sys.stdout.write(f"{name}: difference {off:.3g}, limit {tolerance:g}: {word}\n")
    if not examples:
        sys.stdout.write("no example: a row of this model has too many numbers\n")
    return int(wrong > 0 or not examples)
