"""The commands that the studio starts."""

from pathlib import Path
from typing import Any

import pytest

from tests.studio.conftest import Client

LONE = "\ud800"
"""Half of a sign, which JSON can hold and no path can."""


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
    ("/api/runs/classify-1/command", {"command": "export", "options": {"to": "c", "layout": "x"}}),
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
