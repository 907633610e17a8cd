"""What the telling answers of a run rest on, from its final arrays."""

import math
from typing import Any

import numpy as np

from hiddenstate.errors import printable
from hiddenstate.metrics.reasons import METHODS, ODDS, Reason, Why
from hiddenstate.metrics.units import in_digits, unit_of
from hiddenstate.views.timeline import Moment, Timeline

SURE = 0.999
"""Probabilities above it are not written in full."""


def reasons(run: Timeline, now: Moment) -> list[Reason]:
    """Return what each of the explained answers rests on."""
    arrays, found = now.arrays, []
    for place, values in enumerate(arrays["why_row"]):
        read = np.isfinite(values).any(axis=1)
        steps = int(np.flatnonzero(read)[-1]) + 1 if read.any() else len(values)
        number, (answer, base) = int(arrays["why_class"][place]), arrays["why_answer"][place]
        method = list(METHODS)[int(arrays["why_method"][place])]
        added = arrays["why"][place][:steps].astype(np.float64)
        why = Why(added, number, float(answer), float(base), method, 1.0, 0.0, 0, "mean")
        name = _answer_name(run, number)
        unit = ODDS if run.kind.has_classes else unit_of(name)
        own = np.asarray(values[:steps], np.float64)
        picture = run.facts.picture
        names = _names(arrays, place, own.shape[1])
        sound = run.facts.sound
        sound = sound if sound is not None and sound.bands else None
        found.append(Reason(why, place, own, names, name, unit, picture, sound=sound))
    return found


def titled(run: Timeline, now: Moment) -> list[tuple[Reason, str]]:
    """Return the same with titles."""
    every = enumerate(reasons(run, now))
    return [(reason, _title(run, now.arrays, place, reason)) for place, reason in every]


def in_words(run: Timeline, now: Moment) -> str:
    """Return the same in sentences."""
    return " ".join(f"{title}: {reason.where()}." for reason, title in titled(run, now))


def _title(run: Timeline, arrays: Any, place: int, reason: Reason) -> str:
    answer = reason.why.answer
    if "why_target" in arrays:
        right = in_digits(float(arrays["why_target"][place]), 4)
        error = f"{in_digits(answer, 4)}, and {right} is right"
        return f"The largest error of {reason.answer}: {error}"
    chance = 1 / (1 + math.exp(-min(max(answer, -500.0), 500.0)))
    sure = f"p > {SURE}" if chance > SURE else f"p = {chance:.3g}"
    label = int(arrays["why_label"][place])
    sure_of = "right" if place == 0 else "right, least sure of all"
    right = sure_of if label == reason.why.output else f"wrong: it is {run.label(label)}"
    return f"Why {reason.answer} ({sure}, {right})"


def _answer_name(run: Timeline, number: int) -> str:
    if run.kind.has_classes:
        return run.label(number)
    names = run.facts.targets or ()
    return names[number] if number < len(names) else f"y_{number + 1}"


def _names(arrays: Any, place: int, n: int) -> tuple[str, ...]:
    if "why_name" not in arrays:
        return tuple(f"feature {i + 1}" for i in range(n))
    return tuple(printable("".join(map(chr, x[x > 0]))) for x in arrays["why_name"][place])
