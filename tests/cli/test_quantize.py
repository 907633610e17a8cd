"""The command quantize: the file that it writes, and what it prints."""

import json
from pathlib import Path
from typing import Any

import hiddenstate
from hiddenstate.models.fitted import load_model
from tests.conftest import Cli, Refuse


def test_the_command_writes_a_model_that_answers_in_integers(
    cli: Cli, refuse: Refuse, trained: Any, tmp_path: Path
) -> None:
    run = trained("classify")
    answer = cli("quantize", run, "--output", "i", "--json", "--figure", "lost.png")
    facts = json.loads(answer.out)
    assert answer.code == 0
    assert (tmp_path / "lost.png").read_bytes()[1:4] == b"PNG"
    assert 0 <= facts["zeros"] < 0.1
    assert facts["bytes"] == (tmp_path / "i.safetensors").stat().st_size
    assert abs(facts["floats"][0] - facts["integers"][0]) < 0.02
    scores = json.loads(cli("evaluate", "i.safetensors", _data_of(run), "--json").out)
    assert 0 < scores["accuracy"] <= 1
    model = load_model(tmp_path / "i.safetensors")[0]
    assert model.integer is not None
    assert "answers in integers" in refuse(2, "quantize", "i.safetensors", _data_of(run))


def test_integers_are_computed_on_the_cpu_of_10_rows_at_least(refuse: Refuse, trained: Any) -> None:
    run = trained("classify")
    said = "error: --device cuda: integers are computed on the CPU; leave it out"
    assert said in refuse(2, "quantize", run, "--output", "d", "--device", "cuda")
    assert "--rows" in refuse(2, "quantize", run, "--output", "d", "--rows", "9")
    assert "is a folder" in refuse(2, "quantize", run, "--output", run)


def _data_of(run: Path) -> str:
    return str(hiddenstate.Run(run).config.data.data)
