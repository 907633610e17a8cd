"""Labels and ids that no option names: what is taken, what else could be, and what is left out."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from hiddenstate import Run
from hiddenstate.config import make_config
from hiddenstate.data import PreparedDataset
from hiddenstate.runs.run_data import dataset_of
from tests.conftest import QUIET, Cli

SHORT = ("--max-steps", 2, *QUIET)
CHANCE = random.Random(0)
CUSTOMERS = CHANCE.sample(range(5000, 5400), 60)
CHURN = "customer,age,calls,plan,churned\n" + "".join(
    f"{customer},{CHANCE.randrange(20, 80)},{CHANCE.randrange(9)},{CHANCE.choice('abc')},"
    f"{CHANCE.randrange(2)}\n"
    for customer in CUSTOMERS
)
SESSIONS = "".join(
    json.dumps(
        {
            "session": f"s{i}",
            "x": i + t % 3,
            "ok": t % 2 > 0,
            "agent": "fc"[t % 2],
            "kind": "bh"[i % 2],
        }
    )
    + "\n"
    for i in range(12)
    for t in range(6)
)


def write(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


def test_every_candidate_for_the_label_is_named(cli: Cli) -> None:
    data = write("churn.csv", CHURN)
    said = "churn.csv: the label is plan; it could also be churned: choose with --label"
    trained = cli("classify", data, *SHORT)
    assert f"note: {said}\n" in trained.err
    found = json.loads(cli("inspect", data, "--json").out)
    assert found["labels"] == ["plan", "churned"]
    assert said in found["warnings"]
    named = cli("classify", data, "--label", "churned", *SHORT)
    assert "the label is" not in named.err
    assert json.loads(cli("inspect", data, "--label", "churned", "--json").out)["labels"] == []


def test_a_last_column_of_0_and_1_is_the_label_if_no_other_can_be(cli: Cli) -> None:
    rows = [line.split(",") for line in CHURN.splitlines()]
    data = write("t.csv", "\n".join(",".join([*row[:3], row[4]]) for row in rows) + "\n")
    trained = cli("classify", data, *SHORT)
    assert trained.code == 0, trained.err
    assert (
        "note: t.csv: the label is churned, the last column, of 0 and 1; see --label" in trained.err
    )
    assert Run("runs/classify-1").model().transform.reading["label"] == "churned"
    assert json.loads(cli("inspect", data, "--json").out)["labels"] == ["churned"]
    # In another place it may be a quantity like any other.
    turned = write(
        "u.csv",
        "\n".join(",".join(line.split(",")[::-1]) for line in Path(data).read_text().splitlines())
        + "\n",
    )
    refused = cli("classify", turned, *SHORT)
    assert refused.code == 2
    assert "no label column" in refused.err


@pytest.mark.parametrize("date", [False, True])
def test_0_and_1_in_a_signal_are_no_label(date: bool, cli: Cli) -> None:
    days = [f"2024-{1 + i // 28:02}-{1 + i % 28:02}" if date else str(i * i % 7) for i in range(80)]
    sales = [round(50 + 20 * math.sin(i / 5) + i % 3, 1) for i in range(80)]
    lines = [
        f"{day},{value},{int(i % 9 == 0)}"
        for i, (day, value) in enumerate(zip(days, sales, strict=True))
    ]
    head = f"{'sold_on' if date else 'shelf'},sales,promotion\n"
    found = json.loads(cli("inspect", write("t.csv", head + "\n".join(lines)), "--json").out)
    assert found["labels"] == []
    assert found["fits"][0]["job"] == "regress"


def test_several_columns_of_text_are_all_named_in_the_refusal(cli: Cli) -> None:
    rows = "".join(f"{i},{'ab'[i % 2]},{'cd'[i % 2]},{i % 2}\n" for i in range(20))
    refused = cli("classify", write("t.csv", "x,first,second,third\n" + rows), *SHORT)
    assert refused.code == 2
    assert "add --label COL (probably first, second, third)" in refused.err


def test_the_command_leaves_out_ids_as_inspect_does(cli: Cli) -> None:
    data = write("churn.csv", CHURN)
    fit = json.loads(cli("inspect", data, "--label", "churned", "--json").out)["fits"][0]
    assert fit["options"]["drop"] == "customer"
    trained = cli("classify", data, "--label", "churned", *SHORT)
    assert "column customer holds ids, by its name, and is not used as input" in trained.err
    cli(*fit["command"].split()[1:], *SHORT)
    first, second = Run("runs/classify-1"), Run("runs/classify-2")
    assert first.config == second.config
    assert first.model().transform.columns == ("age", "calls")
    kept = cli("classify", data, "--label", "churned", "--input", "customer,age,calls", *SHORT)
    assert "holds ids" not in kept.err
    assert Run("runs/classify-3").model().transform.columns == ("customer", "age", "calls")


def test_autoencode_and_all_inputs_leave_out_ids_too(cli: Cli) -> None:
    data = write("churn.csv", CHURN)
    assert "holds ids" in cli("autoencode", data, *SHORT).err
    assert "holds ids" in cli("classify", data, "--input", "all", *SHORT).err
    columns = Run("runs/classify-1").model().transform.columns
    assert columns is not None
    assert "customer" not in columns


def test_the_label_of_series_is_the_same_in_all_rows_of_each(cli: Cli) -> None:
    data = write("events.jsonl", SESSIONS)
    found = cli("inspect", data, "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["labels"] == ["kind"]
    trained = cli("classify", data, *SHORT)
    assert trained.code == 0, trained.err
    assert Run("runs/classify-1").model().classes == ["b", "h"]


@pytest.mark.parametrize("text", [False, True])
def test_a_column_that_counts_runs_of_one_label_is_proposed_as_id(text: bool, cli: Cli) -> None:
    label = ("--label", "kind")
    rows = [(f"r{i // 9}" if text else i // 9, i * 7 % 5, "ab"[i // 9 % 2]) for i in range(90)]
    lines = "".join(f"{a},{b},{c}\n" for a, b, c in rows)
    said = json.loads(
        cli("inspect", write("t.csv", "segment,x,kind\n" + lines), *label, "--json").out
    )
    hint = (
        "t.csv: rows with the same segment follow one another and have one label; if they are the "
        "steps of a series, add --id segment"
    )
    assert hint in said["warnings"]
    assert hint in cli("classify", "t.csv", *label, *SHORT).err
    named = cli("classify", "t.csv", "--id", "segment", *label, *SHORT)
    assert named.code == 0
    assert hint not in named.err
    mixed = lines.replace(",a\n", ",b\n", 2)
    said = json.loads(
        cli("inspect", write("m.csv", "segment,x,kind\n" + mixed), *label, "--json").out
    )
    assert hint.replace("t.csv", "m.csv") not in said["warnings"]


ODD = {
    "a time without values": "index,target,status\n" + "".join(f",{i}.5,a{i}\n" for i in range(20)),
    "a label by name that changes": "case,label,x\n"
    + "".join(f"{i % 4},{i},{i * 7 % 5}\n" for i in range(20)),
    "ids with gaps": "id,x,y2\n" + "".join(f"{i // 4 or ''},{i},{i * 3 % 7}\n" for i in range(20)),
    "a time that repeats": "time,x\n" + "".join(f"{i % 3},{i * 7 % 5}\n" for i in range(20)),
    "an id alone": "trial_id\n" + "".join(f"{i % 4}\n" for i in range(20)),
    "a time alone": "t\n" + "".join(f"{i * 7 % 5}.5\n" for i in range(20)),
}


@pytest.mark.parametrize("odd", ODD)
def test_inspect_does_not_fail_on_a_guess_of_its_own(odd: str, cli: Cli) -> None:
    found = cli("inspect", write("t.csv", ODD[odd]))
    assert found.code == 0, found.err
    for line in found.out.splitlines():
        if line.startswith("    hiddenstate "):
            trained = cli(*line.split()[1:], *SHORT)
            assert trained.code == 0, (line, trained.err)


def test_inspect_refuses_what_the_user_named(cli: Cli) -> None:
    data = write("t.csv", ODD["a label by name that changes"])
    for options in (("--id", "case"), ("--label", "label", "--id", "case"), ("--job", "classify")):
        refused = cli("inspect", data, *options)
        assert refused.code == 2
        assert "must be the same in all rows of a series" in refused.err
    assert cli("inspect", write("n.csv", "a,b\nx,y\nz,w\n")).code == 2


def test_columns_of_ids_are_not_counted_as_features(cli, tmp_path):
    rows = [f"{i},{i % 7},{i % 5},{'ab'[i % 2]}\n" for i in range(40)]
    (tmp_path / "ids.csv").write_text("visit_id,height,shoes,kind\n" + "".join(rows))
    lines = cli("inspect", "ids.csv").out.splitlines()
    assert "  columns   2: height, shoes" in lines
    assert any(line.startswith("each row  2 separate features") for line in lines)
    found = json.loads(cli("inspect", "ids.csv", "--json").out)
    assert (found["n_features"], found["columns"]) == (2, ["height", "shoes"])


def test_what_training_assumes_of_rows_without_a_time_is_a_warning(cli, tmp_path):
    rows = np.random.default_rng(0).normal(size=(12, 3)) * [1, 50, 1000]
    text = "".join(f"{a:.3f},{b:.2f},{c:.1f}\n" for a, b, c in rows)
    (tmp_path / "few.csv").write_text("width,hours,cost\n" + text)
    found = json.loads(cli("inspect", "few.csv", "--target", "cost", "--json").out)
    trained = cli("regress", "few.csv", "--target", "cost", "--max-steps", 1, *QUIET)
    assert any("--layout features" in line for line in found["warnings"])
    assert all(f"note: {line}" in trained.err for line in found["warnings"])


def test_a_clock_of_series_is_not_what_to_forecast(cli: Cli) -> None:
    rows = [f"{k},{t / 50},{math.sin(t + k):.3f},{'ab'[k % 2]}" for k in range(6) for t in range(9)]
    data = write("walks.csv", "id,time_s,x,kind\n" + "\n".join(rows) + "\n")
    fits = json.loads(cli("inspect", data, "--json").out)["fits"]
    assert next(fit for fit in fits if fit["job"] == "regress")["options"]["target"] == "x"


def test_a_label_whose_rows_count_may_name_series(cli: Cli) -> None:
    rows = [f"b{k},{t},{math.cos(t * k):.3f},{t % 4}" for k in range(12) for t in range(4)]
    data = write("batches.csv", "batch,minute,flow,valve\n" + "\n".join(rows) + "\n")
    said = (
        "batches.csv: the label is batch, and minute rises in the rows of each; if batch is the "
        "name of a series, add --id batch --time minute"
    )
    assert said in json.loads(cli("inspect", data, "--json").out)["warnings"]
    assert f"note: {said}\n" in cli("classify", data, *SHORT).err
    assert "12 series" in cli("inspect", data, "--id", "batch", "--time", "minute").out
    shuffled = write("flowers.csv", "kind,width\n" + "a,1\na,3\na,2\nb,1\nb,2\nb,4\n" * 6)
    assert "rises in the rows" not in cli("inspect", shuffled).out


def test_times_with_a_unit_order_series_in_which_they_rise(tmp_path: Path) -> None:
    def read(times: str, **options: list[str]) -> PreparedDataset:
        rows = (f"r{i},{times[t]},{t},{'ab'[i % 2]}\n" for i in range(6) for t in range(4))
        path = tmp_path / "t.csv"
        path.write_text("id,time_s,x,label\n" + "".join(rows))
        return dataset_of(make_config("classify", {"data": str(path)}), options, "")

    data = read("0127")
    assert (data.columns, data.transform.reading["time"]) == (("x",), "time_s")
    assert read("0217").columns == ("time_s", "x")
    older = read("0127", columns=["time_s", "x"])  # a run that read them as an input
    assert older.columns == ("time_s", "x")
