"""Runs that learn the answers of a teacher: which answers, and what is refused."""

import json
import shutil

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.jobs.companion_share import folds_of
from hiddenstate.program.equations import log_probabilities, softmax
from hiddenstate.runs import Run
from hiddenstate.runs.run_data import run_dataset
from hiddenstate.training.teacher_file import kept_answers
from tests.conftest import QUIET, needs_kernels

CLASSES, STEPS = 3, 16
SMALL = ("--hidden-size", 4, "--max-steps", 6, "--log-every", 2, "--members", 1, *QUIET)
PLAIN = ("--no-convolutions", "--no-stem", "--no-bidirectional", "--patience", 0)


def rows_of(n, seed, steps=STEPS):
    """Series with a bump that is early, in the middle or late, and their labels."""
    random, y = np.random.default_rng(seed), np.arange(n) % CLASSES
    X = random.normal(0, 0.3, (n, steps))
    for row, label in zip(X, y, strict=True):
        row[3 * label : 3 * label + 4] += 2
    return X, y


def write(path, X, y):
    lines = [
        ",".join([*(f"{v:.5f}" for v in row), f"c{label}"]) for row, label in zip(X, y, strict=True)
    ]
    names = ",".join([*(f"x{i}" for i in range(X.shape[1])), "label"])
    path.write_text("\n".join([names, *lines]) + "\n")


@pytest.fixture
def data(cli, tmp_path):
    """Data of which two of each class are held out, and a teacher with fixed convolutions."""
    write(tmp_path / "own.csv", *rows_of(42, 0))
    return tmp_path


def train(cli, *options, data="own.csv"):
    done = cli("classify", data, "--layout", "wide", *SMALL, *PLAIN, *options)
    assert done.code == 0, done.err
    return done


def refusal(cli, *options, data="own.csv", job="classify"):
    """The line that refuses to start, after which there is no run."""
    done = cli(job, data, *options, *SMALL, "--name", "refused")
    assert done.code == 2, done.err
    assert done.err.count("\n") == 1
    return done.err


@needs_kernels
def test_a_run_is_taught_by_the_folds_that_left_its_rows_out(cli, data):
    train(cli, "--convolutions", "--name", "teacher")
    done = train(cli, "--teach", "teacher", "--name", "net", "--seed", 7, "--split-seed", 0)
    assert "the teacher is right on" in done.err
    assert "is not known" not in done.err
    run, teacher = data / "runs/net", Run(data / "runs/teacher")
    rows, companion = run_dataset(teacher).train, teacher.model().companions[0]
    assert companion.net_share == 0  # then the convolutions answer alone
    left_out = log_probabilities(type(companion).fit(rows, CLASSES, 0, 1).held_out)
    np.testing.assert_array_equal(kept_answers(Run(run)).answers[0, 0], np.float32(left_out))
    before = {p.name: p.read_bytes() for p in run.glob("*.safetensors")}
    shutil.rmtree(data / "runs/teacher")  # its answers are in the run
    assert cli("verify", "net").code == 0
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    (run / "model.safetensors").unlink()
    assert cli("resume", "net", "--allow-changed", *QUIET[:2]).code == 0
    assert {p.name: p.read_bytes() for p in run.glob("*.safetensors")} == before
    (run / "teacher.safetensors").unlink()
    assert "teacher.safetensors: DAMAGED" in cli("verify", "net").out
    assert cli("resume", "net", "--epochs", "+1").code == 4


@needs_kernels
def test_nets_that_answer_alone_teach_by_the_folds_that_left_rows_out(cli, data, monkeypatch):
    monkeypatch.setattr("hiddenstate.jobs.classify.nets_suffice", lambda *args: True)
    options = ("--convolutions", "--prefer-nets", "--augment", "none", "--teach", "convolutions")
    train(cli, *options, "--members", 2, "--name", "teacher")
    done = train(cli, "--teach", "teacher", "--name", "net", "--seed", 7, "--split-seed", 0)
    assert "is not known" not in done.err  # its own teacher learned from its rows alone
    teacher = Run(data / "runs/teacher")
    rows, model = run_dataset(teacher).train, teacher.model()
    assert model.companions == ()
    folds, expected = folds_of(rows, 2, 0), make_predictor(model, "cpu", 1).predict(rows.X)
    for number, member in enumerate(model.members()):
        own = make_predictor(member, "cpu", 1).predict(rows.X)
        assert (own[folds == number] != expected[folds == number]).any()
        expected[folds == number] = own[folds == number]
    taught = kept_answers(Run(data / "runs/net")).answers[0, 0]
    np.testing.assert_allclose(taught, expected, rtol=1e-5)


