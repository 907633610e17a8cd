"""The writer of a run folder: it writes only in the folder that it locked, and through no link."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.errors import RunExistsError, RunMovedError, UntrustedFileError
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.runs.record import RunRecord
from hiddenstate.runs.writer import (
    RunWriter,
    append_request,
    copy_run,
    create_run,
    reopen_run,
    write_figure,
    write_page,
)

CONFIG = make_config("regress")
RECORD: RunRecord = {"config": CONFIG.to_dict(), "data": {}, "engine": {}, "environment": {}}
NET = Net("regress", CONFIG.model, 1, 1, "steps")
MODEL = FittedModel(NET, NET.initial(0, "float32"), None, (10, 1))
ARRAYS = {"a": np.ones(3)}

WRITES: dict[str, Callable[[RunWriter], None]] = {
    "config.json": lambda writer: writer.write_record(RECORD),
    "history.jsonl": lambda writer: writer.add_history({"event": "end", "step": 1}),
    "journal.jsonl": lambda writer: writer.add_journal("interrupted", step=1),
    "snapshots/shown.safetensors": lambda writer: writer.write_static_arrays(ARRAYS, {}),
    "snapshots/000000001.safetensors": lambda writer: writer.write_snapshot(1, ARRAYS),
    "weights/000000001.safetensors": lambda writer: writer.write_weights(1, MODEL, {}),
    "snapshots/closing.safetensors": lambda writer: writer.write_final_arrays(ARRAYS),
    "checkpoints/000000001.safetensors": lambda writer: writer.write_checkpoint(1, ARRAYS, {}),
    "model.safetensors": lambda writer: writer.write_model(MODEL, {}),
}
"""Everything that training writes, by the file it ends in."""

APPENDED = ("history.jsonl", "journal.jsonl")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_file_is_written_at_its_place(tmp_path: Path) -> None:
    with create_run(tmp_path / "run", RECORD) as writer:
        for name, write in WRITES.items():
            write(writer)
            assert (tmp_path / "run" / name).stat().st_size


def another_run(run: Path) -> None:
    """Move the folder, and make another run in its place."""
    run.rename(run.with_name("moved"))
    create_run(run, RECORD).close()


def no_lock(run: Path) -> None:
    (run / "lock").unlink()


def hard_link(run: Path) -> None:
    """Move the folder, and leave in its place one with a hard link of the lock."""
    run.rename(run.with_name("moved"))
    run.mkdir()
    (run / "lock").hardlink_to(run.with_name("moved") / "lock")


@pytest.mark.parametrize("change", [another_run, no_lock, hard_link])
def test_nothing_is_written_once_the_folder_is_another(change, tmp_path):
    with create_run(tmp_path / "run", RECORD) as writer:
        change(tmp_path / "run")
        before = contents(tmp_path)
        for write in WRITES.values():
            with pytest.raises(RunMovedError, match=r"run: the run .* moved .* nothing more is wr"):
                write(writer)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", WRITES)
def test_a_link_at_the_place_of_a_file_is_not_followed(name: str, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    with create_run(tmp_path / "run", RECORD) as writer:
        (tmp_path / "run" / name).unlink(missing_ok=True)
        (tmp_path / "run" / name).symlink_to(precious)
        if name in APPENDED:
            with pytest.raises(UntrustedFileError, match=f"{name}: is a link; remove it"):
                WRITES[name](writer)
        else:
            WRITES[name](writer)
            assert not (tmp_path / "run" / name).is_symlink()
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("name", [name for name in WRITES if "/" in name])
def test_a_folder_that_became_a_link_is_not_written_in(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    with create_run(tmp_path / "run", RECORD) as writer:
        folder = (tmp_path / "run" / name).parent
        folder.rmdir()
        folder.symlink_to(tmp_path / "outside")
        with pytest.raises(UntrustedFileError, match=f"{folder.name}: is a link"):
            WRITES[name](writer)
    assert not list((tmp_path / "outside").iterdir())


def test_what_readers_leave_in_a_run_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    create_run(tmp_path / "run", RECORD).close()
    run = Run(tmp_path / "run")
    for name in ("report.html", "figures/loss.png", "control.jsonl"):
        (run.path / name).symlink_to(precious)
    write_page(run, "report.html", "<!doctype html>")
    write_figure(run, "loss.png", b"drawn")
    with pytest.raises(UntrustedFileError, match=r"control\.jsonl: is a link; remove it"):
        append_request(run, {"do": "stop"})
    assert precious.read_text() == "mine"


def test_a_figure_is_written_where_a_copy_left_the_empty_folder_out(tmp_path: Path) -> None:
    create_run(tmp_path / "run", RECORD).close()
    (tmp_path / "run" / "figures").rmdir()
    assert write_figure(Run(tmp_path / "run"), "loss.png", b"drawn").read_bytes() == b"drawn"


@pytest.mark.parametrize("name", APPENDED)
def test_a_history_or_journal_that_is_a_link_is_replaced_on_resuming(name, tmp_path):
    """What the link leads to is read, and left as it is."""
    with create_run(tmp_path / "run", RECORD) as writer:
        writer.add_history({"event": "end", "step": 1})
        writer.add_journal("start", step=0)
    place, precious = tmp_path / "run" / name, tmp_path / "precious"
    place.rename(precious)
    with precious.open("ab") as stream:
        stream.write(b'{"unfinished')
    before = precious.read_bytes()
    place.symlink_to(precious)
    with reopen_run(Run(tmp_path / "run")) as writer:
        writer.truncate_after(0, 10, 100)
    assert precious.read_bytes() == before
    assert not place.is_symlink()


def test_all_that_leads_up_to_a_checkpoint_is_on_the_disk_before_it(tmp_path, monkeypatch):
    flushed: dict[int, object] = {}  # by inode: what a power failure would leave
    checked = []
    real_fsync, real_replace = os.fsync, os.replace

    def state(path: int | Path) -> object:
        return (
            set(os.listdir(path)) if stat.S_ISDIR(os.stat(path).st_mode) else os.stat(path).st_size
        )

    def fsync(handle: int) -> None:
        real_fsync(handle)
        flushed[os.fstat(handle).st_ino] = state(handle)

    def replace(source: str, target: Path) -> None:
        if target.parent.name == "checkpoints":
            folders = [place / "snapshots", place / "weights"]
            files = [path for folder in folders for path in (folder, *folder.iterdir())]
            for path in (place / "history.jsonl", *files, Path(source)):
                checked.append(path.name)
                assert flushed.get(path.stat().st_ino) == state(path), path.name
        real_replace(source, target)

    place = tmp_path / "run"
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with create_run(place, RECORD) as writer:
        writer.write_static_arrays(ARRAYS, {})
        for step in (1, 2):
            writer.add_history({"event": "control", "step": step, "do": "snapshot"})
            writer.write_snapshot(step, ARRAYS)
            writer.write_weights(step, MODEL, {})
            writer.write_checkpoint(step, ARRAYS, {})
    assert len(checked) == 7 + 9


def test_a_copy_of_a_run_has_what_resuming_needs_and_no_lock(tmp_path: Path) -> None:
    with create_run(tmp_path / "run", {**RECORD, "id": "0" * 32}) as writer:
        writer.write_checkpoint(3, ARRAYS, {"step": 3})
        writer.add_journal("interrupted", step=3)
        copy_run(Run(writer.path), tmp_path / "copy")  # while it is written
        copy = Run(tmp_path / "copy")
    for name in ("config.json", "journal.jsonl", "checkpoints/000000003.safetensors"):
        assert (copy.path / name).read_bytes() == (tmp_path / "run" / name).read_bytes()
    assert copy.status() == "interrupted"
    with pytest.raises(RunExistsError):
        copy_run(copy, tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "run"]
