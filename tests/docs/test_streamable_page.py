"""The page on nets that stream: its table, its commands and program, and every target."""

import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.inference.stream import Stream
from hiddenstate.runs import Run
from tests.conftest import QUIET, needs_kernels
from tests.export.compiled import checked, compiled, tool

PAGE = (Path(__file__).parents[2] / "docs" / "streamable.md").read_text("utf-8")


@needs_kernels
def test_a_table_becomes_every_export_and_a_stream(cli, tmp_path, monkeypatch):
    """All commands of the page, in order, but that training stops early."""
    pytest.importorskip("onnxruntime")
    tool("node")
    exec(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0], {})
    inspect, train, predict, export = re.findall(r"^\$ .*?hiddenstate (.*)$", PAGE, re.MULTILINE)
    assert cli(*inspect.split()).code == 0
    done = cli(*train.split(), "--max-steps", 3, *QUIET)
    assert done.code == 0, done.err
    assert "weights and answers after every step" in done.err
    assert "on the same rows: the teacher's full answer " in done.out
    assert cli(*export.split()).code == 0
    for target, path in (
        ("html", "p.html"),
        ("onnx", "p.onnx"),
        ("python", "p.py"),
        ("triton", "p"),
    ):
        done = cli("export", "classify-1", "--to", target, "--output", path)
        assert done.code == 0, done.err

    lines = (tmp_path / "pump.csv").read_text().splitlines()
    readings = [",".join(line.split(",")[2:5]) for line in lines if line.startswith("198,")]
    given = "\n".join(["ax,ay,az", *readings, ""])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    done = cli(*predict.split())
    assert done.code == 0, done.err
    stream = Stream(Run(tmp_path / "runs" / "classify-1").model())
    answers = [stream.step(np.array(line.split(","), float))[0] for line in readings]
    own = [float(line.split(",")[-1]) for line in done.out.splitlines()[1:]]
    np.testing.assert_allclose(own, [each[-1] for each in answers], atol=1e-4)

    (program,) = re.findall(r"^```c\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    printed = checked(compiled(tmp_path, program), given="\n".join(readings)).splitlines()
    assert printed[-1] == f"{stream.classes[answers[-1].argmax()]} {answers[-1].max():.2f}"
