"""Runs with fixed convolutions beside the net: files, numbers, resuming, what cannot be done."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier, load
from hiddenstate.config import make_config
from hiddenstate.data import Rows, SequenceDataset
from hiddenstate.data.prepare.pipeline import prepare
from hiddenstate.engines import make_predictor
from hiddenstate.errors import OptionError, UntrustedFileError
from hiddenstate.inference.predict import predict_run
from hiddenstate.inference.stream import Stream
from hiddenstate.jobs import make_job
from hiddenstate.jobs.classify import ClassifyJob
from hiddenstate.metrics.scores import cross_entropy
from hiddenstate.models.companions.convolutions import ConvolutionPath
from hiddenstate.models.fitted import load_model, model_from_facts
from hiddenstate.program.equations import softmax
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import start
from tests.conftest import answer_to, needs_kernels
from tests.export.models import path_of, random_model
from tests.models.test_convolutions import shapes
from tests.training.test_resume import StopAt, contents

pytestmark = needs_kernels

OFF = ("--view", "off", "--threads", "1")
SMALL = ("--cell", "gru", "--hidden-size", 4, "--members", 2, "--epochs", 3)


def write_series(path: Path, n: int = 40, unequal: bool = False) -> Path:
    """Write shapes as a table: the series, the step, two values and the label."""
    X, y = shapes(n, 24, 2)
    lengths = 24 - np.arange(n) % 7 * int(unequal)
    lines = ["id,time,a,b,label"]
    for i, (row, label, end) in enumerate(zip(X, y, lengths, strict=True)):
        lines += [
            f"{i},{t},{a!r},{b!r},{'pq'[label]}" for t, (a, b) in enumerate(row[:end].tolist())
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shapes")
    path = write_series(folder / "own.csv", unequal=True)
    done = answer_to(
        "classify", path, "--convolutions", *SMALL, "--runs-dir", folder / "runs", *OFF
    )
    assert done.code == 0, done.err
    return folder


def test_all_numbers_are_those_of_the_combined_answer(run, cli, tmp_path):
    results, model = run.results(), run.model()
    assert results["net_share"] == path_of(model).net_share
    scores = json.loads(cli("evaluate", "classify-1", "--json").out)
    assert scores["accuracy"] == results["test_accuracy"]
    assert scores["net_share"] == results["net_share"]
    # Whatever share was chosen, 0.5 shows in every probability.
    half = replace(model, companions=(replace(path_of(model), net_share=0.5, net_scale=1.0),))
    alone = replace(model, companions=())
    p = [
        np.stack([v for n, v in table.columns.items() if n.startswith("p_")], axis=1)
        for each in (half, alone)
        for table in [predict_run(each, make_predictor(each, "cpu", 1), run, proba=True)]
    ]
    test = run_test_rows(run)
    path = softmax(path_of(model).logits(test.X, test.lengths))
    np.testing.assert_allclose(p[0], (p[1] + path) / 2, atol=1e-5)


def run_test_rows(run: Run) -> Rows:
    return run_dataset(run).require_test()


def test_the_result_line_says_what_each_reaches_alone(cli, tmp_path, run):
    done = cli("classify", "own.csv", "--convolutions", *SMALL, *OFF)
    results = Run(tmp_path / "runs/classify-2").results()
    answer = next(each for each in done.out.splitlines() if each.startswith("answer: "))
    line = next(each for each in done.out.splitlines() if each.startswith("test accuracy"))
    alone, path = f"{results['net_accuracy']:.4f}", f"{results['convolutions_accuracy']:.4f}"
    if results["net_share"]:
        assert answer.startswith(f"answer: {results['net_share']:.0%} by 2 networks of 6 updates")
    else:
        assert answer.endswith("; 2 networks of 6 updates each do not answer")
        alone = f"which does not answer: {alone}"
    assert f", fixed convolutions: {path}, the network" in line
    assert f"{alone})" in line
    assert done.out.index("answer: ") < done.out.index("prediction number")


def test_the_estimator_and_the_command_give_the_same_probabilities(tmp_path):
    X, y = shapes(40, 24, 2)
    made = RecurrentClassifier(
        "gru", hidden_size=4, members=2, epochs=3, convolutions=True, random_state=0, threads=1
    ).fit(X, y)
    config = make_config(
        "classify",
        {"cell": "gru", "hidden_size": 4, "members": 2, "epochs": 3, "convolutions": True}
        | {"dtype": "float64", "clip": 1.0, "test_fraction": 0.0, "scale": "auto", "threads": 2},
    )
    with start(config, tmp_path, dataset=SequenceDataset("X", Rows(X, y))) as session:
        session.train()
        model = Run(session.writer.path).model()
    assert path_of(model).net_share == path_of(made.model_).net_share
    assert (
        made.answered_by_
        == ("the network and " * (path_of(model).net_share > 0)) + "fixed convolutions"
    )
    outputs = make_predictor(model, "cpu", 2).predict(model.transform.apply(X, None, float, "X"))
    np.testing.assert_array_equal(softmax(outputs), made.predict_proba(X))


def levels(n: int, seed: int) -> tuple[Any, Any]:
    """Noise about a level, which fixed convolutions, whose weights sum to 0, hardly see."""
    y = np.arange(n) % 2
    noise = np.random.default_rng(seed).normal(size=(n, 24, 1))
    return noise + np.where(y, 0.3, -0.3)[:, None, None], y


@pytest.mark.parametrize("by_net", [True, False])
def test_a_preferred_net_answers_alone_only_where_it_suffices(by_net, tmp_path):
    train, test = (
        Rows(*(levels(n, seed) if by_net else shapes(n, 24, 1, seed)))
        for n, seed in ((80, 0), (40, 1))
    )
    given = {"cell": "gru", "hidden_size": 8, "readout": "mean", "epochs": 8, "members": 2}
    given |= {"convolutions": True, "prefer_nets": True, "batch_size": 8, "threads": 2}
    given |= {"label_smoothing": 0.4}
    dataset = SequenceDataset("X", train, test)
    with start(make_config("classify", given), tmp_path, dataset=dataset) as session:
        results, run = session.train(), Run(session.writer.path)
    assert results is not None
    assert (run.model().companions == ()) == by_net
    assert (results["net_share"] == 1) == by_net
    assert ("full_accuracy" in results) == by_net
    assert "convolutions_accuracy" in results
    if by_net:
        assert results["test_accuracy"] == results["net_accuracy"] >= results["full_accuracy"]
        outputs = make_predictor(run.model(), "cpu", 1).predict(test.X)
        certain = softmax(outputs).max(axis=1).mean()  # smoothed labels alone leave at most 0.8
        assert abs(certain - results["test_accuracy"]) < 0.1


def test_nets_cannot_be_preferred_to_nothing():
    with pytest.raises(OptionError, match="no fixed convolutions to leave out; add --convolutions"):
        make_config("classify", {"prefer_nets": True})


def test_a_model_file_brings_the_path_back(run, tmp_path):
    model = load_model(run.path / "model.safetensors")[0]
    rows = run_test_rows(run)
    again = model_from_facts(model.facts(), model.arrays(), "m")
    one, two = (make_predictor(m, "cpu", 1).predict(rows.X, rows.lengths) for m in (model, again))
    np.testing.assert_array_equal(one, two)
    load(run.path / "model.safetensors").save(tmp_path / "again.safetensors")
    assert path_of(load_model(tmp_path / "again.safetensors")[0]).net_share is not None


@pytest.mark.parametrize(
    "damage",
    [
        lambda facts, arrays: facts["convolutions"].update(net_share=1.5),
        lambda facts, arrays: facts["convolutions"].update(net_share=float("nan")),
        lambda facts, arrays: facts["convolutions"].update(net_scale=0.0),
        lambda facts, arrays: facts["convolutions"].clear(),
        lambda facts, arrays: facts.pop("convolutions"),
        lambda facts, arrays: arrays.pop("convolutions/bias"),
        lambda facts, arrays: arrays["convolutions/weights"].fill(np.inf),
        lambda facts, arrays: arrays["convolutions/dilations"].fill(0),
        lambda facts, arrays: arrays["convolutions/counts"].fill(-1),
        lambda facts, arrays: arrays["convolutions/counts"].fill(2**40),
        lambda facts, arrays: arrays["convolutions/uses"].fill(0),
        lambda facts, arrays: arrays["convolutions/uses"].fill(7),
        lambda facts, arrays: arrays.update({"convolutions/uses": np.ones((1, 84, 9), np.uint8)}),
        lambda facts, arrays: arrays.update({"convolutions/bias": np.zeros(2)}),
        lambda facts, arrays: arrays.update({"convolutions/more": np.zeros(2)}),
    ],
)
def test_a_path_that_does_not_fit_its_model_is_refused(damage):
    model = random_model(3, job="classify", steps=12, convolutions=0.25)
    facts = json.loads(json.dumps(model.facts()))
    arrays = {name: array.copy() for name, array in model.arrays().items()}
    damage(facts, arrays)
    with pytest.raises(UntrustedFileError, match="damaged convolutions"):
        model_from_facts(facts, arrays, "m")


def test_a_resumed_run_has_the_same_bytes_at_any_number_of_threads(run, tmp_path):
    stop, config = StopAt(3), make_config("classify", run.config.flat() | {"threads": 2})
    with start(config, tmp_path / "other") as session:
        assert session.train([stop], stop) is None
        path = session.writer.path
    with resume_run(Run(path), {}) as session:
        assert session.step == 3
        session.train()
    assert contents(path) == contents(run.path)


def test_streams_are_refused_by_name(run):
    model = run.model()
    plain = replace(model.net, config=replace(model.net.config, members=1, stem=False))
    alone = replace(model, net=replace(plain, config=replace(plain.config, bidirectional=False)))
    reason = "stream: the model has fixed convolutions, which read whole series; use predict, or"
    with pytest.raises(OptionError, match=f"{reason} train one with --no-convolutions$"):
        Stream(alone)
    with pytest.raises(OptionError, match=r"train one with --no-.* --no-convolutions$"):
        Stream(replace(model.member(0), companions=model.companions))


def test_too_many_rows_are_refused_before_anything_is_written(monkeypatch, cli, tmp_path):
    monkeypatch.setattr(ConvolutionPath, "most_rows", 20)
    write_series(tmp_path / "own.csv")
    done = cli("classify", "own.csv", "--convolutions", *SMALL, *OFF)
    assert done.code == 2
    assert "--convolutions: are fitted on at most 20 training rows, not 32" in done.err
    assert not (tmp_path / "runs").exists()


def test_flat_features_and_partial_fit_are_refused():
    with pytest.raises(OptionError, match="--convolutions: requires series"):
        make_config("classify", {"convolutions": True, "layout": "features"})
    X, y = shapes(10, 12)
    with pytest.raises(ValueError, match="convolutions: are fitted on all rows at once; use fit"):
        RecurrentClassifier(convolutions=True).partial_fit(X, y, [0, 1])


@pytest.mark.parametrize("unequal", [False, True])
def test_torch_gives_the_same_answers(unequal):
    torch = pytest.importorskip("torch")
    X, y = shapes(16, 24, 2)
    lengths = 24 - np.arange(16) % 9 * unequal
    series = [row[:end] * 3 + 1 for row, end in zip(X, lengths, strict=True)]
    made = RecurrentClassifier("gru", hidden_size=3, members=2, epochs=1, convolutions=True)
    made.fit(series, y)
    padded = np.zeros((16, 24, 2))
    for row, values in zip(padded, series, strict=True):
        row[: len(values)] = values
    for share in (0.0, 0.25, 1.0):
        path = replace(path_of(made.model_), net_share=share, net_scale=2.0)
        made.model_ = replace(made.model_, companions=(path,))
        with torch.no_grad():
            found = made.to_torch()(torch.tensor(padded), lengths=torch.tensor(lengths)).exp()
        np.testing.assert_allclose(found.numpy(), made.predict_proba(series), atol=2e-3)


def test_weights_of_rows_and_classes_count(cli, tmp_path):
    X, y = shapes(40, 12)
    y = (np.arange(40) < 8).astype(int)
    weights = np.where(np.arange(40) % 2, 0.5, 1.5)
    held_out = []
    for values, own in (({}, None), ({"class_weight": "balanced"}, None), ({}, weights)):
        options = {"convolutions": True, "test_fraction": 0.0} | values
        config = make_config("classify", options)
        rows = Rows(X, y, weights=own)
        job = make_job(config, prepare(SequenceDataset("X", rows), config))
        assert isinstance(job, ClassifyJob)
        held_out.append(np.diff(job.fit(ConvolutionPath).held_out)[:, 0])
    assert held_out[1].mean() > held_out[0].mean() + 0.2  # the rare class is more likely
    assert np.abs(held_out[2] - held_out[0]).max() > 1e-3


def test_the_validation_loss_is_that_of_the_nets_that_answer(tmp_path, monkeypatch):
    """Their factor is found after the last update, and changes it."""
    monkeypatch.setattr("hiddenstate.jobs.classify.nets_suffice", lambda *args: True)
    given = {"cell": "gru", "hidden_size": 4, "epochs": 3, "members": 2, "valid_fraction": 0.25}
    given |= {"convolutions": True, "prefer_nets": True, "batch_size": 8, "label_smoothing": 0.4}
    dataset = SequenceDataset("X", Rows(*levels(60, 0)), Rows(*levels(20, 1)))
    config = make_config("classify", given)
    with start(config, tmp_path, dataset=dataset) as session:
        results, run = session.train(), Run(session.writer.path)
    valid = prepare(dataset, config).valid
    outputs = make_predictor(run.model(), "cpu", 1).predict(valid.X, valid.lengths)
    assert results["valid_loss"] == pytest.approx(cross_entropy(outputs, valid.y), abs=1e-6)
