"""What a user is told about a job before it is trained."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.jobs import make_job
from hiddenstate.jobs.lines import job_notices, log_line


@pytest.mark.parametrize(("cell", "is_there"), [("rnn", False), ("gru", True)])
def test_a_nonlinearity_that_a_cell_does_not_have_is_noted(cell, is_there):
    config = make_config("classify", {"cell": cell, "nonlinearity": "relu", "test_fraction": 0.0})
    rows = Rows(np.arange(120.0).reshape(20, 6, 1), np.arange(20) % 2)
    job = make_job(config, prepare(SequenceDataset("X", rows), config))
    notes = [each.text for each in job_notices(job) if "--nonlinearity" in each.text]
    assert notes == ["--nonlinearity: applies to rnn cells, not to GRU; add --cell rnn"] * is_there


@pytest.mark.parametrize(("rank", "is_there"), [(1, False), (4, True)])
def test_a_rank_that_saves_no_numbers_is_warned_of(rank, is_there):
    options = {"cell": "fastgrnn", "hidden_size": 4, "rank": rank, "test_fraction": 0.0}
    config = make_config("classify", options)
    rows = Rows(np.arange(120.0).reshape(20, 6, 1), np.arange(20) % 2)
    job = make_job(config, prepare(SequenceDataset("X", rows), config))
    assert any(each.text.startswith("--rank: ") for each in job_notices(job)) is is_there


@pytest.mark.parametrize(("recipe", "is_there"), [("auto", False), ("classic", True)])
def test_a_batch_of_the_recipe_may_have_a_row_more_than_there_are(recipe, is_there):
    """It counts rows before each class is split, and a fifth of each is rounded."""
    config = make_config("classify", {"batch_size": 21, "recipe": recipe, "test_fraction": 0.0})
    rows = Rows(np.arange(120.0).reshape(20, 6, 1), np.arange(20) % 2)
    job = make_job(config, prepare(SequenceDataset("X", rows), config))
    assert any("fewer than a batch" in each.text for each in job_notices(job)) is is_there


@pytest.mark.parametrize(
    ("options", "start"),
    [({}, "Window:  8 |"), ({"streams": 2}, "Epoch:  3 |"), ({"group": "g"}, "Epoch:  3 |")],
)
def test_a_line_counts_windows_of_one_stream_alone(options, start):
    config = make_config("regress", {"stateful": True, "batch_size": 1, **options})
    assert log_line({"loss": 0.5, "epoch": 3, "step": 8}, config).startswith(start)


def test_updates_that_round_are_noted():
    options = {"quantize": "int8", "epochs": 7, "batch_size": 4, "test_fraction": 0.0}
    config = make_config("classify", options)
    rows = Rows(np.arange(120.0).reshape(20, 6, 1), np.arange(20) % 2)
    job = make_job(config, prepare(SequenceDataset("X", rows), config))
    text = "--quantize: the last 4 updates of 35 round as integers"
    assert text in [each.text for each in job_notices(job)]
