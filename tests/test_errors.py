"""Messages are bounded, whatever names and values they contain."""

import csv
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.errors import (
    MAX_MESSAGE,
    DataError,
    Flag,
    MissingExtraError,
    RunInterruptedError,
    Setting,
    did_you_mean,
    listed,
    shortened,
)
from tests.conftest import Cli

LONG = "x" * 5000
MANY = [f"column with a rather long name, number {i}" for i in range(300)]


def test_a_long_message_keeps_its_start_and_its_hint() -> None:
    text = "data.csv: " + LONG + "; add --label COL"
    for error in (DataError(text), MissingExtraError(text), RunInterruptedError(text, 2)):
        assert len(str(error)) == MAX_MESSAGE
        assert str(error).startswith("data.csv: x")
        assert str(error).endswith("x; add --label COL")
        assert " … " in str(error)
    assert shortened("x" * MAX_MESSAGE) == "x" * MAX_MESSAGE


def test_listed_names_are_cut_and_counted() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(range(2000), 3) == "0, 1, 2 and 1,997 more"
    assert listed(["a\nb", "y" * 99], each=10) == "a\\nb, " + "y" * 9 + "…"
    assert listed([]) == ""


def test_similar_names_are_sought_among_a_bounded_number_of_short_names() -> None:
    assert did_you_mean("labl", ["label", LONG]) == "; did you mean label?"
    assert did_you_mean("SPECIES", ["site", "Species"]) == "; did you mean Species?"
    assert did_you_mean(LONG, [LONG + "y"]) == ""
    assert did_you_mean("labl", [*map(str, range(9999)), "label"]) == ""


def table(path: Path, head: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])
    return path


def plain(path: Path) -> Path:
    return table(path, [*MANY, "label"], [[i, *range(299), "uv"[i % 2]] for i in range(8)])


def two_texts(path: Path) -> Path:
    return table(path, [LONG, "b", "c"], [[LONG, "x", i] for i in range(8)])


def many_classes(path: Path) -> Path:
    return table(path, ["a", "b", "label"], [[i, 2 * i, f"{LONG[:900]}{i}"] for i in range(40)])


def many_arrays(path: Path) -> Path:
    path = path.with_suffix(".npz")
    arrays: dict[str, Any] = {name: np.ones(3) for name in MANY}
    np.savez(path, **arrays)
    return path


def ts(path: Path) -> Path:
    labels = " ".join(f"{LONG[:300]}{i}" for i in range(60))
    path = path.with_suffix(".ts")
    path.write_text(f"@equalLength true\n@classLabel true {labels}\n@data\n1,2:{LONG}\n")
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], tuple[object, ...]]] = {
    "no such column": (plain, ("--label", LONG)),
    "no such inputs": (plain, ("--input", ",".join([*MANY[:200], LONG]))),
    "two roles": (plain, ("--label", "label", "--id", "label", "--input", LONG)),
    "no label": (two_texts, ()),
    "text as a label of one row": (many_classes, ()),
    "array names": (many_arrays, ()),
    "an undeclared label": (ts, ()),
    "a choice": (plain, ("--layout", LONG)),
    "a number": (plain, ("--epochs", LONG)),
    "an option": (plain, ("--" + LONG, 1)),
    "an encoding": (plain, ("--encoding", LONG)),
    "a delimiter": (plain, ("--delimiter", LONG)),
    "a config file": (plain, ("--config", LONG)),
    "weights": (plain, ("--weights", LONG)),
    "test rows": (plain, ("--test", LONG[:200] + ".csv")),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("command", ["classify", "inspect"])
def test_no_refusal_is_long(name: str, command: str, cli: Cli, tmp_path: Path) -> None:
    make, options = REFUSED[name]
    path = make(tmp_path / "own.csv")
    done = cli(command, path.name, *options)
    lines = done.err.splitlines()
    assert command == "inspect" or (done.code == 2 and lines)
    assert all(len(line) <= len("error: ") + MAX_MESSAGE for line in lines)
    assert all(len(line) <= MAX_MESSAGE for line in done.out.splitlines())


def test_notes_and_a_missing_file_or_command_are_short(cli: Cli, tmp_path: Path) -> None:
    path = table(
        tmp_path / "t.csv",
        [*MANY, "a", "b", "label"],
        [[*["text"] * 300, i, -i, "uv"[i % 2]] for i in range(12)],
    )
    trained = cli("classify", path, "--label", "label", "--view", "off", "--max-steps", 1)
    assert trained.code == 0, trained.err
    assert "left out, as nothing uses them: column with" in trained.err
    assert " and 292 more" in trained.err
    (tmp_path / "other.csv").write_text("c,d\n1,2\n")
    said = [trained, cli("predict", "last", "other.csv"), cli("inspect", LONG), cli(LONG)]
    said += [cli("runs", "--runs-dir", LONG), cli("evaluate", LONG), cli("ctl", "last", LONG)]
    for done in said:
        assert all(len(line) <= len("error: ") + MAX_MESSAGE for line in done.err.splitlines())


def test_an_error_with_hints_crosses_processes_whole() -> None:
    error = DataError("x: no", "correct it", ("leave it out with ", Flag("--drop", "x")))
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == "x: no; correct it, or leave it out with --drop x"
    assert (type(copy), copy.what, copy.hints) == (DataError, "x: no", error.hints)
    assert pickle.loads(pickle.dumps(RunInterruptedError("x", 15))).exit_code == 143


def test_a_setting_is_words_and_values() -> None:
    hint = Setting("add", thousands="'", time="day of sale", window=0, channels_first=True)
    words = """add --thousands "'" --time 'day of sale' --window 0 --channels-first"""
    assert str(DataError("wrong", hint)) == f"wrong; {words}" == f"wrong; {hint}"
    values = {"thousands": "'", "time": "day of sale", "window": 0, "channels_first": True}
    assert hint.options == values
