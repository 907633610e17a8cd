"""Groups are trained once each, whatever is killed, and continued by the same command alone."""

import warnings
from collections import Counter

import pytest
from tools.stress.sweep import compared

from hiddenstate.errors import OptionError
from hiddenstate.scale.sweep.drive import Driver
from hiddenstate.scale.sweep.options import Shard
from hiddenstate.scale.sweep.packets import unpack_groups
from hiddenstate.scale.sweep.records import read_records
from hiddenstate.scale.sweep.start import begin, open_sweep
from tests.scale.sweep.conftest import Here, train_here


def numbers_in(packet):
    return [group.number for group in unpack_groups(packet)]


def stored(sweep):
    return Counter(r.key for path in sweep.folder.files() for r in read_records(path))


def test_good_groups_are_as_lone_runs_and_bad_ones_named(open_sales, sales, tmp_path):
    train_here(open_sales())
    outcome = compared(sales, tmp_path)
    assert not outcome.findings
    assert outcome.counts == {"equal to a lone run": 9, "bad ones named": 3}


def test_a_reason_names_the_line_of_the_table(open_sales, sales):
    sweep = open_sales()
    train_here(sweep)
    reasons = {k[0]: r.outcome.reason for k, r in sweep.folder.records().items()}
    (name,) = [name for name, reason in sales.bad.items() if reason == "is not a number"]
    lines = sales.path.read_text("utf-8").splitlines()
    (line,) = [n for n, text in enumerate(lines, 1) if text.startswith(f"{name},40,")]
    assert f"sales.csv:{line}:x: 'broken' is not a number" in reasons[name]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("", "1 value is missing or not finite, the first in row 0, step 30, column units"),
        ("1e39", "1 target is too large for float32"),
    ],
)
def test_a_reason_names_the_line_of_a_missing_value(tmp_path, cell, words):
    """The rows of the groups are mixed, and out of order."""
    lines = ["site,day,units"]
    for day in range(59, -1, -1):
        lines += [f"{site},{day},{cell if (site, day) == ('b', 30) else day % 7}" for site in "ab"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines), "utf-8")
    values = {"target": ("units",), "time": "day", "horizon": 1, "epochs": 1, "hidden_size": 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = open_sweep(path, ("site",), "regress", values, tmp_path / "runs" / "s")
        train_here(made)
    outcomes = {key[0]: record.outcome for key, record in made.folder.records().items()}
    assert outcomes["a"].status != "failed"
    assert words in outcomes["b"].reason
    if not cell:
        line = lines.index("b,30,") + 1
        assert outcomes["b"].reason.startswith(f"t.csv:{line}: 1 value is missing")


def test_the_same_sweep_again_trains_nothing(open_sales):
    train_here(open_sales())
    sweep = open_sales()
    assert not train_here(sweep).packets
    assert set(stored(sweep).values()) == {1}


def test_failed_groups_are_tried_again_when_asked(open_sales, sales):
    sweep = open_sales()
    train_here(sweep)
    records = sweep.folder.records()
    again = sweep.missing(records, Shard(), retry_failed=True)
    assert {sweep.table.keys[number][0] for number in again} == set(sales.bad)


def test_shards_together_make_the_whole(open_sales, sales, tmp_path):
    for number in range(3):
        train_here(open_sales(), Shard(number, 3))
    assert not compared(sales, tmp_path).findings
    assert not train_here(open_sales()).packets


def test_a_killed_worker_costs_no_group(open_sales, sales, tmp_path):
    """Every packet of several groups loses its worker, and so does each group once."""
    lost = set()

    def killed(packet):
        numbers = tuple(numbers_in(packet))
        first = numbers not in lost
        lost.add(numbers)
        return len(numbers) > 1 or (first and numbers[0] % 2 == 0)

    sweep = open_sales()
    train_here(sweep, killed=killed)
    assert not compared(sales, tmp_path).findings


def test_a_group_that_kills_its_worker_twice_fails_and_others_do_not(open_sales):
    sweep = open_sales()
    workers = train_here(sweep, killed=lambda packet: 5 in numbers_in(packet))
    records = sweep.folder.records()
    reason = records[sweep.table.keys[5]].outcome.reason
    assert reason.startswith("its worker process was killed 2 times while it trained this group")
    assert sum(numbers_in(packet) == [5] for packet in workers.packets) == 2
    killers = {k for k, r in records.items() if "was killed" in r.outcome.reason}
    assert killers == {sweep.table.keys[5]}
    assert len(records) == 12


def test_what_is_stored_before_a_stop_is_kept(open_sales):
    sweep = open_sales()
    begin(sweep)
    looks = iter([False, False, True])
    driver = Driver(sweep, Here(), Shard())
    assert not driver.train(list(range(12)), lambda: next(looks))
    n = len(sweep.folder.records())
    assert 0 < n < 12
    train_here(open_sales())
    assert set(stored(sweep).values()) == {1}
    assert len(stored(sweep)) == 12


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"seed": 1}, "was started with --seed not set, and is now 1"),
        ({"recipe": "auto"}, "was started with --recipe classic, and is now auto"),
        ({"target": ("x",)}, "was started with --target y, and is now x"),
    ],
)
def test_other_options_are_refused_with_what_differs(open_sales, changes, error):
    train_here(open_sales())
    with pytest.raises(OptionError, match=error):
        open_sales(**changes)


def test_of_two_sweeps_begun_at_once_in_a_folder_one_is_refused(open_sales):
    first, second = open_sales(), open_sales(seed=1)
    begin(first)
    begin(open_sales())
    with pytest.raises(OptionError, match="was started with --seed not set, and is now 1"):
        begin(second)


def test_another_table_is_refused(open_sales, sales):
    train_here(open_sales())
    with sales.path.open("a", encoding="utf-8") as stream:
        stream.write("S00000,100,1,1\n")
    with pytest.raises(OptionError, match="with other contents"):
        open_sales()
