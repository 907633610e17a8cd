"""Files of every format version stay readable: the golden ones here are never written again."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.config import Config
from hiddenstate.data import Transform, load_dataset, read_dataset
from hiddenstate.engines import make_predictor
from hiddenstate.inference.evaluate import evaluate_run
from hiddenstate.inference.inputs import read_new_data
from hiddenstate.inference.predict import predict_series
from hiddenstate.jobs import make_job
from hiddenstate.runs import Run
from hiddenstate.runs.record import RUN_FORMAT
from hiddenstate.runs.requests import is_paused
from hiddenstate.training.checkpoints import unpack
from hiddenstate.training.resume import resume_run
from hiddenstate.training.verify import check_files
from hiddenstate.views.timeline import Timeline

GOLDEN = Path(__file__).parents[1] / "golden"


class Known(NamedTuple):
    """What is to be found in the files of a version."""

    drawn: tuple[int, ...]
    """Shape of the predictions that are drawn."""
    best: int
    """Updates made before the best validation; 0 for none."""
    said: list[float]
    """What the model said of the first three steps when it was made."""
    preparation: dict[str, Any]


MASKED = {"missing": "mask", "change": (1,), "pixels": False}
MASKED |= {"columns": ("load", "heat"), "targets": ("heat",)}
VERSIONS = {
    "v1": Known((12, 10, 1), 0, [-0.0245232, -0.0467025, -0.0827045], {}),
    "v2": Known((2, 4, 1), 10, [21.3006, 21.4625, 21.31], MASKED),
}
VERSIONS["v3"] = VERSIONS["v2"]  # the same run, its text sealed
VERSIONS["v4"] = VERSIONS["v2"]  # the same run, its files bound to it
VERSIONS["v5"] = VERSIONS["v2"]  # the same run, with the weights of its moments

BOTH = [(4, "lr"), (4, "snapshot")]
ASKED = {
    "v3": [*BOTH, (10, "stop")],
    "v4": [*BOTH, (10, "stop")],
    "v5": [*BOTH, (5, "step"), (5, "go"), (10, "stop")],
}
"""Versions with a run that was sent these requests, and one that was interrupted."""


def config_of(version: str) -> Config:
    """A golden run's config, with the path of its data, if it has any, where it lies here."""
    config = Run(GOLDEN / version / "regress").config
    if config.data.data is None:
        return config
    data = str(GOLDEN / version / config.data.data)
    return replace(config, data=replace(config.data, data=data))


def test_every_version_there_is_has_its_files() -> None:
    assert sorted(path.name for path in GOLDEN.glob("v*")) == sorted(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_run_of_each_version_is_read_whole(version: str) -> None:
    run, known = Run(GOLDEN / version / "regress"), VERSIONS[version]
    assert run.record["format"] == int(version[1:])
    assert run.status() == "done"
    assert run.config.model.cell == "lstm"
    assert [e["step"] for e in run.history() if e["event"] == "log"] == [0, 5, 10]
    frame = Timeline(run).moment()
    assert frame.arrays["prediction"].shape == known.drawn
    config = config_of(version)
    job = make_job(config, load_dataset(config))
    assert job.dataset.fingerprint() == run.data_fact("fingerprint")
    found = run.checkpoint()
    assert found is not None
    state, progress, _ = unpack(*found, job, "golden")
    assert state.step == 12
    assert len(progress.recent) == 12
    assert progress.best_step == known.best
    assert bool(progress.best) == bool(known.best)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_of_each_version_answers_as_it_did(version: str) -> None:
    model, known = Run(GOLDEN / version / "regress").model(), VERSIONS[version]
    own = model.transform
    for name, value in known.preparation.items():
        assert getattr(own, name) == value
    if not known.preparation:
        assert own == Transform()
    asked = make_predictor(model, "cpu", 1)
    config = config_of(version)
    if config.data.data is None:
        outputs = asked.predict(read_dataset(config).X[:1])[0, :3, 0]
    else:
        rows = read_new_data(model, config.data.data, {}, require_targets=False).train
        outputs = predict_series(model, asked, rows, "golden", {}).columns["heat"][:3]
    np.testing.assert_allclose(outputs, known.said, rtol=1e-5)
    dataset = read_dataset(config)
    ends = [None] if dataset.train.lengths is None else dataset.train.lengths
    said = load(GOLDEN / version / "regress" / "model.safetensors").predict(
        dataset.X[:1, : ends[0]]
    )
    assert np.isfinite(said).all()
    np.testing.assert_allclose(said[0, :3, 0], known.said, rtol=1e-5)


def test_a_run_of_format_2_measures_as_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(GOLDEN / "v2" / "regress")
    monkeypatch.chdir(GOLDEN / "v2")
    model = run.model()
    found: Any = evaluate_run(model, make_predictor(model, "cpu", 1), run)
    results = run.results()
    assert results is not None
    assert found["mse"] == pytest.approx(results["test_mse"], rel=1e-5)
    assert found["baseline_mse"] == pytest.approx(results["baseline_mse"], rel=1e-6)


@pytest.mark.parametrize("version", ASKED)
def test_the_requests_to_a_run_are_read(version: str) -> None:
    run = Run(GOLDEN / version / "asked")
    asked = [(e["step"], e["do"]) for e in run.history() if e["event"] == "control"]
    assert asked == ASKED[version]
    assert run.status() == "done"
    assert run.has_final_arrays
    # At first, the end of a run on own windows showed nothing more.
    assert bool(run.final_arrays()) == (version == "v5")
    assert 4 in Timeline(run).steps


@pytest.mark.parametrize("version", ASKED)
def test_an_interrupted_run_resumes(version, tmp_path, monkeypatch):
    shutil.copytree(GOLDEN / version, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    run = Run(tmp_path / "interrupted")
    assert run.status() == "interrupted"
    with resume_run(run, {}) as session:
        results = session.train()
    assert run.status() == "done"
    events = run.history()
    assert [e["step"] for e in events if e["event"] == "log"] == [0, 5, 10]
    assert next(e["lr"] for e in events if e["event"] == "control") == 0.05
    assert results["best_step"] in (10, 12)
    assert Run(tmp_path / "interrupted").record["format"] == RUN_FORMAT
    assert {what for _, what in check_files(Run(tmp_path / "interrupted"))} == {None}
    assert not is_paused(events)


def test_the_weights_of_moments_are_read_as_they_were() -> None:
    sums = {}
    for name in ("regress", "asked"):
        run = Run(GOLDEN / "v5" / name)
        for path in run.weights_paths():
            weights = run.weights(path).params["rnn.weight_hh_l0"]
            sums[name, int(path.stem)] = float(np.abs(weights).sum())
    assert sums == {
        ("regress", 1): pytest.approx(13.24987),
        ("regress", 6): pytest.approx(17.08043),
        ("regress", 11): pytest.approx(18.40406),
        ("asked", 1): pytest.approx(13.24987),
        ("asked", 4): pytest.approx(15.71590),
        ("asked", 5): pytest.approx(16.01933),
        ("asked", 6): pytest.approx(16.30277),
    }
    assert Run(GOLDEN / "v4" / "regress").weights_paths() == []


@pytest.mark.parametrize("name", ["regress", "asked", "interrupted"])
@pytest.mark.parametrize("version", VERSIONS)
def test_verify_calls_every_golden_file_sound(version: str, name: str) -> None:
    if (GOLDEN / version / name).exists():
        assert {what for _, what in check_files(Run(GOLDEN / version / name))} == {None}
