"""Free memory: the machine's, the control group's, the process's."""

import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.system import memory
from tests.conftest import ENGINES


def group(folder: Path, most: str, current: int = 300, inactive: int = 100) -> Path:
    (folder / "memory.max").write_text(f"{most}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\nslab 7\n")
    return folder


def test_a_container_has_what_its_limit_leaves(tmp_path: Path) -> None:
    assert memory._group_left(group(tmp_path, "1000")) == 800
    assert memory._group_left(group(tmp_path, "150")) == 0
    assert memory._group_left(group(tmp_path, "max")) is None
    assert memory._group_left(tmp_path / "absent") is None


def test_a_mac_has_what_psutil_calls_available(monkeypatch: pytest.MonkeyPatch) -> None:
    absent, memory_of_mac = Path("/absent"), SimpleNamespace(available=2**30)
    monkeypatch.setitem(
        sys.modules, "psutil", SimpleNamespace(virtual_memory=lambda: memory_of_mac)
    )
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory._machine_available(absent) == 2**30
    monkeypatch.setattr(sys, "platform", "other")
    whole = memory._machine_available(absent)
    assert whole is not None
    assert whole >= (memory._machine_available() or 0) > 0


def test_a_limit_on_address_space_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (2**62, 2**62))
    left = memory._address_space_left()
    assert left is not None
    assert 0 < left < 2**62
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 1))
    assert memory._address_space_left() == 0
    assert memory.bytes_free() == 0
    with pytest.raises(MachineError, match=r"needs about 1\.0 GiB and 0\.0 GiB are free; less"):
        memory.check_free(2**30, "this", "less")


def test_an_out_of_memory_error_states_the_size_and_what_is_free() -> None:
    said = str(memory.out_of_memory(MemoryError("Unable to allocate 9 GiB")))
    assert "Unable to allocate 9 GiB" in said
    assert "GiB are free" in said


@pytest.mark.parametrize("engine", ENGINES)
def test_running_out_of_memory_in_training_is_one_line(engine, cli, monkeypatch):
    from hiddenstate.engines import native, torch

    kind = native.NativeEngine if engine == "native" else torch.TorchEngine

    def out(self, *arguments):
        if engine == "native":
            raise MemoryError("std::bad_alloc")
        with torch.thread_count(1):
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't "
                "allocate memory: you tried to allocate 400 bytes. Error code 12"
            )

    monkeypatch.setattr(kind, "run", out)
    done = cli("regress", "--engine", engine, "--view", "off")
    assert done.code == 3
    assert "out of memory" in done.err
    assert "resume with `hiddenstate resume runs/regress-1`" in done.err


AFTER = """
import sys
import numpy as np
from hiddenstate.system import memory

if sys.argv[1:]:
    memory.return_freed_arrays()

def resident():
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * 4096

del [np.ones(2**21)][0]  # as large as all that follow
before = resident()
arrays = [(np.ones(2**20), np.ones(100)) for _ in range(6)]
kept = [small for _, small in arrays]
del arrays
print(resident() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory is read there")
def test_freed_arrays_are_returned_to_the_system() -> None:
    left = subprocess.run(
        [sys.executable, "-c", AFTER, "returned"], capture_output=True, text=True, check=True
    )
    assert int(left.stdout) < 2**23
