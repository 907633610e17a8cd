"""Every script of benchmarks/ runs at toy size, and every command in the docs is accepted."""

import importlib
import re
import shlex
import shutil
import sys
from argparse import ArgumentParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests import warm
from tests.conftest import needs_kernels

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARTS = {
    *("carried", "cell_steps", "cells", "contenders", "integers", "layers", "limit", "long_memory"),
    *("peers", "processes", "scale"),
    *("served", "shapes", "signals", "streams", "teach", "timing", "tune_sets"),
}
"""Modules of other scripts, which are not scripts themselves."""

COMMANDS = [
    *("classic_classify.py", "ranks.py speed", "exports.py", "c_header.py --cells gru"),
    *("forecasts.py twenty --horizons 1", "forecasts.py intervals --horizons 1"),
    *("forecasts.py yearly", "long_runs.py --out .", "online.py walk", "pages.py"),
    "recipes.py UnitTest CardanoSentiment shampoo",
    *("quality.py forecasts nile retail --horizons 1", "quality.py classify UnitTest"),
    *("quality.py teach UnitTest", "quality.py many --horizons 1", "quality.py codes digits"),
    *("quality.py cells", "quality.py memory permuted-gru adding-1000-gru --out ."),
    *(
        "quality.py signals wiener",
        "quality.py integers mnist --sparsity .5",
        "codes.py anomalies cancer",
    ),
    *("speed.py autoencode --only native", "speed.py regress --only native"),
    *("speed.py cells --only torch", "speed.py layers --figure layers.png --json layers.json"),
    *("speed.py stream --only eager,scripted", "speed.py carried", "speed.py limit"),
    *("speed.py shapes", "speed.py scale --figure scale.png", "speed.py command --only native"),
    *("speed.py busy --only native", "speed.py accuracy", "studio.py start refusals runs readers"),
    *("studio.py page pages train live frames touch", "series.py"),
    *("sets.py --write . Digits Waveform", "shops.py stores --horizons 1"),
    *("shops.py leads --horizons 1", "shops.py groups", "sweep.py --profile"),
    *("tune.py ItalyPowerDemand --check", "watching.py regress --view terminal --turns"),
    "watching.py classify --view terminal",
    "watching.py autoencode --view window --view notebook --short",
]

WITH_KERNELS = ("--only native", "scale.png", "readers", "touch")
"""How commands end that measure nothing without the kernels."""

OF_AEON = ("yearly", "shampoo", "UnitTest", "--check")
"""How commands end that read series of aeon."""


def marks_of(command: str) -> list[pytest.MarkDecorator]:
    """Return what a command requires: the kernels, or series of aeon."""
    kernels = [needs_kernels] * command.endswith(WITH_KERNELS)
    return kernels + [pytest.mark.series] * command.endswith(OF_AEON)


def documented_commands() -> list[str]:
    """Return the commands in the pages, without the rest of their lines."""
    pattern = r"python (?:benchmarks/|-m tools\.stress)[^`#\n]*"
    texts = [path.read_text("utf-8") for path in PAGES]
    return sorted({match.strip() for text in texts for match in re.findall(pattern, text)})


def parser_of(script: str) -> ArgumentParser:
    """Return the parser of the command line of a script of benchmarks/."""
    sys.path.insert(0, str(BENCHMARKS))  # as for `python benchmarks/NAME.py`
    try:
        parser: ArgumentParser = importlib.import_module(Path(script).stem).arguments()
    finally:
        sys.path.remove(str(BENCHMARKS))
    return parser


def test_every_script_has_a_command_here() -> None:
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")} - PARTS
    assert {Path(command.split()[0]).stem for command in COMMANDS} == scripts


@pytest.mark.parametrize("command", [pytest.param(each, marks=marks_of(each)) for each in COMMANDS])
def test_a_script_runs(command: str, tmp_path: Path) -> None:
    script, *words = command.split()
    if script == "c_header.py" and not (shutil.which("gcc") or shutil.which("cc")):
        pytest.skip("there is no C compiler")
    if command.endswith(OF_AEON) and not find_spec("aeon"):
        pytest.skip("aeon is not installed: make series")
    if words[:1] == ["page"] and not (shutil.which("chromium") and find_spec("playwright")):
        pytest.skip("requires playwright and chromium")
    if not command.endswith(OF_AEON):
        warm.preload_torch()
    done = warm.run([str(BENCHMARKS / script), *words, "--toy"], tmp_path)
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(table) > 2 or script == "classic_classify.py", done.stdout
    for word in words:
        if Path(word).suffix:
            assert (tmp_path / word).stat().st_size > 0


def test_the_pages_contain_commands_of_the_main_scripts() -> None:
    scripts = {command.split("/")[-1].split()[0] for command in documented_commands()}
    assert {"speed.py", "watching.py", "long_runs.py", "recipes.py"} <= scripts


@pytest.mark.parametrize("command", documented_commands())
def test_a_documented_command_is_accepted(command: str) -> None:
    _, script, *words = shlex.split(command)
    if script == "-m":
        from tools.stress.__main__ import parse

        assert parse(words[1:])
    else:
        assert parser_of(script).parse_args(words)
