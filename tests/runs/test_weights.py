"""The weights of a moment: an ordinary model file of the run, its step and its net."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate import load
from hiddenstate.engines import make_engine
from hiddenstate.errors import UntrustedFileError
from hiddenstate.jobs import make_snapshots
from hiddenstate.runs import Run, retention
from hiddenstate.runs.record import RUN_FORMAT, make_record
from hiddenstate.runs.run import is_own_file
from hiddenstate.runs.writer import RunWriter, create_run
from hiddenstate.system.checksums import object_with_checksum
from hiddenstate.training.initial_state import starting_state
from hiddenstate.training.recorder import Recorder, lines_with_weights
from hiddenstate.training.resume import resume_run
from hiddenstate.training.trainer import Callback, Trainer
from hiddenstate.training.verify import check_files
from tests.runs.asking import finish, train
from tests.training.test_resume import OPTIONS, contents, make


def steps(path: Path) -> list[int]:
    """The moments whose weights a run has."""
    return [int(file.stem) for file in Run(path).weights_paths()]


class Nets(Callback):
    """Keeps the net after each logged line and each request."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[str, Any]] = {}

    def on_log(self, trainer: Trainer, event: Any) -> None:
        self.kept[trainer.step] = trainer.engine.export().params

    def on_control(self, trainer: Trainer, event: Any, name: str) -> None:
        self.kept[trainer.step] = trainer.engine.export().params


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_each_snapshot_but_the_last_leaves_the_net_of_its_step(kind, tiny_idx, tmp_path):
    job = make(kind, tiny_idx)
    nets, path = Nets(), tmp_path / "run"
    engine = make_engine(job.task(), starting_state(job))
    with create_run(path, make_record(job.config, job.dataset.facts(), engine.about())) as writer:
        Trainer(job, engine, [Recorder(writer, make_snapshots(job)), nets]).train()
    run = Run(path)
    snapshots = [int(file.stem) for file in run.snapshot_paths()]
    assert steps(path) == list(nets.kept) == [n for n in snapshots if n in nets.kept]
    for file in run.weights_paths():
        model, end = run.weights(file), run.model()
        assert model.net == end.net
        assert end.integer is not None or model.facts() == end.facts()
        for name, array in nets.kept[int(file.stem)].items():
            np.testing.assert_array_equal(model.params[name], array)
        assert load(file).model_.facts() == model.facts()


def test_the_weights_of_a_moment_predict_and_export(run_of, cli, tmp_path):
    run = run_of("autoencode")
    data = tmp_path / "rows.npy"
    np.save(data, np.zeros((3, run.model().n_features), np.uint8))
    path = run.weights_paths()[0]
    assert cli("predict", path, data).code == 0
    exported = cli("export", path, "--to", "python", "--output", tmp_path / "net.py")
    assert exported.code == 0, exported.err


def test_weights_are_files_of_the_run_that_no_output_replaces(run_of: Callable[[str], Run]) -> None:
    assert is_own_file(run_of("regress").weights_paths()[0])


@pytest.mark.parametrize("limit", [0, 30_000])
def test_a_net_above_the_limit_leaves_no_weights(limit, tiny_idx, tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "WEIGHTS_LIMIT", limit)
    job = make("classify", tiny_idx)
    assert lines_with_weights(job) == 0
    train(job, tmp_path / "run", (5, "snapshot"))
    assert steps(tmp_path / "run") == []


def test_requests_leave_no_weights_once_all_have_reached_the_limit(tiny_idx, tmp_path, monkeypatch):
    monkeypatch.setattr("hiddenstate.runs.writer.WEIGHTS_LIMIT", 1)
    job = make("classify", tiny_idx, log_every=100, checkpoint_every=5)
    train(job, tmp_path / "run", (5, "snapshot"))
    snapshots = [int(path.stem) for path in Run(tmp_path / "run").snapshot_paths()]
    assert snapshots == [1, 5, job.total_steps]
    assert steps(tmp_path / "run") == [1]


