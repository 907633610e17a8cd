"""The option --arithmetic: integers of a run in floats, floats of a model in integers."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Cli, Refuse


def test_a_run_in_floats_is_exported_in_integers_and_says_what_is_lost(
    cli: Cli, refuse: Refuse, trained: Any, tmp_path: Path
) -> None:
    run = trained("autoencode")
    words = ("export", run, "--to", "c", "--arithmetic", "integer", "--output", "m.h")
    answer = cli(*words, "--json")
    assert answer.code == 0, answer.err
    facts = json.loads(answer.out)
    assert (facts["arithmetic"], facts["rounding"]) == ("integer", None)
    assert abs(facts["lost"]["floats"][0] - facts["lost"]["integers"][0]) < 0.01
    assert "RAM: " in facts["note"]
    assert "computes in integers alone" in (tmp_path / "m.h").read_text()
    text = refuse(2, "export", run / "model.safetensors", *words[2:-1], "n.h")
    assert "run hiddenstate quantize MODEL DATA" in text
    text = refuse(2, "export", run, "--to", "onnx", "--arithmetic", "integer")
    assert "use --to c" in text
    assert "did you mean" in refuse(2, "export", run, "--to", "c", "--arithmetic", "integers")
    cli("quantize", run, "--output", "i")
    assert "add --arithmetic float" in refuse(2, "export", "i.safetensors", "--to", "onnx")
    floats = ("export", "i.safetensors", "--to", "c", "--arithmetic", "float", "--layout", "cmake")
    assert cli(*floats).code == 0
    assert "int64_t" not in (tmp_path / "i-cmake" / "include" / "i.h").read_text()
