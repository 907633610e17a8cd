"""Draws each picture of a run at a moment as a figure."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from hiddenstate.data.framing import from_mu_law
from hiddenstate.metrics.comparison import drawn_baseline, share_in_words
from hiddenstate.metrics.curves import Calibration, Curves
from hiddenstate.system.typing import Array
from hiddenstate.views import figures
from hiddenstate.views.answers import network_alone, not_by_model, unanswered
from hiddenstate.views.explained import titled
from hiddenstate.views.figures.confusion import SERIATED, has_order, similarity_order
from hiddenstate.views.figures.why import lit_of
from hiddenstate.views.held_out import held_out
from hiddenstate.views.limits import sorted_units
from hiddenstate.views.memory import layer_names
from hiddenstate.views.streams import stream_states
from hiddenstate.views.timeline import Moment, Timeline

MOST_TARGETS = 3
"""Targets whose scores stand in a note."""

PATH = 30
"""Moments whose eigenvalues are drawn behind the present ones."""

Shown = TypeVar("Shown")

Drawer = Callable[[Timeline, Moment, Figure | None], Figure]
"""Draws a run at a moment on the figure it is given, or on a new one, in the current theme."""


def _learning(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    compared = run.compared(now)
    short = drawn_baseline(run.job, run.options, {}, step_days=run.facts.step_days)
    rows = {"loss": "training rows", "valid_loss": "validation rows"}
    baselines = {
        key: (value, f"{short}, {rows.get(key, run.evaluated)}")
        for key, value in run.baselines().items()
    }
    return figures.learning(
        now.history,
        run.unit,
        run.validations(now),
        baselines,
        on,
        kept=run.kept(now),
        evaluated=run.evaluated,
        results=now.results,
        warning=compared.warning() if compared else "",
        share=share_in_words(run.job, now.results, run.options),
        limits=run.limits,
        worse=bool(compared and compared.worse),
        by_target=[f"{each.name} {each.short}" for each in run.scores(now)[:MOST_TARGETS]],
        alone=network_alone(run, now).partition(",")[0],
    )


def _memory(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    """Draw how far back the complex states reach, and from where their eigenvalues came."""
    values = now.arrays["eigenvalue"]
    _, (path,) = run.over_time("eigenvalue", until=now.step)
    chosen = np.linspace(0, len(path) - 1, min(len(path), PATH)).round().astype(int)
    names, span = layer_names(run.run, len(values)), run.limits.reach
    return figures.memory(values, on, path=path[chosen], names=names, row=run.row_steps, span=span)


def _class_order(run: Timeline) -> list[int] | None:
    """Return the order of the classes in the confusion matrix, the same at every moment.

    Names without an order are sorted by similarity once the run has ended.
    """
    names, final = run.class_names, run.final_arrays.get("confusion")
    if final is None or len(names) <= SERIATED or has_order(names):
        return None
    return similarity_order(final)


def _recall(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    steps, (counts,) = run.over_time("confusion", until=now.step)
    by = network_alone(run, now)
    final = counts[-1] if by and now.results else None
    steps, counts = _of_network(now, by, steps, counts, "confusion")
    return figures.recall(steps, counts, run.class_names, _class_order(run), run.end, on, final, by)


def _of_network(
    now: Moment, by: str, steps: Array, values: Array, name: str
) -> tuple[Array, Array]:
    """Return what arrays (S, ...) are of the network over training, where the model is not the
    network alone, which answers until the end: the last one is that of the network if there is one,
    and left out in runs of release 0.5."""
    if not (by and now.results):
        return steps, values
    alone = now.arrays.get(f"net_{name}")
    if alone is None:
        return steps[:-1], values[:-1]
    return steps, np.concatenate([values[:-1], alone[None]])


def decision(run: Timeline, now: Moment, on: Figure | None, n: int = 4) -> Figure:
    """Draw when the first `n` of the followed rows were decided."""
    static, likely = run.static_arrays, now.arrays.get("decision")
    answers = None
    if "net_probability" in now.arrays and "net_decision" not in now.arrays:
        answers = now.arrays["probability"]
    by = network_alone(run, now)
    return figures.decision(
        static["shown"][:n],
        static["read"],
        None if likely is None else likely[:n],
        sorted_units(now.arrays["hidden"][:n], run.unit_order),
        static["shown_label"][:n],
        run.class_names,
        None,
        on,
        run.form,
        answers=answers,
        by=by,
        all_by="net_decision" not in now.arrays,
        waves=from_mu_law(255 * static["wave"][:n]) if "wave" in static else None,
    )


def _dynamics(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    times, (chances, right) = run.over_time("followed_chance", "followed_right", until=now.step)
    by = network_alone(run, now)
    times, chances = _of_network(now, by, times, chances, "followed_chance")
    of_rows = chances, now.arrays["followed_label"], right[-1] > 0
    return figures.dynamics(times, *of_rows, run.class_names, run.end, run.kept(now), on, by)


def _which(run: Timeline, now: Moment) -> str:
    """Return which rows of a classifier are shown, and what predicts, if it is not the model."""
    turns = run.run.data_fact("source") != "bundled" and len(run.class_names) > 1
    by = not_by_model(run, now)
    return ", ".join(["of rows of each class in turn"] * turns + ([f"by {by}"] if by else []))


def _tracking(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    arrays, appended, names = now.arrays, run.facts.appended, run.facts.targets or ()
    return figures.tracking(
        arrays["time"],
        arrays["target"],
        arrays["prediction"],
        appended,
        on,
        noun="window" if run.run.data_fact("source") == "bundled" else "training window",
        of=None if appended else run.run.n_rows("train"),
        end=_n_windows(run),
        spans=run.limits.signal,
        clock=run.clock(arrays["time"]),
        names=names if len(names) == arrays["target"].shape[-1] else (),
        series=run.drawn_series,
        first_counted=arrays.get("first_counted"),
        by=network_alone(run, now),
    )


def _n_windows(run: Timeline) -> int | None:
    """Return the windows of the whole run, if they follow one another."""
    return run.n_windows(run.end) if run.facts.appended else None


def _hidden(run: Timeline, now: Moment, on: Figure | None) -> Figure:
    time, reset, order = now.arrays["hidden_time"], now.arrays.get("hidden_reset"), run.unit_order
    return figures.hidden(
        time,
        sorted_units(now.arrays["hidden"], order),
        None if reset is None else sorted_units(reset, order),
        on,
        clock=run.clock(time),
        window=now.arrays.get("hidden_window"),
        by=unanswered(run, now),
    )


def _there(shown: Shown | None) -> Shown:
    """Return what is there, as the table of pictures says."""
    assert shown is not None
    return shown


_OF_ALL: dict[str, Drawer] = {
    "example": lambda run, now, on: figures.examples(
        run.static_arrays["example"], run.labels("example_label", now), None, on, run.form
    ),
    "augmented": lambda run, now, on: figures.augmented(
        run.static_arrays["plain"], run.static_arrays["augmented"], None, on, run.form
    ),
    "learning": _learning,
    "memory": _memory,
    "why": lambda run, now, on: figures.why(
        [lit_of(*each, with_values=False) for each in titled(run, now)], on, "Why it answers so"
    ),
}

DRAWERS: dict[str, dict[str, Drawer]] = {
    "classes": {
        "predictions": lambda run, now, on: figures.predictions(
            run.static_arrays["shown"],
            run.labels("shown_label", now) or (),
            [run.label(chosen) for chosen in now.arrays["probability"].argmax(axis=1)],
            None,
            on,
            run.form,
            _which(run, now),
        ),
        "confusion": lambda run, now, on: figures.confusion(
            now.arrays["confusion"], run.class_names, _class_order(run), on
        ),
        "recall": _recall,
        "worst": lambda run, now, on: figures.worst(
            now.arrays["worst_row"],
            run.labels("worst_label", now) or (),
            run.labels("worst_chosen", now) or (),
            now.arrays["worst_chance"],
            None,
            on,
            run.form,
        ),
        "decision": decision,
        "dynamics": _dynamics,
        "calibration": lambda run, now, on: figures.calibration(
            Calibration(*(now.arrays[f"calibration_{name}"] for name in Calibration._fields)), on
        ),
        "curves": lambda run, now, on: figures.curves(
            Curves(*(now.arrays[name] for name in Curves._fields)), run.class_names, on
        ),
    },
    "targets": {
        "signals": lambda run, now, on: figures.signals(
            run.static_arrays["time"],
            run.static_arrays["input"],
            run.static_arrays["target"],
            ("sin", "cos") if run.facts.data == "sin -> cos" else ("input", "target"),
            on,
            names=[*(run.facts.channels or ()), *(run.facts.targets or ())],
            series=run.drawn_series,
            clock=run.clock(run.static_arrays["time"]),
        ),
        "held_out": lambda run, now, on: figures.held_out(_there(held_out(run, now)), on),
        "tracking": _tracking,
        "error": lambda run, now, on: figures.error(
            now.arrays["target"],
            now.arrays["prediction"],
            "window" if run.facts.appended else "training row",
            on,
            end=_n_windows(run),
            span=run.limits.error,
        ),
        "spectrum": lambda run, now, on: figures.spectrum(
            now.arrays["spectrum"],
            on,
            seconds=run.step_seconds,
            baseline=drawn_baseline(
                run.job, run.options, now.results, "held_seasonal" in now.arrays
            ),
        ),
        "hidden": _hidden,
        "portrait": lambda run, now, on: figures.portrait(
            now.arrays["hidden"],
            now.arrays.get("hidden_reset"),
            on,
            run.limits.plane,
            window=now.arrays.get("hidden_window"),
            by=unanswered(run, now),
        ),
        "streams": lambda run, now, on: figures.streams(_there(stream_states(run, now)), on),
    },
    "codes": {
        "reconstructions": lambda run, now, on: figures.reconstructions(
            run.static_arrays["original"], now.arrays["reconstruction"], None, on, run.form
        ),
        "codes": lambda run, now, on: figures.codes(
            now.arrays["code"],
            run.static_arrays.get("code_label"),
            run.class_names,
            figure=on,
            limits=run.limits.codes,
        ),
        "grid": lambda run, now, on: figures.grid(
            now.arrays["grid"], None, run.static_arrays.get("original"), on, run.form
        ),
        "walk": lambda run, now, on: figures.walk(
            now.arrays["walk"], run.static_arrays.get("walk_end"), None, on, run.form
        ),
        "worst": lambda run, now, on: figures.rebuilt_worst(
            now.arrays["worst_row"],
            now.arrays["worst_rebuilt"],
            now.arrays["worst_error"],
            run.labels("worst_label", now),
            None,
            on,
            run.form,
        ),
    },
}
"""What draws pictures as figures, by what the job answers and by name."""
for _drawers in DRAWERS.values():
    _drawers.update(_OF_ALL)
