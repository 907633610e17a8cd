"""What a page shows of one run, beside its history: settings, names, arrays, and the net itself.

Nothing here draws; matplotlib and torch are never imported.
"""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from hiddenstate.config import job_options
from hiddenstate.config.data_fields import STDIN
from hiddenstate.config.exports import OFFERED
from hiddenstate.data.leaks import leaks_from
from hiddenstate.errors import DataError, HiddenstateError, OptionError, printable
from hiddenstate.metrics.answer import NETWORK, answer_of
from hiddenstate.metrics.comparison import baseline_method, compare, drawn_baseline
from hiddenstate.metrics.glossary import entry_of, interval_in_words, is_shown, written
from hiddenstate.metrics.headline import headline
from hiddenstate.metrics.scores import skill
from hiddenstate.metrics.target_scores import season_ago, target_scores, with_targets
from hiddenstate.metrics.units import ago
from hiddenstate.models.fitted import FittedModel, row_shape_of
from hiddenstate.program.words import BESIDE
from hiddenstate.report.commands import python_lines, set_options, training_command, uses
from hiddenstate.runs import Run
from hiddenstate.runs.run import STATIC_ARRAYS
from hiddenstate.runs.static_facts import StaticFacts
from hiddenstate.studio.index import target_values, within
from hiddenstate.studio.stream import snapshots, state
from hiddenstate.system.typing import Array, Arrays
from hiddenstate.views.clock import axis_of, time_column
from hiddenstate.views.pictures import frames_of

if TYPE_CHECKING:
    from hiddenstate.export.target import Source

CHECKED = ("history.jsonl", "journal.jsonl")
"""Files that are checked when a page opens a run."""

OWN_STEPS = 400
"""Steps at the end of a series of a forecast that are shown."""

MAX_CHECKED = 4 * 2**20
"""Bytes of such a file that is checked; `verify` checks longer ones."""

READING = (
    "columns",
    "id",
    "time",
    "dates",
    "every",
    "rows_are_series",
    "n_steps",
    "delimiter",
    "decimal",
    "thousands",
    "encoding",
)
"""What a page must know of the training data to read further rows as the model does."""

WAVE_PARTS = 300
"""Parts of a sound whose extremes a page draws before the sound is played."""

MAX_CLASSES = 1000
"""Names of classes that a page gets."""


def details(run: Run, number: str) -> dict[str, Any]:
    """Return the facts of a run that a page shows.

    Parameters
    ----------
    run : Run
    number : str
        What addresses call it.
    """
    job, options = run.config.job, with_targets(run.config.flat(), run.data_record())
    last = next(run.lines_from_end("history.jsonl"), {})
    results = {k: v for k, v in last.items() if k not in ("event", "step")}
    results = results if last.get("event") == "end" else {}
    short = [name for name in CHECKED if _is_short(run, name)]
    problems = [text for name in short if (text := run.damage(name) or run.lost_lines(name))]
    arrays: Arrays = {}
    shown: dict[str, Any] = {}
    facts = None
    try:
        arrays, facts = run.static_arrays
        shown = _shown(run, arrays, facts)
    except HiddenstateError as error:  # a run that has just begun has none yet
        if run.status() != "running":
            problems.append(str(error))
    return {
        "id": number,
        "name": printable(run.name, 100),
        "key": run.id,
        "job": job,
        "answers": run.config.kind.answers,
        "data": {
            "name": printable(run.data_fact("name"), 100),
            "source": run.data_fact("source"),
            "rows": {part: run.n_rows(part) for part in ("train", "valid", "test")},
            "columns": [printable(name, 80) for name in run.data_record().get("columns") or ()],
        },
        "started": run.started(),
        "command": training_command(run),
        "uses": [{"title": title, "command": command} for title, command in uses(run)],
        "python": _python(run),
        "again": _again(run),
        "options": _options(job, options),
        "exports": OFFERED,
        "results": scores(results, job),
        "headline": headline(job, results),
        "targets": [
            {"unit": each.unit, "rest": printable(each.rest, 400)}
            | {"words": printable(each.in_words(), 400), **target_values(each, results, k)}
            for k, each in enumerate(target_scores(results, options), 1)
        ],
        "baseline": _baseline(job, results, options, facts),
        "answer": _answer(job, results, options),
        "leaks": [leak.in_words() for leak in leaks_from(run.data_record())],
        "shown": shown,
        "pictures": frames_of(job, facts, arrays),
        "problems": problems,
        **snapshots(run.path),
        **state(run),
    }


