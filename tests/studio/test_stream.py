"""The stream of a run: its lines, also where a history was changed."""

from typing import Any

import pytest

from hiddenstate.runs import Run
from hiddenstate.runs.record import seed_of
from hiddenstate.studio.stream import Place, RunNews, state
from hiddenstate.system.checksums import lines_with_checksums
from tests.studio.conftest import Client


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


def test_a_lock_of_an_old_process_is_not_the_run_of_a_new_command(client: Client, run: Run) -> None:
    from hiddenstate.studio.stream import trained_by

    class Old:
        run, trains, code, number, sought, started = None, True, None, 4321, False, 2e9

    (run.path / "lock").write_text("process 4321, since 2020-01-01 00:00:00+00:00\n")
    old: Any = Old()
    assert trained_by(old, client.studio.index) is None
