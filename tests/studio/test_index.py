"""The list of runs, and runs side by side, as the server answers."""

import json
import shutil
import threading

import pytest

from hiddenstate.runs.record import seed_of
from hiddenstate.studio.compare import compared
from hiddenstate.studio.index import RunIndex
from hiddenstate.system.checksums import line_with_checksum, lines_with_checksums
from tests.studio.many import copies

N = 24


@pytest.fixture
def index(trained, tmp_path):
    copies(trained("classify"), tmp_path / "runs", N)
    return RunIndex(tmp_path / "runs")


def test_the_newest_come_first_and_pages_meet(index):
    first, total = index.rows(limit=10)
    second, _ = index.rows(offset=10, limit=10)
    names = [row.name for row in first + second]
    assert total == N
    assert names == [f"copy-{k:03d}" for k in range(N - 1, N - 21, -1)]


@pytest.mark.parametrize(
    ("sort", "descending", "first"),
    [
        ("score", True, "copy-000"),
        ("score", False, f"copy-{N - 1:03d}"),
        ("name", False, "copy-000"),
        ("seed", True, f"copy-{N - 1:03d}"),
    ],
)
def test_all_rows_are_sorted_by_a_column_or_an_option(index, sort, descending, first):
    rows, _ = index.rows(sort=sort, descending=descending, limit=3)
    assert rows[0].name == first


def test_a_search_finds_names_and_options(index):
    assert index.rows("copy-003")[1] == 1
    assert index.rows("hidden_size=8")[1] == N // 2
    assert index.rows("hidden_size=8 seed=3")[0][0].name == "copy-003"
    assert index.rows(job="regress")[1] == 0


def test_a_row_says_what_is_reached_without_a_network(index):
    (row,), _ = index.rows("copy-012")
    assert (row.score, row.score_text, row.is_share) == (0.75, "75.00 %", True)
    assert row.baseline is not None
    assert row.baseline_text.endswith("%")


def test_a_run_that_goes_on_is_read_again(index, tmp_path):
    assert index.rows("copy-003")[0][0].status == "done"
    path = tmp_path / "runs" / "copy-003"
    figures = {"step": 900, "epoch": 1, "loss": 0.5, "mean_loss": 0.25, "lr": 0.1}
    cut = {"time": "2026-01-01T00:00:00+00:00", "event": "interrupted", "step": 901}
    lines = {"history.jsonl": {"event": "log", **figures}, "journal.jsonl": cut}
    for name, entry in lines.items():
        last = int(json.loads((path / name).read_text().splitlines()[-1])["check"], 16)
        with (path / name).open("ab") as stream:
            stream.write(line_with_checksum(entry, last)[0])
    row = index.rows("copy-003")[0][0]
    assert (row.status, row.steps, row.score, row.baseline) == ("interrupted", 901, 0.25, None)


def test_threads_share_the_list(index, trained, tmp_path):
    problems = []

    def ask(k):
        try:
            for turn in range(20):
                rows, _ = index.rows(sort="score" if k % 2 else "started", limit=5)
                assert len(rows) == 5
                index.run(rows[turn % 5].id)
        except Exception as error:  # noqa: BLE001  # of another thread: the test must know
            problems.append(error)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for name in copies(trained("classify"), tmp_path / "aside", 3, "new"):
        (tmp_path / "aside" / name).rename(tmp_path / "runs" / name)
    for thread in threads:
        thread.join()
    assert not problems


def test_runs_side_by_side_have_what_differs_and_what_does_not(index):
    index.refresh()
    found = compared(index, ["copy-002", "copy-005"])
    assert found["options"] == {"hidden_size": [16, 8], "seed": [2, 5]}
    assert found["same"]["job"] == "classify"
    assert [run["score"] for run in found["runs"]] == [1 - 2 / 48, 1 - 5 / 48]
    assert all("--seed" in run["command"] for run in found["runs"])
    assert found["equal"] == {"best": "copy-002", "others": ["copy-005"]}  # within their intervals
    assert found["alike"]
    assert all(run["interval_text"].startswith("95 % interval") for run in found["runs"])
    steps = [step for step, _ in found["runs"][0]["curves"]["mean_loss"]]
    assert steps == sorted(steps)


def test_runs_of_other_data_are_not_alike(trained, tmp_path):
    for job in ("classify", "regress"):
        shutil.copytree(trained(job), tmp_path / "runs" / job)
    assert not compared(RunIndex(tmp_path / "runs"), ["classify", "regress"])["alike"]


def test_a_long_history_is_compared_by_some_of_its_lines(index, tmp_path):
    path = tmp_path / "runs" / "copy-001"
    entries = [
        {"event": "log", "step": k, "epoch": 0, "loss": 1.0, "mean_loss": 1 / (k + 1), "lr": 0.1}
        for k in range(20_000)
    ]
    (path / "history.jsonl").write_bytes(lines_with_checksums(entries, seed_of(f"{1:032x}"))[0])
    index.refresh()
    curve = compared(index, ["copy-001"])["runs"][0]["curves"]["mean_loss"]
    assert len(curve) <= 401
    assert curve[0][0] < 10
    assert curve[-1][0] > 19_900
    assert all(value == pytest.approx(1 / step) for step, value in curve)