def test_answers_are_looked_up_by_the_row_of_the_data(cli, data):
    """The rows of the array that are held out are not read; probabilities and logits are alike."""
    logits = np.random.default_rng(1).normal(0, 2, (42, CLASSES))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    train(cli, "--name", "plain")
    origin = run_dataset(Run(data / "runs/plain")).train.origin.series
    held_out = np.setdiff1d(np.arange(42), origin)
    assert held_out.size
    rounded = np.where(np.arange(42)[:, None] % 3 == 0, [1 + 1e-7, -1e-7, 0], p)
    for name, values in (("rounded", rounded), ("logits", logits), ("p", p)):
        values[held_out] = np.nan
        np.save(data / f"{name}.npy", values)
        done = train(cli, "--teach", f"{name}.npy", "--name", name)
        assert "which rows the teacher learned from is not known" in done.err
        taught = kept_answers(Run(data / f"runs/{name}"))
        expected = np.clip(rounded[origin], 0, 1) if name == "rounded" else p[origin]
        np.testing.assert_allclose(softmax(taught.answers[0, 0]), expected, atol=1e-6)
    changed = Run(data / "runs/p").model().params
    plain = Run(data / "runs/plain").model().params
    assert any((changed[name] != plain[name]).any() for name in plain)


def test_a_teacher_that_had_a_teacher_or_weights_may_know_held_out_rows(cli, data):
    train(cli, "--name", "other", "--split-seed", 5)
    known = train(cli, "--name", "taught", "--teach", "other", "--split-seed", 5).err
    assert "is not known" not in known
    model = shutil.copy(data / "runs/other/model.safetensors", data)
    train(cli, "--name", "started", "--weights", model)
    train(cli, "--name", "copy", "--teach", model)
    for name in ("started", "copy"):
        assert "is not known" in train(cli, "--teach", name, "--name", f"of-{name}").err


def test_what_does_not_fit_is_refused_before_training(cli, data):
    X, y = rows_of(42, 0)
    train(cli, "--name", "teacher")
    write(data / "two.csv", X, y % 2)
    write(data / "short.csv", *rows_of(42, 0, STEPS - 1))
    taught = ("--layout", "wide", *PLAIN, "--teach", "teacher")
    assert "other classes: the teacher has c0, c1, c2" in refusal(cli, *taught, data="two.csv")
    assert "other columns" in refusal(cli, *taught, data="short.csv")
    told = refusal(cli, *taught, "--convolutions")
    assert "its teacher knows them" in told
    told = refusal(cli, "--layout", "wide", "--teach", "none", "--teach-weight", 0.5)
    assert "--teach-weight: applies only with a teacher" in told
    told = refusal(cli, *taught, "--seed", 5, "--seeds", 2)
    assert "learned from rows that are held out here" in told
    told = refusal(cli, *taught, "--split-seed", 5)
    assert "learned from rows that are held out here" in told
    assert "--split-seed 0" in told
    assert "is a model of classify" in refusal(
        cli, "--target", "x0", "--teach", "teacher", "--layout", "features", job="regress"
    )
    assert "no such run" in refusal(cli, *taught[:-1], "nobody")
    p = np.full((42, CLASSES), 1 / CLASSES)
    for values, words in (
        (p[:, :2], "has shape (42, 2), expected (42, 3)"),
        (2 * p / 3, "have the sum 0.6667, expected 1"),
        (np.where(np.arange(42)[:, None] == 3, np.nan, p), "no finite answer for 1 training row"),
        (np.where(np.arange(42)[:, None] == 3, 1e300, p), "no finite answer for 1 training row"),
    ):
        np.save(data / "bad.npy", values)
        told = refusal(cli, *taught[:-1], "bad.npy", "--test-fraction", 0)
        assert words in told
    assert not (data / "runs/refused").exists()


