"""--streamable: one small net that answers after every step."""

import numpy as np
import pytest

from hiddenstate import RecurrentClassifier
from hiddenstate.config import make_config
from hiddenstate.data import read_dataset
from hiddenstate.engines import make_predictor
from hiddenstate.models.net import Net
from hiddenstate.models.streaming import MOST_WEIGHTS
from hiddenstate.runs import Run
from hiddenstate.system.cancellation import StopRequestedError
from hiddenstate.training.recipes import suggest
from hiddenstate.training.start import start
from tests.conftest import QUIET, needs_kernels
from tests.training.test_teacher import rows_of, write

SMALL = ("--streamable", "--augment", "none", "--max-steps", 4, "--layout", "wide", *QUIET)


@pytest.fixture
def data(cli, tmp_path):
    write(tmp_path / "own.csv", *rows_of(42, 0))
    return tmp_path


def suggested(path, **given):
    given = {"streamable": True, "layout": "wide", "recipe": "auto", **given}
    dataset = read_dataset(make_config("classify", {"data": str(path), "layout": "wide"}))
    return make_config("classify", {**suggest("classify", dataset, given), **given})


@pytest.mark.parametrize(("steps", "classes"), [(16, 3), (640, 3), (16, 200)])
def test_a_net_of_any_data_is_small_and_streams(data, steps, classes):
    random = np.random.default_rng(0)
    write(data / "any.csv", random.normal(size=(2 * classes, steps)), np.arange(2 * classes) // 2)
    for n_features in (1, 2, 8, 16):
        config = suggested(data / "any.csv", steps=steps // n_features)
        net = Net("classify", config.model, n_features, classes)
        assert 20_000 < net.n_parameters() <= MOST_WEIGHTS, n_features
        assert config.model.stem_causal
        assert not config.model.bidirectional
        assert not config.training.convolutions


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--bidirectional",), "--bidirectional: reads steps that a stream does not have yet"),
        (("--members", 2), "--members: 2 nets are averaged"),
        (("--convolutions",), "--convolutions: read whole series"),
        (("--no-stem-causal",), "--no-stem-causal: layers read steps"),
        (("--recipe", "classic"), "--recipe: classic has no such net"),
        (("--layout", "features"), "--streamable: requires series"),
        (("--hidden-size", 200), "--streamable: the net has 1"),
        (("--stem-channels", "8,8"), "--stem-kernels: has 3 sizes for the 2 layers"),
    ],
)
def test_what_does_not_stream_or_is_large_is_refused(cli, data, option, words):
    done = cli("classify", data / "own.csv", *SMALL, *option)
    assert done.code == 2, done.err
    assert done.err.startswith(f"error: {words}")
    assert done.err.count("\n") == 1
    assert not (data / "runs").exists()


def test_the_estimator_trains_the_same_net_as_the_command(cli, data):
    X, y = rows_of(42, 0)
    write(data / "own.csv", X, y)
    X = np.loadtxt(data / "own.csv", str, delimiter=",", skiprows=1)[:, :-1].astype("f4")
    assert cli("classify", data / "own.csv", *SMALL, "--test-fraction", 0).code == 0
    model = RecurrentClassifier(streamable=True, augment=(), max_steps=4, random_state=0)
    model.fit(X, [f"c{label}" for label in y])
    run = Run(data / "runs/classify-1").model()
    assert model.model_.net == run.net
    of_run = make_predictor(run, "cpu", 1).predict(X[:, :, None] - X.mean())
    own = make_predictor(model.model_, "cpu", 1).predict(X[:, :, None] - X.mean())
    np.testing.assert_allclose(own, of_run, atol=0.02)
    with pytest.raises(ValueError, match="streamable: True requires the total number of updates"):
        model.partial_fit(X, y, classes=np.unique(y))


@needs_kernels
def test_the_line_at_the_end_compares_teacher_untaught_and_taught(cli, data):
    plain = ("--layout", "wide", "--max-steps", 3, "--members", 1, *QUIET)
    assert cli("classify", data / "own.csv", *plain, "--convolutions", "--name", "full").code == 0
    done = cli("classify", data / "own.csv", *SMALL, "--teach", "full", "--name", "taught")
    assert done.code == 0, done.err
    run = Run(data / "runs/taught")
    results = run.results()
    line = next(line for line in done.out.splitlines() if "full answer" in line)
    for name in ("teacher_accuracy", "untaught_accuracy", "test_accuracy"):
        low, high = (results[f"{name}_{end}"] for end in ("low", "high"))
        assert f" {results[name]:.4f} ({low:.4f} to {high:.4f})" in line
    assert results["teacher_accuracy"] == Run(data / "runs/full").results()["test_accuracy"]
    config = make_config("classify", {**run.config.flat(), "teach": None, "augment": ()})
    with start(config, data / "runs") as session:
        own = session.train()
    assert results["untaught_accuracy"] == own["test_accuracy"]
    assert "untaught_accuracy" not in own
    card = (run.path / "README.md").read_text()
    assert "accuracy of the teacher" in card
    assert "accuracy without the teacher" in card
    alone = cli("classify", data / "own.csv", *SMALL, "--test-fraction", 0)
    assert alone.code == 0
    assert "full answer" not in alone.out


@needs_kernels
def test_by_default_fixed_convolutions_teach(cli, data):
    done = cli("classify", data / "own.csv", *SMALL, "--teach-weight", "auto")
    assert "convolutions: the teacher is right on" in done.err
    assert "--teach: weight 0." in done.err
    results = Run(data / "runs/classify-1").results()
    assert results["teacher_accuracy"] == results["convolutions_accuracy"]
    assert f"the teacher's full answer {results['teacher_accuracy']:.4f} (" in done.out


@needs_kernels
def test_a_run_interrupted_while_the_untaught_net_trains_ends_alike(cli, data, monkeypatch):
    plain = ("--layout", "wide", "--max-steps", 3, "--members", 1, *QUIET)
    assert cli("classify", data / "own.csv", *plain, "--convolutions", "--name", "full").code == 0
    taught = (*SMALL, "--teach", "full")
    assert cli("classify", data / "own.csv", *taught, "--name", "whole").code == 0

    def stopped(*args):
        raise StopRequestedError

    with monkeypatch.context() as patch:
        patch.setattr("hiddenstate.jobs.untaught.trained_again", stopped)
        assert cli("classify", data / "own.csv", *taught, "--name", "cut").code == 130
    assert cli("resume", "cut").code == 0
    whole, cut = (data / "runs" / name for name in ("whole", "cut"))
    for name in ("history.jsonl", "model.safetensors"):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()
