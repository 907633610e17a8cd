"""What snapshots hold of streams that are read side by side."""

from typing import Any

import numpy as np

from hiddenstate.data import Rows
from hiddenstate.data.dataset import MAX_NAMES
from hiddenstate.data.prepare.batches import Streams
from hiddenstate.engines.interface import TrainingState
from hiddenstate.jobs.held_out import series_name
from hiddenstate.jobs.snapshot_limits import STREAMS_KEPT, UNITS_KEPT
from hiddenstate.models.net import Net
from hiddenstate.system.typing import Array

MOST_NAMED = 1000
"""Most streams whose names are kept."""


def stream_states(streams: Streams, net: Net, state: TrainingState) -> dict[str, Array]:
    """Return `stream` (X,), `stream_read` (X,) and `stream_state` (X, u) of the present round, by
    the numbers of its streams; nothing before the first step."""
    carried = state.carried.get(net.cell.state[0])
    if not state.step or carried is None:
        return {}
    place = (state.step - 1) % len(streams.steps.sizes)
    begun = np.flatnonzero(streams.steps.rounds[: place + 1])
    which = np.sort(streams.rounds[len(begun) - 1][:STREAMS_KEPT])
    places = np.argsort(streams.rounds[len(begun) - 1][:STREAMS_KEPT])
    missing = min(streams.at_once, STREAMS_KEPT) - len(which)
    read = np.minimum(np.asarray(streams.length)[which], place - begun[-1] + 1)
    values = carried[-1, places, :UNITS_KEPT]
    return {
        "stream": np.pad(which + 1, (0, missing)).astype(np.int32),
        "stream_read": np.pad(read, (0, missing)).astype(np.int32),
        "stream_state": np.pad(values, ((0, missing), (0, 0)), constant_values=np.nan),
    }


def stream_facts(streams: Streams, train: Rows) -> dict[str, Any]:
    """Return the number of the drawn stream and of all streams, their names if each is a series,
    and how many steps of an epoch are of the drawn one if there are others."""
    drawn, origin, n = int(streams.rounds[0][0]), train.origin, len(streams.first)
    facts: dict[str, Any] = {"stream": [drawn + 1, n]}
    if origin is not None and origin.separate and n <= MOST_NAMED:
        names = [series_name(train, int(origin.series[row])) for row in streams.first]
        if all(names) and sum(map(len, names)) <= MAX_NAMES:
            facts["stream_names"] = names
    if len(streams.rounds) > 1:
        facts["stream_round"] = [streams.length[drawn], len(streams.steps.sizes)]
    return facts
