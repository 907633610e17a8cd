"""What a page shows beside the model: names, ranges, colours, and rows of the run.

Shapes: N rows, T steps, I features, F numbers of a flat row, Z code size.
"""

from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypedDict, TypeGuard

import numpy as np

from hiddenstate.data.framing import Framing
from hiddenstate.errors import MachineError, UntrustedFileError, printable
from hiddenstate.export.facts import Facts
from hiddenstate.export.html.forecasts import ForecastView, forecast_view
from hiddenstate.export.html.forms import FormView, form_view, has_form
from hiddenstate.export.python.file import packed
from hiddenstate.export.target import Source
from hiddenstate.metrics.units import unit_of
from hiddenstate.program.encoding import feature_names
from hiddenstate.program.order import step_of
from hiddenstate.program.steps import Logarithm, Scale, WindowScale
from hiddenstate.runs.class_arrays import ClassifyStatic
from hiddenstate.runs.snapshots import AutoencodeStatic, RegressStatic, typed
from hiddenstate.system.typing import Array
from hiddenstate.views.timeline import Timeline
from hiddenstate.web.packing import class_colors, encoded

MAX_ROWS = 10
"""Rows of the run that are shown."""

MAX_BYTES = 24 * 1024
"""Bytes of these rows; of longer rows there are fewer."""

MAX_HEARD = 64 * 1024
"""Bytes of the samples of these rows, if they are sounds; of longer ones there are fewer."""

MAX_POINTS = 300
"""Codes of the run that are drawn."""

SMALLEST = 8
"""Steps and features from which rows of pixels are pictures, unless the model says so."""

PERIOD = 20
"""Steps of a period of the wave that a reader bends, if nothing says which is usual."""


HOURS = {"hour": 1, "weekday": 24, "month": 730}
"""Hours after which the flags of a calendar change."""

MADE = 400
"""Steps of the longest series that a page makes."""


class ViewData(TypedDict):
    """What the scripts of the page read; `forecast` of a forecast whose series are there, `form` of
    rows of one step; `units` of the columns and targets whose names give one.

    `low` and `high` are the range of each feature, in the units of the data. `rows` (N, T, I), or
    (N, F), are rows of the run, with NaN after the end of a row; `labels` their class numbers.
    `flags` has the `MADE` values, 0 or 1, of each feature that encodes text or a calendar so.
    `sound` says how the steps of sounds were cut, and `waves` (n, s) are the samples of the first
    rows as bytes of `mu_law`. `codes` (n, Z) are codes of the run with the class numbers
    `code_labels`.
    """

    kind: str
    picture: list[int] | None
    columns: list[str]
    targets: list[str]
    units: dict[str, str]
    classes: list[str]
    low: list[float]
    high: list[float]
    flags: list[str | None]
    forecast: ForecastView | None
    form: FormView | None
    sound: dict[str, int] | None
    waves: Any
    rows: Any
    labels: list[int] | None
    codes: Any
    code_labels: list[int] | None
    code_classes: list[str]
    period: int
    colors: dict[str, list[str]]


def view_data(source: Source, reads: bool = True) -> ViewData:
    """Return what the page shows of a model, and of its run if there is one; unless it `reads`,
    the data of the run stay closed."""
    program, facts = source.program, source.facts
    timeline = _timeline(source)
    picture = _picture(source, timeline)
    sound = _framing(source, timeline)
    kinds = {"classes": "signals", "targets": "waves", "codes": "codes"}
    kind = "pictures" if program.kind.has_classes and picture else kinds[program.kind.answers]
    kind = "forecasts" if source.present is not None else kind
    kind = "forms" if picture is None and has_form(source) else kind
    kind = "sounds" if kind == "signals" and sound is not None else kind
    n = program.n_features
    names = facts["columns"]
    if names is None and sound is not None:
        names = list(sound.names())
    if names is None or len(names) != n:
        word = "feature" if program.kind.has_codes else "channel"
        names = [f"{word} {i + 1}" for i in range(n)] if n > 1 else ["value"]
    low, high = _ranges(source, timeline)
    flags = _flags(facts, n)
    for channel, flag in enumerate(flags):
        if flag is not None:
            low[channel], high[channel] = 0.0, 1.0
    units = {
        printable(name): printable(unit)
        for name in (*names, *(facts["targets"] or ()))
        if (unit := unit_of(name))
    }
    view: ViewData = {
        "kind": kind,
        "picture": picture,
        "columns": [printable(name) for name in names],
        "targets": [printable(name) for name in facts["targets"] or ()],
        "units": units,
        "classes": [printable(name) for name in facts["classes"] or ()],
        "low": low,
        "high": high,
        "flags": flags,
        "forecast": None,
        "form": form_view(source, low, high, units, reads) if kind == "forms" else None,
        "sound": None if sound is None else asdict(sound),
        "waves": None,
        "rows": None,
        "labels": None,
        "codes": None,
        "code_labels": None,
        "code_classes": [],
        "period": PERIOD,
        "colors": class_colors(max(len(facts["classes"] or ()), min(n, 10), 10)),
    }
    if source.present is not None:
        view["forecast"] = forecast_view(source.present, program)
    elif timeline is not None and view["form"] is None:
        with suppress(UntrustedFileError, MachineError):  # a damaged snapshot: no rows, no codes
            _add_rows(view, source, timeline)
    return view