def _shown(run: Run, arrays: Arrays, facts: StaticFacts) -> dict[str, Any]:
    """Return the facts that pictures are drawn with, and in what time is counted."""
    times = next((arrays[name] for name in ("held_time", "time") if name in arrays), None)
    clock = "" if times is None else axis_of(run, facts, times)
    return asdict(facts) | {
        "clock": clock,
        "own_clock": clock == time_column(run),
        "classes": [printable(label, 80) for label in (facts.classes or ())[:MAX_CLASSES]],
    }


def _options(job: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each option of a job with its value in a run."""
    return [
        {
            "name": option.name,
            "flag": option.flag,
            "section": section,
            "value": plain(options[option.name]),
            "default": plain(option.default_for(job)),
            "help": option.help,
            "unit": option.unit,
        }
        for section, option in job_options(job)
    ]


def _python(run: Run) -> str | None:
    """Return lines of Python that use the model of a run; None if there is none to read."""
    try:
        return python_lines(run, row_shape_of(run.path / "model.safetensors"))
    except (HiddenstateError, OSError):
        return None


def _again(run: Run) -> dict[str, Any] | None:
    """Return the data and the options that train what a run trained, as a page sends them; None
    of arrays in Python, of standard input, and of values that no command line can have.

    The steps between logged lines, which say nothing about what is learned, are those of the
    automatic recipe again, so that a shorter run has a curve too."""
    data = run.config.data.data
    if run.data_fact("source") == "arrays" or data == STDIN:
        return None
    try:
        own = {option.name: value for option, value in set_options(run.config)}
    except OptionError:
        return None
    if data is not None and run.config.flat()["recipe"] == "auto":
        own.pop("log_every", None)
    return {"data": data, "options": own}


def _is_short(run: Run, name: str) -> bool:
    try:
        return (run.path / name).lstat().st_size <= MAX_CHECKED
    except OSError:
        return False


def scores(results: dict[str, float], job: str) -> list[dict[str, Any]]:
    """Return results with their titles, meanings, values and intervals in words."""
    rows = []
    for name, value in results.items():
        if not is_shown(name, results):
            continue
        entry = entry_of(name, job)
        rows.append(
            {
                "name": name,
                "value": value,
                "title": entry.title,
                "text": written(value, entry.kind),
                "interval": interval_in_words(name, results, job),
                "within": within(name, results, job),
                "help": entry.definition,
            }
        )
    return rows


def _answer(job: str, results: dict[str, float], options: dict[str, Any]) -> dict[str, Any]:
    """Return the share of the network in the answer, who answers, and the titles of what answers
    beside the network; while it learns, of what may at the end."""
    if results:
        answer = answer_of(job, results, options)
        beside = [words.title for words in answer.beside]
        return {"share": answer.net_share, "who": answer.who, "beside": beside}
    beside = [words.title for words in BESIDE[job] if options.get(words.name)]
    return {"share": 1.0, "who": NETWORK, "beside": beside}


def _baseline(
    job: str, results: dict[str, float], options: dict[str, Any], facts: StaticFacts | None
) -> dict[str, Any]:
    """Return the best baseline, and as `drawn` the one that pictures draw."""
    compared = compare(job, results, options)
    days = None if facts is None else facts.step_days
    method = baseline_method(job, options)[0]
    short = drawn_baseline(job, options, results, step_days=days)
    steps = season_ago(results)[1] or next(iter(options.get("season") or ()), 0)
    drawn: dict[str, Any] = {"drawn": short}
    drawn["seasonal"] = drawn_baseline(job, options, results, True)
    drawn |= {"steps": steps, "counted": f"the value of {ago(None, steps)}"}
    if compared is None:
        nothing = {"words": None, "worse": False, "tie": False}
        return {"method": method, "short": short, **drawn, **nothing}
    return {
        **drawn,
        "method": compared.method,
        "short": compared.short,
        "words": compared.in_words(),
        "worse": compared.worse,
        "tie": compared.tie,
        "value": compared.other,
        "text": written(compared.other, compared.entry.kind),
        "lower": None if compared.entry.kind == "share" else skill(*compared.sizes),
        "scaled": compared.relative is not None,
    }


def plain(value: Any) -> Any:
    """Return the value of an option as JSON has it: several values in one text."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def arrays_of(run: Run, which: str) -> Arrays:
    """Return arrays of a run, checked.

    Parameters
    ----------
    run : Run
    which : str
        `static`, `waves`, `final`, or the number of updates of a snapshot. The static arrays have,
        in place of the samples of sounds, which `waves` are, the extremes of equal parts of each.

    Raises
    ------
    DataError
        If there are none.
    HiddenstateError
        If they are damaged or cannot be read.
    """
    if which in ("static", "waves"):
        there = (run.path / "snapshots" / STATIC_ARRAYS).is_file()
        arrays = dict(run.static_arrays[0]) if there else {}  # of a run that has just begun
        waves = arrays.pop("wave", None)
        if which == "waves":
            return {} if waves is None else {"wave": waves}
        return arrays if waves is None else arrays | {"wave_ends": extremes(waves)}
    if which == "final":
        return run.final_arrays()
    paths = {int(path.stem): path for path in run.snapshot_paths()}
    if not which.isdecimal() or int(which) not in paths:
        raise DataError("no such snapshot")
    return run.snapshot(paths[int(which)])


def extremes(waves: Array) -> Array:
    """Return the smallest and the largest sample (n, parts, 2) of equal parts of sounds (n, s)."""
    starts = np.unique(np.linspace(0, waves.shape[1], WAVE_PARTS, endpoint=False).astype(int))
    ends = [each.reduceat(waves, starts, axis=1) for each in (np.minimum, np.maximum)]
    return np.stack(ends, axis=2)


def pack(arrays: Arrays) -> bytes:
    """Return arrays as bytes of the safetensors format, which a page reads."""
    import safetensors.numpy

    plain = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    return safetensors.numpy.save(plain)


def warm() -> None:
    """Import what the first net of a page needs, which takes a moment."""
    import hiddenstate.export.html.view
    import hiddenstate.export.python.file  # noqa: F401


def program(run: Run, step: int | None) -> bytes:
    """Return the net of a moment as a page computes with it, in JSON, with the scripts that nets
    need; companions with their title and the script that computes them.

    Parameters
    ----------
    run : Run
    step : int, optional
        Updates made, one of `weights_paths`; the trained model if None.

    Raises
    ------
    HiddenstateError
        If there are no weights of that moment, or they cannot be read.
    """
    from hiddenstate.export.html.page import COMPANION_SCRIPTS, net_scripts
    from hiddenstate.export.python.file import packed
    from hiddenstate.program.words import COMPANIONS

    own = _source(run, step).program
    value = {**packed(own, ("<f4",)), "scripts": net_scripts(own)}
    for each, kind in zip(value["companions"], map(type, own.companions), strict=True):
        each |= {"title": COMPANIONS[kind].title, "script": COMPANION_SCRIPTS[kind]}
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def view(run: Run, step: int | None, reads: bool = True) -> bytes:
    """Return the names, ranges and rows that go with the nets of a run, and how further rows are
    read, in JSON; errors as of :func:`program`. Unless it `reads`, the data of the run stay
    closed."""
    from dataclasses import replace

    from hiddenstate.export.html.view import view_data
    from hiddenstate.export.python.file import packed

    source = replace(_source(run, step), run=run)
    missing = source.facts["preparation"]["missing"]
    reading = {name: fact for name, fact in source.facts.items() if name in READING}
    value = {
        **view_data(source, reads),
        "written": {**reading, "preparation": {"missing": missing}},
    }
    rows = None if value["rows"] or not reads else _own_series(model_of(run, step), source, run)
    if rows is not None:
        low, high = rows.min(axis=0), rows.max(axis=0)
        room = np.where((low == 0) & (high == 1), 0, 0.1 * (high - low))  # none around flags
        value |= {"low": np.where(low > 0, np.maximum(low - room, low / 2), low - room).tolist()}
        value |= {"high": (high + room).tolist(), "rows": packed(rows[None], ("<f4", "<f8"))}
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _own_series(model: FittedModel, source: "Source", run: Run) -> Array | None:
    """Return the end (T, I) of the first series of a forecast as its program reads it, as far as it
    has no gaps; None of another run, or without its data."""
    from hiddenstate.export.html.forecasts import with_moved
    from hiddenstate.export.present import present_of

    present, _ = present_of(model, run)
    if present is None:
        return None
    rows = with_moved(present, 0, source.program.horizon).astype(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)][-OWN_STEPS:]
    return rows if len(rows) else None


def model_of(run: Run, step: int | None) -> FittedModel:
    """Return the model with the weights after a number of updates, or the trained one if None."""
    paths = {int(path.stem): path for path in run.weights_paths()}
    if step is not None and step not in paths:
        raise DataError("no weights of this moment")
    return run.model() if step is None else run.weights(paths[step])


def _source(run: Run, step: int | None) -> "Source":
    from hiddenstate.export.html.page import TARGET
    from hiddenstate.export.target import kinds_of, source_of

    source = source_of(model_of(run, step), run.name, "float32")
    for kind in kinds_of(source.program):
        if not TARGET.has(kind):
            name = kind if isinstance(kind, str) else kind.__name__
            raise DataError(f"no page computes a model with {name}")
    return source
