"""What no page sends, what strangers leave in folders, and files that change while a page looks."""

from typing import Any

import pytest

from hiddenstate.runs import Run
from hiddenstate.studio.gate import BURST, Gate
from hiddenstate.studio.stream import state
from tests.studio.conftest import Client


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
