"""Files that a user names are written where links lead, with their mode, or into a device."""

import os
import select
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hiddenstate.errors import HiddenstateError, MachineError, OptionError, UntrustedFileError
from hiddenstate.models.fitted import FittedModel, load_model
from hiddenstate.system.atomic_file import check_output, write_atomically, write_output


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture(params=[0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


Write = Callable[[Path, bytes], None]
both = pytest.mark.parametrize("write", [write_output, write_atomically])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@both
def test_a_new_file_has_the_mode_that_the_umask_leaves(
    write: Write, path: Path, umask: int
) -> None:
    write(path, b"x")
    assert mode(path) == 0o666 & ~umask


@both
@pytest.mark.parametrize("before", [0o600, 0o666])
def test_a_file_that_is_replaced_keeps_its_mode(
    write: Write, path: Path, umask: int, before: int
) -> None:
    path.touch()
    path.chmod(before)
    write(path, b"x")
    assert mode(path) == before
    assert path.read_bytes() == b"x"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_that_is_replaced_keeps_its_owner(path: Path) -> None:
    path.touch()
    os.chown(path, 12, 34)
    write_output(path, b"x")
    assert (path.stat().st_uid, path.stat().st_gid) == (12, 34)


def test_a_link_is_followed_and_stays(path: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    target = tmp_path / "deep" / "target"
    path.symlink_to("deep/second")
    (tmp_path / "deep" / "second").symlink_to("target")
    for data in (b"new", b"replaced"):  # a link that leads nowhere, then to a file
        write_output(path, data)
        assert path.is_symlink()
        assert target.read_bytes() == data
    assert sorted(each.name for each in target.parent.iterdir()) == ["second", "target"]


def test_a_link_is_not_written_through_where_files_are_ours_alone(
    path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"before")
    path.symlink_to(target)
    target.chmod(0o600)
    write_atomically(path, b"after")
    assert target.read_bytes() == b"before"
    assert path.read_bytes() == b"after"
    assert mode(path) == 0o644


@pytest.mark.parametrize("named", ["/dev/null", "link"])
def test_a_device_is_written_to_and_stays(named: str, path: Path) -> None:
    path.symlink_to("/dev/null")
    write_output(path if named == "link" else Path(named), b"x" * 100)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert path.is_symlink()
    with pytest.raises(UntrustedFileError, match="not a regular file; remove it"):
        write_atomically(Path(os.devnull), b"x")


def test_a_full_device_is_an_environment_error() -> None:
    with pytest.raises(MachineError, match="5 bytes could not be written: No space left"):
        write_output(Path("/dev/full"), b"12345")


def test_a_pipe_is_written_to_if_it_is_read_and_else_refused_at_once(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(MachineError, match="start the program that reads it first"):
        write_output(path, b"x")
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    received: list[bytes] = []

    def read() -> None:
        # Before the writer opens the pipe, a read would return its end at once.
        assert select.select([reader], [], [], 60)[0]
        while piece := os.read(reader, 2**16):
            received.append(piece)

    os.set_blocking(reader, True)
    writing = threading.Thread(target=write_output, args=(path, b"x" * 300_000), daemon=True)
    reading = threading.Thread(target=read, daemon=True)
    for thread in (reading, writing):  # the reader first, which is what went wrong once
        thread.start()
    for thread in (reading, writing):
        thread.join(60)
    os.close(reader)
    assert sum(map(len, received)) == 300_000
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_descriptor_is_written_to_where_it_stands(path: Path) -> None:
    path.write_bytes(b"before\n")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        write_output(Path(f"/dev/fd/{descriptor}"), b"after\n")
        os.write(descriptor, b"last\n")
    finally:
        os.close(descriptor)
    assert path.read_bytes() == b"before\nafter\nlast\n"


@pytest.mark.parametrize(
    ("make", "error", "what"),
    [
        (lambda path: path.mkdir(), OptionError, "is a folder; name a file in it"),
        (lambda path: path.symlink_to(path), MachineError, "a loop of links"),
        (lambda path: path.symlink_to("no/such"), OptionError, "the folder .*no does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(
    make: Callable[[Path], None], error: type[HiddenstateError], what: str, path: Path
) -> None:
    make(path)
    for call in (lambda: check_output(path), lambda: write_output(path, b"x")):
        with pytest.raises(error, match=what):
            call()


def test_a_model_is_saved_through_a_link_and_the_link_stays(model: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest.safetensors"
    link.symlink_to("second.safetensors")
    fitted: FittedModel = load_model(model)[0]
    fitted.save(link)
    assert link.is_symlink()
    assert (tmp_path / "second.safetensors").read_bytes() == model.read_bytes()
    fitted.save(Path(os.devnull))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
