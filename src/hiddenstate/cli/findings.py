"""What was found in data, told in words and drawn in characters."""

import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hiddenstate.config import Config, DataConfig
from hiddenstate.errors import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hiddenstate.data import Dataset, PreparedDataset, SequenceDataset
    from hiddenstate.data.inspect import Findings, Fit

SHADES, BARS = " ░▒▓█", "▁▂▃▄▅▆▇█"

MOST_SAMPLES, MOST_SIGNALS, MOST_CLASSES = 4, 6, 20
"""Rows drawn, lines of one, classes told."""


def command_line(fit: "Fit", data: str) -> str:
    """The command that trains what fits."""
    words = ["hiddenstate", fit.job, data]
    for name, value in fit.options.items():
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(",".join(value) if isinstance(value, tuple) else str(value))
    return shlex.join(words)


def report(found: "Findings", d: "SequenceDataset", data: str, width: int) -> Iterator[str]:
    """What the data is, a line a fact; labels and bars."""
    yield f"{printable(found.name)}: {printable(found.kind)}"
    facts = {
        "rows": _rows_fact(found),
        "steps": _steps_fact(found),
        "pixels" if found.picture else "features" if found.steps else "columns": _width_fact(found),
        "numbers": _numbers_fact(found),
        "missing": _missing_fact(found),
        "constant": _some(found.constant, 5),
        "groups": str(found.n_groups or ""),
        "weights": "" if found.weights is None else "{:g} to {:g}".format(*found.weights),
    }
    for name, text in facts.items():
        if text:
            yield from _wrapped(text, width, f"  {name:<9} ")
    if found.targets:
        yield "targets (least, mean, greatest)"
        for name, spread in list(found.targets.items())[:MOST_CLASSES]:
            yield f"  {printable(name, 40)}: {', '.join(f'{value:.6g}' for value in spread)}"
    if found.classes and d.y is not None and not _no_classes(d.y):
        yield from _class_lines(found.classes, width)


def _no_classes(y: "NDArray[Any]") -> bool:
    from hiddenstate.data.inspect import hardly_repeat, like_numbers

    return like_numbers(y) or hardly_repeat(y)


def _rows_fact(found: "Findings") -> str:
    noun = " pictures" if found.picture else " series" if found.steps else ""
    if found.n_test:
        return f"{found.n_train:,}{noun} to learn from, {found.n_test:,} to test on"
    return f"{found.n_train:,}{noun}"


def _steps_fact(found: "Findings") -> str:
    if found.picture or found.steps is None:
        return ""
    low, median, high = found.steps
    return f"{low:,} to {high:,}, median {median:,}" if low < high else f"{high:,}"


def _width_fact(found: "Findings") -> str:
    if found.picture:
        colours = found.steps is not None and found.n_features == 3 * found.picture[1]
        return f"{found.picture[0]} x {found.picture[1]}{', in 3 colours' if colours else ''}"
    named = f": {_some(found.columns, 6)}" if found.columns else ""
    return f"{found.n_features:,}{named}"


def _numbers_fact(found: "Findings") -> str:
    large = found.n_bytes >= 2**20
    size = f"{found.n_bytes / (2**20 if large else 2**10):,.1f} {'MiB' if large else 'KiB'}"
    pixels = ", shades from 0 to 255" if found.dtype == "uint8" else ""
    if not found.on_disk:
        return f"{found.dtype}{pixels}, {size} in memory"
    return (
        f"{found.dtype}{pixels}, {size}, on disk and read in pieces; only the first "
        f"{found.looked_at:,} of them were looked at here"
    )


def _missing_fact(found: "Findings") -> str:
    from hiddenstate.data.inspect import count

    parts = []
    if found.missing:
        most = [f"{printable(n, 30)} {_share(s)}" for n, s in list(found.missing_by.items())[:3]]
        share = _share(found.missing / max(found.n_values, 1))
        parts.append(f"{count(found.missing, 'value')} ({share}), most in {', '.join(most)}")
    if found.infinite:
        parts.append(f"{found.infinite:,} infinite")
    return "; ".join(parts)


