"""What an answer on the page of a run rests on."""

import asyncio
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hiddenstate.data import Rows
from hiddenstate.errors import DataError
from hiddenstate.export.python.file import packed
from hiddenstate.runs import Run
from hiddenstate.studio.answers import answer, body_of, problem
from hiddenstate.system.typing import Array

if TYPE_CHECKING:
    from hiddenstate.data import PreparedDataset
    from hiddenstate.engines import Predictor
    from hiddenstate.engines.signals import Carried
    from hiddenstate.export.present import Present
    from hiddenstate.inference.predict import Answers
    from hiddenstate.inference.why import Explainer
    from hiddenstate.metrics.reasons import Reason
    from hiddenstate.studio.index import RunIndex
    from hiddenstate.studio.places import Places

MOST_NUMBERS = 200_000
"""Most numbers of a row that is explained."""

MOST_PRODUCTS = 4e10
"""Most products of all points of the path: some seconds."""

FIELDS: tuple[dict[str, type], dict[str, type]] = (
    {"row": int, "steps": int},
    {"answer": int, "ahead": int, "values": list},
)
"""What a question has, and what it may have."""

_turn = asyncio.Lock()


async def post_why(index: "RunIndex", places: "Places", request: Request) -> Response:
    """What an answer rests on: of a row that is shown, or of a held-out step; one at a time.

    The body has `row` and `steps`, after which it answers, and of a classifier maybe the number
    `answer` of a class; of a regressor `row` is the lane, and `steps` the place in it. With
    `values`, the numbers of a row of one step, null where one is missing, that row is explained.
    """
    asked = await body_of(request, *FIELDS)
    run = index.run(request.path_params["run"])
    closed = await run_in_threadpool(places.why_closed, run)
    if _turn.locked():
        return problem("another answer is on its way", 503)
    async with _turn:
        return answer(await run_in_threadpool(explained, run, asked, closed))


def explained(run: Run, asked: dict[str, Any], closed: str = "") -> dict[str, Any]:
    """Return what an answer rests on, as the page draws and says it; `closed` says why the data of
    the run is not read, if it is not.

    Raises
    ------
    HiddenstateError
        If there is no such row, it is too large, or the data of the run cannot be read.
    """
    from hiddenstate.inference.why_rows import prepared_rows, reason

    about = _about(run.path, _stamp(run), not closed)
    model = about.explainer.model
    if "values" in asked:
        asked_of = _Asked(_own_row(about, asked["values"]), 0, 0, asked.get("answer"))
    elif model.net.kind.has_classes:
        shown = run.static_arrays[0]["shown"]
        row = _checked(shown, asked["row"])[None]
        length = int(np.isfinite(np.asarray(row, float)).any(axis=2).sum())
        rows = prepared_rows(model, Rows(row[:, :length]), "the row")
        asked_of = _Asked(rows, 0, asked["steps"] - 1, asked.get("answer"))
    elif "ahead" in asked:
        asked_of = _forecast(run, about, asked, closed)
    else:
        asked_of = _held_out(run, about, asked, closed)
    _check_size(about, asked_of.step + 1)
    found = reason(
        about.explainer,
        asked_of.rows,
        asked_of.row,
        asked_of.step,
        asked_of.answer,
        begin=asked_of.state,
        place=asked_of.place,
    )
    if not model.net.kind.has_classes and not {"ahead", "values"} & set(asked):
        found = found.by_column()  # what is drawn of a held-out step has lanes of its own
    first = max(0, len(found.values) - (about.most_steps or len(found.values)))
    columns = found.by_column() if len(found.values) == 1 else None
    feature, begin, end, share = (columns or found).span
    together = about.is_whole or feature is None
    if together and feature is not None:
        from hiddenstate.metrics.reasons import largest_span

        feature, begin, end, share = largest_span(found.why, together=True)
    why = found.why
    return {
        "attributions": packed(why.attributions[first:].astype(np.float32)),
        "values": packed(found.values[first:].astype(np.float32)),
        "first": first + asked_of.offset,
        "carried": bool(asked_of.state),
        "moved": about.explainer.program.n_moved,
        "names": list(found.names),
        "columns": None if columns is None else _columns(columns),
        "answer": found.answer,
        "number": why.output,
        "value": why.answer,
        "base": why.base,
        "odds": model.net.kind.has_classes,
        "kind": why.kind,
        "baseline": why.baseline,
        "feature": feature,
        "from": begin + asked_of.offset,
        "to": end + asked_of.offset,
        "share": share,
        "gradients": why.share,
    }


