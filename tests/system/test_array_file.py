"""Array files and atomic writes: every damaged byte is detected."""

import errno
import hashlib
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hiddenstate.errors import HiddenstateError, MachineError, UntrustedFileError
from hiddenstate.system.array_file import read_arrays, write_arrays
from hiddenstate.system.atomic_file import append, flush, write_atomically, write_output
from tests.conftest import mutations

ARRAYS = {
    **{"weight": np.arange(6, dtype="f4").reshape(2, 3), "bias": np.array([1.5, -2.0])},
    **{"step": np.array(7, dtype="i8"), "none": np.zeros((0, 4), "f4")},
    "pixels": np.arange(5, dtype="u1"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.safetensors"


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The safetensors header of a file and what follows it."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: Any, payload: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + payload


def refused(path: Path, data: bytes | None = None, match: str | None = None) -> None:
    """Check that a file, or one of these bytes, is not trusted."""
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UntrustedFileError, match=match):
        read_arrays(path, "thing")


def test_arrays_and_facts_are_read_as_they_were_written(path: Path) -> None:
    facts = {"name": "Zoë ☃", "sizes": [1, 2], "rate": 0.1, "none": None, "deep": {"a": True}}
    write_arrays(path, "thing", ARRAYS, facts)
    arrays, found = read_arrays(path, "thing")
    assert found == facts
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


@given(
    hnp.arrays(
        st.sampled_from(["<f4", "<f8", "<i8", "<i4", "|u1"]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
)
@settings(max_examples=40)
def test_any_array_is_read_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray[Any, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    write_arrays(path, "thing", {"a": array}, {}, durable=False)
    back = read_arrays(path, "thing")[0]["a"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()


def test_a_transposed_array_keeps_its_values_and_can_be_written_to(path: Path) -> None:
    write_arrays(path, "thing", {"a": ARRAYS["weight"].T}, {})
    read = read_arrays(path, "thing")[0]["a"]
    np.testing.assert_array_equal(read, ARRAYS["weight"].T)
    read[0, 0] = 9


def test_equal_contents_make_equal_files(path: Path, tmp_path: Path) -> None:
    write_arrays(path, "thing", ARRAYS, {"a": 1, "b": 2})
    other = tmp_path / "other"
    write_arrays(other, "thing", dict(reversed(ARRAYS.items())), {"b": 2, "a": 1})
    assert path.read_bytes() == other.read_bytes()


def test_any_safetensors_reader_can_read_the_file(path: Path) -> None:
    write_arrays(path, "thing", ARRAYS, {})
    loaded = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(loaded["weight"], ARRAYS["weight"])


def test_a_changed_fact_or_name_and_a_newer_format_are_refused(path: Path) -> None:
    write_arrays(path, "thing", ARRAYS, {"answer": 41})
    header, payload = split(path.read_bytes())
    text = header["__metadata__"]["hiddenstate"]
    others = {0: "no format 0", 3: "not those of format 3", 4: r"format 4.*up to 3.*update"}
    changes = [('"format":2', f'"format":{n}', match) for n, match in others.items()]
    for old, new, match in (("41", "42", "SHA-256"), *changes):
        header["__metadata__"]["hiddenstate"] = text.replace(old, new)
        refused(path, join(header, payload), match)
    header["__metadata__"]["hiddenstate"] = text
    header["wait"] = header.pop("weight")
    refused(path, join(header, payload), "SHA-256")


def test_a_file_truncated_anywhere_or_with_more_bytes_is_refused(path: Path) -> None:
    write_arrays(path, "thing", ARRAYS, {})
    data = path.read_bytes()
    for length in range(len(data)):
        refused(path, data[:length])
    refused(path, data + b"x", "cover")


@pytest.mark.parametrize(("shift", "pad"), [(4, 4), (-4, 0)], ids=["a gap", "an overlap"])
def test_arrays_that_leave_gaps_or_overlap_are_refused(path: Path, shift: int, pad: int) -> None:
    """The checksum covers the arrays, and so no byte between them."""
    write_arrays(path, "thing", {"a": np.ones(2, "f4"), "b": np.ones(2, "f4")}, {})
    header, payload = split(path.read_bytes())
    second = max("a", "b", key=lambda name: header[name]["data_offsets"])
    header[second]["data_offsets"] = [8 + shift, 16 + shift]
    data = join(header, payload[:8] + b"x" * pad + payload[8 if pad else 12 :])
    refused(path, data, "arrays overlap or leave gaps")


def test_a_file_of_another_kind_is_refused_with_both_kinds(path: Path) -> None:
    write_arrays(path, "checkpoint", ARRAYS, {})
    with pytest.raises(UntrustedFileError, match=r"is a checkpoint file, expected a model file"):
        read_arrays(path, "model")


def test_a_file_of_another_program_and_a_header_over_the_limit_are_refused(path: Path) -> None:
    safetensors.numpy.save_file({"a": np.zeros(3)}, path)
    refused(path, match="not written by hiddenstate")
    huge = (5 << 20).to_bytes(8, "little") + b" " * (5 << 20)
    refused(path, huge, "its header should have 5242880 bytes")


@pytest.mark.parametrize(
    "change",
    [
        *[{"shape": [2**70, 0], "data_offsets": [0, 0]}, {"shape": [1] * 100}, {"shape": [-1, -1]}],
        *[{"shape": [1e999]}, {"shape": ["a"]}, {"shape": None}, {"shape": {}}, {"dtype": "F16"}],
        *[{"dtype": ["F32"]}, {"dtype": None}, {"data_offsets": [4, 0]}, {"data_offsets": [-4, 0]}],
        *[{"data_offsets": [0, 2**70]}, {"data_offsets": [0]}],
        *[{"data_offsets": [1e999, 4]}, {"data_offsets": [0, 8]}],
    ],
    ids=str,
)
def test_an_impossible_header_entry_is_refused_with_the_name_of_the_array(
    path: Path, change: dict[str, Any]
) -> None:
    write_arrays(path, "thing", {"one": np.zeros(1, "f4")}, {})
    header, payload = split(path.read_bytes())
    header["one"] |= change
    refused(path, join(header, payload))


NESTED = [f'{{"a":{"[" * depth + "]" * depth}}}' for depth in (300, 900, 2000, 100_000)]


@pytest.mark.parametrize(
    "facts",
    [
        *('{"a":1e999}', '{"a":NaN}', '{"a":1,"a":2}', "[]", "5", '{"a":' * 2000),
        *('{"a":"\\ud800"}', *NESTED),
    ],
    ids=len,
)
def test_facts_that_are_not_strict_json_or_nested_too_deeply_are_refused(
    path: Path, facts: str
) -> None:
    write_arrays(path, "thing", ARRAYS, {})
    header, payload = split(path.read_bytes())
    text = header["__metadata__"]["hiddenstate"]
    header["__metadata__"]["hiddenstate"] = text.replace('"facts":{}', f'"facts":{facts}')
    refused(path, join(header, payload))


def test_a_damaged_file_raises_only_errors_of_the_library(path: Path) -> None:
    write_arrays(path, "thing", ARRAYS, {"name": "x"})
    data = path.read_bytes()
    read = 0
    for hurt in mutations(data, 400):
        path.write_bytes(hurt)
        try:
            read_arrays(path, "thing")
            read += hurt != data
        except HiddenstateError:
            pass
    assert read == 0


def test_facts_that_json_cannot_hold_are_not_written(path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_arrays(path, "thing", {}, {"a": float("nan")})
    assert not path.exists()


def test_a_missing_file_is_an_environment_error(path: Path) -> None:
    with pytest.raises(MachineError, match="cannot be read"):
        read_arrays(path, "thing")


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_reported_with_the_bytes_needed_and_free(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(path, b"before")
    append(path.with_name("lines"), b"x" * 700)

    def full(handle: int) -> None:
        raise FULL

    monkeypatch.setattr(os, "fsync", full)
    said = "5,000 bytes could not be written: No space left on device, [0-9,]+ bytes are free; "
    with pytest.raises(MachineError, match=said + "the earlier file, if any, is intact"):
        write_atomically(path, b"x" * 5000)
    assert path.read_bytes() == b"before"
    assert sorted(os.listdir(path.parent)) == [path.name, "lines"]
    with pytest.raises(MachineError, match=r" 700 bytes could not be written: .*bytes are free"):
        flush(path.with_name("lines"))


def test_data_is_appended_completely_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(path, b"one\n")
    append(path, b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    real, left = os.write, [3]

    def nearly_full(handle: int, data: Any) -> int:
        if not left[0]:
            raise FULL
        taken, left[0] = real(handle, bytes(data)[: left[0]]), 0
        return taken

    monkeypatch.setattr(os, "write", nearly_full)
    with pytest.raises(MachineError, match=r"6 bytes could not be written.*bytes are free"):
        append(path, b"three\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_temporary_files_of_killed_processes_are_removed_and_of_live_ones_kept(path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for number in (ended.pid, os.getpid()):
        (path.parent / f".hiddenstate-tmp-{number}-abc").touch()
    (path.parent / ".hiddenstate-tmp-of-another-program").touch()
    write_output(path, b"x")
    left = [".hiddenstate-tmp-of-another-program", f".hiddenstate-tmp-{os.getpid()}-abc", path.name]
    assert sorted(os.listdir(path.parent)) == sorted(left)


def test_a_file_is_flushed_before_it_is_renamed_and_the_folder_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(handle: int) -> None:
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        real_fsync(handle)

    def replace(source: str, target: Path) -> None:
        order.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(path, b"x")
    assert order == ["file", "rename", "folder"]


def test_a_pipe_is_refused_without_waiting(path: Path) -> None:
    os.mkfifo(path)
    refused(path, match="not a regular file")


def test_the_layout_is_checked_before_any_array_is_read(path: Path) -> None:
    write_arrays(path, "thing", {"big": np.zeros(10**6, "f4")}, {"a": 1})
    with path.open("r+b") as stream:  # a hole where the array was, as large as you like
        stream.truncate(path.stat().st_size - 4 * 10**6)
        stream.truncate(path.stat().st_size + 4 * 10**6)
    seen = []

    def check(layout: Any, facts: dict[str, Any]) -> None:
        seen.append((dict(layout), facts))
        raise UntrustedFileError("does not fit")

    with pytest.raises(UntrustedFileError, match="does not fit"):
        read_arrays(path, "thing", check)
    assert seen == [({"big": (np.dtype("f4"), (10**6,))}, {"a": 1})]


def test_a_file_larger_than_the_free_memory_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_arrays(path, "thing", ARRAYS, {})
    monkeypatch.setattr("hiddenstate.system.array_file.LARGE", 0)
    monkeypatch.setattr("hiddenstate.system.memory.bytes_free", lambda: 10)
    with pytest.raises(MachineError, match="GiB are free"):
        read_arrays(path, "thing")


def test_a_file_follows_its_specification_byte_for_byte(path: Path) -> None:
    """Built here as docs/format.md describes it, with hashlib, json and struct alone."""

    def canonical(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)

    weight, labels = struct.pack("<6f", *range(6)), struct.pack("<2q", -1, 2**40)
    body = {"format": 2, "kind": "thing", "facts": {"rate": 1e-8, "name": "Zoë", "deep": [None]}}
    hashed = canonical(body).encode()
    hashed += canonical(["labels", "<i8", [2]]).encode() + labels
    hashed += canonical(["weight", "<f4", [2, 3]]).encode() + weight
    text = canonical({**body, "sha256": hashlib.sha256(hashed).hexdigest()})
    header = {
        "__metadata__": {"hiddenstate": text},
        "labels": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]},
        "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [16, 40]},
    }
    packed = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    packed += b" " * (-len(packed) % 8)
    data = struct.pack("<Q", len(packed)) + packed + labels + weight
    path.write_bytes(data)
    arrays, facts = read_arrays(path, "thing")
    assert facts == body["facts"]
    np.testing.assert_array_equal(arrays["weight"], ARRAYS["weight"])
    assert arrays["labels"].tolist() == [-1, 2**40]
    write_arrays(path, "thing", arrays, facts)
    assert path.read_bytes() == data


def test_changes_that_the_digest_does_not_cover_are_refused(path: Path) -> None:
    write_arrays(path, "thing", {"one": np.zeros(1, "f4")}, {"a": 0.1})
    header, payload = split(path.read_bytes())
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda h: h["one"].update(note="x"),
        lambda h: h["__metadata__"].update(note="x"),
        lambda h: h["__metadata__"].update(hiddenstate=" " + h["__metadata__"]["hiddenstate"]),
        lambda h: h["__metadata__"].update(
            hiddenstate=h["__metadata__"]["hiddenstate"].replace("0.1", "0.10")
        ),
        lambda h: h["one"].update(shape=[True]),
        lambda h: h["one"].update(shape=[1.0]),
    ]
    for change in changes:
        changed = json.loads(json.dumps(header))
        change(changed)
        refused(path, join(changed, payload))


def test_every_flipped_bit_of_a_file_is_detected(path: Path) -> None:
    write_arrays(path, "thing", {"one": np.arange(3, dtype="f4")}, {"name": "Zoë", "rate": 0.1})
    data = path.read_bytes()
    for bit in range(len(data) * 8):
        hurt = bytearray(data)
        hurt[bit // 8] ^= 1 << bit % 8
        refused(path, bytes(hurt))


def test_a_missing_folder_is_an_error_and_a_name_of_255_bytes_is_none(tmp_path: Path) -> None:
    with pytest.raises(MachineError):
        write_atomically(tmp_path / "absent" / "file", b"x")
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"
