"""Up to 2,000 rows of the data of a run: the rows, their columns in the file, and their codes.

N is rows, T time steps, I features of a step, H units of the last layer.
"""

import asyncio
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hiddenstate.data import PreparedDataset, Rows
from hiddenstate.errors import DataError, printable
from hiddenstate.models.fitted import FittedModel
from hiddenstate.runs import Run
from hiddenstate.studio.answers import kept_answer
from hiddenstate.studio.details import model_of, pack, plain
from hiddenstate.system.typing import Array, Arrays

if TYPE_CHECKING:
    from hiddenstate.data.readers.columns import Columns
    from hiddenstate.studio.index import RunIndex
    from hiddenstate.studio.places import Places

MOST_ROWS = 2000
"""Rows whose codes are computed."""

MOST_BYTES = 8 * 2**20
"""Bytes of rows that a page gets; of the others it gets the codes alone."""

MOST_PRODUCTS = 2e10
"""Products of numbers that the codes of all rows take: a second or two."""

MOST_STATES = 2**22
"""Hidden states that are in memory at once."""

MOST_COLUMNS = 60
"""Columns that a page gets, the first ones."""

MOST_WORDS = 40
"""Different texts of a column that are chosen from a list; of more, a part is typed."""

_turn = asyncio.Lock()


async def get_points(index: "RunIndex", places: "Places", request: Request) -> Response:
    """Rows of the test or the training data of a run, or their codes after a number of updates or
    with the final weights, one answer at a time; or in `facts` why the data is not read."""
    part, which = request.path_params["part"], request.path_params["which"]
    run = _checked(index.run(request.path_params["run"]), part, which)
    why = await run_in_threadpool(places.why_closed, run)
    if why:
        body = pack({"facts": _as_bytes({"why": why})})
    else:
        async with _turn:
            body = await run_in_threadpool(points, run, part, which)
    return kept_answer(request, body, "application/octet-stream")


def points(run: Run, part: str, which: str) -> bytes:
    """Return arrays of some rows of a part of the data, with `facts` in JSON as bytes.

    Parameters
    ----------
    run : Run
    part : {"test", "train"}
    which : str
        `rows`, or for the codes `final` or a number of updates after which there are weights.

    Raises
    ------
    HiddenstateError
        If there is no such part or moment, or the data is gone, or is not the same any more.
    """
    _checked(run, part, which)
    config = run.path / "config.json"
    some = _some(run.path, config.stat().st_mtime_ns, part)
    if which == "rows":
        return pack(some.arrays)
    model = model_of(run, None if which == "final" else int(which))
    return pack(_codes(model, some.rows))


def _checked(run: Run, part: str, which: str) -> Run:
    if part not in ("test", "train") or not (which in ("rows", "final") or which.isdecimal()):
        raise DataError("no such rows")
    if run.config.kind.has_targets:
        raise DataError("rows of a regression are no points")
    return run


@dataclass(frozen=True)
class _Some:
    """Rows as the net reads them, and the arrays that a page gets of them."""

    rows: Rows
    arrays: Arrays