def _share(share: float) -> str:
    return "under 0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def _some(names: tuple[str, ...] | None, n: int) -> str:
    shown = ", ".join(printable(name, 30) for name in (names or ())[:n])
    return shown + (f" and {len(names) - n:,} more" if names and len(names) > n else "")


def _class_lines(classes: dict[str, int], width: int) -> Iterator[str]:
    """A class a line, with its rows, share and bar."""
    yield f"classes: {len(classes)}"
    total, most = sum(classes.values()), max(classes.values())
    shown = list(classes.items())
    if len(shown) > MOST_CLASSES:
        shown = sorted(shown, key=lambda pair: -pair[1])[:MOST_CLASSES]
    wide = min(24, max(len(printable(name)) for name, _ in shown))
    room = max(8, min(40, width - wide - 22))
    block = "█" if _drawable() else "#"
    for name, n in shown:
        bar = block * max(1, round(room * n / most))
        yield f"  {_cell(name, wide)}  {n:>8,}  {n / total:>6.1%}  {bar}"
    if len(classes) > len(shown):
        yield f"  and {len(classes) - len(shown):,} more"


def _cell(name: str, width: int) -> str:
    """A name that takes `width` columns on a terminal."""
    from rich.cells import set_cell_size

    return set_cell_size(printable(name, width), width)


def advice(found: "Findings", data: str, width: int) -> Iterator[str]:
    """The jobs that fit, with their commands, and the warnings."""
    yield "to train"
    for fit in found.fits:
        if fit.why_not:
            yield from _wrapped(f"{fit.job} does not fit: {fit.why_not}", width, "  ")
            continue
        when = f" ({fit.when})" if fit.when else ""
        yield from _wrapped(f"{fit.job}: {fit.layout}{when}", width, "  ")
        yield f"    {command_line(fit, data)}"
    if found.warnings:
        yield "look out"
        for warning in found.warnings:
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


def as_json_object(found: "Findings", data: str) -> dict[str, Any]:
    """What was found as one JSON object."""
    facts = asdict(found)
    steps = facts.pop("steps") or (None, None, None)
    facts |= dict(zip(("steps_min", "steps_median", "steps_max"), steps, strict=True))
    facts["fits"] = [
        {
            "job": fit.job,
            "command": None if fit.why_not else command_line(fit, data),
            "layout": fit.layout or None,
            "when": fit.when or None,
            "why_not": fit.why_not or None,
        }
        for fit in found.fits
    ]
    return facts


# --- drawn


def _drawable() -> bool:
    """Whether stdout takes the characters that are drawn with."""
    try:
        (SHADES + BARS + "▀").encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _colourful() -> bool:
    """Whether stdout is a terminal with 24-bit colour that wants any."""
    known = os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")
    return known and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def samples(d: "SequenceDataset", how: DataConfig, width: int) -> "Iterator[tuple[str, bool]]":
    """Lines of drawn rows, one row a class, and whether each has colour codes of ours in it."""
    import numpy as np

    from hiddenstate.data.inspect import feature_names, first_rows, picture_of

    X = first_rows(d.X)
    picture = picture_of(d, how)
    if not len(X) or not _drawable() or (X.ndim == 2 and picture is None and X.shape[1] < 8):
        return
    chosen = {"": 0}
    if d.y is not None and d.y.ndim == 1 and not _no_classes(d.y):
        labels, firsts = np.unique(d.y[: len(X)], return_index=True)
        chosen = dict(zip(map(str, labels), firsts.tolist(), strict=True))
    chosen = dict(list(chosen.items())[:MOST_SAMPLES])
    yield ("the first row of each class" if len(chosen) > 1 else "the first row"), False
    if picture is not None:
        shape = picture if d.picture else (*picture, 3)
        pictures = {label: X[row].reshape(shape) for label, row in chosen.items()}
        yield from _band(pictures, width)
        return
    names = feature_names(d) if X.ndim == 3 else [""]
    wide = min(20, max(len(printable(name)) for name in names[:MOST_SIGNALS]))
    for label, row in chosen.items():
        if label:
            yield f"  {printable(label, 60)}", False
        T = X.shape[1] if d.train.lengths is None else d.train.lengths[row]
        values = X[row].reshape(X.shape[1], -1)[:T]
        for name, signal in list(zip(names, values.T, strict=True))[:MOST_SIGNALS]:
            yield f"    {_cell(name, wide)}  {sparkline(signal, width - wide - 7)}", False
        if len(names) > MOST_SIGNALS:
            yield f"    and {len(names) - MOST_SIGNALS:,} more", False


