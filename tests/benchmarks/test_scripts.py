"""Every script of benchmarks/ and every command that a page prints for one, at toy size."""

import importlib
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARTS = {"contenders", "layers", "processes", "timing"}
"""What `speed.py` is made of: no scripts of their own."""

COMMANDS = [
    "classic_classify.py",
    "long_runs.py --out .",
    "recipes.py UnitTest CardanoSentiment shampoo",
    "speed.py classify --only script,native",
    "speed.py autoencode --only native",
    "speed.py regress --only native",
    "speed.py layers --figure layers.png --json layers.json",
    "speed.py command --only native",
    "speed.py busy --only native",
    "speed.py accuracy",
    "watching.py regress --view terminal --turns",
    "watching.py classify --view terminal",
    "watching.py autoencode --view window --view notebook --short",
]


def printed_commands() -> list[str]:
    """What the pages print, without what stands before and after it on its line."""
    pattern = r"python (?:benchmarks/|-m tools\.stress)[^`#\n]*"
    texts = [path.read_text("utf-8") for path in PAGES]
    return sorted({match.strip() for text in texts for match in re.findall(pattern, text)})


def parser_of(script: str) -> ArgumentParser:
    """The command line of a script of benchmarks/."""
    sys.path.insert(0, str(BENCHMARKS))  # as `python benchmarks/NAME.py` has it
    try:
        parser: ArgumentParser = importlib.import_module(Path(script).stem).arguments()
    finally:
        sys.path.remove(str(BENCHMARKS))
    return parser


def test_every_script_is_run_here() -> None:
    scripts = {path.stem for path in BENCHMARKS.glob("*.py")} - PARTS
    assert {Path(command.split()[0]).stem for command in COMMANDS} == scripts


@pytest.mark.parametrize("command", COMMANDS)
def test_a_script_runs(command: str, tmp_path: Path) -> None:
    script, *words = command.split()
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *words, "--toy"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert len(table) > 2 or script == "classic_classify.py", done.stdout
    for word in words:
        if Path(word).suffix:
            assert (tmp_path / word).stat().st_size > 0


def test_the_pages_print_commands() -> None:
    scripts = {command.split("/")[-1].split()[0] for command in printed_commands()}
    assert {"speed.py", "watching.py", "long_runs.py", "recipes.py"} <= scripts


@pytest.mark.parametrize("command", printed_commands())
def test_a_printed_command_is_accepted(command: str) -> None:
    _, script, *words = shlex.split(command)
    if script == "-m":
        from tools.stress.__main__ import parse

        assert parse(words[1:])
    else:
        assert parser_of(script).parse_args(words)
