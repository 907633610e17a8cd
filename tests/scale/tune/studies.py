"""Small studies for the tests of searches."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hiddenstate.scale.tune.ledger import Slot
from hiddenstate.scale.tune.settings import Settings, StudyData, make_settings
from hiddenstate.scale.tune.space import Space, make_space
from hiddenstate.scale.tune.storage import parse_address
from hiddenstate.scale.tune.study import open_study
from hiddenstate.scale.tune.worker import Study, Worker
from hiddenstate.training.trainer import Callback

SPACE = {"lr": {"low": 1e-3, "high": 1e-1, "log": True}, "hidden_size": [3, 5]}
SMALL = {"epochs": 9, "members": 1, "stem": False, "convolutions": False, "batch_size": 16}


def write_sensors(path: Path, n: int = 60) -> Path:
    """Write a table of waves in three classes."""
    random, steps = np.random.default_rng(0), np.arange(12)
    lines = [",".join(f"v{step}" for step in steps) + ",label"]
    for row in range(n):
        wave = np.sin(steps * (0.3 + 0.3 * (row % 3)) + random.uniform(0, 6))
        lines.append(",".join(f"{value:.4f}" for value in wave) + f",{'abc'[row % 3]}")
    path.write_text("\n".join(lines) + "\n")
    return path


class Watching:
    """Keeps what a worker shows."""

    def __init__(self, callbacks: Sequence[Callback] = ()) -> None:
        self.lines: list[str] = []
        self.done: list[int] = []
        self.of_runs = callbacks
        self.after: Callable[[int], None] = lambda number: None

    def say(self, line: str) -> None:
        self.lines.append(line)

    def callbacks(self, slot: int) -> Sequence[Callback]:
        return self.of_runs

    def finished(self, slots: Sequence[Slot], number: int) -> None:
        self.done.append(number)
        self.after(number)


def settings_of(
    tmp_path: Path,
    n_trials: int = 3,
    space: dict[str, Any] | None = None,
    values: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Settings, StudyData]:
    """Return the settings and the data of a study of waves."""
    table = tmp_path / "sensors.csv"
    if not table.exists():
        write_sensors(table)

    def chosen(job: str) -> Space:
        return make_space(job, space or SPACE)

    own = {"data": str(table), **SMALL, **(values or {})}
    options = {"pruner": "hyperband", **options}
    return make_settings("waves", "classify", own, n_trials=n_trials, make_space=chosen, **options)


def study_in(
    tmp_path: Path,
    n_trials: int = 3,
    runs: str = "runs",
    grace: int = 60,
    storage: str | None = None,
    **options: Any,
) -> Study:
    """Open a study of waves, in the folder RUNS/waves."""
    settings, data = settings_of(tmp_path, n_trials, **options)
    folder = tmp_path / runs / "waves"
    said: list[str] = []
    return open_study(
        settings, data, parse_address(storage, folder), folder, said.append, grace=grace
    )


def trained(study: Study) -> Watching:
    """Train all trials of a study in this process."""
    watching = Watching()
    assert Worker(study, watching, threads=1).run()
    return watching


def facts(study: Study) -> list[tuple[Any, ...]]:
    """How each trial stands: state, value, parameters, and the bytes of its runs."""
    found = []
    for slot in study.slots():
        files = [
            (study.folder / run / name).read_bytes()
            for run in slot.attribute("runs", [])
            for name in ("history.jsonl", "model.safetensors")
        ]
        found.append((slot.state, slot.value, slot.params, files))
    return found
