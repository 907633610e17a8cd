"""Packs the codes of all moments into small numbers, for the plot on the page.

Shapes: N drawn rows, Z code size, P moments, M rows kept beside their codes, F numbers per row.
"""

import math
from typing import TypedDict

import numpy as np

from hiddenstate.report.facts import RunFacts
from hiddenstate.runs.snapshots import AutoencodeFinal, AutoencodeMoment, AutoencodeStatic, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.timeline import Timeline
from hiddenstate.web.packing import (
    as_bytes,
    class_colors,
    losses_at,
    packed,
    thinned,
)

MAX_POINTS = 2000
"""Codes that are drawn, the first ones."""

MAX_CODES_BYTES = 384 * 1024
"""Bytes of the codes of all moments; of more moments, as many evenly spaced ones."""

MAX_ROWS_BYTES = 256 * 1024
"""Bytes of the rows beside the codes; as many again for their reconstructions."""

MAX_NUMBERS = 256
"""Numbers of a row that is no picture; of longer rows, as many at evenly spaced steps."""

MAX_AXES = 3
"""Numbers of a code that are drawn, the first ones."""


class RowData(TypedDict, total=False):
    """The rows beside the codes, as the page's script reads them; without any, `rows` is None.

    Numbers are from 0 to 255 in the range of their channel, as in all figures; `bytes` holds the
    `n` rows of `width` numbers, the drawn channels of each step together, and, if `rebuilt`, their
    reconstructions. `names` are those of the drawn channels, and `more` says how many others there
    are. Rows of `quantities` have one step.
    """

    n: int
    width: int
    channels: int
    names: list[str]
    more: str
    quantities: bool
    picture: tuple[int, ...] | None
    errors: list[float | None] | None
    bytes: str
    rebuilt: bool


CodeData = TypedDict(
    "CodeData",
    {
        "size": int,
        "axes": int,
        "points": int,
        "left_out": int,
        "split": str,
        "steps": list[int],
        "losses": list[float | None],
        "codes": str,
        "low": list[float],
        "high": list[float],
        "from": list[list[float]],
        "to": list[list[float]],
        "numbers": list[int] | None,
        "classes": list[int] | None,
        "names": list[str],
        "colors": dict[str, list[str]],
        "rows": RowData | None,
    },
)
"""What the page's script reads.

The codes are of the rows `numbers` of their part, or of the first ones. They are whole numbers from
0 to 65535 between `low` and `high` of each axis over all moments, as little-endian bytes in base64.
At each moment the axes go `from` `to` the extremes of its codes and of the last ones.
"""


def code_data(facts: RunFacts, timeline: Timeline) -> CodeData | None:
    """Return the data of the plot; None for a run without codes."""
    all_moments = [(step, _codes_at(timeline, step)) for step in timeline.steps]
    moments = [(step, codes) for step, codes in all_moments if codes is not None]
    if not moments:
        return None
    shape = moments[-1][1].shape
    moments = [(step, codes) for step, codes in moments if codes.shape == shape]
    N, Z = shape
    points, n_axes = min(N, MAX_POINTS), min(Z, MAX_AXES)
    moments = thinned(moments, MAX_CODES_BYTES // (2 * points * n_axes))
    codes = np.stack([codes[:MAX_POINTS, :MAX_AXES] for _, codes in moments]).astype(np.float64)
    text, low, high = packed(codes, (0, 1), "<u2")
    least, greatest = codes.min(axis=1), codes.max(axis=1)
    steps = [step for step, _ in moments]
    classes, names = _classes(facts, points)
    numbers = timeline.static_as(AutoencodeStatic).get("code_number")
    from_train = facts.static_facts is not None and facts.static_facts.shown_split == "train"
    return {
        "size": Z,
        "axes": n_axes,
        "points": points,
        "left_out": max(N - MAX_POINTS, 0),
        "split": "training" if from_train else "test",
        "steps": steps,
        "losses": losses_at(timeline, steps),
        "codes": text,
        "low": low,
        "high": high,
        "from": np.minimum(least, least[-1]).tolist(),
        "to": np.maximum(greatest, greatest[-1]).tolist(),
        "numbers": None if numbers is None else numbers[:points].tolist(),
        "classes": classes,
        "names": names,
        "colors": class_colors(max(len(names), 1)),
        "rows": _rows(timeline, points),
    }


def _codes_at(timeline: Timeline, step: int) -> Array | None:
    codes = timeline.moment(step).arrays_as(AutoencodeMoment).get("code")
    drawable = codes is not None and codes.ndim == 2 and codes.size and np.isfinite(codes).all()
    return codes if drawable else None


def _classes(facts: RunFacts, n: int) -> tuple[list[int] | None, list[str]]:
    """Return the class numbers of the points and the labels; None and no label without them."""
    labels = typed(facts.static_arrays, AutoencodeStatic).get("code_label")
    if labels is None or labels.shape[:1] < (n,) or not facts.classes:
        return None, []
    numbers = np.clip(labels[:n].astype(int), 0, len(facts.classes) - 1)
    return numbers.tolist(), facts.classes


def _rows(timeline: Timeline, n: int) -> RowData | None:
    """Return the rows of the first points, their reconstructions, and their errors."""
    original = timeline.static_as(AutoencodeStatic).get("code_row")
    final = typed(timeline.final_arrays, AutoencodeFinal)
    rebuilt, error = final.get("code_rebuilt"), final.get("code_error")
    if original is None or original.ndim != 2 or not original.size:
        return None
    form, F = timeline.form, original.shape[1]
    picture = timeline.facts.picture or form.picture
    if picture is None and math.prod(form.shape) != F:
        return None
    channels = 1 if picture else form.n_drawn
    most = max(MAX_NUMBERS // channels, 2)
    steps = np.linspace(0, form.shape[0] - 1, min(form.shape[0], most)).round().astype(int)
    width = math.prod(picture) if picture else len(steps) * channels
    n = min(n, len(original), max(1, MAX_ROWS_BYTES // width))
    errors: list[float | None] | None = None
    parts = [original[:n]]
    if error is not None and error.shape == original.shape[:1]:
        errors = [float(f"{e:.4g}") if math.isfinite(e) else None for e in error[:n].tolist()]
    if rebuilt is not None and rebuilt.shape == original.shape:
        parts.append(rebuilt[:n])
    rows = np.concatenate(parts).astype(np.float64)
    shares = np.stack(
        [form.pixels(row) / 255 if picture else form.shares(row)[steps] for row in rows]
    )
    return {
        "n": n,
        "width": width,
        "channels": channels,
        "names": [] if picture else form.labels(),
        "more": form.more,
        "quantities": form.is_quantities,
        "picture": picture,
        "errors": errors,
        "bytes": as_bytes(shares),
        "rebuilt": len(parts) == 2,
    }
