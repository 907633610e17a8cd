"""What no page sends, what strangers leave in folders, and files that change while a page looks."""

import os
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.runs import Run
from hiddenstate.runs.record import seed_of
from hiddenstate.studio.gate import BURST, Gate
from hiddenstate.studio.index import RunIndex
from hiddenstate.studio.places import MAX_ENTRIES, Places
from hiddenstate.studio.stream import Place, RunNews, state
from hiddenstate.system.checksums import lines_with_checksums
from tests.studio.conftest import Client

LONE = "\ud800"
"""Half of a sign, which JSON can hold and no path can."""


def lines(n: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"event": "log", "step": k, "epoch": 0, "loss": 1.0, "mean_loss": 1.0, "lr": 0.1, **more}
        for k in range(n)
    ]


def write(run: Run, entries: list[dict[str, Any]]) -> None:
    """Replace the history of a run."""
    text = lines_with_checksums(entries, seed_of(run.id))[0]
    temporary = run.path / "new"
    temporary.write_bytes(text)
    temporary.rename(run.path / "history.jsonl")


@pytest.fixture
def run(client: Client) -> Run:
    return client.studio.index.run("classify-1")


@pytest.mark.parametrize("name", ["test", "answers"])
def test_inspect_reads_no_file_outside_the_roots(
    client: Client, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text("a,b,label\n1,2,x\n")
    reply = client.post("/api/inspect", {"data": "rows.csv", "options": {name: str(outside)}})
    assert reply.status == 422
    assert "not in" in reply.json["error"]
    assert not client.studio.processes.all()


def test_a_teacher_is_a_run_or_a_file_under_the_roots(
    client: Client, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "answers.npy"
    outside.write_bytes(b"")
    for name in (str(outside), "..", "nobody", LONE, "a" * 300):
        reply = client.post("/api/train", {"job": "classify", "options": {"teach": name}})
        assert 400 <= reply.status < 500, name
    assert not client.studio.processes.all()
    options = client.studio._checked_options({"options": {"teach": "classify-1"}})
    assert options["teach"].endswith("/classify-1")


BODIES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/inspect", {"data": LONE}),
    ("/api/inspect", {"data": "a" * 300}),
    ("/api/inspect", {"data": "rows.csv", "options": {"label": LONE}}),
    ("/api/inspect", {"data": "rows.csv", "options": {LONE: 1}}),
    ("/api/inspect", {"data": "rows.csv", "job": LONE}),
    ("/api/train", {"job": "classify", "options": {"label": LONE}}),
    ("/api/train", {"job": "classify", "options": {"test": LONE}}),
    ("/api/train", {"job": "classify", "options": {"epochs": 10**400}}),
    ("/api/train", {"job": "classify", "options": {"lr": 10**400}}),
    ("/api/train", {"job": "classify", "options": {"lr": float("nan")}}),
    ("/api/train", {"job": "classify", "options": {"lr": float("inf")}}),
    ("/api/train", {"job": "classify", "options": {"max_unpacked": 10**400}}),
    ("/api/train", {"job": "classify", "options": {"config": "x.json"}}),
    ("/api/train", {"job": "classify", "options": {"runs_dir": "/tmp"}}),
    ("/api/train", {"job": LONE}),
    ("/api/runs/classify-1/request", {"do": "lr", "value": 10**400}),
    ("/api/runs/classify-1/request", {"do": "lr", "value": float("nan")}),
    ("/api/runs/classify-1/request", {"do": "lr", "value": LONE}),
    ("/api/runs/classify-1/request", {"do": LONE}),
    ("/api/runs/classify-1/command", {"command": LONE}),
    ("/api/runs/classify-1/command", {"command": "export", "options": {"to": ["html"]}}),
    ("/api/runs/classify-1/command", {"command": "export", "options": {"to": {}}}),
    ("/api/runs/classify-1/command", {"command": "export", "options": {"to": "c", "output": "x"}}),
    ("/api/runs/classify-1/command", {"command": "resume", "options": {"epochs": 10**9}}),
    ("/api/runs/classify-1/command", {"command": "ctl"}),
)


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_values_that_no_command_takes_are_one_line(
    client: Client, path: str, body: dict[str, Any]
) -> None:
    reply = client.post(path, body)
    assert reply.status == 422
    assert "\n" not in reply.json["error"]
    assert not client.studio.processes.all()


def test_a_file_whose_name_looks_like_an_option_is_a_file(client: Client, tmp_path: Path) -> None:
    (tmp_path / "--help").write_text("a,b,label\n1,2,x\n3,4,y\n")
    reply = client.post("/api/inspect", {"data": "--help"})
    assert "./--help" in reply.json["command"]


def test_a_history_that_grew_past_the_place_after_a_resume_is_read_anew(
    client: Client, run: Run
) -> None:
    write(run, lines(20))
    place = Place()
    list(RunNews(client.studio.index, "classify-1", place).messages())
    write(run, lines(5) + lines(30, lr=0.25)[5:])
    kinds = [
        piece.partition(b"event: ")[2].partition(b"\n")[0].decode()
        for piece in RunNews(client.studio.index, "classify-1", Place(str(place))).messages()
    ]
    assert kinds[:2] == ["reset", "lines"]


def test_a_history_of_the_same_length_that_says_something_else_is_read_anew(
    client: Client, run: Run
) -> None:
    write(run, lines(20))
    news = RunNews(client.studio.index, "classify-1", Place())
    list(news.messages())
    write(run, lines(20, lr=0.2))
    pieces = list(news.messages())
    assert b"event: reset" in pieces[0]
    assert b'"lr":0.2' in pieces[1]


@pytest.mark.parametrize("then", ["lr", "snapshot"])
def test_a_run_that_waits_is_paused_whatever_else_it_is_asked(run: Run, then: str) -> None:
    asked = [{"event": "control", "step": 3, "do": do} for do in ("pause", then)]
    write(run, [*lines(3), *asked])
    assert state(run)["paused"]
    write(run, [*lines(3), *asked, {"event": "control", "step": 3, "do": "go"}])
    assert not state(run)["paused"]
    write(run, [*lines(3), *asked, *lines(5)[3:]])
    assert not state(run)["paused"]


def test_what_a_page_is_told_does_not_read_the_whole_history(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Run) -> list[Any]:
        raise AssertionError("the history is read")

    monkeypatch.setattr(Run, "history", refuse)
    assert state(run)["status"] == "done"


def test_strangers_do_not_use_up_the_requests_of_the_page(client: Client) -> None:
    assert isinstance(client.app, Gate)
    client.app._clock = lambda: 0.0
    client.app._pages.filled = client.app._strangers.filled = 0.0
    for _ in range(int(BURST) + 50):
        client.send("GET", "/api/studio", {"host": client.good["host"]})
    assert client.get("/api/studio").status == 200


@pytest.mark.parametrize(
    "other", ['a=[1, "2"]; ', "a b=1; ", "sid=2|1:0|é; ", "=; ", 'j={"x":1}; ']
)
def test_cookies_of_other_programs_do_not_hide_ours(client: Client, other: str) -> None:
    headers = {**client.good, "cookie": other + client.good["cookie"] + "; x={}"}
    assert client.send("GET", "/api/studio", headers).status == 200


def test_a_wrong_token_does_not_spend_the_right_one(client: Client) -> None:
    host = {"host": client.good["host"]}
    token = client.studio.session.address.partition("token=")[2]
    assert client.send("GET", "/", host, query=b"token=wrong").status == 401
    assert client.send("GET", "/", host, query=f"token={token}".encode()).status == 200
    assert not client.renewed
    assert client.send("GET", "/", host, query=f"token={token}".encode()).status == 401
    assert client.renewed == ["new"]


@pytest.mark.parametrize("data", [{"columns": 5}, {"columns": [5, None]}, {"name": {"a": []}}])
def test_a_record_of_a_stranger_is_no_error_of_the_server(
    client: Client, run: Run, data: dict[str, Any]
) -> None:
    from hiddenstate.system.checksums import check_object, object_with_checksum

    path = run.path / "config.json"
    record = check_object(path.read_bytes())
    path.write_bytes(object_with_checksum({**record, "data": {**record["data"], **data}}))
    os.utime(path, (1, 1))
    for address in ("/api/runs/classify-1", "/api/runs", "/api/compare"):
        reply = client.get(address, "runs=classify-1" if "compare" in address else "")
        assert reply.status < 500
        assert reply.json


def test_dropped_files_never_look_like_a_run(client: Client, tmp_path: Path) -> None:
    config = (tmp_path / "runs" / "classify-1" / "config.json").read_bytes()
    headers = {
        **client.acting,
        "content-type": "application/octet-stream",
        "content-length": str(len(config)),
    }
    assert client.send("POST", "/api/upload/config.json", headers, config).status == 200
    index = RunIndex(tmp_path / "runs")
    index.refresh()
    assert index.ids() == ["classify-1"]


def test_a_folder_of_many_files_is_listed_without_a_number_for_each(tmp_path: Path) -> None:
    for k in range(MAX_ENTRIES + 50):
        (tmp_path / f"{k:04d}.csv").touch()
    places = Places(tmp_path)
    assert len(places.listing(tmp_path)) == MAX_ENTRIES
    assert len(places._issued) == MAX_ENTRIES


def test_a_table_with_many_columns_is_inspected(client: Client, tmp_path: Path) -> None:
    names = ",".join(f"column_{'x' * 40}_{k}" for k in range(3000))
    (tmp_path / "wide.csv").write_text(
        f"{names},label\n" + ("1," * 3000 + "x\n" + "2," * 3000 + "y\n") * 10
    )
    reply = client.post("/api/inspect", {"data": "wide.csv"})
    assert reply.status in (200, 422)


def test_a_download_is_sent_in_pieces(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rows.bin").write_bytes(b"0123456789" * 300_000)
    number = client.studio.places.issue(tmp_path / "rows.bin")
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read as a whole"))
    reply = client.get(f"/api/download/{number}")
    assert reply.status == 200
    assert reply.headers["content-length"] == "3000000"


def test_a_lock_of_an_old_process_is_not_the_run_of_a_new_command(client: Client, run: Run) -> None:
    from hiddenstate.studio.stream import trained_by

    class Old:
        run, trains, code, number, sought, started = None, True, None, 4321, False, 2e9

    (run.path / "lock").write_text("process 4321, since 2020-01-01 00:00:00+00:00\n")
    old: Any = Old()
    assert trained_by(old, client.studio.index) is None
