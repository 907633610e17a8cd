"""Files of every format version stay readable: the golden ones here are never written again."""

from pathlib import Path

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.checkpoints import unpack
from hiddenstate.data import load_dataset
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.views.scene import Scene

GOLDEN = sorted((Path(__file__).parent / "golden").glob("v*"))


@pytest.mark.parametrize("version", GOLDEN, ids=lambda path: path.name)
def test_a_run_of_each_version_is_read_whole(version):
    run = Run(version / "regress")
    assert run.state() == "done"
    assert run.config.model.cell == "lstm"
    assert [e["step"] for e in run.history() if e["event"] == "log"] == [0, 5, 10]
    frame = Scene(run).frame()
    assert frame.arrays["prediction"].shape == (12, 10, 1)
    job = make_job(run.config, load_dataset(run.config))
    state, progress, _ = unpack(*run.checkpoint(), job, "golden")
    assert state.step == 12
    assert len(progress.recent) == 12


@pytest.mark.parametrize("version", GOLDEN, ids=lambda path: path.name)
def test_a_model_of_each_version_answers_as_it_did(version):
    run = Run(version / "regress")
    estimator = load(run.path / "model.safetensors")
    answers = estimator.predict(load_dataset(run.config).X[:1])[0, :3, 0]
    np.testing.assert_allclose(answers, ANSWERS, rtol=1e-5)


ANSWERS = [-0.0245232, -0.0467025, -0.0827045]
"""What the model said of the first three steps when it was made."""
