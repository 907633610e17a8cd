"""Commands that repeat a run give the same config and are safe in a shell."""

import shlex
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiddenstate import Autoencoder
from hiddenstate.config import job_options, make_config
from hiddenstate.data import read_dataset
from hiddenstate.errors import OptionError
from hiddenstate.report import commands
from hiddenstate.runs import Run
from hiddenstate.training.recipes import suggest
from tests.conftest import Cli, write_digits


def write_tables(folder: Path) -> None:
    random = np.random.default_rng(0)
    signal = "\n".join(f"{t},{np.sin(t / 3) + random.normal(0, 0.1):.3f}" for t in range(100))
    (folder / "signal.csv").write_text(f"t,load\n{signal}\n")
    rows = "\n".join(
        ",".join(f"{x:.3f}" for x in random.normal(size=6)) + f",{n % 2},p{n // 5}"
        for n in range(40)
    )
    odd = folder / "it's a file.csv"
    odd.write_text(f"a,b,c,d,e,f,my label,-who\n{rows}\n")
    write_digits(folder / "digits")


COMMANDS = [
    "classify digits --recipe classic --cell rnn --max-steps 2 --lr 0.01 --n-evaluated 5",
    "classify \"it's a file.csv\" --label 'my label' --group=-who --epochs 1 --hidden-size 3 "
    "--layers 1 --no-bidirectional --test-fraction 0.5",
    "regress --windows 3 --no-stateful --batch-size 2 --eps 1e-7",
    "regress signal.csv --target load --horizon 2 --epochs 1 --no-change --hidden-size 3",
    "regress signal.csv --target load --input t --stateful --epochs 1 --hidden-size 3",
    "autoencode digits --encoder-sizes 9,5 --code-size 2 --max-steps 2 --seed 7 --n-scattered 3",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_training_command_makes_the_same_run(cli: Cli, tmp_path: Path, line: str) -> None:
    write_tables(tmp_path)
    words = shlex.split(line)
    beside = ("--view", "off", "--runs-dir")
    assert cli(*words, "--threads", "1", *beside, "first").code == 0
    first = Run(tmp_path / "first" / f"{words[0]}-1")
    command = commands.training_command(first)
    assert command is not None
    program, *again = shlex.split(command)
    assert program == "hiddenstate"
    assert cli(*again, *beside, "second").code == 0
    second = Run(tmp_path / "second" / f"{words[0]}-1")
    assert second.config == first.config
    assert second.results() == first.results()
    assert second.history() == first.history()


def test_defaults_are_left_out(cli: Cli, tmp_path: Path) -> None:
    assert cli("regress", "--windows", 2, "--view", "off").code == 0
    assert (
        commands.training_command(Run(tmp_path / "runs" / "regress-1"))
        == "hiddenstate regress --windows 2"
    )


def test_values_no_command_line_can_hold_come_from_config_json(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text('"a,b",c,y\n' + "1,2,0\n2,1,1\n" * 12)
    (tmp_path / "odd.toml").write_text(
        'data = "odd.csv"\ninput = ["a,b", "c"]\nepochs = 1\nhidden_size = 2\nlabel = "y"\n'
    )
    assert cli("classify", "--config", "odd.toml", "--view", "off").code == 0
    first = Run(tmp_path / "runs" / "classify-1")
    command = commands.training_command(first)
    assert command is not None
    assert command.startswith("hiddenstate classify --config ")
    assert cli(*shlex.split(command)[1:], "--view", "off").code == 0
    assert Run(tmp_path / "runs" / "classify-2").config == first.config


def test_a_run_on_arrays_has_no_command(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 4))
    Autoencoder(max_steps=2, random_state=0).fit(X, run_dir=tmp_path / "run")
    assert commands.training_command(Run(tmp_path / "run")) is None


def test_every_option_the_recipe_may_set_is_written(tmp_path: Path) -> None:
    write_tables(tmp_path)
    (tmp_path / "answers.csv").write_text("a,b,y\n" + "1,2,3\n2,1,4\n" * 12)
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("classify", "digits", {}),
        ("autoencode", "digits", {}),
        ("regress", "signal.csv", {"target": ("load",), "horizon": 1}),
        ("regress", "signal.csv", {"target": ("load",), "horizon": 1, "stateful": True}),
        ("regress", "answers.csv", {"target": ("y",)}),
    ]
    for job, name, given_values in asked:
        values = {"data": str(tmp_path / name), **given_values}
        dataset = read_dataset(make_config(job, values, together=False))
        chosen = {option.name for _, option in job_options(job) if option.recipe}
        assert set(suggest(job, dataset, values)) <= chosen


def test_a_name_with_a_comma_is_refused_by_its_option() -> None:
    assert commands.arguments(make_config("regress", {"target": ("a", "b")})) == ["--target", "a,b"]
    with pytest.raises(
        OptionError, match="--target: the value cannot be written on a command line"
    ):
        commands.arguments(make_config("regress", {"target": ("a,b",)}))


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20))
def test_a_quoted_word_is_printable(word: str) -> None:
    quoted = commands.quoted(word)
    assert quoted.isprintable()
    if word.isprintable():
        assert shlex.split(quoted) == [word]


@pytest.mark.parametrize(
    "word", ["a b", "it's", "line\nbreak", "tab\t'q'", "\u202egnp", "\x1b[31m", "\udcff.csv", "\\n"]
)
def test_a_shell_reads_a_quoted_word_unchanged(word: str) -> None:
    line = f"printf %s {commands.quoted(word)}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == word.encode("utf-8", "surrogateescape")


def test_the_lines_of_python_run(cli: Cli, tmp_path: Path) -> None:
    write_digits(tmp_path / "digits")
    trained = (("classify", "digits", "--hidden-size", 3), ("regress",), ("autoencode", "digits"))
    for job, *words in trained:
        assert cli(job, *words, "--max-steps", 2, "--view", "off").code == 0
        run = Run(tmp_path / "runs" / f"{job}-1")
        shape = run.model().row_shape
        scope: dict[str, Any] = {"X": np.zeros((3, *shape), "float32")}
        exec(commands.python_lines(run, shape), scope)
        assert scope["net"].state_dict()
