"""The list of commands: each is imported when it is named, and nothing else before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from hiddenstate.cli import COMMANDS, GROUPS, cli
from hiddenstate.config import JOBS, job_options
from hiddenstate.scale.sweep.options import sweep_options
from tests.conftest import QUIET, Cli

STARTED = """
import json, sys
from hiddenstate.cli import main
try:
    main(json.loads(sys.argv[1]))
except SystemExit as ended:
    assert not ended.code, ended.code
print("\\n" + json.dumps([n for n in sys.modules if n.split(".")[0] in ("hiddenstate", "numpy")]))
"""


def modules_after(*arguments: str, folder: Path) -> set[str]:
    """The modules of the program, and of numpy, that a command imports."""
    line = [sys.executable, "-c", STARTED, json.dumps(arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=folder)
    return set(json.loads(done.stdout.splitlines()[-1]))


def command_of(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


def options_of(name: str) -> list[click.Option]:
    return [each for each in command_of(name).params if isinstance(each, click.Option)]


def test_the_help_imports_no_command(tmp_path: Path) -> None:
    found = modules_after("--help", folder=tmp_path)
    assert not {f"hiddenstate.cli.{module}" for module, _ in COMMANDS.values()} & found
    assert not {"numpy", "hiddenstate.config", "hiddenstate.scale"} & found


def test_a_list_of_runs_imports_neither_numpy_nor_another_command(cli: Cli, tmp_path: Path) -> None:
    assert cli("regress", "--windows", 2, *QUIET).code == 0
    found = modules_after("runs", folder=tmp_path)
    commands = {f"hiddenstate.cli.{module}" for module, _ in COMMANDS.values()}
    assert commands & found == {"hiddenstate.cli.runs"}
    assert not {"numpy", "hiddenstate.data", "hiddenstate.models"} & found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_names_the_command_of_each_module(name: str) -> None:
    command = command_of(name)
    module, text = COMMANDS[name]
    assert command.name == name
    assert command.short_help == text == command.get_short_help_str(1000)
    own = sys.modules[f"hiddenstate.cli.{module}"]
    source = Path(str(own.__file__)).read_text("utf-8")
    assert "short_help" not in source  # one text, in the list


@pytest.mark.parametrize("job", JOBS)
def test_the_help_of_a_job_begins_with_its_text_in_the_list(job: str) -> None:
    assert (command_of(job).help or "").partition("\n")[0] == COMMANDS[job][1]


def test_the_help_has_each_group_with_its_commands() -> None:
    lines = cli.get_help(click.Context(cli, info_name="hiddenstate")).splitlines()
    for heading, commands in GROUPS.items():
        first = lines.index(f"{heading}:") + 1
        section = lines[first : lines.index("", first)]
        named = [line.split()[0] for line in section if line[2:3].strip()]
        assert named == list(commands)


@pytest.mark.parametrize("name", ["tune", "sweep"])
def test_the_help_of_a_search_begins_with_its_own_options(name: str) -> None:
    command = command_of(name)
    text = command.get_help(click.Context(command, info_name=name))
    assert text.index("\nOptions:") < text.index("--name ") < text.index("\nData:")


def names_of(job: str) -> set[str]:
    return {option.name for _, option in job_options(job)} - {"data"}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        *((job, names_of(job)) for job in JOBS),
        ("tune", set().union(*map(names_of, JOBS))),
        ("sweep", set().union(*map(sweep_options, JOBS)) - {"data"}),
    ],
)
def test_a_command_has_the_options_of_its_jobs(command: str, expected: set[Any]) -> None:
    of_jobs = [each.name for each in options_of(command) if hasattr(each, "section")]
    assert sorted(map(str, of_jobs)) == sorted(expected)
    assert all(each.default is None for each in options_of(command) if hasattr(each, "section"))
