"""Bad settings and output paths are refused in one line, and nothing is written."""

import contextlib
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.runs import Run
from tests.conftest import TRAIN_IMAGES, Cli, Refuse, npy

# --- options


def test_a_fifo_as_settings_is_refused_unread(refuse: Refuse, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo.toml"
    os.mkfifo(fifo)

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError, FileNotFoundError), fifo.open("wb") as stream:
            stream.write(b"wrong = ")

    writer = threading.Thread(target=feed, daemon=True)
    writer.start()
    try:
        refuse(2, "regress", "--config", fifo)
        assert writer.is_alive()
    finally:
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))


def test_a_config_of_another_job_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    record = {"config": make_config("regress").to_dict()}
    (tmp_path / "config.json").write_text(json.dumps(record))
    error = refuse(2, "classify", "--config", tmp_path / "config.json")
    assert "belongs to a regress run" in error


# --- places that cannot be written to


def test_a_label_beside_targets_is_refused_in_a_config(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text('target = ["load"]\nlabel = "kind"\n')
    error = refuse(2, "regress", "own.csv", "--config", tmp_path / "own.toml")
    assert error.strip().endswith(
        "own.toml: label: names the classes of classify; write --target COL"
    )


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
