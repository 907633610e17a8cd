"""A damaged model file gives a valid model or a one-line error, and runs no code."""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from tools.stress import model_files

from hiddenstate import load

FILES = 100


@pytest.mark.parametrize("name", model_files.MODELS)
def test_a_damaged_model_file_gives_a_valid_model_or_a_one_line_error(
    name: str, tmp_path: Path
) -> None:
    place = model_files.Place(name, tmp_path)
    ends: set[str] = set()
    for number in range(FILES):
        outcome = place.attempt(seed=1, number=number)
        assert not outcome.findings, f"--model {name} --seed 1 --at {number}"
        ends |= set(outcome.ends)
    assert {"model", "UntrustedFileError"} <= ends <= set(model_files.KINDS)


def test_a_model_file_written_from_the_documented_format_loads(tmp_path: Path) -> None:
    made = model_files.MODELS["classifier"]()
    made.save(tmp_path / "own.safetensors")
    header, _ = model_files._split((tmp_path / "own.safetensors").read_bytes())
    arrays = safetensors.numpy.load((tmp_path / "own.safetensors").read_bytes())
    body = json.loads(header["__metadata__"]["hiddenstate"])
    (tmp_path / "signed.safetensors").write_bytes(model_files.sign(body, arrays))
    again = load(tmp_path / "signed.safetensors")
    np.testing.assert_array_equal(again.predict(model_files.ROWS), made.predict(model_files.ROWS))


def test_code_run_by_a_model_file_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = model_files.Place("classifier", tmp_path)

    def run_code(path: Path) -> None:
        exec("open(__import__('os').devnull)")

    monkeypatch.setattr(model_files, "load", run_code)
    assert any("code: exec" in finding for finding in place.attempt(0, 0).findings)
