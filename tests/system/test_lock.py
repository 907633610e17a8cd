"""The lock of a run folder: one writer, and readers that never wait."""

import errno
import fcntl
import os
import re
from pathlib import Path

import pytest

from hiddenstate.errors import MachineError, UntrustedFileError
from hiddenstate.system.lock import holds, is_locked, take_lock


def test_a_second_writer_is_refused_at_once_with_the_holder_and_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("hiddenstate.system.lock.time.sleep", waits.append)
    assert not is_locked(tmp_path)
    assert not list(tmp_path.iterdir())
    with take_lock(tmp_path):
        before = (tmp_path / "lock").read_bytes()
        said = rf"process {os.getpid()}, since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d"
        with pytest.raises(MachineError, match=said):
            take_lock(tmp_path)
        assert (tmp_path / "lock").read_bytes() == before
        assert is_locked(tmp_path)
        assert sum(waits) < 0.5
    assert not is_locked(tmp_path)
    take_lock(tmp_path).close()


def test_a_file_system_without_locks_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(stream: object, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(MachineError, match="cannot be locked: No locks available"):
        take_lock(tmp_path)
    assert not is_locked(tmp_path)


def test_a_disk_too_full_for_the_lock_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="No space left on device"):
        take_lock(tmp_path)


def test_a_run_being_written_is_not_changed_by_another_process(cli, tmp_path: Path) -> None:
    cli("regress", "--windows", 5, "--view", "off", "--threads", 1)
    path = tmp_path / "runs" / "regress-1"
    with take_lock(path):
        before = {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}
        done = cli("resume", "regress-1", "--windows", "+5", "--view", "off")
        assert done.code == 3
        assert re.search(rf"is being written by process {os.getpid()}, since ", done.err)
        assert {p: p.read_bytes() for p in path.rglob("*") if p.is_file()} == before
        for command in ("evaluate", "figures", "compare", "verify"):
            assert cli(command, "regress-1").code == 0


def test_the_lock_of_a_moved_folder_is_not_that_of_a_new_one_at_its_path(tmp_path: Path) -> None:
    first = tmp_path / "run"
    first.mkdir()
    with take_lock(first) as lock:
        assert holds(lock, first)
        first.rename(tmp_path / "moved")
        assert not holds(lock, first)
        first.mkdir()
        with take_lock(first):
            assert not holds(lock, first)
        assert holds(lock, tmp_path / "moved")


def test_a_lock_that_is_a_link_is_neither_followed_nor_written(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(UntrustedFileError, match="lock: is a link"):
        take_lock(tmp_path / "run")
    assert not is_locked(tmp_path / "run")
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lock")
    assert not is_locked(tmp_path)
    with pytest.raises(UntrustedFileError, match="lock: not a regular file"):
        take_lock(tmp_path)


def test_a_holder_without_a_readable_name_is_still_reported(tmp_path: Path) -> None:
    with take_lock(tmp_path):
        (tmp_path / "lock").write_bytes(b"\xff\xfe")
        with pytest.raises(MachineError, match="is being written by"):
            take_lock(tmp_path)
