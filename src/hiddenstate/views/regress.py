"""Lists the figures of a regression."""

from collections.abc import Callable

from matplotlib.figure import Figure

from hiddenstate.metrics.comparison import baseline_method
from hiddenstate.runs.snapshots import RegressSnapshot, RegressStatic
from hiddenstate.views import figures
from hiddenstate.views.held_out import held_out
from hiddenstate.views.limits import sorted_units
from hiddenstate.views.streams import stream_states
from hiddenstate.views.timeline import Moment, Timeline

Draw = Callable[[Figure | None], Figure]


def of_regress(timeline: Timeline, moment: Moment) -> dict[str, Draw]:
    """Return the figures of a regression at a moment by name, as functions that draw them."""
    draws: dict[str, Draw] = {}
    static, arrays = timeline.static_as(RegressStatic), moment.arrays_as(RegressSnapshot)
    shown = held_out(timeline, moment)
    if {"time", "input", "target"} <= set(static):
        waves = timeline.facts.data == "sin -> cos"
        named = ("sin", "cos") if waves else ("input", "target")
        names = [*(timeline.facts.channels or ()), *(timeline.facts.targets or ())]
        draws["signals"] = lambda on: figures.signals(
            static["time"],
            static["input"],
            static["target"],
            named,
            on,
            names=names,
            series=timeline.drawn_series,
            clock=timeline.clock(static["time"]),
        )
    if shown is not None:
        draws["held_out"] = lambda on: figures.held_out(shown, on)
    if "spectrum" in moment.arrays:
        draws["spectrum"] = lambda on: figures.spectrum(
            moment.arrays["spectrum"],
            on,
            seconds=timeline.step_seconds,
            baseline=baseline_method("regress", timeline.run.config.flat())[1],
        )
    if (states := stream_states(timeline, moment)) is not None:
        draws["streams"] = lambda on: figures.streams(states, on)
    if {"target", "prediction"} <= set(arrays) and len(arrays["target"]):
        draws |= _of_windows(timeline, arrays, shown is None)
    if {"hidden", "hidden_time"} <= set(arrays):
        time, carried = arrays["hidden_time"], arrays["hidden"]
        reset, window = arrays.get("hidden_reset"), arrays.get("hidden_window")
        order = timeline.unit_order
        rows = sorted_units(carried, order)
        reset_rows = None if reset is None else sorted_units(reset, order)
        draws["hidden"] = lambda on: figures.hidden(
            time, rows, reset_rows, on, clock=timeline.clock(time), window=window
        )
        draws["portrait"] = lambda on: figures.portrait(
            carried, reset, on, timeline.limits.plane, window=window
        )
    return draws


def _of_windows(timeline: Timeline, arrays: RegressSnapshot, alone: bool) -> dict[str, Draw]:
    """The figures of windows with their predictions; the errors of some only `alone`."""
    draws: dict[str, Draw] = {}
    target, prediction, appended = arrays["target"], arrays["prediction"], timeline.facts.appended
    limits, end = timeline.limits, timeline.n_windows(timeline.end) if appended else None
    if "time" in arrays:
        bundled = timeline.run.data_fact("source") == "bundled"
        names = timeline.facts.targets or ()
        draws["tracking"] = lambda on: figures.tracking(
            arrays["time"],
            target,
            prediction,
            appended,
            on,
            noun="window" if bundled else "training window",
            of=None if appended else timeline.run.n_rows("train"),
            end=end,
            spans=limits.signal,
            clock=timeline.clock(arrays["time"]),
            names=names if len(names) == target.shape[-1] else (),
            series=timeline.drawn_series,
            first_counted=arrays.get("first_counted"),
        )
    if appended or alone:
        unit = "window" if appended else "training row"
        draws["error"] = lambda on: figures.error(
            target, prediction, unit, on, end=end, span=limits.error
        )
    return draws