def _timeline(source: Source) -> Timeline | None:
    """Return the timeline of the run; None without a run, or if it is damaged."""
    if source.run is None:
        return None
    try:
        timeline = Timeline(source.run)
    except (UntrustedFileError, MachineError):  # the run is damaged, but its model is not
        return None
    return timeline if timeline.job == source.program.job else None


def _picture(source: Source, timeline: Timeline | None) -> list[int] | None:
    """Return height and width of the pictures that rows are, and 3 in colour, as the run or else
    the model says; None if they are none."""
    program, model = source.program, source.model
    if not model.transform.pixels or program.kind.has_targets:
        return None
    shape = None if timeline is None else timeline.facts.picture
    if shape is None:
        *height, width = model.row_shape
        colors = (3,) if model.transform.reading.get("color") else ()
        width //= 3 if colors else 1
        if not height and round(width**0.5) ** 2 == width:  # the square of an autoencoder
            height, width = [round(width**0.5)], round(width**0.5)
        shape = (*height, width, *colors) if height else ()
    return [int(size) for size in shape] if shape and min(shape[:2]) >= SMALLEST else None


def _framing(source: Source, timeline: Timeline | None) -> Framing | None:
    """Return how the sounds that a model reads in bands are cut, those of an autoencoder if its run
    says how many channels they have; None of other models."""
    if source.program.kind.has_codes:
        return None if timeline is None else timeline.form.sound
    reading = source.model.transform.reading
    rate, frame, bands = (reading.get(name) for name in ("rate", "frame", "bands"))
    if not source.program.kind.has_classes or not rate or not frame or not bands:
        return None
    framing = Framing(source.program.n_features // bands, rate, frame, bands)
    return framing if framing.width == source.program.n_features else None


def _ranges(source: Source, timeline: Timeline | None) -> tuple[list[float], list[float]]:
    """Return the range of each feature: of the run, or from the scaling of the model."""
    program = source.program
    scale = step_of(program.steps, Scale)
    low, high = np.full(program.n_features, -1.5), np.full(program.n_features, 1.5)
    if source.model.transform.pixels:
        low, high = low * 0, high * 0 + 255
    elif timeline is not None and timeline.form.sound and not program.kind.has_targets:
        low, high = (
            np.resize(end, program.n_features) for end in (timeline.form.low, timeline.form.high)
        )
    elif scale is not None and step_of(program.steps, WindowScale) is None:
        low, high = scale.offset - 2.5 / scale.factor, scale.offset + 2.5 / scale.factor
        if (logarithm := step_of(program.steps, Logarithm)) is not None:
            low, high = logarithm.restore(low), logarithm.restore(high)
    elif _own_data(timeline) and len(timeline.form.low) == program.n_features:
        room = 0.1 * (timeline.form.high - timeline.form.low)
        low, high = timeline.form.low - room, timeline.form.high + room
    elif (logarithm := step_of(program.steps, Logarithm)) is not None:
        low, high = logarithm.restore(low), logarithm.restore(high)
    return np.nan_to_num(low).tolist(), np.nan_to_num(high).tolist()


def _flags(facts: Facts, n_features: int) -> list[str | None]:
    """Return the flags of a made series: the first value of a text, a calendar that goes on."""
    columns, flags = facts["columns"] or (), dict[str, str]()
    for each in facts["encodings"]:
        values = each.get("values", ())
        groups: dict[str, list[str]] = {}
        for name in feature_names(each["column"], values, each.get("calendar", ())):
            groups.setdefault("" if values else name.partition("(")[0], []).append(name)
        hours = {group: HOURS[group] for group in groups if group in HOURS}
        for group, names in groups.items():
            if values or group in hours:
                every = round(hours[group] / min(hours.values())) if hours else MADE
                for k, name in enumerate(names):
                    for later in (0, facts["horizon"] or 0):
                        ones = ((np.arange(MADE) + later) // every % len(names) == k).astype(int)
                        key = f"{name} +{later}" if later else name
                        flags[key] = "".join(map(str, ones))
    return [flags.get(name) for name in columns] if len(columns) == n_features else []


def _own_data(timeline: Timeline | None) -> TypeGuard[Timeline]:
    """Return whether there is a run, on other data than the bundled waves."""
    return timeline is not None and (
        not timeline.kind.has_targets or timeline.run.config.data.data is not None
    )


def _add_rows(view: ViewData, source: Source, timeline: Timeline) -> None:
    """Add rows of a run, and codes."""
    arrays = timeline.run.static_arrays[0]
    if source.program.kind.has_classes:
        static = typed(arrays, ClassifyStatic)
        view["labels"] = _kept(view, source, static.get("shown"), static.get("shown_label"))
        waves = static.get("wave")
        if view["rows"] and waves is not None and (n := MAX_HEARD // waves.shape[1]):
            own = waves[: min(n, view["rows"]["shape"][0])]
            view["waves"] = {"dtype": "|u1", "shape": list(own.shape), "base64": encoded(own)}
        return
    if source.program.kind.has_targets:
        waves = typed(arrays, RegressStatic).get("input")
        if timeline.run.config.data.data is None:
            view["period"] = 2 * source.model.row_shape[0]  # a window is half a period
        else:
            _kept(view, source, _series(source, timeline) if waves is None else waves[None], None)
        return
    rows = typed(arrays, AutoencodeStatic)
    labels = rows.get("code_label")
    view["code_classes"] = list(timeline.class_names) if labels is not None else []
    view["labels"] = _kept(view, source, rows.get("code_row"), labels)
    codes = timeline.moment().arrays.get("code")
    size = source.model.net.autoencoder.code_size
    if codes is None or codes.ndim != 2 or codes.shape[1] != size or not np.isfinite(codes).all():
        return
    n = min(len(codes), MAX_POINTS)
    view["codes"] = packed(codes[:n].astype(np.float32).astype(np.float64), ("<f4",))
    if labels is not None and len(labels) >= n and view["code_classes"]:
        view["code_labels"] = _numbers(labels[:n], view["code_classes"])


def _series(source: Source, timeline: Timeline) -> Array | None:
    """Return the end of the first series, (1, T, 1), if it is forecast from itself alone."""
    arrays, facts = timeline.run.static_arrays[0], source.facts
    parts = [arrays.get(name) for name in ("past_target", "held_target")]
    if facts["columns"] != facts["targets"] or source.program.n_features != 1:
        return None
    known = [part[0][np.isfinite(part[0])] for part in parts if part is not None and len(part)]
    return np.concatenate(known)[None, :, None] if known and sum(map(len, known)) else None


def _kept(view: ViewData, source: Source, rows: Array | None, labels: Array | None) -> Any:
    """Add the first rows if they are as the model reads them; return the labels of these."""
    if rows is None or not len(rows) or rows.shape[-1] != source.program.n_features:
        return None
    pixels = source.model.transform.pixels
    if pixels and rows.dtype != np.uint8:
        return None
    size = rows[0].size * (1 if pixels else 4)
    n = max(min(len(rows), MAX_ROWS, MAX_BYTES // size), 1)
    if size > 4 * MAX_BYTES:
        return None
    kind = "|u1" if pixels else "<f4"
    own = np.where(np.isfinite(rows[:n]), rows[:n], 0) if pixels else rows[:n]
    content = encoded(np.ascontiguousarray(own, kind))
    view["rows"] = {"dtype": kind, "shape": list(own.shape), "base64": content}
    names = view["classes"] or view["code_classes"]
    return None if labels is None or not names else _numbers(labels[:n], names)


def _numbers(labels: Array, names: list[str]) -> list[int]:
    """Return the numbers of classes, which have names."""
    return [int(label) for label in np.clip(labels.astype(int), 0, len(names) - 1)]
