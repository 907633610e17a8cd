"""Describes data in words, and draws rows of it in characters."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiddenstate.config import Config
from hiddenstate.errors import listed, printable

if TYPE_CHECKING:
    from hiddenstate.data import Dataset, PreparedDataset, Rows, SequenceDataset
    from hiddenstate.data.inspect import Findings
    from hiddenstate.data.job_fit import Fit
    from hiddenstate.data.leaks import Leak
    from hiddenstate.data.prepare.wide import WideReading
    from hiddenstate.data.readers.column_roles import ColumnFacts
    from hiddenstate.models.streaming import Obstacle
    from hiddenstate.system.typing import Array
    from hiddenstate.views.terminal.canvas import Canvas

MAX_SAMPLES, MAX_SIGNALS, MAX_CLASSES, MAX_COLUMNS = 4, 6, 20, 20
"""Rows that are drawn, features of each, and classes and columns that are listed."""


@dataclass(frozen=True)
class Planned:
    """What the command of a job that fits would train.

    Parameters
    ----------
    config : Config
    obstacles : tuple of Obstacle
        Why the model would not answer step by step.
    leaks : tuple of Leak
        What would make its score too good, if that was looked for.
    """

    config: Config
    obstacles: "tuple[Obstacle, ...]"
    leaks: "tuple[Leak, ...]" = ()


def command_line(fit: "Fit", data: str) -> str:
    """Return the command that trains the job that fits."""
    words = ["hiddenstate", fit.job, data]
    for name, value in fit.options.items():
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            several = isinstance(value, tuple)
            words.append(",".join(map(str, value)) or "none" if several else str(value))
    return shlex.join(words)


def report(findings: "Findings", d: "SequenceDataset", data: str, width: int) -> Iterator[str]:
    """Describe data, one fact per line, and its classes with bars."""
    yield f"{printable(findings.name)}: {printable(findings.kind)}"
    facts = {
        "rows": _rows_fact(findings),
        "not read": "; ".join(findings.unread),
        "steps": _steps_fact(findings),
        "pixels" if findings.picture else "features" if findings.steps else "columns": _width_fact(
            findings
        ),
        "numbers": _numbers_fact(findings),
        "missing": _missing_fact(findings),
        "constant": _some(findings.constant, 5),
        "groups": str(findings.n_groups or ""),
        "weights": "" if findings.weights is None else "{:g} to {:g}".format(*findings.weights),
    }
    for name, text in facts.items():
        if text:
            yield from _wrapped(text, width, f"  {name:<9} ")
    if findings.reading is not None:
        yield from _reading_lines(findings.reading, width)
    if findings.table:
        yield from column_lines(findings.table, findings.n_table, width)
    if findings.targets:
        yield "targets (min, mean, max)"
        for name, spread in list(findings.targets.items())[:MAX_CLASSES]:
            yield f"  {printable(name, 40)}: {', '.join(f'{value:.6g}' for value in spread)}"
    if findings.classes and d.y is not None and not _no_classes(d.y):
        yield from _class_lines(findings.classes, width)


def _reading_lines(reading: "WideReading", width: int) -> Iterator[str]:
    """Say how wide rows are read and why, and how they would be read otherwise."""
    yield from _wrapped(f"{reading.words}, because {reading.reason}", width, "each row  ")
    other = reading.other
    yield from _wrapped(f"or {other.words}, with --layout {other.layout}", width, "          ")


def column_lines(columns: "tuple[ColumnFacts, ...]", n: int, width: int) -> Iterator[str]:
    """List the columns of a table: name, type, missing cells, role and examples.

    Of many columns, `MAX_COLUMNS` are listed, those with a role other than input first.
    """
    yield f"columns of the file: {n:,}"
    shown = list(columns)
    if len(shown) > MAX_COLUMNS:
        first = sorted(range(len(shown)), key=lambda k: (shown[k].role == "input", k))
        shown = [shown[k] for k in sorted(first[:MAX_COLUMNS])]
    wide = min(24, max((len(printable(each.name)) for each in shown), default=0))
    kinds = max((len(each.kind) for each in shown), default=0)
    facts = [
        f"{each.kind:<{max(kinds, len('number'))}}  {each.role}"
        + (f", {each.missing:,} missing" if each.missing else "")
        for each in shown
    ]
    room = max(map(len, facts), default=0)
    for each, words in zip(shown, facts, strict=True):
        examples = ", ".join(each.examples)
        line = f"  {_padded(each.name, wide)}  {words:<{room}}  {examples}"
        yield printable(line, width).rstrip()
    if n > len(shown):
        yield f"  and {n - len(shown):,} more"


def _no_classes(y: "Array") -> bool:
    from hiddenstate.data.description import like_numbers
    from hiddenstate.data.job_fit import hardly_repeat

    return like_numbers(y) or hardly_repeat(y)


def _rows_fact(findings: "Findings") -> str:
    noun = " pictures" if findings.picture else " series" if findings.steps else ""
    if findings.n_test:
        return f"{findings.n_train:,}{noun} for training, {findings.n_test:,} for testing"
    return f"{findings.n_train:,}{noun}"


def _steps_fact(findings: "Findings") -> str:
    if findings.picture or findings.steps is None:
        return ""
    low, median, high = findings.steps
    return f"{low:,} to {high:,}, median {median:,}" if low < high else f"{high:,}"


def _width_fact(findings: "Findings") -> str:
    if findings.picture:
        h, w, *colors = findings.picture
        return f"{h} x {w}{', in 3 colours' if colors else ''}"
    names = f": {_some(findings.columns, 6)}" if findings.columns else ""
    return f"{findings.n_features:,}{names}"


def _numbers_fact(findings: "Findings") -> str:
    large = findings.n_bytes >= 2**20
    size = f"{findings.n_bytes / (2**20 if large else 2**10):,.1f} {'MiB' if large else 'KiB'}"
    pixels = ", values from 0 to 255" if findings.dtype == "uint8" else ""
    if not findings.on_disk:
        return f"{findings.dtype}{pixels}, {size} in memory"
    return (
        f"{findings.dtype}{pixels}, {size}, on disk and read in pieces; only the first "
        f"{findings.looked_at:,} of them were checked"
    )


def _missing_fact(findings: "Findings") -> str:
    from hiddenstate.errors import count

    parts = []
    if findings.missing:
        most = [f"{printable(n, 30)} {_share(s)}" for n, s in list(findings.missing_by.items())[:3]]
        share = _share(findings.missing / max(findings.n_values, 1))
        parts.append(f"{count(findings.missing, 'value')} ({share}), most in {', '.join(most)}")
    if findings.infinite:
        parts.append(f"{findings.infinite:,} infinite")
    return "; ".join(parts)


def _share(share: float) -> str:
    return "under 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def _some(names: tuple[str, ...] | None, n: int) -> str:
    return listed(names or (), n, 30)


def _class_lines(classes: dict[str, int], width: int) -> Iterator[str]:
    """List the classes, each with its rows, share and bar."""
    yield f"classes: {len(classes)}"
    total, most = sum(classes.values()), max(classes.values())
    shown = list(classes.items())
    if len(shown) > MAX_CLASSES:
        shown = sorted(shown, key=lambda pair: -pair[1])[:MAX_CLASSES]
    wide = min(24, max(len(printable(name)) for name, _ in shown))
    room = max(8, min(40, width - wide - 22))
    for name, n in shown:
        yield f"  {_padded(name, wide)}  {n:>8,}  {n / total:>6.1%}  {_bar(n / most, room)}"
    if len(classes) > len(shown):
        yield f"  and {len(classes) - len(shown):,} more"


def _bar(share: float, width: int) -> str:
    """Return a bar of `share`, 0 to 1, of `width` columns."""
    from hiddenstate.views.terminal import shapes
    from hiddenstate.views.terminal.colors import DEFAULT

    if not encodable(shapes.CHARACTERS):
        return "#" * max(1, round(width * share))
    canvas = _canvas(width, 1)
    shapes.bar(canvas, 0, 0, width, share, DEFAULT)
    return _printed(canvas)[0]


def _padded(name: str, width: int) -> str:
    """Return a name that takes `width` columns on a terminal."""
    from hiddenstate.views.terminal.canvas import clip, width_of

    text = clip(printable(name), width)
    return text + " " * (width - width_of(text))


def advice(
    findings: "Findings", data: str, width: int, plans: Mapping[str, Planned]
) -> Iterator[str]:
    """List the jobs that fit, with their commands and their `plans` by job, and the warnings."""
    from hiddenstate.models.streaming import streaming_note

    yield "to train"
    for fit in findings.fits:
        if fit.why_not:
            yield from _wrapped(f"{fit.job} does not fit: {fit.why_not}", width, "  ")
            continue
        when = f" ({fit.when})" if fit.when else ""
        yield from _wrapped(f"{fit.job}: {fit.layout}{when}", width, "  ")
        yield f"    {command_line(fit, data)}"
        if fit.job in plans and plans[fit.job].obstacles:
            yield from _wrapped(streaming_note(fit.job, plans[fit.job].obstacles), width, "    ")
    if findings.warnings:
        yield "warnings"
        for warning in findings.warnings:
            yield from _wrapped(warning, width, "  - ")


def _wrapped(text: str, width: int, head: str) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


# --- drawings


def encodable(characters: str) -> bool:
    """Whether the encoding of stdout has these characters."""
    try:
        characters.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _canvas(width: int, height: int) -> "Canvas":
    """Return an empty canvas with the colours of stdout; none if it is not a terminal."""
    from hiddenstate.views.terminal.canvas import Canvas
    from hiddenstate.views.terminal.colors import Depth, color_depth

    depth = color_depth(os.environ) if sys.stdout.isatty() else Depth.PLAIN
    return Canvas.blank(width, height, depth)


def _printed(canvas: "Canvas") -> list[str]:
    from hiddenstate.views.terminal.canvas import printed

    return printed(canvas)


def drawn_rows(d: "SequenceDataset", n: int) -> dict[str, int]:
    """Return the first of `n` rows with each label, of a few; the first row without labels."""
    import numpy as np

    if d.y is None or d.y.ndim != 1 or _no_classes(d.y):
        return {"": 0}
    labels, firsts = np.unique(d.y[:n], return_index=True)
    return dict(list(zip(map(str, labels), firsts.tolist(), strict=True))[:MAX_SAMPLES])


def samples(d: "SequenceDataset", width: int) -> "Iterator[tuple[str, bool]]":
    """Draw the first row of each class.

    Yields
    ------
    line : str
    is_drawing : bool
        Whether the line has colour codes, and no text from the data.
    """
    from hiddenstate.data.description import feature_names, first_rows
    from hiddenstate.views.terminal import shapes

    X = first_rows(d.X)
    too_short = X.ndim == 2 and d.picture is None and X.shape[1] < 8
    if not len(X) or too_short or not encodable(shapes.CHARACTERS):
        return
    chosen = drawn_rows(d, len(X))
    yield ("the first row of each class" if len(chosen) > 1 else "the first row"), False
    if d.picture is not None:
        shape = d.picture
        yield from _pictures({label: X[row].reshape(shape) for label, row in chosen.items()}, width)
        return
    names = feature_names(d) if X.ndim == 3 else [""]
    wide = min(20, max(len(printable(name)) for name in names[:MAX_SIGNALS]))
    for label, row in chosen.items():
        if label:
            yield f"  {printable(label, 60)}", False
        T = X.shape[1] if d.train.lengths is None else d.train.lengths[row]
        values = X[row].reshape(X.shape[1], -1)[:T]
        for name, signal in list(zip(names, values.T, strict=True))[:MAX_SIGNALS]:
            canvas = _canvas(min(width - wide - 7, len(signal)), 1)
            shapes.sparkline(canvas, signal)
            yield f"    {_padded(name, wide)}  {_printed(canvas)[0]}", False
        if len(names) > MAX_SIGNALS:
            yield f"    and {len(names) - MAX_SIGNALS:,} more", False


def _pictures(pictures: "dict[str, Array]", width: int) -> "Iterator[tuple[str, bool]]":
    """Draw pictures side by side under their labels; yield as :func:`samples`."""
    from hiddenstate.views.terminal import shapes

    each = max(8, (width - 2 - 2 * len(pictures)) // max(len(pictures), 3))
    h, w = next(iter(pictures.values())).shape[:2]
    wide = min(each, w)
    canvas = _canvas(width, max(1, round(h * wide / w / 2)))
    high = float(max(picture.max() for picture in pictures.values())) or 1.0
    for number, picture in enumerate(pictures.values()):
        part = canvas.part(2 + number * (wide + 2), 0, wide, canvas.height)
        if picture.ndim == 3:
            shapes.photo(part, picture, high)
        else:
            shapes.image(part, picture, 0.0, high)
    if any(pictures):
        yield "  " + "  ".join(_padded(label, wide) for label in pictures).rstrip(), False
    for line in _printed(canvas):
        yield line, True


# --- in two lines


def two_lines(d: "Dataset", config: Config, raw: "SequenceDataset | None" = None) -> list[str]:
    """Describe data as read and as prepared, for the start of a run.

    Parameters
    ----------
    d : PreparedDataset or SequenceDataset
        Without preparation there is only the first line.
    config : Config
    raw : SequenceDataset, optional
        The same data as read. The first line then describes it, and the second says whether test
        rows were provided or held out.
    """
    from hiddenstate.data import PreparedDataset

    first = f"data: {_as_read(raw or d)}"
    if isinstance(d, PreparedDataset):
        return [first, f"trained on: {_prepared(d, config, raw)}"]
    return [first]


def _as_read(d: "Dataset") -> str:
    from hiddenstate.data.description import class_sizes, lengths_of
    from hiddenstate.errors import count

    test = f" + {len(d.test):,} test" if d.test is not None else ""
    text = f"{printable(d.name)}, {printable(d.kind)}: {len(d.train):,}{test} "
    lengths, names = lengths_of(d.train), f" ({_some(d.columns, 2)})" if d.columns else ""
    if d.picture is not None:
        text += f"pictures of {d.picture[0]} x {d.picture[1]} pixels"
        text += ", in 3 colours" if d.picture[2:] else ""
    elif lengths is None:
        text += f"rows of {count(d.X.shape[1], 'number')}{names}"
    else:
        low, high = int(lengths.min()), int(lengths.max())
        steps = f"{low:,} to {high:,} steps" if low < high else count(high, "step")
        text += f"series of {steps}, {count(d.X.shape[-1], 'channel')}{names}"
    classes = class_sizes(d)
    if d.y is not None and classes is None:
        text += f", {count(d.y.shape[-1], 'target')}"
        text += f" ({_some(d.targets, 2)})" if d.targets else ""
    elif classes and d.y is not None and (d.classes or not _no_classes(d.y)):
        sizes = ", ".join(f"{printable(name, 20)} {n:,}" for name, n in classes.items())
        if len(classes) > 6:
            low, high = min(classes.values()), max(classes.values())
            sizes = f"{low:,} to {high:,} rows each" if low < high else f"{low:,} rows each"
        text += f", {len(classes)} classes ({sizes})"
    return text


def _prepared(d: "PreparedDataset", config: Config, raw: "SequenceDataset | None") -> str:
    from hiddenstate.data.description import shape_words
    from hiddenstate.errors import count

    prep, noun = d.transform, "pictures" if d.picture is not None else "series"
    shape = count(d.X.shape[1], "number") if d.X.ndim == 2 else shape_words(d, None)
    if config.data.layout == "features":
        shape, noun = count(d.X.shape[-1], "feature"), "rows"
    elif not config.kind.has_classes:
        noun = "windows" if prep.reading.get("window") else "series" if d.X.ndim == 3 else "rows"
    text = f"{len(d.train):,} {noun} of {shape}"
    if prep.scaling is not None:
        each = "each " if config.data.layout == "features" else ""
        how = "scaled to [0, 1]" if config.data.scale == "minmax" else "standardised"
        text += f", {each}{how}"
    text += ", as fractions of 255" if prep.pixels else ""
    text += {
        "drop": ", rows with missing values left out",
        "mean": ", missing values filled in with the mean",
        "forward": ", missing values filled in with the previous value",
        "mask": ", missing values filled in and marked",
    }.get(prep.missing, "")
    return text + "".join(_held_out(d, config, raw))


def _held_out(d: "PreparedDataset", config: Config, raw: "SequenceDataset | None") -> Iterator[str]:
    """Say how many rows, windows or steps are for validation and for testing, and which."""
    from hiddenstate.data.prepare.pipeline import split_way
    from hiddenstate.errors import count

    signal = raw is not None and config.kind.has_targets and len(raw.train) == 1
    # A forecast of series without targets has its inputs as targets.
    every_step = raw is not None and (raw.train.y is None or raw.train.y.ndim == 3)
    every_step &= not config.kind.has_targets or bool(
        config.data.window or config.data.output != "last"
    )
    ends = config.kind.has_targets and not signal and every_step
    by_way = {
        "group": " (whole groups)",
        "distinct": " (equal rows on one side)",
        "time": " (the end of each series)" if ends else "",
        "random": " (at random)",
    }
    for name, purpose in (("valid", "for validation"), ("test", "for testing")):
        rows, provided = getattr(d, name), getattr(raw, name, None) is not None
        if rows is None or not len(rows):
            continue
        n = f"{len(rows):,}"
        if (signal or ends) and name == "valid":  # windows share steps
            n = count(len(rows), "window")
        elif (
            config.kind.has_targets and rows.y is not None and (signal or ends or rows.y.ndim == 2)
        ):
            n_scored = _n_scored(rows, config)
            n = count(n_scored, "step") if signal or ends else f"{n_scored:,}"
        if provided or raw is None:
            yield f"; {n} {'more' if provided else 'held out'} {purpose}"
            continue
        way = "time" if signal else split_way(raw.train, config)
        first = "the last " if way == "time" and not ends else ""
        yield f"; {first}{n} held out {purpose}{by_way.get(way, f' ({way})')}"


def _n_scored(rows: "Rows", config: Config) -> int:
    """Count the targets that are scored: none after the end of a series, nor before a window."""
    import numpy as np

    from hiddenstate.program.rows import after_end

    # Targets of steps that only lead in are NaN, and missing ones are not scored.
    scored = np.isfinite(rows.require_targets()).all(axis=-1)
    if scored.ndim == 2:
        T, window = scored.shape[1], 0 if config.data.stateful else config.data.window
        lengths = rows.ends
        scored &= ~after_end(lengths, T) & (lengths >= window)[:, None]
        if config.data.output == "last":
            scored[:, : max(window - 1, 0)] = False
    return int(scored.sum())
