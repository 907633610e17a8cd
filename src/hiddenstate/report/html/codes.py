"""The codes of all moments as the page's plot reads them: small numbers, packed.

Shapes: N drawn rows, Z code size, P moments, M rows kept to be looked at, F numbers a row.
"""

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hiddenstate.metrics.scores import error_by_row
from hiddenstate.report.facts import RunFacts
from hiddenstate.views import style
from hiddenstate.views.timeline import Timeline

Array = NDArray[Any]

POINTS = 2000
"""Codes that are drawn, the first ones."""

CODES_BYTES = 384 * 1024
"""Most bytes of codes over all moments; of more moments some are left out, evenly."""

ROWS_BYTES = 256 * 1024
"""Most bytes of the rows behind the codes, as many for what became of them."""

LINE = 256
"""Numbers of a row that is no picture; of longer rows so many, evenly."""

AXES = 3
"""Numbers of a code that are drawn, the first ones."""


def code_plot(facts: RunFacts, timeline: Timeline) -> dict[str, Any] | None:
    """What the plot needs, as JSON takes it; None for a run without codes.

    Codes are whole numbers from 0 to 65535 between the least (`low`) and the greatest (`high`) of
    each axis over all moments; rows are from 0 to 255 likewise. Both are little-endian bytes in
    base64. The axes at each moment go `from` `to` the extremes of its codes and of the last's.
    """
    looked = [(step, _codes_at(timeline, step)) for step in timeline.steps]
    moments = [(step, codes) for step, codes in looked if codes is not None]
    if not moments:
        return None
    shape = moments[-1][1].shape
    moments = [(step, codes) for step, codes in moments if codes.shape == shape]
    N, Z = shape
    n_axes = min(Z, AXES)
    moments = _thinned(moments, max(2, CODES_BYTES // (2 * min(N, POINTS) * n_axes)))
    codes = np.stack([codes[:POINTS, :AXES] for _, codes in moments]).astype(np.float64)
    packed, low, high = _packed(codes, (0, 1), "<u2")
    least, greatest = codes.min(axis=1), codes.max(axis=1)
    losses = {event["step"] + 1: event["mean_loss"] for event in timeline.moment().history}
    steps = [step for step, _ in moments]
    return {
        "size": Z,
        "axes": n_axes,
        "points": min(N, POINTS),
        "left_out": max(N - POINTS, 0),
        "split": "training"
        if facts.static_facts and facts.static_facts.shown_split == "train"
        else "test",
        "steps": steps,
        "losses": [losses.get(step) for step in steps],
        "codes": packed,
        "low": low,
        "high": high,
        "from": np.minimum(least, least[-1]).tolist(),
        "to": np.maximum(greatest, greatest[-1]).tolist(),
        **_classes(facts, min(N, POINTS)),
        **_rows(facts, timeline, min(N, POINTS)),
    }


def _codes_at(timeline: Timeline, step: int) -> Array | None:
    codes = timeline.moment(step).arrays.get("code")
    sound = codes is not None and codes.ndim == 2 and codes.size and np.isfinite(codes).all()
    return codes if sound else None


def _thinned(moments: list[Any], most: int) -> list[Any]:
    """At most `most` of the moments, evenly, the first and the last among them."""
    if len(moments) <= most:
        return moments
    return [moments[place] for place in np.linspace(0, len(moments) - 1, most).round().astype(int)]


def _packed(values: Array, over: tuple[int, ...], dtype: str) -> tuple[str, Any, Any]:
    """Values as whole numbers between their extremes `over` some axes, and those extremes."""
    known = np.isfinite(values)
    low = np.nan_to_num(np.where(known, values, np.inf).min(axis=over), posinf=0.0)
    high = np.nan_to_num(np.where(known, values, -np.inf).max(axis=over), neginf=0.0)
    room = np.where(high > low, high - low, 1.0)
    whole = np.rint(np.iinfo(dtype).max * np.nan_to_num((values - low) / room))
    text = base64.b64encode(whole.astype(dtype).tobytes()).decode()
    return text, low.tolist(), high.tolist()


def _classes(facts: RunFacts, n: int) -> dict[str, Any]:
    """Class numbers of the points, the classes' labels, and their colours in each theme."""
    labels = facts.static_arrays.get("code_label")
    if labels is None or labels.shape[:1] < (n,) or not facts.classes:
        return {"classes": None, "names": [], "colors": _colors(1)}
    numbers = np.clip(labels[:n].astype(int), 0, len(facts.classes) - 1)
    return {
        "classes": numbers.tolist(),
        "names": facts.classes,
        "colors": _colors(len(facts.classes)),
    }


def _colors(n: int) -> dict[str, list[str]]:
    """Colours of `n` classes by theme."""
    from matplotlib.colors import to_hex

    found = {}
    for name in style.THEMES:
        with style.theme(name):
            found[name] = [to_hex(color) for color in style.class_colors(n)]
    return found


def _rows(facts: RunFacts, timeline: Timeline, n: int) -> dict[str, Any]:
    """The rows behind the first points, what became of them, and how far the two are apart."""
    original, rebuilt = (
        timeline.static_arrays.get("code_row"),
        timeline.final_arrays.get("code_rebuilt"),
    )
    if original is None or original.ndim != 2 or not original.size:
        return {"rows": None}
    F = original.shape[1]
    picture = timeline.picture if timeline.picture and math.prod(timeline.picture) == F else None
    chosen = np.linspace(0, F - 1, F if picture else min(F, LINE)).round().astype(int)
    n = min(n, len(original), max(1, ROWS_BYTES // len(chosen)))
    found: dict[str, Any] = {"n": n, "width": len(chosen), "picture": picture, "errors": None}
    shown = [original[:n, chosen]]
    if rebuilt is not None and rebuilt.shape == original.shape:
        errors = error_by_row(rebuilt[:n], original[:n])
        found["errors"] = [float(f"{e:.4g}") if math.isfinite(e) else None for e in errors]
        shown.append(rebuilt[:n, chosen])
    both = np.stack(shown).astype(np.float64)
    if picture:  # pixels keep their own scale
        both = np.concatenate([both.reshape(-1), [0.0, 1.0]])
    text, found["low"], found["high"] = _packed(both, tuple(range(both.ndim)), "|u1")
    return {"rows": {**found, "bytes": text, "rebuilt": found["errors"] is not None}}
