"""What became of a run's files is named, and as little is lost as can be."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.config import make_config
from hiddenstate.errors import DataError, MachineError, RunMovedError, UntrustedFileError
from hiddenstate.runs import Run
from hiddenstate.runs.record import RUN_FORMAT
from hiddenstate.runs.run import numbered
from hiddenstate.runs.writer import create_run
from hiddenstate.system.array_file import write_arrays
from hiddenstate.training.resume import resume_run
from hiddenstate.training.start import start
from hiddenstate.training.trainer import Callback
from tests.system.test_cancellation import contents

VALUES = {"windows": 24, "epochs": 2, "log_every": 5, "checkpoint_every": 10, "threads": 1}
CONFIG = make_config("regress", VALUES)


class StopAfter:
    """Requests a stop after it was called that many times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self) -> bool:
        self.times -= 1
        return self.times < 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 48 updates."""
    with start(CONFIG, tmp_path_factory.mktemp("whole")) as session:
        session.train()
    return session.writer.path


@pytest.fixture
def whole(trained: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return Path(shutil.copytree(trained, tmp_path / "regress-2"))


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """The run as it was when it was stopped on its way; beside it the whole one."""
    path = Path(shutil.copytree(whole, tmp_path / "regress-1"))
    interrupted = [p for p in Run(path).checkpoint_paths() if int(p.stem) == 48]
    interrupted[0].unlink()  # as it was before the last updates
    (path / "model.safetensors").unlink()
    return path


def damage(path: Path, place: int = -3) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def finish(path: Path, **options: Any) -> list[str]:
    with resume_run(Run(path), {}, **options) as session:
        session.train()
    return [str(notice) for notice in session.notices]


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(trained, whole):
    path = whole
    newest, before = Run(path).checkpoint_paths()
    damage(newest)
    remarks = finish(path)
    assert len(remarks) == 1
    said = rf"{newest.name}: SHA-256 of the contents .* after step {int(before.stem)}$"
    assert re.search(said, remarks[0])
    assert "\n" not in remarks[0]
    told = [entry for entry in Run(path).journal() if entry["event"] == "damaged"]
    assert newest.name in told[0]["why"]
    assert contents(path) == contents(trained)


def test_without_a_sound_checkpoint_it_is_said_how_to_begin_again(run):
    for path in Run(run).checkpoint_paths():
        damage(path)
    with pytest.raises(UntrustedFileError, match=r"no other .*`hiddenstate regress --config "):
        finish(run)


def test_a_checkpoint_of_another_net_is_passed_over_by_its_layout(run, tmp_path):
    other = make_config("regress", {**VALUES, "hidden_size": 5})
    with start(other, tmp_path) as session:
        session.train()
    newest = Run(run).checkpoint_paths()[0]
    strange = Run(session.writer.path).checkpoint_paths()[0].read_bytes()
    (run / "checkpoints" / "000000047.safetensors").write_bytes(strange)
    remarks = finish(run)
    assert "belongs to another run" in remarks[0]
    assert f"after step {int(newest.stem)}" in remarks[0]


def test_a_damaged_history_is_refused_by_line_or_resumed_with_allow_changed(run, tmp_path):
    path = run / "history.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"epoch": 0', b'"epoch": 1', 1))
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file() and p.name != "lock"}
    with pytest.raises(UntrustedFileError, match=r"history\.jsonl:1: this line is damaged"):
        finish(run)
    assert {p: p.read_bytes() for p in before} == before
    remarks = finish(run, allow_changed=True)
    assert (
        "history.jsonl:1: this line is damaged, or another run's; resuming without it" in remarks[0]
    )
    assert "has 7 of 8 lines up to step 40; resuming without the others" in remarks[1]
    assert Run(run).damage("history.jsonl") is None
    whole = Run(tmp_path / "regress-2")
    assert Run(run).results() == whole.results()
    assert Run(run).history() == whole.history()[1:]


def test_a_history_with_missing_lines_is_refused(run):
    path = run / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    with pytest.raises(UntrustedFileError, match=r"has 3 of 8 lines up to step 40"):
        finish(run)


def test_a_line_cut_short_after_the_checkpoint_is_nothing_lost(run, tmp_path):
    path = run / "history.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert Run(run).damage("history.jsonl") == f"{path}: its last line is cut short"
    assert finish(run) == []
    assert contents(run) == contents(tmp_path / "regress-2")


def test_a_damaged_journal_is_named_and_added_to(run, cli):
    damage(run / "journal.jsonl", 12)  # in the time of its first entry
    (remark,) = finish(run)
    assert "journal.jsonl:1: this line is damaged" in remark
    assert remark.endswith("resuming without it; `hiddenstate verify` names it")
    assert Run(run).damage("journal.jsonl").endswith("this line is damaged, or another run's")
    assert Run(run).journal()[-1]["event"] == "end"
    done = cli("watch", run, "--view", "lines")
    assert done.code == 0
    assert "journal.jsonl:1: this line is damaged" in done.err


def test_an_emptied_text_of_a_finished_run_is_named_wherever_it_is_read(run, cli, tmp_path):
    finish(run)
    for name in ("history.jsonl", "journal.jsonl"):
        content = (run / name).read_bytes()
        (run / name).write_bytes(b"")
        lost = f"{name}: has 0 of {len(content.splitlines())} lines; the others are lost"
        for words in (("runs", "--runs-dir", run.parent), ("watch", run, "--view", "lines")):
            done = cli(*words)
            assert done.code == 0, done.err
            assert lost in done.err
        (run / name).write_bytes(content)
    (run / "journal.jsonl").write_bytes(b"")
    with resume_run(Run(run), {"epochs": "+1"}) as session:
        assert any("journal.jsonl: has 0 of" in str(notice) for notice in session.notices)


@pytest.mark.usefixtures("coarse", "blank")
def test_a_damaged_snapshot_is_left_out_and_named(run, cli, tmp_path):
    path = Run(run).snapshot_paths()[1]
    damage(path)
    film = tmp_path / "film.gif"
    for command in (
        ["figures", run],
        ["report", run],
        ["film", run, "--output", film, "--seconds", "0.5", "--fps", "2"],
        ["watch", run, "--view", "lines"],
    ):
        done = cli(*command)
        assert done.code == 0, done
        assert path.name in done.err
        assert done.err.count("it is left out") == 1
    assert path.name in (run / "report.html").read_text()


@pytest.mark.parametrize(
    "change",
    [
        ('"lr": 0.02', '"lr": 0.03'),
        (f'"format": {RUN_FORMAT}', '"format": 1'),
        ('"sha256"', '"sha255"'),
        ('"threads": 1', '"threads": 01'),
    ],
)
def test_a_changed_config_is_refused_by_every_reader(change, run, cli):
    path = run / "config.json"
    text = path.read_text()
    assert change[0] in text
    path.write_text(text.replace(*change, 1))
    for command in ("resume", "verify", "figures", "compare", "evaluate", "watch"):
        done = cli(command, run)
        assert done.code == 4, done
        assert "config.json: damaged" in done.err
    done = cli("runs", "--runs-dir", run.parent)
    assert done.code == 0
    assert "config.json: damaged" in done.err
    assert "regress-2" in done.out
    assert "regress-1" not in done.out


def test_a_config_changed_on_purpose_is_read_without_its_checksum(run):
    path = run / "config.json"
    record = json.loads(path.read_text())
    del record["sha256"]
    path.write_text(json.dumps(record))
    finish(run)
    assert "sha256" in path.read_text()


def test_a_config_too_large_to_be_one_is_refused(run):
    (run / "config.json").write_bytes(b" " * 2**21)
    with pytest.raises(UntrustedFileError, match="longer than"):
        Run(run)


@pytest.mark.parametrize("name", ["history", "journal"])
def test_lines_that_need_more_than_the_free_memory_are_refused(name, run, monkeypatch):
    found = Run(run)
    monkeypatch.setattr("hiddenstate.runs.record.LARGE", 0)
    monkeypatch.setattr("hiddenstate.system.memory.bytes_free", lambda: 10)
    with pytest.raises(MachineError, match=rf"reading .*{name}\.jsonl needs about .* are free"):
        getattr(found, name)()


def test_resuming_a_run_of_an_older_format_adds_checksums(trained, whole):
    """As format 2 left it: no seal, no checks; and stopped before its end."""
    path = whole
    for name in ("history.jsonl", "journal.jsonl"):
        lines = [json.loads(line) for line in (path / name).read_text().splitlines()]
        kept = [{k: v for k, v in line.items() if k != "check"} for line in lines]
        (path / name).write_text("".join(json.dumps(line) + "\n" for line in kept[:-1]))
    record = json.loads((path / "config.json").read_text())
    del record["sha256"]
    (path / "config.json").write_text(json.dumps({**record, "format": 2}))
    assert Run(path).status() == "stopped"
    finish(path)
    assert contents(path) == contents(trained)
    assert Run(path).record["format"] == RUN_FORMAT
    assert [Run(path).damage(n) for n in ("history.jsonl", "journal.jsonl")] == [None, None]
    assert "check" in (path / "journal.jsonl").read_text().splitlines()[0]


def test_stale_files_are_removed_when_a_run_is_resumed(run):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for folder in ("", "snapshots", "weights", "checkpoints", "figures"):
        (run / folder / f".hiddenstate-tmp-{gone.pid}-x").write_bytes(b"half")
    finish(run)
    assert not list(run.rglob(".hiddenstate-tmp-*"))


def test_nothing_newer_than_the_checkpoint_is_left_when_a_run_is_resumed(run):
    assert max(int(path.stem) for path in Run(run).snapshot_paths()) == 48
    (run / "checkpoints" / "000000045.safetensors").write_bytes(b"damaged")
    with resume_run(Run(run), {}) as session:
        assert session.step == 40
        assert {event["event"] for event in Run(run).history()} == {"log"}
        assert Run(run).history()[-1]["step"] == 35
        assert [int(path.stem) for path in Run(run).snapshot_paths()][-1] == 36
        assert not Run(run).has_final_arrays
        assert Run(run).checkpoint()[1]["step"] == 40
        assert int(Run(run).checkpoint_paths()[0].stem) == 40


def test_a_folder_that_could_not_become_a_run_is_not_left_behind(run, tmp_path, monkeypatch):
    def full(path, data, durable=True):
        raise MachineError("no space")

    record: Any = Run(run).record
    monkeypatch.setattr("hiddenstate.runs.writer.write_atomically", full)
    before = set(tmp_path.iterdir())
    with pytest.raises(MachineError, match="no space"):
        create_run(tmp_path / "new", record)
    assert set(tmp_path.iterdir()) == before


def test_history_and_snapshots_are_on_the_disk_before_the_checkpoint(tmp_path, monkeypatch):
    flushed = []
    real = os.fsync

    def fsync(handle):
        flushed.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with start(CONFIG, tmp_path) as session:
        session.train()
    names = [p.parent.name if p.suffix == ".safetensors" else p.name for p in flushed]
    first = next(k for k, p in enumerate(flushed) if p.parent.name == "checkpoints")
    after = names[names.index("history.jsonl") : first]
    files = ["snapshots", "weights"]
    assert after[:7] == ["history.jsonl", *files * 2, *files]  # those of two lines, and the folders
    assert names[-3] == "snapshots"  # then the number of lines, and the run's folder
    assert "history.jsonl" in names[-6:]  # the last snapshot, what only the end shows, the folder


def test_a_full_disk_while_training_keeps_the_checkpoint_and_says_how_to_resume(
    cli, tmp_path, monkeypatch
):
    from hiddenstate.runs import writer

    real = write_arrays

    def full(path, kind, *rest, **more):
        if path.name == "000000020.safetensors":
            raise MachineError(f"{path}: 900 bytes could not be written: No space left on device")
        real(path, kind, *rest, **more)

    monkeypatch.setattr(writer, "write_arrays", full)
    options = ["--windows", 24, "--checkpoint-every", 10, "--view", "off", "--threads", 1]
    done = cli("regress", *options)
    assert done.code == 3
    assert "resume with `hiddenstate resume runs/regress-1`" in done.err
    monkeypatch.setattr(writer, "write_arrays", real)
    assert Run(tmp_path / "runs" / "regress-1").checkpoint()[1]["step"] == 10
    assert cli("resume", "regress-1", "--view", "off").code == 0
    cli("regress", *options)
    one, two = (contents(tmp_path / "runs" / f"regress-{n}") for n in (1, 2))
    assert one == two


def test_a_run_whose_checkpoints_were_taken_away_is_not_trained_over(run, cli):
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    before = (run / "history.jsonl").read_bytes()
    done = cli("resume", run, "--view", "off")
    assert done.code == 4
    assert "--allow-changed" in done.err
    assert (run / "history.jsonl").read_bytes() == before
    verified = cli("verify", run, "--files-only")
    assert verified.code == 4
    assert "checkpoints" in verified.err


def test_a_folder_with_a_temporary_name_is_not_removed_unless_it_is_ours(cli, tmp_path):
    own = tmp_path / "runs" / ".hiddenstate-tmp-99999999-backup"
    own.mkdir(parents=True)
    (own / "kept.txt").write_text("kept")
    assert cli("regress", "--max-steps", 2, "--view", "off").code == 0
    assert (own / "kept.txt").read_text() == "kept"


def test_entries_that_are_no_checkpoints_of_ours_are_let_alone(run, tmp_path):
    folder = run / "checkpoints"
    (folder / "000000999.safetensors").mkdir()
    (folder / "000000001.safetensors").mkdir()
    (folder / "000000998.safetensors").symlink_to("nowhere")
    assert finish(run) == []
    assert contents(run) == contents(tmp_path / "regress-2")
    assert (folder / "000000001.safetensors").is_dir()


def test_checkpoints_are_in_the_order_of_their_numbers_however_long(tmp_path):
    for step in (999_999_995, 1_000_000_000, 7):
        (tmp_path / f"{step:09d}.safetensors").touch()
    assert [int(path.stem) for path in numbered(tmp_path)] == [7, 999_999_995, 1_000_000_000]


@pytest.mark.parametrize("name", ["snapshots", "weights", "checkpoints", "figures"])
def test_a_folder_that_leads_out_of_the_run_is_not_written_in(name, run, cli, tmp_path):
    (run / name).rename(tmp_path / "outside")
    (tmp_path / "outside" / "000099999.safetensors").write_text("mine")
    (run / name).symlink_to(tmp_path / "outside")
    before = sorted(path.name for path in (tmp_path / "outside").iterdir())
    for command in ("resume", *(["figures"] if name == "figures" else [])):
        done = cli(command, run, *(["--view", "off"] if command == "resume" else []))
        assert done.code == 4
        assert f"{name}: is a link" in done.err
    assert sorted(path.name for path in (tmp_path / "outside").iterdir()) == before


def test_a_run_that_was_moved_does_not_write_in_the_one_that_took_its_place(trained, tmp_path):
    with start(CONFIG, tmp_path) as session:
        path = session.writer.path

        class Moved(Callback):
            def on_log(self, trainer, event):
                if path.exists() and event["step"] == 5:
                    path.rename(tmp_path / "kept")

        with pytest.raises(
            RunMovedError, match="regress-1: the run folder or its lock was moved or removed"
        ):
            session.train([Moved()])
    assert not path.exists()
    assert finish(tmp_path / "kept") == []
    assert contents(tmp_path / "kept") == contents(trained)


def test_weights_that_changed_before_the_first_checkpoint_are_refused(cli, tmp_path):
    for seed in (1, 2):
        cli("regress", "--windows", 5, "--seed", seed, "--view", "off")
    models = [tmp_path / "runs" / f"regress-{n}" / "model.safetensors" for n in (1, 2)]
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(models[0].read_bytes())
    config = make_config("regress", {**VALUES, "weights": str(weights)})
    with start(config, tmp_path) as session:
        path = session.writer.path
    weights.write_bytes(models[1].read_bytes())
    with pytest.raises(DataError, match=r"weights changed: SHA-256 .* --allow-changed"):
        resume_run(Run(path), {})
    resume_run(Run(path), {}, allow_changed=True).writer.close()
    assert finish(path) == [], "and from then on these are its own"


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("snapshots/shown.safetensors", "from a copy"),
        ("snapshots/closing.safetensors", "a copy"),
        ("model.safetensors", "from a copy"),
        ("checkpoints/000000048.safetensors", None),
    ],
)
def test_missing_files_of_a_run_are_named(name, mend, whole, cli):
    (whole / name).unlink()
    done = cli("verify", whole, "--files-only")
    assert (done.code, name in done.err) == ((0, False) if mend is None else (4, True))
    assert mend is None or mend in done.err


def test_the_hint_for_a_damaged_file_works(whole, cli):
    path = whole
    newest, _ = Run(path).checkpoint_paths()
    damage(newest)
    assert "uses the newest sound checkpoint" in cli("verify", path, "--files-only").err
    damage(path / "history.jsonl")
    said = cli("verify", path, "--files-only").err
    assert "uses the newest" not in said
    assert "restore them before you resume the run" in said


def test_one_run_that_cannot_be_read_hides_no_other(run, cli, tmp_path):
    (run / "journal.jsonl").unlink()
    (run / "journal.jsonl").mkdir()
    done = cli("runs", "--runs-dir", tmp_path)
    assert done.code == 0
    assert "regress-2" in done.out
    assert "journal.jsonl" in done.err


def test_a_run_removed_while_it_is_watched_is_gone(whole):
    found = Run(whole)
    assert found.status() != "gone"
    shutil.rmtree(whole)
    assert found.status() == "gone"
