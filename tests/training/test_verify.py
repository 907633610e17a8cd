"""verify: files checked one by one, and resuming shown to be exact, or not."""

import json
from pathlib import Path

import numpy as np
import pytest
from tools.stress.resuming import StopAfter

from hiddenstate import RecurrentClassifier
from hiddenstate.config import make_config
from hiddenstate.runs import Run
from hiddenstate.runs.writer import RunWriter
from hiddenstate.training.start import start
from hiddenstate.training.verify import check_files, prove
from tests.conftest import ENGINES

QUIET = ("--view", "off", "--threads", 1)


def files_of(path: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


@pytest.fixture
def run(cli, tmp_path: Path) -> Path:
    cli("regress", "--windows", 30, *QUIET)
    return tmp_path / "runs" / "regress-1"


UNREAD = {"lock", "README.md"}
"""Files that nothing reads."""


def test_a_sound_run_is_verified_and_nothing_in_it_changed(run, cli):
    before = files_of(run)
    done = cli("verify", "regress-1", "--steps", 20)
    assert (done.code, done.err) == (0, "")
    verdict = "runs/regress-1: every file is sound; resuming is exact in 4 tests"
    assert done.out == f"{verdict}\n"
    lines = cli("verify", "regress-1", "--steps", 20, "--all").out.splitlines()
    assert lines[0] == verdict
    assert "config.json: sound" in lines
    assert "checkpoints/000000030.safetensors: sound" in lines
    named = {line.partition(":")[0] for line in lines if line.endswith(": sound")}
    assert named == {str(p.relative_to(run)) for p in before} - UNREAD
    assert "interrupted after step 1 and resumed: byte-identical" in lines
    assert "interrupted after steps 3, 6, 10, 13, 16 and resumed: byte-identical" in lines
    assert files_of(run) == before


@pytest.mark.parametrize(
    ("job", "engine"),
    [("classify", ENGINES[-1]), ("autoencode", ENGINES[0]), ("regress", ENGINES[0])],
)
def test_going_on_is_proven_for_every_job_and_engine(job, engine, cli, tiny_idx, tmp_path):
    data = [] if job == "regress" else [tiny_idx]
    more: list[object] = ["--recipe", "classic"]
    if job != "regress":
        more += ["--valid-fraction", 0.2, "--patience", 3, "--batch-size", 16]
    done = cli(job, *data, "--engine", engine, *more, "--epochs", 3, *QUIET)
    assert done.code == 0, done.err
    proofs = [*prove(Run(tmp_path / "runs" / f"{job}-1"), 12, tmp_path / "proof")]
    assert [proof.stops for proof in proofs][:3] == [(1,), (6,), (11,)]
    assert len(proofs[3].stops) > 3
    assert all(proof.differing == [] for proof in proofs)
    assert Run(tmp_path / "proof" / "whole").record["engine"]["name"] == engine


def test_going_on_is_proven_for_a_net_of_members(cli, tmp_path):
    (tmp_path / "own.csv").write_text("\n".join(["y", *(str(i % 7) for i in range(90)), ""]))
    options = ("--target", "y", "--horizon", 1, "--members", 2, "--max-steps", 6)
    assert cli("regress", "own.csv", *options, *QUIET).code == 0
    done = cli("verify", "regress-1", "--steps", 4)
    assert done.code == 0, done.out + done.err


def test_each_damaged_file_is_named_and_the_code_is_4(run, cli):
    for path in files_of(run):
        if path.name in {"config.json", *UNREAD}:  # find_run refuses the first
            continue
        data = path.read_bytes()
        path.write_bytes(data[:-7] + bytes([data[-7] ^ 1]) + data[-6:])
        name = str(path.relative_to(run))
        done = cli("verify", "regress-1", "--files-only")
        assert done.code == 4
        assert done.out.splitlines()[1:] == [f"{name}: DAMAGED"]
        assert f"1 of {len(files_of(run)) - len(UNREAD)} files damaged: {name}" in done.err
        path.write_bytes(data)
    assert cli("verify", "regress-1", "--files-only").code == 0


@pytest.mark.parametrize("name", ["history.jsonl", "journal.jsonl"])
def test_whole_lines_that_are_missing_are_noticed(name, run):
    path = run / name
    lines = path.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines)):
        path.write_bytes(b"".join(lines[:kept]))
        assert dict(check_files(Run(run)))[name], kept