@lru_cache(maxsize=4)
def _some(path: Path, stamp: int, part: str) -> _Some:
    """Return the rows of a part of the data of a run with this time of its settings."""
    from hiddenstate.runs.run_data import unchanged_dataset

    run = Run(path)
    dataset = unchanged_dataset(run)
    own = dataset.train if part == "train" else dataset.test
    if own is None or not len(own):
        raise DataError(f"the data has no {part} rows")
    steps = own.X.shape[1] if own.X.ndim == 3 else 1
    weights = run.weights_paths()
    net = model_of(run, int(weights[-1].stem) if weights else None).net
    most = MOST_PRODUCTS / max(steps * net.n_parameters(), 1)
    n = int(min(len(own), MOST_ROWS, max(most, 10)))
    which = np.unique(np.linspace(0, len(own) - 1, n).round().astype(np.int64))
    rows = own.take(which)
    X = np.asarray(rows.X[:])
    rows = Rows(X, rows.y, rows.lengths, ids=rows.ids, files=rows.files, origin=rows.origin)
    shown = _in_own_units(dataset, rows)
    shown = shown if shown.dtype == np.uint8 else shown.astype(np.float32)
    kept = max(1, MOST_BYTES // max(shown[0].nbytes, 1))
    arrays: dict[str, Array] = {"row": shown[:kept], "number": which}
    if rows.y is not None and rows.y.ndim == 1 and dataset.classes:
        arrays["label"] = rows.y.astype(np.int64)
    columns, more = _columns(run, dataset, rows, part)
    facts = {
        "all": len(own),
        "columns": columns,
        "classes": [printable(label, 80) for label in dataset.classes or ()],
    }
    arrays |= more | {"facts": _as_bytes(facts)}
    return _Some(rows, arrays)


def _as_bytes(facts: dict[str, Any]) -> Array:
    return np.frombuffer(json.dumps(facts).encode(), np.uint8)


def _in_own_units(dataset: PreparedDataset, rows: Rows) -> Array:
    """Return X of prepared rows in the units of the data, NaN after a row's end."""
    X = np.asarray(dataset.transform.undo(rows.X))
    if rows.lengths is None:
        return X
    X = X if X.dtype.kind == "f" else X.astype(np.float32)
    after = np.arange(X.shape[1]) >= rows.lengths[:, None]
    return np.where(after[..., None], X.dtype.type(np.nan), X)


def _columns(
    run: Run, dataset: PreparedDataset, rows: Rows, part: str
) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Return what the columns of the table that rows come from are, and their values: numbers,
    seconds since 1970, or places in a list of texts, -1 for none."""
    from hiddenstate.data.readers.role_guesses import says_id, says_number

    found: list[dict[str, Any]] = []
    arrays: dict[str, Array] = {}
    ids = dataset.transform.reading.get("id") or ()

    def add(name: str, cells: Array) -> None:
        kind, values, words = _values(cells)
        arrays[f"column {len(found)}"] = values
        is_id = kind == "number" and (says_id(name) or says_number(name) or name in ids)
        about = {"name": printable(name, 80), "kind": kind, "words": words, "is_id": is_id}
        found.append(about)

    table = _table_of(run, dataset, rows, part)
    if rows.files is not None:
        add("file", np.asarray([Path(str(each)).name for each in rows.files], object))
    elif table is None and rows.ids is not None:
        add("id", np.asarray(list(map(str, rows.ids)), object))
    if table is None:
        return found, arrays
    columns, places, whole = table
    label, reading = run.config.data.label, dataset.transform.reading
    own_names = {label, reading.get("label")}
    n_steps = rows.X.shape[1] if rows.X.ndim == 3 else (dataset.axes.row_shape or (1,))[0]
    wide = dataset.picture or n_steps > 1
    inputs = set(dataset.transform.names or ()) if wide else set()
    for j, name in enumerate(columns.names):
        if len(found) >= MOST_COLUMNS:
            break
        if name in own_names or name in inputs or columns.kinds[j] == "nested":
            continue
        cells = columns.arrays[j]
        if whole is None or _is_constant(cells, whole):
            add(name, cells[places])
    number = columns.places.number
    arrays["line"] = np.asarray([number(int(place)) or 0 for place in places], np.int64)
    return found, arrays


def _table_of(
    run: Run, dataset: PreparedDataset, rows: Rows, part: str
) -> "tuple[Columns, NDArray[np.int64], tuple[Array, Array] | None] | None":
    """Return the columns of the file of rows, the row of the file of each and, for series of
    several steps, the rows of the file in their order and the first of each; None without."""
    from hiddenstate.data.readers.formats import is_table
    from hiddenstate.data.readers.open import read_table

    options, table = run.config.data, None if rows.origin is None else rows.origin.table
    name = options.test if part == "test" and options.test is not None else options.data
    if name is None or name == "-" or table is None or not is_table(Path(name)):
        return None
    assert rows.origin is not None
    places = table.rows(rows.origin.series, rows.origin.first)
    texts = [each.column for each in dataset.transform.encodings or () if each.values]
    columns = read_table(Path(name), options, texts=texts)
    if places is None or (places >= columns.n_rows).any():
        return None
    whole = None
    if table.starts is not None and table.order is not None:
        if len(table.order) > columns.n_rows:  # steps that were missing were added
            return None
        whole = (table.order, table.starts)
    return columns, np.asarray(places, np.int64), whole


def _is_constant(cells: Array, whole: tuple[Array, Array]) -> bool:
    """Whether a column has one value in each series."""
    order, starts = whole
    lengths = np.diff(np.append(starts, len(order)))
    ordered = cells[order]
    return bool((ordered == np.repeat(ordered[starts], lengths)).all())


def _values(cells: Array) -> tuple[str, Array, list[str]]:
    """Return the kind of some cells, their values, and the texts that they are places in."""
    from hiddenstate.data.readers.dates import order_of, timestamps

    if cells.dtype.kind == "M":
        return "date", _seconds(cells.astype("datetime64[us]").astype(np.int64)), []
    if cells.dtype.kind != "O":
        return "number", cells.astype(np.float64), []
    texts = [str(plain(cell)) for cell in cells]
    if all(texts):
        moments = timestamps(cells, order_of(texts))
        if moments is not None:
            return "date", _seconds(moments), []
    words = sorted({text for text in texts if text})
    place = {text: n for n, text in enumerate(words)}
    values = np.asarray([place.get(text, -1) for text in texts], np.int32)
    kind = "words" if len(words) <= MOST_WORDS else "text"
    return kind, values, [printable(text, 80) for text in words]


def _seconds(moments: Array) -> Array:
    """Return microseconds since 1970 as seconds; those of no date are missing."""
    return np.where(moments == np.iinfo(np.int64).min, np.nan, moments / 1e6)


def _codes(model: FittedModel, rows: Rows) -> Arrays:
    """Return the codes of rows and their errors; of a classifier the last hidden states on their
    first principal axes, its answers and their cross-entropy."""
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.score_intervals import errors_of_rows
    from hiddenstate.metrics.scores import cross_entropy_by_row

    predictor = checked_predictor(model, "cpu", threads=1)
    if model.net.kind.has_codes:
        code = predictor.encode(rows.X)
        return {"code": code, "error": errors_of_rows(predictor.predict, rows.X)}
    outputs = predictor.predict(rows.X, rows.lengths)
    found: dict[str, Array] = {
        "code": _plane(_last_states(model, rows)),
        "answer": outputs.argmax(axis=1),
    }
    if rows.y is not None:
        found["error"] = cross_entropy_by_row(outputs, rows.y)
    return {**found, "answer": found["answer"].astype(np.int64)}


def _last_states(model: FittedModel, rows: Rows) -> Array:
    """Return the hidden states (N, H) after the last step of rows."""
    from hiddenstate.engines import make_predictor
    from hiddenstate.inference.hidden_states import at_every_step, hidden_state_model

    own = hidden_state_model(model)
    predictor = make_predictor(own, "cpu", 1)
    n_steps = rows.X.shape[1]
    at_once = max(1, MOST_STATES // (n_steps * own.net.n_outputs))
    states = []
    for first in range(0, len(rows), at_once):
        some = rows.take(slice(first, first + at_once))
        all_states = at_every_step(predictor.predict(some.X, some.lengths), own.net, n_steps)
        states.append(all_states[np.arange(len(some)), some.ends - 1])
    return np.concatenate(states)


def _plane(states: Array) -> Array:
    """Return states (N, H) on their first principal axes (N, up to 3), whose largest number is
    made positive."""
    centred = states - states.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:3]
    axes = axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1))
    return np.asarray(centred @ axes.T, np.float32)
