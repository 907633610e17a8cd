"""Notes before training that a model will not answer step by step, and the options they name."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import OptionError
from hiddenstate.export.export import export_model
from hiddenstate.inference.stream import Stream
from hiddenstate.runs import Run
from tests.conftest import Cli, needs_kernels

FEW = ("--max-steps", 2, "--view", "off", "--threads", 1)


def sensors(path: Path) -> Path:
    """60 noisy series of two channels, whose classes overlap."""
    random, lines = np.random.default_rng(0), ["session,t,ax,temp,state"]
    for i in range(60):
        for t in range(12):
            ax, temp = random.normal(size=2) + np.array([i % 2, 20])
            lines.append(f"{i},{t},{ax:.3f},{temp:.3f},{'ab'[i % 2]}")
    path.write_text("\n".join([*lines, ""]))
    return path


def sales(path: Path) -> Path:
    lines = [f"{shop},{t},{10 + t % 7 + k}" for k, shop in enumerate("ab") for t in range(60)]
    path.write_text("\n".join(["shop,t,sales", *lines, ""]))
    return path


@needs_kernels
@pytest.mark.parametrize(
    ("make", "job", "words", "line", "expected"),
    [
        (
            sensors,
            "classify",
            ("--label", "state", "--id", "session"),
            "ax,temp\n1,20\n2,21\n",
            ["bidirectional", "stem", "members", "convolutions"],
        ),
        (
            sales,
            "regress",
            ("--target", "sales", "--id", "shop", "--time", "t", "--horizon", "1"),
            "sales\n11\n12\n",
            ["window"],
        ),
    ],
)
def test_all_places_name_the_options_of_a_model_that_streams(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Any,
    job: str,
    words: tuple[str, ...],
    line: str,
    expected: list[str],
) -> None:
    path = make(tmp_path / "own.csv")
    facts = json.loads(cli("inspect", path, *words, "--json").out)
    fit = next(each for each in facts["fits"] if each["job"] == job)
    assert [each["name"] for each in fit["not_streaming"]] == expected
    options = " ".join(each["option"] for each in fit["not_streaming"])
    inspected = " ".join(cli("inspect", path, *words).out.split())
    note = "will not answer step by step (predict --stream, export --to triton)"
    assert note in inspected
    assert f"to stream, add {options}" in inspected
    trained = cli(job, path, *words, *FEW, "--name", "whole")
    assert trained.code == 0, trained.err
    own = next(each for each in trained.err.splitlines() if note in each)
    assert own.startswith("note: ")
    assert own.endswith(f"; to stream, add {options}")
    model = Run(tmp_path / "runs" / "whole").model()
    with pytest.raises(OptionError, match=f"train one with {options}$"):
        Stream(model)
    with pytest.raises(OptionError, match=rf"train one with {options} \(it "):
        export_model(model, "triton", tmp_path / "triton")
    again = cli(job, path, *words, *FEW, *options.split(), "--name", "steps")
    assert again.code == 0, again.err
    assert note not in again.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    answers = cli("predict", "steps", "-", "--stream")
    assert answers.code == 0, answers.err
    assert len(answers.out.splitlines()) == 3


def test_rows_that_are_no_series_have_no_such_note(cli: Cli, tmp_path: Path) -> None:
    rows = [f"{k % 7},{k % 2 + k / 99:.2f},{'ab'[k % 2]}" for k in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["age,fee,kind", *rows, ""]))
    done = cli("classify", "own.csv", "--layout", "features", *FEW)
    assert done.code == 0, done.err
    assert "step by step" not in done.err