def _columns(reason: "Reason") -> list[dict[str, Any]]:
    """Return what each column of a row of one step adds, and its value in words."""
    added = reason.why.attributions[0].tolist()
    return [
        {"name": name, "value": reason.said(place), "added": added[place]}
        for place, name in enumerate(reason.names)
    ]


def _own_row(about: "_About", values: list[Any]) -> Rows:
    """Return a row of one step with these numbers as it is kept.

    Raises
    ------
    DataError
        If they are no numbers, or not those of a row.
    """
    from hiddenstate.inference.why_rows import prepared_rows

    model, program = about.explainer.model, about.explainer.program
    are_numbers = all(each is None or type(each) in (int, float) for each in values)
    if program.n_steps != 1 or len(values) != program.n_features or not are_numbers:
        raise DataError("no such row")
    row = np.array([np.nan if each is None else each for each in values], np.float64)
    return prepared_rows(model, Rows(row[None, None]), "the row")


@dataclass(frozen=True)
class _Asked:
    """The answer `answer` to a row after one of its steps.

    `offset` is the number of the row's first step in its series, `state` that before it, and
    `place` the number of the step that is forecast.
    """

    rows: Rows
    row: int
    step: int
    answer: int | None
    offset: int = 0
    state: dict[str, Array] | None = None
    place: int | None = None


def _stamp(run: Run) -> int:
    """Return the time of the model's file; 0 if there is none."""
    path = run.path / "model.safetensors"
    return path.stat().st_mtime_ns if path.is_file() else 0


@dataclass(frozen=True)
class _About:
    """What is needed for every answer of a run."""

    explainer: "Explainer"
    dataset: "PreparedDataset | None"
    most_steps: int
    is_whole: bool  # what all features of a step add is said together


@lru_cache(maxsize=4)
def _about(path: Path, stamp: int, reads: bool) -> _About:
    """Return what is needed for answers of the model of a run with this time of its file."""
    from hiddenstate.errors import HiddenstateError
    from hiddenstate.inference.answer_gradients import Answer
    from hiddenstate.inference.why import Explainer, training_mean
    from hiddenstate.runs.run_data import unchanged_dataset

    run = Run(path)
    model, dataset = run.model(), None
    if reads:
        try:
            dataset = unchanged_dataset(run)
        except HiddenstateError:
            dataset = None  # the baseline is zero then, and is called so
    explainer = Explainer(model, training_mean(model, None, dataset))
    most_steps = Answer(explainer.program, explainer.nets, 0).most_steps
    facts = run.static_arrays[1]
    is_sound = facts.sound is not None and facts.sound.bands > 0
    return _About(explainer, dataset, most_steps, is_sound or facts.picture is not None)


@lru_cache(maxsize=2)
def _answers(path: Path, stamp: int) -> "tuple[Answers, Predictor, Carried]":
    """Return all answers to test rows, what computes them, and the states before the first."""
    from hiddenstate.engines.signals import state_before
    from hiddenstate.inference.overflow import checked_predictor
    from hiddenstate.inference.predict import predictions_and_targets

    about = _about(path, stamp, True)
    assert about.dataset is not None
    model, test = about.explainer.model, about.dataset.require_test()
    predictor = checked_predictor(model, "cpu", threads=1)
    before: Carried = {}
    if model.stateful:
        before = state_before(predictor, model.net, about.dataset.train, test)
    return predictions_and_targets(model, predictor, test, before), predictor, before


