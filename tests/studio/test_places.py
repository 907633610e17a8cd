"""The folders and files that the studio shows."""

from pathlib import Path

import pytest

from hiddenstate.studio.places import MAX_ENTRIES, Places
from tests.studio.conftest import Client


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


def test_a_folder_of_many_files_is_listed_without_a_number_for_each(tmp_path: Path) -> None:
    for k in range(MAX_ENTRIES + 50):
        (tmp_path / f"{k:04d}.csv").touch()
    places = Places(tmp_path)
    assert len(places.listing(tmp_path)) == MAX_ENTRIES
    assert len(places._issued) == MAX_ENTRIES