def sparkline(signal: "NDArray[Any]", width: int) -> str:
    """A signal (T,) as at most `width` characters, each the mean of its share; gaps are blank."""
    import numpy as np

    values = np.where(np.isfinite(signal), signal, np.nan).astype(np.float64)
    parts = np.array_split(values, min(width, len(values)))
    known = [part[~np.isnan(part)] for part in parts]
    means = np.array([part.mean() if part.size else np.nan for part in known])
    if np.isnan(means).all():
        return ""
    low, high = np.nanmin(means), np.nanmax(means)
    level = (means - low) / (high - low) if high > low else means * 0 + 0.5
    return "".join(
        " " if np.isnan(share) else BARS[min(int(share * len(BARS)), len(BARS) - 1)]
        for share in level
    )


def shrunk(picture: "NDArray[Any]", width: int) -> "NDArray[Any]":
    """A picture (h, w) or (h, w, 3) at most `width` wide, as means over parts of it."""
    import numpy as np

    values = picture.astype(np.float64)
    w = min(width, picture.shape[1])
    h = max(1, round(picture.shape[0] * w / picture.shape[1]))
    for axis, n in ((0, h), (1, w)):
        size = values.shape[axis]
        # The mean over a part that begins and ends within a pixel, by sums up to a place.
        sums = np.insert(np.cumsum(values, axis=axis), 0, 0.0, axis=axis)
        places = np.linspace(0, size, n + 1)
        whole = np.minimum(places.astype(int), size - 1)
        rest = (places - whole).reshape(-1, *(1,) * (values.ndim - 1 - axis))
        up_to = sums.take(whole, axis) + rest * values.take(whole, axis)
        values = np.diff(up_to, axis=axis) * (n / size)
    return values