@pytest.mark.parametrize("name", ["history.jsonl", "journal.jsonl"])
def test_each_damaged_line_is_named(name, run):
    lines = (run / name).read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        damaged = line.replace(b'"step": ', b'"step":  ', 1)  # the same values, other bytes
        assert damaged != line
        (run / name).write_bytes(b"".join([*lines[:number], damaged, *lines[number + 1 :]]))
        assert f"{name}:{number + 1}: " in str(dict(check_files(Run(run)))[name])


@pytest.fixture
def stopped(tmp_path):
    """A run that was stopped after thirty steps."""
    config = make_config("regress", {"windows": 40, "log_every": 5, "threads": 1})
    with start(config, tmp_path) as session:
        stop = StopAfter(30)
        session.train([stop], stop)
    return Run(session.writer.path)


def test_lines_missing_from_a_run_that_has_no_end_are_noticed(stopped):
    history = stopped.path / "history.jsonl"
    lines = history.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        history.write_bytes(b"".join(lines[:kept]))
        missing = dict(check_files(Run(stopped.path)))["history.jsonl"]
        assert bool(missing) == (kept < len(lines)), kept


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_journal_without_its_start_is_noticed(change, stopped):
    """Of a killed run, whose end no file states."""
    run = stopped
    (run.path / "closed.json").unlink()
    assert not any(dict(check_files(run)).values())
    change(run.path / "journal.jsonl")
    found = {name: what for name, what in check_files(Run(run.path)) if what}
    assert list(found) == ["journal.jsonl"]
    assert found["journal.jsonl"].endswith("journal.jsonl: its start is missing")


def test_json_tells_the_same(run, cli):
    told = json.loads(cli("verify", "regress-1", "--steps", 4, "--json").out)
    assert set(told["files"].values()) == {"sound"}
    assert told["resumes"][0] == {"stopped_after": [1], "differing": []}
    assert told["run"] == "runs/regress-1"


def test_going_on_that_is_not_exact_is_found_out(run, cli, monkeypatch):
    real = RunWriter.truncate_after

    def forgets(self, *details):
        told = real(self, *details)
        for path in Run(self.path).snapshot_paths()[:1]:
            path.unlink()
        return told

    monkeypatch.setattr(RunWriter, "truncate_after", forgets)
    done = cli("verify", "regress-1", "--steps", 12)
    assert done.code == 1
    assert "DIFFERENT: snapshots/000000001.safetensors" in done.out
    assert "not exact on this machine" in done.err


def test_a_run_on_arrays_has_its_files_checked_and_says_why_no_more(cli, tmp_path):
    X = np.random.default_rng(0).random((20, 4, 2))
    RecurrentClassifier(hidden_size=3, max_steps=3).fit(
        X, np.arange(20) % 2, run_dir=tmp_path / "o"
    )
    done = cli("verify", "o")
    assert done.code == 2
    assert done.out == "o: every file is sound; resuming was not tested\n"
    assert "arrays in Python" in done.err
    assert cli("verify", "o", "--files-only").code == 0


def test_a_signal_leaves_no_folder_behind(run, cli, monkeypatch, tmp_path):
    import os
    import signal
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    seen = []

    def killed(self, *rest, **more):
        seen.extend(os.listdir(tmp_path / "temporary"))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(RunWriter, "write_checkpoint", killed)
    done = cli("verify", "regress-1")
    assert done.code == 143
    assert "interrupted; nothing was changed" in done.err
    assert len(seen) == 1
    assert not os.listdir(tmp_path / "temporary")
