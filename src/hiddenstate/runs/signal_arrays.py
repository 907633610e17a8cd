"""Arrays of `snapshots`: of carried states, streams and a washout, and errors in their units."""

from typing import Annotated, TypedDict

from hiddenstate.runs.array_spec import (
    ArraySpec,
    Explained,
)
from hiddenstate.system.typing import Array


class StreamArrays(TypedDict, total=False):
    """Arrays of the streams that are read side by side, and of their washout."""

    stream: Annotated[
        Array,
        ArraySpec(
            "i", "X", "numbers of the streams of the present round, from 1; 0 for fewer", "streams"
        ),
    ]
    stream_read: Annotated[
        Array, ArraySpec("i", "X", "the windows that each has read in this epoch", "streams")
    ]
    stream_state: Annotated[
        Array,
        ArraySpec(
            "f",
            "X u",
            "the state of the top layer that each carries; real parts of complex states",
            "streams",
        ),
    ]
    first_counted: Annotated[
        Array, ArraySpec("i", "K", "the first step of each window that is in the loss")
    ]


class ErrorArrays(TypedDict, total=False):
    """Arrays of the errors of held-out steps in the units of their targets."""

    held_mae: Annotated[
        Array, ArraySpec("f", "D", "the mean absolute error over all its steps; not of quantiles")
    ]
    held_baseline_mae: Annotated[
        Array, ArraySpec("f", "D", "the same of `held_baseline`; not of quantiles")
    ]
    held_seasonal: Annotated[
        Array, ArraySpec("i", "1", "1 where `held_baseline` is the value a season ago")
    ]
    residual_scaled: Annotated[
        Array,
        ArraySpec(
            "i", "1", "1 where residuals are in deviations of the targets of their own series"
        ),
    ]


class WashoutArrays(TypedDict, total=False):
    """Arrays of the washout of held-out steps."""

    held_washout: Annotated[
        Array,
        ArraySpec(
            "i", "D W", "the steps just before each of `held_target` that a washout left out"
        ),
    ]


class ExplainedTargets(Explained, total=False):
    """Arrays of what the answer with the largest error rests on."""

    why_target: Annotated[Array, ArraySpec("f", "e", "what that answer should be", "why")]
