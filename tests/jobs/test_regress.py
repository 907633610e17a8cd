"""A regression is scored in little more memory than its test rows."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import make_engine
from hiddenstate.jobs import make_job
from hiddenstate.training.initial_state import starting_state


def test_forecasts_of_all_columns_are_scored_without_other_forecasts_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rooms = ("data.rows", "inference.forecast_scores", "metrics.by_target", "metrics.forecasts")
    for name in (*rooms, "jobs.held_out", "jobs.regress", "jobs.series_parts"):
        monkeypatch.setattr(f"hiddenstate.{name}.AT_ONCE", 2**13)
    monkeypatch.setattr("hiddenstate.inference.inputs.NUMBERS_PER_CALL", 2**13)
    monkeypatch.setattr("hiddenstate.metrics.scores.CHUNK", 2**13)
    monkeypatch.setattr("hiddenstate.metrics.intervals.MOST", 2)
    monkeypatch.setattr("hiddenstate.data.prepare.transform.SCAN_BYTES", 2**16)
    X = np.random.default_rng(0).standard_normal((1, 12_000, 32)).cumsum(axis=1, dtype=np.float32)
    names = tuple(map(str, range(32)))
    data = SequenceDataset("own", Rows(X, X), source="file", columns=names, targets=names)
    options: dict[str, Any] = {
        "window": 4,
        "stride": 4,
        "horizon": 1,
        "max_steps": 4,
        "hidden_size": 2,
    }
    options |= {"linear": True, "output": "last", "stateful": False, "scale": "standard"}
    config = make_config("regress", {**options, "test_fraction": 0.5, "season": (7,)})
    job = make_job(config, prepare(data, config))
    engine = make_engine(job.task(), starting_state(job))
    losses = engine.run(0, 4, lambda: False).losses.tolist()
    job.finish(engine, losses)  # imports modules, which do not count
    vars(job).pop("held_out")
    tracemalloc.start()
    figures = job.finish(engine, losses).figures
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {"linear_mse", "seasonal_mse", "net_mse", "target_32_mae"} <= figures.keys()
    assert peak < 3 * X.nbytes / 2  # the test rows are half of them
