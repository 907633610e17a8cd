"""The table of all arrays in `snapshots/` of a run folder: their numbers, axes and meaning.

Each TypedDict lists the arrays of one kind of file of one job. The checks of `snapshot_files`, the
types in the views and the tables in docs/format.md come from these lists, so that a new array is a
change to its job, to its list and to what draws it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Required, TypedDict, TypeVar, cast, get_args, get_type_hints

from hiddenstate.program.jobs import kind_of
from hiddenstate.runs.array_spec import EIGENVALUE, ArraySpec
from hiddenstate.runs.class_arrays import (
    AugmentedRows,
    ClassifyFinal,
    ClassifySnapshot,
    ClassifyStatic,
)
from hiddenstate.runs.signal_arrays import (
    ErrorArrays,
    ExplainedTargets,
    StreamArrays,
    WashoutArrays,
)
from hiddenstate.system.typing import Array, Arrays

_HELD_PREDICTION = ArraySpec("f", "D W", "predictions of `held_target`")
_HELD_LOW = ArraySpec("f", "D W", "the lowest prediction of a member, of a net with members")
_HELD_HIGH = ArraySpec("f", "D W", "the highest")
_SPECTRUM = (
    "of signals: frequencies in cycles per step; the shares of the power of the held-out targets "
    "there, of the errors of `held_baseline` in it, and of those of the network"
)


class RegressHeldOut(TypedDict, total=False):
    """Arrays of the held-out part of a regressor's data; of the bundled waves there are none.

    All but `past_...` and `held_time` are there for data whose rows have one target each.
    """

    held_of: Annotated[
        Array,
        ArraySpec("i", "D 2", "the number of the series that is drawn, and of its target", "held"),
    ]
    held_name: Annotated[
        Array,
        ArraySpec("i", "D 40", "the name of the series as Unicode code points, then 0", "held"),
    ]
    held_count: Annotated[
        Array, ArraySpec("i", "D", "the number of its held-out steps, or rows", "held")
    ]
    held_target: Annotated[
        Array,
        ArraySpec("f", "D W", "the targets of the first and the last of these, then NaN", "held"),
    ]
    held_baseline: Annotated[
        Array,
        ArraySpec(
            "f",
            "D W",
            "what is predicted without a network: in a forecast the last value (or, at the end, "
            "that of a season ago if it is nearer), else the mean of the training targets or their "
            "quantiles",
            "held",
        ),
    ]
    held_baseline_error: Annotated[
        Array,
        ArraySpec("f", "D", "its mean squared error or quantile loss over all its steps", "held"),
    ]
    held_time: Annotated[
        Array,
        ArraySpec(
            "f",
            "D W",
            "the times of these targets, or step numbers; dates in seconds since 1970",
            "lines",
        ),
    ]
    past_time: Annotated[
        Array, ArraySpec("f", "D G", "times before the held-out part, NaN where unknown", "lines")
    ]
    past_target: Annotated[
        Array, ArraySpec("f", "D G", "the targets of training and validation rows then", "lines")
    ]


class RegressStatic(AugmentedRows, RegressHeldOut, total=False):
    """Arrays of a regressor that training never changes; none if a window has one target."""

    time: Annotated[
        Array,
        ArraySpec(
            "if",
            "P",
            "100 points in [0, 2 pi] for the bundled waves, or the first steps of other data",
            "signal",
        ),
    ]
    input: Annotated[Array, ArraySpec("uf", "P I", "the input at these times", "signal")]
    target: Annotated[Array, ArraySpec("f", "P O", "the target at these times", "signal")]
    baseline_train: Annotated[
        Array,
        ArraySpec(
            "f",
            "1",
            "the training loss of the last value in a forecast, else of the mean of the training "
            "targets; not for the bundled waves",
        ),
    ]
    baseline_valid: Annotated[
        Array, ArraySpec("f", "1", "the same on the validation rows, if there are any")
    ]


class RegressFinal(RegressHeldOut, ErrorArrays, WashoutArrays, ExplainedTargets, total=False):
    """Arrays of a regressor over all test rows, computed at the end; again those of the held-out
    part, now of the best, the middle and the worst series if there are many."""

    held_prediction: Annotated[Array, _HELD_PREDICTION]
    held_low: Annotated[Array, _HELD_LOW]
    held_high: Annotated[Array, _HELD_HIGH]
    net_held_prediction: Annotated[
        Array,
        ArraySpec("f", "D W", "`held_prediction` with all that the network adds to a linear path"),
    ]
    held_error: Annotated[
        Array,
        ArraySpec("f", "D", "the mean squared error or quantile loss over all its steps", "held"),
    ]
    residual_edge: Annotated[
        Array,
        ArraySpec(
            "f",
            "O 41",
            "edges of a histogram of all test residuals; the outermost bars hold what is outside",
            "held",
        ),
    ]

    residual_count: Annotated[
        Array, ArraySpec("i", "O 40", "the residuals in each of its bars", "held")
    ]
    residual_lag: Annotated[
        Array,
        ArraySpec(
            "f",
            "O 20",
            "correlation of residuals with those 1 to 20 steps later; NaN for too few pairs",
        ),
    ]
    spectrum: Annotated[Array, ArraySpec("f", "4 Y", _SPECTRUM)]
    series_name: Annotated[
        Array,
        ArraySpec(
            "i",
            "B 40",
            "the names of the series of forecasts beside a linear path, if they are several, as "
            "Unicode code points, then 0",
            "series",
        ),
    ]
    series_part: Annotated[
        Array,
        ArraySpec(
            "f",
            "B O",
            "the part of the network, from 0 to 1, in the held-out forecasts of each",
            "series",
        ),
    ]


class RegressSnapshot(StreamArrays, total=False):
    """Arrays of a regressor with the current weights."""

    held_prediction: Annotated[Array, _HELD_PREDICTION]
    held_low: Annotated[Array, _HELD_LOW]
    held_high: Annotated[Array, _HELD_HIGH]
    eigenvalue: Annotated[Array, EIGENVALUE]
    hidden_time: Annotated[Array, ArraySpec("if", "S", "the times of `hidden`", "hidden")]
    hidden: Annotated[
        Array,
        ArraySpec(
            "f",
            "S H",
            "states of the top layer over the first windows, carried from window to window if "
            "the run carries its state",
            "hidden",
        ),
    ]
    hidden_reset: Annotated[
        Array,
        ArraySpec(
            "f",
            "S H",
            "the same with each window started from a zero state, if the run carries its state",
        ),
    ]
    hidden_window: Annotated[
        Array,
        ArraySpec(
            "i",
            "S",
            "the number of the window of each step, 0 for the first; if the state is not carried",
        ),
    ]
    prediction: Annotated[
        Array,
        ArraySpec(
            "f",
            "K T O",
            "stateful: the windows since the last snapshot, each predicted before the network "
            "learned from it; else predicted with the current weights, at most the first 20 "
            "windows that share no step or, with `output` = `last`, the first 200 that follow "
            "one another",
            "windows",
            "K O",
        ),
    ]
    target: Annotated[Array, ArraySpec("f", "K T O", "their targets", "windows", "K O")]
    time: Annotated[Array, ArraySpec("if", "K T", "the times of their steps")]


class RegressMoment(RegressSnapshot, RegressFinal, total=False):
    """Arrays of a regressor as views draw them: a snapshot, and at the end the final ones."""


class AutoencodeStatic(TypedDict, total=False):
    """Arrays of an autoencoder that training never changes."""

    example: Annotated[
        Required[Array], ArraySpec("uf", "A F", "training rows shown before training")
    ]
    example_label: Annotated[
        Array, ArraySpec("i", "A", "class numbers of `example`, if the data has labels")
    ]
    plain: Annotated[Array, ArraySpec("uf", "U F", "training rows as they are", "augmented")]
    augmented: Annotated[
        Array, ArraySpec("uf", "U F", "these rows as augmented in a first epoch", "augmented")
    ]
    original: Annotated[Required[Array], ArraySpec("uf", "R F", "the rows that are reconstructed")]
    code_label: Annotated[
        Array, ArraySpec("i", "N", "class numbers of the codes, if the data has labels")
    ]
    code_number: Annotated[Array, ArraySpec("i", "N", "the numbers of these rows in their part")]
    code_row: Annotated[Array, ArraySpec("uf", "M F", "the rows of the first codes")]
    walk_end: Annotated[Array, ArraySpec("uf", "2 F", "the two rows at the ends of the walk")]
    pca_train_mse: Annotated[
        Array,
        ArraySpec(
            "f",
            "1",
            "the error of PCA with as many components as a code has numbers, fitted and measured "
            "on the first 2,000 training rows; for rows of up to 1,024 numbers",
        ),
    ]
    pca_valid_mse: Annotated[
        Array,
        ArraySpec("f", "1", "their error on the first 2,000 validation rows, if there are any"),
    ]
    pca_mse: Annotated[
        Array,
        ArraySpec(
            "f",
            "1",
            "the error of the same components on the test rows, if there are any: on all of them, "
            "or on the first ones up to 10 million numbers; on the first 2,000 if they are read "
            "from a file in pieces",
        ),
    ]
    pca_evaluated_mse: Annotated[
        Array,
        ArraySpec(
            "f", "1", "their error on the first `n_evaluated` test rows, if that option is not 0"
        ),
    ]


class AutoencodeFinal(TypedDict, total=False):
    """Arrays of an autoencoder over all test rows, computed at the end."""

    worst: Annotated[
        Array,
        ArraySpec(
            "i", "K", "numbers of the test rows with the largest errors, at most 10", "worst"
        ),
    ]
    worst_row: Annotated[Array, ArraySpec("uf", "K F", "those rows, in at most 32 KiB", "worst")]
    worst_rebuilt: Annotated[Array, ArraySpec("uf", "K F", "their reconstructions", "worst")]
    worst_error: Annotated[
        Array, ArraySpec("f", "K", "their squared errors per scaled number", "worst")
    ]
    worst_label: Annotated[
        Array, ArraySpec("i", "K", "their class numbers, if the data has labels")
    ]
    code_rebuilt: Annotated[Array, ArraySpec("uf", "M F", "the reconstructions of `code_row`")]
    code_error: Annotated[Array, ArraySpec("f", "M", "their squared errors per scaled number")]


class AutoencodeSnapshot(TypedDict, total=False):
    """Arrays of an autoencoder with the current weights."""

    reconstruction: Annotated[Array, ArraySpec("uf", "R F", "reconstructions of `original`")]
    code: Annotated[Array, ArraySpec("f", "N Z", "codes")]
    grid_code: Annotated[
        Array,
        ArraySpec(
            "f",
            "Q Z",
            "codes on a square in the plane of the first two principal axes of the codes, two "
            "standard deviations to each side of their mean, row by row from the top",
            "grid",
        ),
    ]
    grid: Annotated[Array, ArraySpec("uf", "Q F", "the rows they decode to", "grid")]
    walk: Annotated[
        Array,
        ArraySpec(
            "uf",
            "10 F",
            "rows decoded along the straight line between the codes of `walk_end`",
        ),
    ]


class AutoencodeMoment(AutoencodeSnapshot, AutoencodeFinal, total=False):
    """Arrays of an autoencoder as views draw them: a snapshot, and at the end the final ones."""


ArrayTable = Mapping[str, ArraySpec]
"""The arrays of a file by name."""


@dataclass(frozen=True)
class ArrayTables:
    """The arrays of a job by file."""

    static: ArrayTable
    snapshot: ArrayTable
    final: ArrayTable
    always: frozenset[str]
    """Static arrays that every run of the job has."""


FileArrays = TypeVar("FileArrays")
"""One of the TypedDicts of this module."""


def typed(arrays: Arrays, file: type[FileArrays]) -> FileArrays:
    """Return the same arrays with the names and types of `file`, for the type checker."""
    return cast(FileArrays, arrays)


def _table_of(file: Any) -> ArrayTable:
    hints = get_type_hints(file, include_extras=True)
    return {name: get_args(hint)[1] for name, hint in hints.items()}


@cache
def array_tables(job: str) -> ArrayTables:
    """Return what the files of `job` may hold."""
    files: dict[str, tuple[Any, Any, Any]] = {
        "classes": (ClassifyStatic, ClassifySnapshot, ClassifyFinal),
        "targets": (RegressStatic, RegressSnapshot, RegressFinal),
        "codes": (AutoencodeStatic, AutoencodeSnapshot, AutoencodeFinal),
    }
    own = files[kind_of(job).answers]
    static, snapshot, final = map(_table_of, own)
    return ArrayTables(static, snapshot, final, own[0].__required_keys__)