def _held_out(run: Run, about: _About, asked: dict[str, Any], closed: str) -> _Asked:
    """Return the answer at a place of a lane of held-out steps."""
    from hiddenstate.data.origin import whole
    from hiddenstate.inference.why_rows import carried_row

    model = about.explainer.model
    if closed:
        raise DataError(closed)
    if about.dataset is None:
        raise DataError("the data of the run changed")
    arrays = run.final_arrays()
    series, target = _checked(arrays["held_of"], asked["row"]).tolist()
    made = _checked(arrays["held_prediction"], asked["row"])
    answers, predictor, before = _answers(run.path, _stamp(run))
    origin = answers.rows.origin or whole(len(answers.rows))
    if "held_time" in arrays:
        at = origin.first[answers.row] + answers.step
        chosen = np.flatnonzero(origin.series[answers.row] == series)
        places = chosen[np.argsort(at[chosen], kind="stable")]
    else:  # rows with a target each
        places = np.argsort(answers.row, kind="stable")
    if len(places) > len(made):  # the first and the last of them are drawn
        half = len(made) // 2
        drawn = "held_time" in arrays
        places = np.r_[places[:half], places[-half:]] if drawn else places[: len(made)]
    place = int(_checked(places, asked["steps"] - 1))
    if not np.isclose(answers.outputs[place, target], made[asked["steps"] - 1], rtol=1e-3):
        raise DataError("the data of the run changed")
    row, step = int(answers.row[place]), int(answers.step[place])
    if not model.stateful:
        offset = int(origin.first[row]) if "held_time" in arrays else 0
        return _Asked(answers.rows, row, step, target, offset)
    rows, first, state = carried_row(model, predictor, answers.rows, row, before)
    step += (row - first) * answers.rows.X.shape[1]
    return _Asked(rows, 0, step, target, int(origin.first[first]), state)


@lru_cache(maxsize=2)
def _present(path: Path, stamp: int) -> "Present | None":
    from hiddenstate.export.present import present_of

    run = Run(path)
    return present_of(run.model(), run)[0]


def _forecast(run: Run, about: _About, asked: dict[str, Any], closed: str) -> _Asked:
    """Return the forecast of a step after the end of a series of the run."""
    from hiddenstate.export.html.forecasts import with_moved

    if closed:
        raise DataError(closed)
    present, program = _present(run.path, _stamp(run)), about.explainer.program
    if present is None or not 0 <= asked["row"] < len(present.outlook.series):
        raise DataError("no such row")
    if not 1 <= asked["steps"] <= program.horizon:
        raise DataError("no such row")
    raw = with_moved(present, asked["row"], program.horizon).astype(np.float64)
    kept = program.kept(raw[None])[:, 1 - program.window - program.horizon :]
    place, target = asked["steps"] - 1, asked.get("answer", 0)
    offset = len(raw) - kept.shape[1]
    return _Asked(Rows(kept), 0, kept.shape[1] - 1, target, offset, place=place)


def _checked(values: Array, place: int) -> Any:
    """Return a line of an array.

    Raises
    ------
    DataError
        If there is none.
    """
    if not 0 <= place < len(values):
        raise DataError("no such row")
    return values[place]


def _check_size(about: _About, steps: int) -> None:
    from hiddenstate.inference.why import MOST_POINTS

    steps = min(steps, about.most_steps) if about.most_steps else steps
    numbers = steps * about.explainer.program.width
    products = steps * MOST_POINTS * about.explainer.model.net.n_parameters()
    if numbers > MOST_NUMBERS or products > MOST_PRODUCTS:
        raise DataError("too long for a page; run hiddenstate predict --why")
