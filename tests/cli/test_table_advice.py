"""Tables as people have them: what is left out, what a hint says, and that its command works."""

import csv
import json
import math
import shlex
from pathlib import Path
from typing import Any

from tests.conftest import Cli

SHORT = ("--view", "off", "--max-steps", 2, "--threads", 1)


def table(path: Path, head: str, rows: Any) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head.split(), *rows])
    return path


def sales(path: Path) -> Path:
    """Two stores with two counters each, 40 days, in the order of the days."""
    rows = [
        (f"{1 + day // 28:02}/{1 + day % 28:02}/2024", day, store, k, "fine", math.sin(day / 3 + k))
        for day in range(40)
        for store in ("north", "south")
        for k in (1, 2)
    ]
    return table(path, "date day store counter note sold", rows)


def test_a_table_of_two_ids_and_dates_trains_predicts_and_resumes(cli: Cli, tmp_path: Path) -> None:
    sales(tmp_path / "s.csv")
    ids = ("--id", "store,counter", "--time", "date", "--target", "sold", "--horizon", 1)
    done = cli("regress", "s.csv", *ids, *SHORT)
    assert done.code == 0, done.err
    assert "the end of each series is held out (--split time)" in done.err
    assert "(the end of each series)" in done.err + done.out
    record = json.loads((tmp_path / "runs/regress-1/config.json").read_text())
    assert record["config"]["data"]["split"] == "time"
    said = cli("predict", "regress-1", "s.csv")
    assert said.code == 0, said.err
    rows = list(csv.DictReader(said.out.splitlines()))
    assert {row["series"] for row in rows} == {
        f"store={store}, counter={k}" for store in ("north", "south") for k in (1, 2)
    }
    assert cli("resume", "regress-1", "--max-steps", 3, "--view", "off").code == 0
    whole = cli("regress", "s.csv", *ids, "--split", "random", *SHORT)
    assert "(at random)" in whole.err + whole.out


def test_continuous_labels_and_targets_of_text_name_the_command_to_use(
    cli: Cli, tmp_path: Path
) -> None:
    rows = [(i, i * i / 7, math.sin(i), "uv"[i % 2]) for i in range(40)]
    table(tmp_path / "t.csv", "a b price kind", rows)
    said = cli("classify", "t.csv", "--label", "price", *SHORT)
    assert said.code == 2
    command = said.err.strip().partition("; use ")[2]
    assert cli(*shlex.split(command)[1:], *SHORT).code == 0
    assert "did you mean kind?" in cli("classify", "t.csv", "--label", "KIND").err
    said = cli("regress", "t.csv", "--target", "kind", *SHORT)
    assert said.code == 2
    assert "use classify with --label kind" in said.err
    assert cli("classify", "t.csv", "--label", "kind", *SHORT).code == 0


def test_a_model_without_names_refuses_named_columns_first(cli: Cli, tmp_path: Path) -> None:
    assert cli("regress", "--max-steps", 2, "--view", "off").code == 0
    sales(tmp_path / "s.csv")
    said = cli("predict", "regress-1", "s.csv")
    assert said.code == 2
    assert "has named columns (date, day, store" in said.err


def test_inspect_suggests_the_series_of_a_table_first(cli: Cli, tmp_path: Path) -> None:
    sales(tmp_path / "s.csv")
    days = [(k, (7 * i) % 30, math.sin(i)) for k in range(4) for i in range(30)]
    table(tmp_path / "counted.csv", "id day level", days)
    stores = [(2000 + i, s, i % 7 / 2) for i in range(20) for s in ("A", "B")]
    table(tmp_path / "stores.csv", "year store sold", stores)
    one = [((7 * i) % 30, i % 4 / 2) for i in range(30)]
    table(tmp_path / "one.csv", "day level", one)
    promoted = [(k % 2, f"2024-01-{k // 2 + 1:02}", "AB"[k % 2], k % 7 / 2) for k in range(60)]
    table(tmp_path / "promoted.csv", "promo date store sold", promoted)
    for name, ids, time, target in (
        ("promoted.csv", ["--id", "store"], "date", "sold"),  # not the flag before it
        ("s.csv", ["--id", "store,counter"], "date", "sold"),
        ("counted.csv", [], "day", "level"),
        ("stores.csv", ["--id", "store"], "year", "sold"),
        ("one.csv", [], "day", "level"),
    ):
        first = json.loads(cli("inspect", name, "--json").out)["fits"][0]
        options = [*ids, "--time", time, "--target", target, "--horizon", "1"]
        assert shlex.split(first["command"]) == ["hiddenstate", "regress", name, *options]
        done = cli(*shlex.split(first["command"])[1:], *SHORT)
        assert done.code == 0, done.err
    predicted = cli("predict", "last", "one.csv")
    assert predicted.err.count("the rows are not in the order of day") == 1
    said = cli("inspect", "counted.csv")
    assert "column day is an input, but seems to order" in said.out
