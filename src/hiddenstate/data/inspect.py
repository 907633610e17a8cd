"""A data set looked at before training: what it is, which jobs fit, what may be wrong with it.

Rows are X (N, T, I), N series of T steps with I features each, or flat, (N, F), as read.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hiddenstate.config import DataConfig, section_options
from hiddenstate.config.option import JOBS
from hiddenstate.data.dataset import Dataset, SequenceDataset
from hiddenstate.data.prepare.transform import after_end
from hiddenstate.data.rows import Rows, in_pieces
from hiddenstate.data.store import PIECE, RowStore
from hiddenstate.errors import printable
from hiddenstate.system.typing import Array

Options = dict[str, Any]

LONG = 2000
"""Steps above which a series is too long to be read whole with profit."""

COMMON_STEPS = (28, 32, 24, 60, 100, 128)
"""Steps that flat rows are often made of: rows of pixels, hours, minutes, powers of two."""

COMPARED = 200
"""Rows that are looked at to tell steps from features."""


@dataclass(frozen=True)
class Fit:
    """A job, and either the options that train it or why it does not fit.

    `layout` is what a net would read, `when` what must be true of the rows to make sense of it.
    """

    job: str
    options: Options = field(default_factory=dict)
    layout: str = ""
    when: str = ""
    why_not: str = ""


@dataclass(frozen=True)
class Findings:
    """What was found. Names of columns and classes are as the file has them, not yet printable.

    `steps` are the least, median and most, None where rows are flat; `looked_at` rows had their
    values read, of rows on disk only the first; `missing_by` has the share of each column that
    lacks some, the largest first; `classes` the training rows of each label; `targets` the least,
    mean and greatest of each; `duplicates` the test rows that are training rows too, None where
    that was not looked for.
    """

    name: str
    kind: str
    job: str
    n_train: int
    n_test: int
    steps: tuple[int, int, int] | None
    n_features: int
    columns: tuple[str, ...] | None
    picture: tuple[int, int] | None
    dtype: str
    n_bytes: int
    on_disk: bool
    looked_at: int
    n_values: int
    missing: int
    missing_by: dict[str, float]
    infinite: int
    constant: tuple[str, ...]
    classes: dict[str, int] | None
    targets: dict[str, tuple[float, float, float]] | None
    n_groups: int | None
    weights: tuple[float, float] | None
    duplicates: int | None
    fits: tuple[Fit, ...]
    warnings: tuple[str, ...]


def inspect_dataset(
    d: SequenceDataset, how: DataConfig, job: str, refused: Mapping[str, str] | None = None
) -> Findings:
    """Look into a data set as it was read for `job`: neither split nor scaled.

    Parameters
    ----------
    d : SequenceDataset
    how : DataConfig
        The options it was read with.
    job : {"classify", "regress", "autoencode"}
    refused : mapping, optional
        Why other jobs could not read it.
    """
    parts = [part for part in (d.train, d.test) if part is not None]
    values, copies, steps, rows = _look(parts), _duplicates(d), lengths_of(d.train), d.train
    names = feature_names(d)
    shares = values.missing / np.maximum(values.n, 1)
    worst = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i]]
    constant = [] if picture_of(d, how) else np.flatnonzero(values.low == values.high).tolist()
    warnings = [*d.remarks, *_label_warnings(d), *_shape_warnings(d, how)]
    if copies:
        said = "row is a training row" if copies == 1 else "rows are training rows"
        warnings.append(f"{copies} test {said} too: there the test tells nothing new")
    unsound = bool(values.missing.any() or values.infinite.any())
    return Findings(
        name=d.name,
        kind=d.kind,
        job=job,
        n_train=len(d.train),
        n_test=0 if d.test is None else len(d.test),
        steps=None if steps is None else _spread(steps),
        n_features=d.X.shape[-1],
        columns=d.columns,
        picture=picture_of(d, how),
        dtype=str(d.X.dtype),
        n_bytes=sum(math.prod(part.X.shape) * part.X.dtype.itemsize for part in parts),
        on_disk=isinstance(d.X, RowStore),
        looked_at=values.rows,
        n_values=int(values.n.sum()),
        missing=int(values.missing.sum()),
        missing_by={names[i]: float(shares[i]) for i in worst},
        infinite=int(values.infinite.sum()),
        constant=tuple(names[i] for i in constant),
        classes=class_sizes(d),
        targets=_targets(d),
        n_groups=None if rows.groups is None else len(np.unique(rows.groups)),
        weights=None if rows.weights is None else (rows.weights.min(), rows.weights.max()),
        duplicates=copies,
        fits=_fits(d, how, {"missing": "mean"} if unsound else {}, refused or {}),
        warnings=tuple(warnings),
    )


# --- values


@dataclass
class _Values:
    """Counts and bounds of each feature (I,), over what was looked at."""

    n: Array
    missing: Array
    infinite: Array
    low: Array
    high: Array
    rows: int = 0


def _look(parts: list[Rows]) -> _Values:
    width = parts[0].X.shape[-1]
    zero = np.zeros(width, np.int64)
    found = _Values(zero, zero, zero, np.full(width, np.inf), np.full(width, -np.inf))
    for rows in parts:
        on_disk = isinstance(rows.X, RowStore)
        for first, piece in [(0, first_rows(rows.X))] if on_disk else in_pieces(rows.X, 2**23):
            values = piece.reshape(-1, width)
            if rows.lengths is not None:
                own = rows.lengths[first : first + len(piece)]
                values = piece[~after_end(own, piece.shape[1])]
            nan, infinite = np.isnan(values), np.isinf(values)
            low = high = values
            if nan.any() or infinite.any():
                low = np.where(nan | infinite, np.inf, values)
                high = np.where(nan | infinite, -np.inf, values)
            found.rows += len(piece)
            found.n = found.n + len(values)
            found.missing = found.missing + nan.sum(axis=0)
            found.infinite = found.infinite + infinite.sum(axis=0)
            if len(values):
                found.low = np.minimum(found.low, low.min(axis=0))
                found.high = np.maximum(found.high, high.max(axis=0))
    return found


def first_rows(X: Any) -> Array:
    """`X`, or, where it stays on disk, its first rows, or the first steps of its only row."""
    if not isinstance(X, RowStore):
        return np.asarray(X)
    if len(X) == 1 and X.row_bytes > PIECE:
        try:
            return X.windows(max(1, PIECE * X.shape[1] // X.row_bytes))[:1]
        except TypeError:  # changed as it is read, so that only whole rows are to be had
            return np.empty((0, *X.shape[1:]), X.dtype)
    return next(X.pieces())[1]


def lengths_of(rows: Rows) -> Array | None:
    """Steps of each row (N,); None where rows are flat."""
    if rows.lengths is not None:
        return rows.lengths
    return np.full(len(rows), rows.X.shape[1]) if rows.X.ndim == 3 else None


def _spread(n: Array) -> tuple[int, int, int]:
    return int(n.min()), int(np.median(n)), int(n.max())


def feature_names(d: Dataset) -> list[str]:
    """What each feature is called."""
    if d.columns is not None and len(d.columns) == d.X.shape[-1]:
        return list(d.columns)
    return [f"feature {i}" for i in range(d.X.shape[-1])]


def picture_of(d: SequenceDataset, how: DataConfig) -> tuple[int, int] | None:
    """The (height, width) of rows that are pictures, grey or with three colours a pixel."""
    coloured = how.color and d.kind.startswith(("a folder of images", "an image"))
    return (d.X.shape[1], d.X.shape[2] // 3) if coloured else d.picture


def class_sizes(d: Dataset) -> dict[str, int] | None:
    """Training rows of each label, in the order of the labels; None where there are none."""
    if d.y is None or d.y.ndim != 1:
        return None
    labels, counts = np.unique(d.y, return_counts=True)
    names = labels.tolist() if d.classes is None else [d.classes[i] for i in labels]
    return dict(zip(map(str, names), counts.tolist(), strict=True))


def _targets(d: SequenceDataset) -> dict[str, tuple[float, float, float]] | None:
    if d.y is None or d.y.ndim == 1:
        return None
    y, lengths = d.y, d.train.lengths
    if y.ndim == 3:
        y = y.reshape(-1, y.shape[-1]) if lengths is None else y[~after_end(lengths, y.shape[1])]
    found = {}
    for i, column in enumerate(y.T):
        known = column[np.isfinite(column)]
        if known.size:
            name = d.targets[i] if d.targets else f"target {i}"
            found[name] = (float(known.min()), float(known.mean()), float(known.max()))
    return found


def _duplicates(d: SequenceDataset) -> int | None:
    """Test rows whose numbers are those of a training row; None if that is not looked for."""
    if d.test is None or any(isinstance(X, RowStore) for X in (d.X, d.X_test)):
        return None
    known = set(_hashes(d.train))
    return sum(value in known for value in _hashes(d.test))


def _hashes(rows: Rows) -> Iterator[int]:
    for i, row in enumerate(rows.X):
        yield hash((row if rows.lengths is None else row[: rows.lengths[i]]).tobytes())


# --- labels that are none, and shapes that are another


def like_numbers(y: Array) -> bool:
    """Whether labels (N,) are rather numbers to predict."""
    n = len(np.unique(y))
    if y.dtype.kind == "f" and (y != np.floor(y)).any():
        return n > min(20, len(y) / 2)
    return y.dtype.kind in "iuf" and n > max(20, len(y) / 2)


def hardly_repeat(y: Array) -> bool:
    """Whether labels (N,) are rather ids or dates."""
    return len(np.unique(y)) > max(2, len(y) / 2)


def _strange(d: SequenceDataset) -> list[str]:
    """Labels of test rows that no training row has."""
    if d.y is None or d.y_test is None or d.y.ndim != 1:
        return []
    return sorted(set(map(str, d.y_test.tolist())) - set(map(str, d.y.tolist())))


def _label_warnings(d: SequenceDataset) -> Iterator[str]:
    classes = class_sizes(d)
    if classes is None or d.y is None:
        return
    column = f" in column {printable(d.read_as['label'], 40)}" if "label" in d.read_as else ""
    many = f"{len(classes)} different labels{column} for {count(len(d.y), 'row')}"
    if like_numbers(d.y):
        yield f"{many}: they look like numbers to predict, which is regress, not like classes"
    elif hardly_repeat(d.y):
        yield f"{many}: an id or a date, not a class? name the class with --label"
    else:
        lone = [printable(name, 40) for name, n in classes.items() if n < 2]
        some = ", ".join(lone[:5]) + (f" and {len(lone) - 5} more" if lone[5:] else "")
        if lone:
            yield f"fewer than 2 rows in class {some}: add some, or drop them"
        if strange := _strange(d):
            yield f"test rows have the label {printable(strange[0], 40)}, no training row has it"


def roughness(X: Array) -> tuple[float, float]:
    """How much neighbouring steps, and neighbouring features, of X (N, T, I) differ.

    The mean absolute difference of neighbours along an axis, in standard deviations along it:
    2 / sqrt(pi), about 1.13, for noise, near 0 for what is smooth; NaN where nothing varies.
    """

    def along(axis: int) -> float:
        values = np.asarray(X, np.float64)
        if values.shape[axis] < 2:
            return math.nan
        with np.errstate(invalid="ignore", divide="ignore"):
            spread = values.std(axis=axis, ddof=1)
            each = np.abs(np.diff(values, axis=axis)).mean(axis=axis) / spread
        each = each[np.isfinite(each)]
        return float(each.mean()) if each.size else math.nan

    return along(1), along(2)


def looks_swapped(X: Array) -> bool:
    """Whether the features of X (N, T, I) look like steps, and the steps like features.

    They do if there are many more features, which are clearly smoother than the steps, and the
    steps are nearly as rough as noise. Measured: signals stored the wrong way round have 1.1 to
    1.4 and 0.1 to 0.6, noise 1.1 to 1.4 and 1.1, MNIST read two rows a step 0.63 and 0.28.
    """
    if X.ndim != 3 or X.shape[2] < max(16, 2 * X.shape[1]):
        return False
    steps, features = roughness(X[:COMPARED])
    return steps > 0.9 and features < 0.6 * steps


def _shape_warnings(d: SequenceDataset, how: DataConfig) -> Iterator[str]:
    if d.X.ndim == 2:
        if how.steps is None and d.picture is None:
            yield from _flat_hints(d.X.shape[1])
        return
    _, T, width = d.X.shape
    plain = picture_of(d, how) is None and d.train.lengths is None
    if plain and looks_swapped(first_rows(d.X)):
        arrays = d.kind.startswith(("an .np", "a folder of .npy"))
        mend = "drop" if how.channels_first else "add" if arrays else ""
        mend = f"{mend} --channels-first" if mend else "save them the other way round"
        yield (
            f"time and features look swapped: {count(T, 'step')} of {count(width, 'feature')}, "
            f"but neighbouring features are much more alike than neighbouring steps; {mend}"
        )
    if T == 1 and len(d.train) > 1:
        again = "ids never repeat, so each row is a series of one step; drop --id"
        alone = "series of one step: a recurrent net has nothing to remember"
        yield again if "id" in d.read_as else alone
    if T > LONG and (d.y is None or d.y.ndim < 3):
        yield (
            f"series of up to {T:,} steps are learnt slowly and badly: cut them into windows, or "
            "keep every n-th step"
        )


def _flat_hints(width: int) -> Iterator[str]:
    """What flat rows may be, where nothing says it."""
    side = math.isqrt(width)
    if width >= 36 and side * side == width:
        what, steps = f"pictures of {side} x {side}", side
    else:
        steps = next((s for s in COMMON_STEPS if width % s == 0 and 2 <= width // s <= 64), 0)
        what = f"{steps} steps of {width // max(steps, 1)}"
    if steps:
        yield (
            f"rows of {width} numbers are read as {width} steps of 1; if they are {what}, add "
            f"--steps {steps}"
        )


# --- which jobs fit


def _fits(
    d: SequenceDataset, how: DataConfig, extra: Options, refused: Mapping[str, str]
) -> tuple[Fit, ...]:
    """Each job with what it needs, or why not; those that fit first."""
    found = [
        *([] if "classify" in refused else [_classify_fit(d, how, extra)]),
        *_regress_fits(d, how, extra),
        _autoencode_fit(d, how, extra),
    ]
    for job in JOBS:
        if all(fit.job != job for fit in found):
            why = refused.get(
                job, "no targets" + ("; add --target COL" if "layout" in d.read_as else "")
            )
            found.append(Fit(job, why_not=why.removeprefix(f"{printable(how.data)}: ")))
    return tuple(sorted(found, key=lambda fit: bool(fit.why_not)))


def _given(job: str, how: DataConfig) -> Options:
    """Options that `job` has and that are not as they are by default."""
    known = section_options(DataConfig, job)
    defaults = {name: (option.default, *option.per_job.values()) for name, option in known.items()}
    values = {name: getattr(how, name) for name in known if name != "data"}
    return {name: value for name, value in values.items() if value not in defaults[name]}


def _holds_none(d: SequenceDataset) -> bool:
    """Whether a fifth of each class would be no row at all."""
    if d.test is not None or d.train.groups is not None or d.y is None or d.y.ndim > 1:
        return False
    return not np.round(0.2 * np.unique(d.y, return_counts=True)[1]).any()


def _classify_fit(d: SequenceDataset, how: DataConfig, extra: Options) -> Fit:
    if d.y is None:
        return Fit("classify", why_not="no labels; name their column with --label")
    counts, why = np.unique(d.y, return_counts=True)[1], ""
    if d.y.ndim > 1:
        why = "the answers are numbers, not classes"
    elif like_numbers(d.y):
        why = "the labels look like numbers to predict"
    elif hardly_repeat(d.y):
        why = "the labels hardly repeat"
    elif len(counts) < 2:
        why = f"every label is {printable(d.y[0], 40)}"
    elif counts.min() < 2:
        why = "a class has 1 row"
    elif _strange(d):
        why = "test rows have a label that no training row has"
    if why:
        return Fit("classify", why_not=why)
    if _holds_none(d):
        extra = extra | {"test_fraction": 0.5}
    if d.picture and d.X.ndim == 2 and how.steps is None:
        extra = extra | {"steps": d.picture[0]}
    return Fit("classify", _given("classify", how) | extra, shape_words(d, extra.get("steps")))


def _regress_fits(d: SequenceDataset, how: DataConfig, extra: Options) -> Iterator[Fit]:
    table, wide = "layout" in d.read_as, d.X.ndim == 2
    given = _given("regress", replace(how, label=None)) | extra
    shape = shape_words(d, how.steps)
    if d.y is not None and d.y.ndim > 1:
        at = "after the last" if d.y.ndim == 2 else "for every step, in windows"
        yield Fit("regress", given, f"{shape}; {count(d.y.shape[-1], 'number')} {at}")
    elif d.y is not None and like_numbers(d.y) and (table or not wide):
        named = {"target": d.read_as["label"]} if table else {}
        laid = {"layout": "wide"} if wide else {}
        yield Fit("regress", given | named | laid, f"{shape}; 1 number after the last")
    elif d.y is not None and like_numbers(d.y):
        layout = f"one series of {count(len(d.X), 'step')}; 1 number for every step"
        yield Fit("regress", given, layout, "if each row is a time step")
    elif table and d.picture is None and d.columns is not None:
        usable = d.y is not None and not hardly_repeat(d.y)
        n_steps = len(d.X) if wide else d.X.shape[1]
        if n_steps >= 8 and not (wide and (usable or d.X.shape[1] > 64)):
            name = d.columns[0]
            layout = f"{'one' if wide else len(d.X)} series of up to {count(n_steps, 'step')}"
            layout += f", in windows; {printable(name, 40)} 1 step ahead"
            when = "if each row is a time step" if wide else ""
            yield Fit("regress", given | {"target": name, "horizon": 1}, layout, when)


def _autoencode_fit(d: SequenceDataset, how: DataConfig, extra: Options) -> Fit:
    width, lengths, why = math.prod(d.X.shape[1:]), d.train.lengths, ""
    if lengths is not None:
        why = f"series differ in length, {lengths.min()} to {lengths.max()} steps"
    elif len(d.train) < 3:
        why = "there are fewer than 3 rows"
    elif width < 2:
        why = "a row is one number"
    if why:
        return Fit("autoencode", why_not=why)
    if d.targets and not how.horizon:
        width += len(d.targets) * (d.X.shape[1] if d.X.ndim == 3 else 1)
    if _holds_none(d):
        extra = extra | {"split": "random"}
    return Fit("autoencode", _given("autoencode", how) | extra, f"rows of {width:,} numbers")


def shape_words(d: Dataset, steps: int | None) -> str:
    """What a recurrent net reads of a row: `28 steps of 28 features`."""
    T, width = d.X.shape[1], d.X.shape[2] if d.X.ndim == 3 else 1
    if steps and T * width % steps == 0:
        T, width = steps, T * width // steps
    most = "up to " if d.train.lengths is not None else ""
    return f"{most}{count(T, 'step')} of {count(width, 'feature')}"


def count(n: int, noun: str) -> str:
    """`1 step`, `2,000 steps`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
