"""Flushing, reading and replacing files as macOS and Windows need it."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.system import descriptors, platform
from hiddenstate.system.atomic_file import append, flush, write_atomically

FULL = 51
"""`F_FULLFSYNC` of macOS."""


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Make this a Mac, whose file system answers F_FULLFSYNC with an error number, or 0."""

    def mac(error: int) -> list[str]:
        calls: list[str] = []

        def full(descriptor: int, command: int) -> int:
            assert command == FULL
            calls.append("full")
            if error:
                raise OSError(error, os.strerror(error))
            return 0

        monkeypatch.setattr(fcntl, "F_FULLFSYNC", FULL, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", full)
        monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
        return calls

    return mac


def test_a_mac_is_asked_to_store_what_must_last(flushed, tmp_path: Path) -> None:
    calls = flushed(0)
    write_atomically(tmp_path / "model", b"weights")
    assert calls == ["full", "full"]  # the file and its folder
    append(tmp_path / "model", b"more", durable=True)
    flush(tmp_path)
    assert calls == ["full"] * 4
    write_atomically(tmp_path / "picture", b"", durable=False)
    assert len(calls) == 4


def test_a_disk_without_such_a_request_is_flushed(flushed, tmp_path: Path) -> None:
    calls = flushed(errno.ENOTSUP)
    flush(tmp_path)
    assert calls == ["full", "fsync"]


def test_a_disk_that_cannot_store_it_is_reported(flushed, tmp_path: Path) -> None:
    flushed(errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        descriptors.sync(0)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Make this Windows; return the waits for files that others have open."""
    waits: list[float] = []
    monkeypatch.setattr(platform, "missing", frozenset({"signals", "open folders"}))
    monkeypatch.setattr("hiddenstate.system.descriptors.time.sleep", waits.append)
    monkeypatch.delattr(os, "preadv")
    return waits


def test_windows_waits_for_a_reader_of_a_file_that_is_replaced(
    windows: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "new").write_bytes(b"new")
    real, answers = os.replace, [PermissionError(13, "Permission denied")] * 2

    def replace(source: Path, target: Path) -> None:
        if answers:
            raise answers.pop()
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    descriptors.replace(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert windows == list(descriptors.WAITS[:2])
    answers += [PermissionError(13, "Permission denied")] * 99
    with pytest.raises(PermissionError):
        descriptors.replace(tmp_path / "old", tmp_path / "new")
    assert sum(windows) < 2


def test_windows_reads_in_place_and_asks_no_process(windows: list[float], tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"0123456789")
    into, descriptor = bytearray(4), os.open(tmp_path / "rows", os.O_RDONLY)
    assert descriptors.read_at(descriptor, memoryview(into), 3) == 4
    assert into == b"3456"
    assert descriptors.read_at(descriptor, memoryview(into), 9) == 1
    assert descriptors.read_at(descriptor, memoryview(into), 10) == 0
    os.close(descriptor)
    assert descriptors.is_alive(2**30)
