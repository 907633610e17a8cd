"""Files that are intact but not a run's own, or not all of it, are named."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tools.stress.resuming import StopAfter

from hiddenstate.config import make_config
from hiddenstate.errors import UntrustedFileError
from hiddenstate.runs import Run
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import start
from hiddenstate.training.verify import check_files
from tests.conftest import answer_to, write_digits

VALUES = {
    "epochs": 3,
    "batch_size": 30,
    "hidden_size": 4,
    "log_every": 2,
    "checkpoint_every": 4,
    "valid_fraction": 0.25,
    "threads": 1,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of the same shape: one done, one done twice, one interrupted, one of another seed."""
    folder = tmp_path_factory.mktemp("runs")
    data = str(write_digits(folder / "digits"))
    paths = {}
    for name, seed, stop in (
        ("done", 1, 999),
        ("longer", 1, 999),
        ("cut", 1, 6),
        ("other", 2, 999),
    ):
        config = make_config("classify", {**VALUES, "data": data, "seed": seed})
        with start(config, folder / name) as session:
            halt = StopAfter(stop)
            session.train([halt], halt)
        paths[name] = session.writer.path
    with resume_run(Run(paths["longer"]), {"epochs": "+1"}) as session:
        session.train()
    return paths


def named(path: Path) -> set[str]:
    """The files that `verify` names."""
    return {name for name, what in check_files(Run(path)) if what}


@pytest.mark.parametrize("text", ["history.jsonl", "journal.jsonl"])
@pytest.mark.parametrize("name", ["done", "longer", "cut"])
def test_a_text_cut_between_any_two_lines_is_named(
    name: str, text: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs[name], tmp_path / "run")
    assert named(path) == set()
    lines = (path / text).read_bytes().splitlines(keepends=True)
    for kept in range(len(lines)):
        (path / text).write_bytes(b"".join(lines[:kept]))
        assert text in named(path), kept


def test_a_history_cut_after_a_kill_is_named_and_not_resumed(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["cut"], tmp_path / "run")
    (path / "closed.json").unlink()  # as after a kill
    lines = (path / "history.jsonl").read_bytes().splitlines(keepends=True)
    assert b'"valid"' in lines[-1] + lines[-2]  # which no logged line shows to be missing
    for kept in range(len(lines)):
        (path / "history.jsonl").write_bytes(b"".join(lines[:kept]))
        assert named(path) == {"history.jsonl"}, kept
        with pytest.raises(UntrustedFileError, match=f"has {kept} of {len(lines)} lines"):
            resume_run(Run(path), {})


FOREIGN = (
    "history.jsonl",
    "journal.jsonl",
    "closed.json",
    "model.safetensors",
    "checkpoints/{newest}.safetensors",
    "snapshots/000000001.safetensors",
    "weights/000000001.safetensors",
    "snapshots/shown.safetensors",
    "snapshots/closing.safetensors",
)


@pytest.mark.parametrize("file", FOREIGN)
def test_a_file_of_another_run_of_the_same_shape_is_named(
    file: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    name = file.format(newest=Run(path).checkpoint_paths()[0].stem)
    shutil.copy(runs["other"] / name, path / name)
    assert named(path) == {name}
    verified = answer_to("verify", path, "--files-only")
    assert verified.code == 4
    assert "another run" in verified.err


def test_a_model_of_another_run_does_not_predict_for_this_one(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    shutil.copy(runs["other"] / "model.safetensors", path)
    done = answer_to("predict", path)
    assert (done.code, done.out) == (4, "")
    assert "model.safetensors: belongs to another run" in done.err


@pytest.mark.parametrize("folder", ["checkpoints", "snapshots", "weights"])
def test_two_files_of_a_run_that_changed_names_are_named(
    folder: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    one, two = sorted((path / folder).glob("0*"))[:2]
    one.rename(tmp_path / "kept")
    two.rename(one)
    (tmp_path / "kept").rename(two)
    assert named(path) == {f"{folder}/{each.name}" for each in (one, two)}


def test_weights_of_a_moment_in_place_of_the_model_are_named(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    shutil.copy(path / "weights" / "000000001.safetensors", path / "model.safetensors")
    assert named(path) == {"model.safetensors"}
    with pytest.raises(UntrustedFileError, match="weights from the middle of training"):
        Run(path).model()


def test_the_model_in_place_of_weights_is_named(runs: dict[str, Path], tmp_path: Path) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    shutil.copy(path / "model.safetensors", path / "weights" / "000000001.safetensors")
    assert named(path) == {"weights/000000001.safetensors"}


def test_a_run_of_the_same_settings_has_the_same_id_and_another_seed_another(
    runs: dict[str, Path],
) -> None:
    ids = {name: Run(path).id for name, path in runs.items()}
    assert ids["done"] == ids["longer"] == ids["cut"] != ids["other"]
    assert None not in ids.values()


Change = Callable[[Path], object]


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_bytes(b"{}"), lambda path: path.write_bytes(b"\0" * 999)]
)
def test_damaged_numbers_of_lines_are_named(
    damage: Change, runs: dict[str, Path], tmp_path: Path
) -> None:
    path = shutil.copytree(runs["done"], tmp_path / "run")
    damage(path / "closed.json")
    assert named(path) == {"closed.json"}
