"""Bad options and output paths, and too large nets, are refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from hiddenstate.cli import main
from hiddenstate.config import make_config
from hiddenstate.errors import DataError
from hiddenstate.runs import Run
from tests.conftest import (
    EVIL,
    QUIET,
    TRAIN_IMAGES,
    Cli,
    Refuse,
    npy,
    rows,
)

# --- options


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clasify",), "did you mean classify?"),
        (("classify", "--hiden-size", "3"), "--hidden-size"),
        (("classify", "--code-size", "3"), "--code-size"),
        (("classify", "--epochs", "0"), "from 1 to 1000000000, got 0"),
        (("classify", "--epochs", "-1"), "got -1"),
        (("classify", "--epochs", "many"), "a whole number from 1 to 1000000000, got 'many'"),
        (("classify", "--epochs", "++5"), "got '++5'"),
        (("classify", "--epochs", "1.5"), "got '1.5'"),
        (("classify", "--epochs", "9" * 30), "a whole number"),
        (("classify", "--epochs"), "--epochs"),
        (("classify", "--lr", "nan"), "a number above 0, got nan"),
        (("classify", "--lr", "1e999"), "got inf"),
        (("classify", "--dropout", "1"), "at least 0 and below 1"),
        (("classify", "--cell", "lst"), "did you mean lstm?"),
        (("classify", "--test-fraction", "1"), "at least 0 and below 1"),
        (("classify", "--seeds", "0"), "--seeds"),
        (("classify", "--view", "no"), "--view"),
        (("classify", "a", "b"), "b"),
        (("classify", ""), "--data: expected text"),
        (("autoencode", "--data-dir", ""), "--data: expected text"),
        (("regress", "a", "--test", ""), "--test"),
        (("classify", "--weights", ""), "--weights"),
        (("inspect", ""), "--data"),
        (("classify", "--runs-dir", ""), "'--runs-dir': the path is empty"),
        (("predict", "m", "--output", ""), "'--output': the path is empty"),
        (("film", "m", "--output", ""), "'--output': the path is empty"),
        (("classify", "a", "--data-dir", "b"), "use one of them"),
        (("autoencode", "--encoder-sizes", "9,,3"), "--encoder-sizes"),
        (("autoencode", "--encoder-sizes", ""), "--encoder-sizes"),
        (("autoencode", "--encoder-sizes", "3,+-4"), "--encoder-sizes"),
        (("regress", "--shuffle"), "--no-stateful"),
        (("regress", "--momentum", "0.5"), "--optimizer sgd"),
        (("predict",), "predict --help"),
        (("predict", "m", "--device", "tpu"), "--device"),
        (("compare",), "compare --help"),
        (("--nonsense",), "--nonsense"),
        (("classify", "--\x1b[31m"), "31m"),
        (("classify", "--cell", EVIL), "--cell"),
        (("classify", "--view", EVIL), "--view"),
        ((EVIL,), "evil"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_option_is_refused_with_valid_values(
    refuse: Refuse, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refuse(2, *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = 0", "--epochs"),
        ("epochs = true", "--epochs"),
        (f"epochs = {'9' * 400}", "--epochs"),
        (f"lr = {'9' * 400}", "--lr"),
        ("lr = nan", "--lr"),
        ("hiden_size = 3", "hiden_size"),
        ("code_size = 3", "code_size"),
        ("[training]\nepoch = 3", "epoch"),
        ("[nonsense]\nepochs = 3", "nonsense"),
        ("epochs = ", "settings.toml"),
        ("epochs = 3\nepochs = 3", "settings.toml"),
        ("\0", "settings.toml"),
        (f"epochs = {'[' * 3000}", "settings.toml"),
    ],
)
def test_wrong_settings_in_a_file_are_refused(
    refuse: Refuse, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "settings.toml").write_text(text)
    assert message in refuse(2, "classify", "absent", "--config", tmp_path / "settings.toml")


def test_a_nul_character_in_a_path_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('data = "a\\u0000b"')
    assert "--data" in refuse(2, "classify", "--config", tmp_path / "settings.toml")


def test_a_config_of_another_job_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    record = {"config": make_config("regress").to_dict()}
    (tmp_path / "config.json").write_text(json.dumps(record))
    error = refuse(2, "classify", "--config", tmp_path / "config.json")
    assert "belongs to a regress run" in error


def test_steps_that_do_not_divide_a_row_are_refused_with_both_numbers(
    refuse: Refuse, tmp_path: Path
) -> None:
    error = refuse(2, "classify", rows(tmp_path), "--steps", 3)
    assert "rows of 4 numbers cannot be cut into 3 equal steps" in error


def test_answers_for_data_that_holds_its_own_are_refused(
    refuse: Refuse, tmp_path: Path, tiny_idx: Path
) -> None:
    answers = npy(tmp_path / "y.npy", np.arange(12) % 2)
    (tmp_path / "own.csv").write_text("a,b,label\n1,2,x\n3,4,y\n")
    for data in (tmp_path / "own.csv", tiny_idx):
        assert "--answers" in refuse(2, "classify", data, "--answers", answers)


# --- places that cannot be written to


def test_runs_that_cannot_be_made_are_refused_before_training(
    refuse: Refuse, tiny_idx: Path
) -> None:
    inside = tiny_idx / TRAIN_IMAGES
    assert "cannot create the run folder" in refuse(3, "classify", tiny_idx, "--runs-dir", inside)


def test_predictions_that_cannot_be_written_are_refused(
    refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    new = npy(tmp_path / "x.npy", np.ones((1, 7, 5)))
    refuse(2, "predict", model, new, "--output", tmp_path / "absent" / "out.csv")
    refuse(2, "predict", model, new, "--output", tmp_path)


@pytest.mark.parametrize("kind", ["the data", "another path", "a link", "a hard link", "the model"])
def test_predictions_are_not_written_over_what_they_are_made_from(
    kind: str, refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    new = npy(tmp_path / "x.npy", np.ones((1, 7, 5)))
    output = tmp_path / "out"
    if kind == "a link":
        output.symlink_to(new)
    elif kind == "a hard link":
        output.hardlink_to(new)
    else:
        names = {"the data": new, "another path": tmp_path / "." / "x.npy", "the model": model}
        output = names[kind]
    before = new.read_bytes(), model.read_bytes()
    assert "--output" in refuse(2, "predict", model, new, "--output", output)
    assert (new.read_bytes(), model.read_bytes()) == before


def test_predictions_are_not_written_over_a_run_or_its_data(
    run_of: Callable[[str], Run], cli: Cli, refuse: Refuse, model: Path, tmp_path: Path
) -> None:
    run = run_of("classify")
    data = Path(str(run.config.data.data))
    for name in ("config.json", "model.safetensors", "history.jsonl"):
        before = (run.path / name).read_bytes()
        assert name in refuse(2, "predict", run.path, "--output", run.path / name)
        assert (run.path / name).read_bytes() == before
    new = npy(tmp_path / "x.npy", np.ones((1, 7, 5)))
    refuse(2, "predict", model, new, "--output", run.path / "config.json")  # of any run
    assert TRAIN_IMAGES in refuse(2, "predict", run.path, "--output", data / TRAIN_IMAGES)
    for folder in (run.path, data, data):  # a file of one's own can be written again
        (folder / "labels.csv").write_text("earlier")
        assert cli("predict", run.path, "--output", folder / "labels.csv").code == 0


# --- training that diverges, and too little memory


def test_a_learning_rate_that_diverges_stops_with_a_hint_and_saves_no_broken_model(
    cli: Cli, tmp_path: Path
) -> None:
    answer = cli("regress", "--windows", 20, "--optimizer", "sgd", "--lr", "1e30", *QUIET)
    assert answer.code == 5
    error = answer.err.splitlines()[-1]
    assert error.startswith("error: training diverged in epoch 0, batch ")
    assert "--lr" in error
    assert "Traceback" not in answer.err
    for path in (tmp_path / "runs").rglob("*.safetensors"):
        assert all(np.isfinite(array).all() for array in load_file(path).values())
    assert not list((tmp_path / "runs").rglob("model.safetensors"))


def test_a_net_larger_than_memory_is_refused_before_it_is_made(
    refuse: Refuse, tiny_idx: Path
) -> None:
    error = refuse(3, "classify", tiny_idx, "--hidden-size", 65536, "--layers", 64)
    assert "training needs about" in error
    assert error.count("GiB") == 2
    assert "free" in error


def test_more_waves_than_memory_holds_are_refused(refuse: Refuse) -> None:
    assert "GiB" in refuse(3, "regress", "--windows", 10**15, "--view", "off")


def test_a_trace_is_shown_only_when_asked_for() -> None:
    with pytest.raises(DataError, match="absent"):
        main(["classify", "absent", "--debug"])
