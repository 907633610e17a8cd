"""What the studio notices of runs that change without leaving a trace."""

import asyncio
import shutil
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.studio import watch
from hiddenstate.studio.index import RunIndex
from hiddenstate.studio.watch import LOCK_SECONDS, Locks, Watcher, Watchers
from hiddenstate.system.lock import take_lock


def finished(told: Coroutine[Any, Any, None]) -> None:
    """Run in a thread of its own: the browser of other tests has a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, told).result()


def test_a_lock_that_becomes_free_is_noticed(tmp_path: Path) -> None:
    now = [0.0]
    locks = Locks(lambda: [tmp_path], lambda: now[0])
    lock = take_lock(tmp_path)
    assert locks.look() == (tmp_path,)
    lock.close()  # as the system does when a process is killed
    assert locks.look() == (tmp_path,)  # not looked at again yet
    now[0] = LOCK_SECONDS
    assert locks.look() == ()


@pytest.mark.parametrize("kind", ["run", "list"])
def test_pages_are_told_of_a_run_that_was_killed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCK_SECONDS", "POLL_SECONDS", "LIST_SECONDS"):
        monkeypatch.setattr(watch, name, 0.001)
    path = tmp_path / "runs" / "classify-1"
    path.mkdir(parents=True)

    async def told() -> None:
        lock = take_lock(path)
        watchers = Watchers(tmp_path / "runs", lambda: [path])
        watcher = watchers.of(path) if kind == "run" else watchers.list
        woken = asyncio.Event()
        with watcher.listen(woken):
            await watcher.ready()
            await asyncio.sleep(0)
            assert not woken.is_set()
            lock.close()
            await asyncio.wait_for(woken.wait(), 60)
            assert watcher.turn == 1

    finished(told())


def test_each_change_is_told_once_to_all(tmp_path: Path) -> None:
    stamp = [0]

    async def told() -> None:
        watcher = Watcher(lambda: stamp[0], 0.001)
        pages = [asyncio.Event(), asyncio.Event()]
        with watcher.listen(pages[0]), watcher.listen(pages[1]):
            await watcher.ready()
            stamp[0] = 1
            await asyncio.wait_for(asyncio.gather(*(page.wait() for page in pages)), 60)
            for page in pages:
                page.clear()
            await asyncio.sleep(0.02)
            assert watcher.turn == 1
            assert not any(page.is_set() for page in pages)

    finished(told())


def test_the_index_knows_which_runs_were_running(tmp_path: Path, trained) -> None:
    for name in ("classify-1", "classify-2"):
        shutil.copytree(trained("classify"), tmp_path / name)
    path = tmp_path / "classify-2"
    lines = (path / "history.jsonl").read_bytes().splitlines(keepends=True)
    (path / "history.jsonl").write_bytes(b"".join(lines[:-1]))
    index = RunIndex(tmp_path)
    lock = take_lock(path)
    assert {row.id: row.status for row in index.rows()[0]} == {
        "classify-1": "done",
        "classify-2": "running",
    }
    assert index.running() == [path]
    lock.close()
    rows, _ = index.rows()
    assert {row.status for row in rows} >= {"done"}
    assert index.running() == []
