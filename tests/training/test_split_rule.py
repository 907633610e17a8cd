"""A run keeps the way in which its series were split in time, whatever a later version does."""

import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import read_dataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.start import start_in
from tests.conftest import QUIET, Cli

OPTIONS = {
    **{"target": ("load",), "horizon": 5, "window": 8, "stride": 1, "stateful": False},
    **{"test_fraction": 0.25, "max_steps": 4, "hidden_size": 3, "output": "last"},
}


def write_load(path: Path, n: int = 100) -> None:
    lines = [f"{np.sin(k / 5):.4f}" for k in range(n)]
    path.write_text("\n".join(["load", *lines]) + "\n")


@pytest.mark.parametrize(("rule", "answers"), [(1, 23), (2, 25)])
def test_a_run_is_evaluated_and_resumed_with_its_own_split(rule, answers, cli, tmp_path):
    """Of 100 steps, rule 1 holds out 28, of which the first 5 have no window before them."""
    write_load(tmp_path / "own.csv")
    config = make_config("regress", {**OPTIONS, "data": str(tmp_path / "own.csv")})
    job = make_job(config, prepare(read_dataset(config), config, split_rule=rule))
    with start_in(tmp_path / "runs" / "regress-1", job, starting_state(job)) as session:
        session.train()
    run = Run(tmp_path / "runs" / "regress-1")
    results = run.results()
    assert results is not None
    assert results["test_steps"] == answers
    assert json.loads(cli("evaluate", "last", "--json").out)["answers"] == answers
    held = cli("predict", "last").out.splitlines()
    assert sum(",test," in line for line in held) == answers
    done = cli("resume", "last", "--epochs", "+1", "--max-steps", "+2", *QUIET[:2])
    assert done.code == 0, done.err
    results = Run(run.path).results()
    assert results is not None
    assert results["test_steps"] == answers
    assert Run(run.path).record["data"].get("split_rule", 1) == rule


def test_a_forecast_scores_every_held_out_step(cli: Cli, tmp_path: Path) -> None:
    """However many steps ahead it is, if as many precede the held-out part."""
    write_load(tmp_path / "own.csv", 400)
    for horizon in (1, 100):
        words = ("--target", "load", "--horizon", horizon, "--max-steps", 2, "--hidden-size", 3)
        done = cli("regress", "own.csv", *words, *QUIET)
        assert done.code == 0, done.err
        assert "the last 80 steps held out for testing" in done.out
        assert "on all 80 held-out steps" in done.out