def _band(pictures: "dict[str, NDArray[Any]]", width: int) -> "Iterator[tuple[str, bool]]":
    """Pictures side by side, two of their rows in a line of characters."""
    import numpy as np

    each = max(8, (width - 2 - 2 * len(pictures)) // max(len(pictures), 3))
    small = [shrunk(picture, each) for picture in pictures.values()]
    top = max(float(picture.max()) for picture in small) or 1.0
    colour, drawn = _colourful(), []
    for picture in small:
        even = np.pad(picture, [(0, len(picture) % 2)] + [(0, 0)] * (picture.ndim - 1))
        upper, lower = even[::2] * (255 / top), even[1::2] * (255 / top)
        drawn.append(_half_blocks(upper, lower) if colour else _shades((upper + lower) / 2))
    if any(pictures):
        wide = [picture.shape[1] for picture in small]
        yield "  " + "  ".join(map(_cell, pictures, wide)).rstrip(), False
    for row in zip(*drawn, strict=True):
        yield ("  " + "  ".join(row)).rstrip(" "), colour


def _shades(picture: "NDArray[Any]") -> list[str]:
    grey = picture.mean(axis=-1) if picture.ndim == 3 else picture
    levels = (grey / 256 * len(SHADES)).astype(int).clip(0, len(SHADES) - 1)
    return ["".join(SHADES[level] for level in row) for row in levels]


def _half_blocks(upper: "NDArray[Any]", lower: "NDArray[Any]") -> list[str]:
    def code(pixel: Any) -> str:
        values = pixel if pixel.ndim else [pixel] * 3
        return ";".join(str(min(int(value), 255)) for value in values)

    return [
        "".join(f"\x1b[38;2;{code(a)};48;2;{code(b)}m▀" for a, b in zip(above, below, strict=True))
        + "\x1b[0m"
        for above, below in zip(upper, lower, strict=True)
    ]


# --- in two lines


def two_lines(d: "Dataset", config: Config, raw: "SequenceDataset | None" = None) -> list[str]:
    """What data is, and what a net is trained on, for the start of a run.

    Parameters
    ----------
    d : PreparedDataset or SequenceDataset
        Prepared, or raw: then there is the first line only.
    config : Config
    raw : SequenceDataset, optional
        The same as it was read: the first line then tells series that are windows by now, and
        the second whether test rows were brought or held out.
    """
    from hiddenstate.data import PreparedDataset

    first = f"data: {_what(raw or d)}"
    if isinstance(d, PreparedDataset):
        return [first, f"trained on: {_how(d, config, raw)}"]
    return [first]


def _what(d: "Dataset") -> str:
    from hiddenstate.data.inspect import class_sizes, count, lengths_of

    test = f" + {len(d.test):,} test" if d.test is not None else ""
    told = f"{printable(d.name)}, {printable(d.kind)}: {len(d.train):,}{test} "
    lengths, names = lengths_of(d.train), f" ({_some(d.columns, 2)})" if d.columns else ""
    if d.picture is not None:
        told += f"pictures of {d.picture[0]} x {d.picture[1]} pixels"
    elif lengths is None:
        told += f"rows of {count(d.X.shape[1], 'number')}{names}"
    else:
        low, high = int(lengths.min()), int(lengths.max())
        steps = f"{low:,} to {high:,} steps" if low < high else count(high, "step")
        told += f"series of {steps}, {count(d.X.shape[-1], 'channel')}{names}"
    classes = class_sizes(d)
    if d.y is not None and classes is None:
        told += f", {count(d.y.shape[-1], 'target')}"
        told += f" ({_some(d.targets, 2)})" if d.targets else ""
    elif classes and d.y is not None and (d.classes or not _no_classes(d.y)):
        sizes = ", ".join(f"{printable(name, 20)} {n:,}" for name, n in classes.items())
        if len(classes) > 6:
            sizes = f"{min(classes.values()):,} to {max(classes.values()):,} rows each"
        told += f", {len(classes)} classes ({sizes})"
    return told


def _how(d: "PreparedDataset", config: Config, raw: "SequenceDataset | None") -> str:
    import numpy as np

    from hiddenstate.data.inspect import count, shape_words
    from hiddenstate.data.prepare.pipeline import split_way

    prep, noun = d.transform, "pictures" if d.picture is not None else "series"
    shape = count(d.X.shape[1], "number") if d.X.ndim == 2 else shape_words(d, None)
    if config.job != "classify":
        noun = "windows" if prep.reading.get("window") else "series" if d.X.ndim == 3 else "rows"
    told = f"{len(d.train):,} {noun} of {shape}"
    if prep.scaling is not None:
        told += ", scaled to [0, 1]" if config.data.scale == "minmax" else ", standardised"
    told += ", as fractions of 255" if prep.pixels else ""
    told += {
        "drop": ", rows with missing values left out",
        "mean": ", missing values filled in with the mean",
        "forward": ", missing values filled in with the one before",
        "mask": ", missing values filled in and marked",
    }.get(prep.missing, "")
    signal = raw is not None and config.job == "regress" and len(raw.train) == 1
    for name, aim in (("valid", "to decide when to stop"), ("test", "for testing")):
        rows, brought = getattr(d, name), getattr(raw, name, None) is not None
        if rows is None or not len(rows):
            continue
        n = f"{len(rows):,}"
        if signal and rows.y is not None and rows.y.ndim == 3:  # steps that are only read are NaN
            n = count(int(np.isfinite(rows.y).all(axis=-1).sum()), "step")
        told += f"; {n} more {aim}" if brought else f"; {n} held out {aim}"
        if raw is not None and not brought:
            way = "time" if signal else split_way(raw.train, config)
            words = {"group": "whole groups", "time": "the last", "random": "at random"}
            told += f" ({words.get(way, way)})"
    return told
