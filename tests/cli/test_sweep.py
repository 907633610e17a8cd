"""The command sweep: groups in processes, killed and continued, and every refusal in one line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tools.stress.sweep import OPTIONS, kill, make_table, struck

from hiddenstate import load_sweep
from tests import warm
from tests.conftest import needs_kernels
from tests.scale.sweep.conftest import Here

HERE = ("--by", "site", *OPTIONS, "--jobs", "1")


@pytest.fixture
def sales(tmp_path):
    return make_table(tmp_path, 12, 3, seed=0)


@pytest.fixture
def here(monkeypatch):
    """Sweeps train in this process, where another test trains in others."""
    monkeypatch.setattr("hiddenstate.scale.sweep.pool.LocalPool", lambda n: Here())


def test_groups_are_trained_in_processes_and_listed(cli, sales, tmp_path):
    done = cli("sweep", "sales.csv", *HERE)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "12 groups: 9 done, 0 worse than their baseline, 3 failed"
    assert {line.split("\t")[0] for line in lines[2:5]} == set(sales.bad)
    assert lines[-2:] == [
        "table: runs/sales-by-site/results.csv",
        "next: hiddenstate predict runs/sales-by-site TABLE",
    ]
    table = (tmp_path / "runs" / "sales-by-site" / "results.csv").read_text("utf-8").splitlines()
    assert len(table) == 13
    assert table[0] == "site,status,score,value,baseline,net_part,rows,updates,seconds,reason"
    # The same again starts no process, and its results are there without the table.
    again = cli("sweep", "sales.csv", *HERE, "--json")
    values = json.loads(again.out)
    assert (values["trained"], values["done"], values["failed"], values["missing"]) == (0, 9, 3, 0)
    shown = json.loads(cli("sweep", "sales-by-site", "--json").out)
    assert shown["results"] == values["results"]


def test_models_that_carry_their_state_are_named_before_training(here, cli, tmp_path):
    rows = [f"{t},{t % 7},{site}" for site in (1, 2) for t in range(60)]
    (tmp_path / "sales.csv").write_text("\n".join(["t,y,site", *rows, ""]))
    words = ["--by", "site", "--time", "t", "--target", "y", "--horizon", 1, "--max-steps", 1]
    words += ["--jobs", 1, "--recipe", "classic"]
    done = cli("sweep", "sales.csv", *words)
    first = "the models carry their state, which forecast does not take; to forecast, add "
    assert done.err.splitlines()[0] == f"{first}--no-stateful"
    assert done.out.splitlines()[-1] == "next: hiddenstate predict runs/sales-by-site TABLE"
    done = cli("sweep", "sales.csv", *words, "--no-stateful", "--name", "windows")
    assert "state" not in done.err
    assert done.out.splitlines()[-1] == "next: hiddenstate forecast runs/windows --horizon 1"
    assert cli("forecast", "windows", "--horizon", 2).code == 0


@needs_kernels
def test_a_killed_command_is_repeated_and_every_group_is_as_a_lone_run(tmp_path):
    table = make_table(tmp_path, 200, 1, seed=1)
    outcome = struck(table, tmp_path, kills=1, seed=0, more=("--jobs", "2"), every=40)
    assert not outcome.findings
    assert outcome.counts == {"equal to a lone run": 5, "bad ones named": 1, "commands killed": 1}


def test_workers_end_with_a_killed_command(tmp_path):
    """A worker process of a parent that is gone ends by itself."""
    code = (
        "import os, sys, time\n"
        "from hiddenstate.scale.sweep.pool import LocalPool\n"
        "pool = LocalPool(1)\n"
        "print(pool._workers.start().pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    worker = int(parent.stdout.readline())
    kill(parent.pid)
    parent.communicate()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    kill(worker)
    pytest.fail("the worker is still there")


def test_shards_of_several_folders_are_collected(here, cli, sales, tmp_path, monkeypatch):
    monkeypatch.setattr("hiddenstate.scale.sweep.store.BATCH", 2)
    for number in range(2):
        done = cli(
            "sweep", "sales.csv", *HERE, "--shard", f"{number}/2", "--name", f"part-{number}"
        )
        assert done.code == 0, done.err
        assert "not trained yet" in done.out
    done = cli("sweep", "part-0", "--collect", tmp_path / "runs" / "part-1")
    assert done.code == 0, done.err
    assert done.out.startswith("12 groups: 9 done, 0 worse than their baseline, 3 failed\n")
    other = cli("sweep", "sales.csv", *HERE, "--seed", 1, "--name", "other", "--shard", "0/12")
    assert other.code in (0, 2)
    refused = cli("sweep", "part-0", "--collect", tmp_path / "runs" / "other")
    assert (refused.code, refused.out) == (2, "")
    assert "a sweep with other options" in refused.err


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_is_trained(cli, tmp_path, number):
    make_table(tmp_path, 400, 0, seed=2)
    process = warm.Piped(["-m", "hiddenstate", "sweep", "sales.csv", *HERE], tmp_path)
    folder = tmp_path / "runs" / "sales-by-site"
    while process.poll() is None and not any(p.stat().st_size for p in folder.glob("*.groups")):
        time.sleep(0.01)
    process.send_signal(number)
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + number, err
    last = err.splitlines()[-1]
    assert last.startswith("error: interrupted: ")
    assert last.endswith("were trained and saved; the same command again trains the others")
    assert (folder / "results.csv").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--by", "sight"], "no column sight (--by); did you mean site?; columns: site, t, x, y"),
        (["--by", "site,site"], "--by: names site twice"),
        (["--by", "site", "--target", "z"], "no column z (--target)"),
        (["--by", "site", "--input", "site"], "site is a column of --by"),
        (["--by", "site", "--shard", "2/2"], "--shard: expected I/N with I from 0 to N - 1"),
        (["--by", "site", "--label", "y", "--horizon", "1"], "classify does not have this option"),
        (["--by", "site", "--horizon", "0"], "--horizon: expected"),
        (["--by", "site", "--scheduler", "tcp://h:1", "--jobs", "2"], "has its own workers"),
        (["--by", "site", "--collect", "x"], "--collect: reads a sweep"),
        (["--by", "site,"], "--by: the name of a column is empty"),
        (["--by", ""], "--by: the name of a column is empty"),
        ([], "sales.csv: not a sweep; --by COL is required to train one"),
        (["--extract", "A", "x.safetensors"], "sales.csv: not a sweep"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(refuse, sales, words, error):
    job = [] if "--label" in words else ["--job", "regress"]
    assert error in refuse(2, "sweep", "sales.csv", *words, *job)


def test_what_trains_nothing_refuses_options_of_training(here, cli, refuse, sales):
    assert cli("sweep", "sales.csv", *HERE, "--shard", "0/12").code in (0, 2)
    for words in (("--retry-failed",), ("--jobs", 2), ("--seed", 0), ("--shard", "0/2")):
        assert f"{words[0]}: only with --by" in refuse(2, "sweep", "sales-by-site", *words)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("site,t,y\n", "no rows"),
        ("site,t,y\nA,1,2\n,2,3\n", "table.csv:3:site: empty, so the row belongs to no group"),
        ("site,site,y\nA,1,2\n", "both named site"),
    ],
)
def test_tables_without_groups_are_refused(refuse, tmp_path, text, error):
    (tmp_path / "table.csv").write_text(text, "utf-8")
    assert error in refuse(2, "sweep", "table.csv", "--by", "site", "--target", "y")


def test_what_is_no_table_is_refused(refuse, tmp_path):
    (tmp_path / "rows.npy").write_bytes(b"x")
    assert "not a table" in refuse(2, "sweep", "rows.npy", "--by", "site", "--target", "y")
    assert "no such" in refuse(2, "sweep", "nothing.csv", "--by", "site", "--target", "y")
    assert "--job: expected classify" in refuse(2, "sweep", "nothing.csv", "--by", "site")


def test_a_folder_that_is_no_sweep_is_left_alone(refuse, sales, tmp_path):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "notes.txt").write_text("mine", "utf-8")
    error = refuse(2, "sweep", "sales.csv", *HERE, "--name", "mine")
    assert "already exists and is no sweep" in error


def test_a_scheduler_that_is_not_there_is_one_line(refuse, sales, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("hiddenstate.scale.sweep.cluster.PATIENCE", 0.5)
    words = ("sweep", "sales.csv", "--by", "site", *OPTIONS, "--scheduler")
    error = refuse(3, *words, "tcp://127.0.0.1:9")
    assert "--scheduler: tcp://127.0.0.1:9 cannot be reached" in error
    assert "cannot be reached" in refuse(3, *words, "nonsense://x:1")


@pytest.mark.parametrize("address", ["", "nonsense", "tcp://host", "tcp://host:70000"])
def test_an_address_without_a_port_is_refused(refuse, sales, address):
    words = ("sweep", "sales.csv", "--by", "site", *OPTIONS, "--scheduler", address)
    assert "--scheduler: expected an address such as tcp://host:8786, got" in refuse(2, *words)


def test_a_missing_extra_is_one_line(refuse, sales, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    error = refuse(3, "sweep", "sales.csv", "--by", "site", *OPTIONS, "--scheduler", "tcp://h:1")
    assert "sweep --scheduler requires distributed; install it with: pip install" in error
    assert "[dask]" in error


def test_a_sweep_where_all_fail_ends_with_the_reason(here, cli, tmp_path):
    make_table(tmp_path, 3, 3, seed=0)
    done = cli("sweep", "sales.csv", *HERE)
    assert done.code == 2
    assert "error: all 3 groups failed, the last one: " in done.err


def test_damage_is_said_and_trained_again(here, cli, sales, tmp_path):
    assert cli("sweep", "sales.csv", *HERE).code == 0
    folder = tmp_path / "runs" / "sales-by-site"
    path = folder / "shard-0-of-1.groups"
    sound, results = path.read_bytes(), (folder / "results.csv").read_bytes()
    models = load_sweep(folder)
    assert cli("verify", "sales-by-site").out.endswith(": 12 groups, every one is sound\n")
    site = next(iter(models))
    assert isinstance(site, str)
    record = models._models.records[site,]
    hurt = bytearray(sound)
    hurt[record.at + record.n_bytes // 2] ^= 1
    path.write_bytes(hurt)

    shown = cli("sweep", "sales-by-site")
    assert shown.code == 0
    assert "8 done, 0 worse than their baseline, 3 failed, 1 damaged\n" in shown.out
    assert f"{site},damaged," in (folder / "results.csv").read_text("utf-8")
    checked = cli("verify", "sales-by-site")
    assert checked.code == 4
    assert f"{site}: DAMAGED" in checked.out
    assert f"1 of 12 groups damaged: {site}; the command that trained" in checked.err
    found = json.loads(cli("verify", "sales-by-site", "--json").out)["groups"]
    assert [name for name, what in found.items() if what != "sound"] == [site]
    assert cli("verify", "sales-by-site", "--steps", 7).code == 2

    rows = (tmp_path / "sales.csv").read_text("utf-8").splitlines()
    for name, words in (("own", [site]), ("all", [site, *list(models)[1:3]])):
        lines = [rows[0], *(r for r in rows if set(r.split(",")) & set(words))]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), "utf-8")
        refused = cli("predict", "sales-by-site", f"{name}.csv")
        assert (refused.code, refused.out) == (4, "")
        assert f"group {site} is damaged: its record in shard-0-of-1.groups" in refused.err
    kept = cli("predict", "sales-by-site", "all.csv", "--skip-unknown")
    assert kept.code == 0, kept.err
    assert f"note: {site}: no model: is damaged" in kept.err
    assert cli("sweep", "sales-by-site", "--extract", site, "m.safetensors").code == 4

    again = cli("sweep", "sales.csv", *HERE)
    assert again.code == 0, again.err
    assert f"damaged: group {site}: its record" in again.err
    assert path.read_bytes().startswith(hurt)
    assert cli("verify", "sales-by-site").code == 0
    trained = load_sweep(folder)._models.model_bytes((site,))
    assert trained == sound[record.at : record.at + record.n_bytes]
    assert results.count(b"\n") == (folder / "results.csv").read_bytes().count(b"\n")