def size_of_file(job: Any) -> int:
    """Bytes of a file of weights, and a few more."""
    return len(job.fitted(starting_state(job).params).encode({"data": "x" * 200}))


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_where_few_lines_leave_weights_a_resumed_run_leaves_the_same(
    kind: str, tiny_idx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(kind, tiny_idx, log_every=1)
    monkeypatch.setattr(retention, "WEIGHTS_LIMIT", 21 * size_of_file(job))
    assert lines_with_weights(job) == 2
    asked = [(6, "snapshot"), (10, "snapshot")]
    train(job, tmp_path / "whole", *asked)
    regular = [1, 2, 3, 5, 9, 17, 33]  # lines 0, 1, 2, 4, 8, ...
    expected = sorted([*(n for n in regular if n <= job.total_steps), 6, 10])
    assert steps(tmp_path / "whole") == expected
    for stop_at in (11, 14):
        path = tmp_path / f"cut-{stop_at}"
        train(job, path, *asked, stop_at=stop_at)
        finish(path)
        assert contents(path) == contents(tmp_path / "whole")


def test_a_resumed_run_removes_weights_of_later_steps_and_of_no_line(
    tiny_idx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, job = tmp_path / "run", make("classify", tiny_idx, checkpoint_every=6)
    monkeypatch.setattr(retention, "WEIGHTS_LIMIT", 21 * size_of_file(job))
    train(job, path, (2, "snapshot"), stop_at=20)
    (asked,) = (e["step"] for e in Run(path).history() if e["event"] == "control")
    one = path / "weights" / "000000001.safetensors"
    for step in (7, 13, 23):  # 13 is the step of a line that leaves a snapshot and no weights
        (path / "weights" / f"{step:09d}.safetensors").write_bytes(one.read_bytes())
    newest, before = Run(path).checkpoint_paths()
    newest.write_bytes(b"damaged")
    with resume_run(Run(path), {}) as session:
        assert session.step == int(before.stem)
        assert set(steps(path)) == {asked, *(n for n in (1, 5, 9, 17) if n <= session.step)}
        assert 13 in {int(file.stem) for file in Run(path).snapshot_paths()}


def test_a_run_of_an_earlier_format_leaves_weights_once_it_is_resumed(tiny_idx, tmp_path):
    path, job = tmp_path / "run", make("classify", tiny_idx)
    train(job, path, stop_at=6)
    shutil.rmtree(path / "weights")
    record = {name: v for name, v in Run(path).record.items() if name != "sha256"}
    (path / "config.json").write_bytes(object_with_checksum({**record, "format": 4}))
    assert steps(path) == []
    stopped = int(Run(path).checkpoint_paths()[0].stem)
    finish(path)
    assert Run(path).record["format"] == RUN_FORMAT
    lines = [e["step"] + 1 for e in Run(path).history() if e["event"] == "log"]
    assert steps(path) == [step for step in lines if step >= stopped]  # its line was pending


def test_damaged_weights_and_those_of_another_step_are_named(run_of: Callable[[str], Run]) -> None:
    run = run_of("regress")
    one, two, three = run.weights_paths()[:3]
    data = bytearray(one.read_bytes())
    data[-1] ^= 1
    one.write_bytes(data)
    two.write_bytes(three.read_bytes())
    names = {f"weights/{path.name}" for path in (one, two)}
    assert {name for name, what in check_files(run) if what} == names
    with pytest.raises(UntrustedFileError, match="expected that of its name"):
        run.weights(two)


def test_weights_that_are_not_finite_are_not_written(tiny_idx: Path, tmp_path: Path) -> None:
    job = make("classify", tiny_idx)
    engine = make_engine(job.task(), starting_state(job))

    class Broken(Callback):
        def on_start(self, trainer: Trainer) -> None:
            params = trainer.engine.export().params
            next(iter(params.values())).flat[0] = np.nan
            trainer.engine.restore(params)

    record = make_record(job.config, job.dataset.facts(), engine.about())
    with create_run(tmp_path / "run", record) as writer:
        recorder = Recorder(writer, make_snapshots(job))
        trainer = Trainer(job, engine, [recorder, Broken()])
        trainer._notify("on_start")
        event = {"event": "log", "step": 0, "epoch": 0, "loss": 1.0, "mean_loss": 1.0, "lr": 0.1}
        trainer.step = 1
        recorder.on_log(trainer, event)  # type: ignore[arg-type]  # a LogEvent
    assert steps(tmp_path / "run") == []
    assert Run(tmp_path / "run").snapshot_paths()


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_a_request_killed_after_its_event_has_its_snapshot_and_weights(
    kind: str, tiny_idx: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint of that step, made before the request, would keep the event alone."""
    job = make(kind, tiny_idx, checkpoint_every=4, log_every=100)
    train(job, tmp_path / "whole", (8, "snapshot"))
    real = RunWriter.add_history

    def killed(writer: RunWriter, event: Any) -> None:
        real(writer, event)
        if event["event"] == "control":
            raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "add_history", killed)
        with pytest.raises(SystemExit):
            train(job, tmp_path / "cut", (8, "snapshot"))
    newest = tmp_path / "cut" / "checkpoints" / "000000008.safetensors"
    assert newest.exists()
    finish(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
