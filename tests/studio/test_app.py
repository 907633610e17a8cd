"""The answers of the studio to its page, of any data and of files of strangers."""

import os
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.runs import Run
from hiddenstate.studio.index import RunIndex
from tests.studio.conftest import Client


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
