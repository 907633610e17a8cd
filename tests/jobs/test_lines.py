"""What a user is told about a job before it is trained."""

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.jobs import make_job
from hiddenstate.jobs.lines import job_notices


@pytest.mark.parametrize(("cell", "is_there"), [("rnn", False), ("gru", True)])
def test_a_nonlinearity_that_a_cell_does_not_have_is_noted(cell, is_there):
    config = make_config("classify", {"cell": cell, "nonlinearity": "relu", "test_fraction": 0.0})
    rows = Rows(np.arange(120.0).reshape(20, 6, 1), np.arange(20) % 2)
    job = make_job(config, prepare(SequenceDataset("X", rows), config))
    notes = [each.text for each in job_notices(job) if "--nonlinearity" in each.text]
    assert notes == ["--nonlinearity: applies to rnn cells, not to GRU; add --cell rnn"] * is_there
