"""Packs the codes of all moments into small numbers, for the plot on the page.

Shapes: N drawn rows, Z code size, P moments, M rows kept beside their codes, F numbers per row.
"""

import math
from typing import TypedDict

import numpy as np

from hiddenstate.metrics.scores import error_by_row
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.html.packing import class_colors, losses_at, packed, thinned
from hiddenstate.runs.snapshots import AutoencodeFinal, AutoencodeMoment, AutoencodeStatic, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.timeline import Timeline

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

    Numbers are from 0 to 255 in the range of their channel; `bytes` holds the `n` rows of `width`
    numbers, the channels of each step together, and, if `rebuilt`, their reconstructions.
    """

    n: int
    width: int
    channels: int
    picture: tuple[int, int] | None
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
        "classes": list[int] | None,
        "names": list[str],
        "colors": dict[str, list[str]],
        "rows": RowData | None,
    },
)
"""What the page's script reads.

Codes are whole numbers from 0 to 65535 between `low` and `high` of each axis over all moments, as
little-endian bytes in base64. At each moment the axes go `from` `to` the extremes of its codes and
of the last ones.
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
    rebuilt = typed(timeline.final_arrays, AutoencodeFinal).get("code_rebuilt")
    if original is None or original.ndim != 2 or not original.size:
        return None
    F = original.shape[1]
    picture = timeline.picture if timeline.picture and math.prod(timeline.picture) == F else None
    n_steps, channels = timeline.facts.row_shape or (F, 1)
    if picture or n_steps * channels != F:
        n_steps, channels = F, 1
    steps = np.linspace(
        0, n_steps - 1, n_steps if picture else min(n_steps, max(MAX_NUMBERS // channels, 2))
    )
    chosen = (steps.round().astype(int)[:, None] * channels + np.arange(channels)).reshape(-1)
    n = min(n, len(original), max(1, MAX_ROWS_BYTES // len(chosen)))
    errors: list[float | None] | None = None
    parts = [original[:n, chosen]]
    if rebuilt is not None and rebuilt.shape == original.shape:
        by_row = error_by_row(rebuilt[:n], original[:n])
        errors = [float(f"{e:.4g}") if math.isfinite(e) else None for e in by_row]
        parts.append(rebuilt[:n, chosen])
    both = np.stack(parts).astype(np.float64).reshape(-1, channels)
    if picture:  # pixels keep their own scale
        both = np.concatenate([both, [[0.0], [1.0]]])
    return {
        "n": n,
        "width": len(chosen),
        "channels": channels,
        "picture": picture,
        "errors": errors,
        "bytes": packed(both, (0,), "|u1")[0],
        "rebuilt": errors is not None,
    }
