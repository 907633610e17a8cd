"""An example in every export: a row, and the answers of the model to it, to check it elsewhere."""

import math
from typing import Any

import numpy as np

from hiddenstate.export.facts import Example, Facts
from hiddenstate.export.magnitude import answer_limits
from hiddenstate.export.target import Source
from hiddenstate.export.trial import expected_answers
from hiddenstate.system.typing import Array

MOST = 1_000
"""Most numbers of an example; a row of more has fewer steps."""

TOLERANCE = 1e-5
"""By how much an answer may differ, by its scale: as much as that of the coarsest target."""


def add_example(source: Source) -> None:
    """Add an example to the facts of an export, as values for JSON.

    `examples` has, for each way to store weights, `x` (T, I) or (F,), where null is a missing
    value; `answers`, by name, and of each a `tolerance`. There is none of a model whose step or row
    has more than `MOST` numbers.
    """
    X = source.trials[0].X[:1]
    per_step = X.shape[-1]
    if per_step > MOST:
        return
    X = X[:, : max(1, MOST // per_step)] if X.ndim == 3 else X
    answers = expected_answers(source.model, X, None)
    limits = answer_limits(source, answers, TOLERANCE)
    source.facts["examples"] = {
        source.weights: {
            "x": _values(X[0]),
            "answers": {
                name: _values(_rounded(answer[0], limits.get(name)))
                for name, answer in answers.items()
            },
            "tolerance": {name: float(f"{limit:.3g}") for name, limit in limits.items()},
        }
    }


def both_examples(earlier: Facts, later: Facts) -> dict[str, dict[str, Example]]:
    """Return the examples of two exports of one model with other weights, by these."""
    examples = {**earlier.get("examples", {}), **later.get("examples", {})}
    return {"examples": examples} if examples else {}


def _rounded(answer: Array, limit: float | None) -> Array:
    """Return an answer without the digits that are far below its limit."""
    return answer if limit is None else np.round(answer, 3 - math.floor(math.log10(limit)))


def _values(array: Array) -> Any:
    """Return an array as lists of numbers, with None for a missing value."""
    if np.ndim(array):
        return [_values(each) for each in array]
    value = array.item()
    return None if isinstance(value, float) and math.isnan(value) else value
