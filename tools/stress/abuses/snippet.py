"""Runs Python code as a user would write it, and reports how it ended as a command does.

The code starts with the names of this module: X and y, the estimators, numpy and the helpers. An
error that the interface documents is printed as one line, with the exit code of its class; an
assertion that fails is a wrong answer; any other exception is a defect, with its traceback.
"""

import copy
import pickle
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import hiddenstate as hs
from hiddenstate import Autoencoder, RecurrentClassifier, RecurrentRegressor, load, read_data
from hiddenstate.errors import HiddenstateError

EXPECTED = (HiddenstateError, ValueError, TypeError, AttributeError)
"""Errors that scikit-learn's conventions allow for wrong arguments."""

WRONG = 9
"""Exit code of a failed assertion, which no abuse expects."""

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 5, 2))
y = np.array(["up", "down"] * 12)
z = X[:, -1, 0] * 2


def clf(**changes: Any) -> RecurrentClassifier:
    """Return a small classifier."""
    settings = {"hidden_size": 4, "max_steps": 3, "random_state": 0, "threads": 1}
    return RecurrentClassifier(**{**settings, **changes})


def reg(**changes: Any) -> RecurrentRegressor:
    """Return a small regressor."""
    settings = {"hidden_size": 4, "max_steps": 3, "random_state": 0, "threads": 1}
    return RecurrentRegressor(**{**settings, **changes})


def ae(**changes: Any) -> Autoencoder:
    """Return a small autoencoder."""
    settings = {"encoder_sizes": (4,), "code_size": 2, "max_steps": 3, "random_state": 0}
    return Autoencoder(**{**settings, "threads": 1, **changes})


def same(one: Any, two: Any) -> bool:
    """Return whether arrays are equal to the last bit, and have one shape."""
    one, two = np.asarray(one), np.asarray(two)
    return one.shape == two.shape and bool((one == two).all())


def refused(call: Callable[[], Any]) -> bool:
    """Return whether a call raises an error that the interface documents."""
    try:
        call()
    except EXPECTED:
        return True
    return False


def main(path: Path) -> int:
    """Run the code in a file; return the exit code."""
    names = {
        **{name: value for name, value in globals().items() if not name.startswith("__")},
        "copy": copy,
        "hs": hs,
        "load": load,
        "pickle": pickle,
        "read_data": read_data,
    }
    code = compile(path.read_text(encoding="utf-8"), "snippet.py", "exec")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec(code, names)
        except AssertionError as error:
            lines = [step.lineno for step in traceback.extract_tb(error.__traceback__)[1:]]
            print(f"wrong answer: the assertion in line {lines[0]} fails", file=sys.stderr)
            return WRONG
        except HiddenstateError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
        except EXPECTED as error:
            if _raised_on_purpose(error):
                first = " ".join(str(error).split())[:400]
                print(f"error: {type(error).__name__}: {first}", file=sys.stderr)
                return 2
            raise
    return 0


def _raised_on_purpose(error: BaseException) -> bool:
    """Return whether an error was raised by the code or a check of scikit-learn."""
    place = traceback.extract_tb(error.__traceback__)[-1].filename
    return "sklearn" in place or place == "snippet.py"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
