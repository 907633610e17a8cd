"""The examples run as they stand, with few updates, and leave their figures."""

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

FIGURES = {
    "classify_digits": ["classify_digits.png"],
    "sine_to_cosine": ["sine_to_cosine.png"],
    "digit_codes": ["digit_codes.png", "digits_rebuilt.png"],
}


def test_every_example_is_run_here():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(FIGURES)


@pytest.mark.parametrize("name", FIGURES)
def test_example_prints_its_result_and_saves_its_figures(name, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = module.main(max_steps=20, out=tmp_path)
    assert f"{result:.4f}" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == FIGURES[name]
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")