def test_a_regressor_learns_the_mean_of_targets_and_answers(cli, data):
    """With a weight of 0, it is the run on targets that are the answers."""
    X = rows_of(30, 2)[0]
    targets = X.sum(1)
    options = ("--target", "y", "--layout", "features", "--test-fraction", 0, "--scale", "none")
    for name, values in (("own", targets), ("other", -2 * targets)):
        rows = [f"{a:.5f},{b:.5f},{v:.5f}" for (a, b), v in zip(X[:, :2], values, strict=True)]
        (data / f"{name}.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    np.save(data / "answers.npy", np.round(-2 * targets, 5))
    taught = ("--teach", "answers.npy", "--teach-weight")
    for name, more in (("own", (*taught, 0)), ("other", ()), ("half", (*taught, 0.5))):
        table = "other" if name == "other" else "own"
        done = cli("regress", f"{table}.csv", *options, *SMALL, *more, "--name", name)
        assert done.code == 0, done.err
    own, other, half = (Run(data / f"runs/{n}").model().params for n in ("own", "other", "half"))
    for name, array in own.items():
        np.testing.assert_allclose(array, other[name], atol=2e-5)
    assert any((half[name] != own[name]).any() for name in own)
    done = cli("verify", "half")
    assert done.code == 0, done.out + done.err


def test_a_forecast_is_taught_by_a_model_with_the_same_windows(cli, tmp_path):
    """The share of the net beside its linear path is found without the teacher."""
    load = [f"{10 + 3 * np.sin(k / 3):.3f}" for k in range(90)]
    (tmp_path / "load.csv").write_text("\n".join(["load", *load]) + "\n")
    words = (
        "--target load --horizon 2 --linear --output last --layout long --window 8 --no-stateful"
    )
    options = (*words.split(), *SMALL)
    assert cli("regress", "load.csv", *options, "--name", "teacher").code == 0
    net = (*options, "--hidden-size", 3, "--teach", "teacher")
    done = cli("regress", "load.csv", *net, "--name", "net")
    assert done.code == 0, done.err
    assert kept_answers(Run(tmp_path / "runs/net")).knows_split
    done = cli("verify", "net")
    assert done.code == 0, done.out + done.err
    path = tmp_path / "runs/teacher/config.json"
    record = json.loads(path.read_text())
    assert record["data"].pop("split_rule") == 2  # so older versions split: other steps
    del record["sha256"]
    path.write_text(json.dumps(record))
    done = cli("regress", "load.csv", *net, "--name", "of-older")
    assert (done.code, "learned from is not known" in done.err) == (0, True), done.err
    done = cli("regress", "load.csv", *net, "--window", 7)
    assert (done.code, "other --window: the teacher has 8" in done.err) == (2, True)
    done = cli("regress", "load.csv", *net, "--no-linear", "--output", "steps")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert "has answers of shape" in done.err
    done = cli("regress", "load.csv", *net, "--test-fraction", 0.4)
    assert (done.code, "learned from rows that are held out" in done.err) == (2, True)


def test_a_model_answers_augmented_rows(cli, data):
    train(cli, "--name", "teacher")
    options = ("--augment", "mix,jitter", "--max-steps", 8, "--batch-size", 16)
    done = train(cli, "--teach", "teacher", *options, "--name", "net")
    run = Run(data / "runs/net")
    answers, n = kept_answers(run).answers, len(run_dataset(run).train)
    epochs = -(-8 // -(-n // run.config.training.batch_size))
    assert answers.shape == (1, epochs, n, CLASSES)
    assert f"of {answers.shape[1] * n:,} augmented rows" in done.err
    assert np.ptp(answers, axis=1).max() > 0
    assert cli("verify", "net").code == 0
    np.save(data / "answers.npy", np.full((42, CLASSES), 1 / CLASSES))
    told = refusal(cli, "--layout", "wide", *PLAIN, "--teach", "answers.npy", *options)
    assert "has no answers for augmented rows" in told


@needs_kernels
def test_a_run_that_is_taught_by_its_own_convolutions_is_resumed_to_the_byte(cli, data):
    """A path of that name is ./convolutions, a run is in the folder of runs."""
    options = ("--convolutions", "--augment", "jitter", "--members", 2, "--max-steps", 8)
    done = train(cli, "--teach", "convolutions", *options, "--name", "net")
    assert "convolutions: the teacher is right on" in done.err
    assert "is not known" not in done.err
    run = data / "runs/net"
    assert kept_answers(Run(run)).answers.shape[0] == 2
    assert cli("verify", "net").code == 0
    before = {p.name: p.read_bytes() for p in run.glob("*.safetensors")}
    for path in (*(run / "checkpoints").iterdir(), run / "model.safetensors"):
        path.unlink()
    assert cli("resume", "net", "--allow-changed", *QUIET[:2]).code == 0
    assert {p.name: p.read_bytes() for p in run.glob("*.safetensors")} == before
    assert "no such run" in refusal(cli, "--layout", "wide", "--teach", "./convolutions")


def test_runs_of_several_seeds_hold_out_the_rows_that_the_teacher_did_not_see(cli, data):
    train(cli, "--name", "teacher")
    train(cli, "--teach", "teacher", "--seeds", 2, "--name", "net")
    runs = [Run(data / f"runs/net-seed{seed}") for seed in (0, 1)]
    assert [run.config.split_seed for run in runs] == [0, 0]
    one, two = (kept_answers(run) for run in runs)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.answers, two.answers)
