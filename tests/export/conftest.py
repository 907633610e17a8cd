"""Runtimes of graphs, and a disk that is full."""

import pytest

from hiddenstate.errors import MachineError
from hiddenstate.export.onnx import file as onnx_file
from hiddenstate.system import atomic_file

RUNTIMES = {"onnxruntime": onnx_file.runtime_session, "reference": onnx_file.reference_session}


@pytest.fixture(params=RUNTIMES)
def start(request):
    """What opens a graph, for each runtime."""
    if request.param == "onnxruntime":
        pytest.importorskip("onnxruntime")
    return RUNTIMES[request.param]


@pytest.fixture
def full_for(monkeypatch):
    """Call it with an ending: no file of it can be written."""
    write = atomic_file.write_output

    def full_for(ending):
        def full(path, data):
            if path.suffix == ending:
                raise MachineError("no space")
            write(path, data)

        monkeypatch.setattr(atomic_file, "write_output", full)

    return full_for
