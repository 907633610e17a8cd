"""The stream of events of a page: server-sent events with what is new in a run, and in the list.

A message of lines has the place in the history as its id, so a page that was cut off names the
last one it has (`Last-Event-ID`) and misses no line. Nothing waits in a queue: what a page reads
next is read from the files when it is ready for it. A page that takes nothing for `SLOW_SECONDS` is
dropped.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from hiddenstate.errors import HiddenstateError, printable
from hiddenstate.runs import Run
from hiddenstate.runs.events import Event
from hiddenstate.runs.requests import is_paused
from hiddenstate.runs.run import numbered
from hiddenstate.runs.status import status_of
from hiddenstate.studio.gate import Receive, Send
from hiddenstate.studio.index import RunIndex, UnknownRunError
from hiddenstate.studio.processes import Process, Processes
from hiddenstate.studio.watch import Watchers, writer_of
from hiddenstate.system.atomic_file import open_regular

SLOW_SECONDS = 10.0
"""After so many seconds in which a page takes nothing, its stream ends."""

BEAT_SECONDS = 15.0
"""Seconds between two comments, which show both sides that the other is there."""

PAUSE_SECONDS = 0.05
"""Shortest time between two messages to a page."""

MAX_STREAMS = 64
"""Pages that listen at once."""

PIECE = 1024 * 1024
"""Bytes of a history that are read at once."""

MANY = 4000
"""Logged lines after which only some are sent: half of them for each doubling."""

_CHECKED = re.compile(rb'"[0-9a-f]{8}"\}\n')
"""How a line ends that has a checksum."""

_PLACE = re.compile(r"(\d{1,15})-([0-9a-f]{1,8})-(\d{1,12})")


class Place:
    """How far a page has read a history.

    Parameters
    ----------
    text : str
        The id of the last message that it has: offset, checksum there, and logged lines so far.
    """

    def __init__(self, text: str = "") -> None:
        match = _PLACE.fullmatch(text)
        self.offset = int(match[1]) if match else 0
        self.check = int(match[2], 16) if match else 0
        self.logged = int(match[3]) if match else 0

    def __str__(self) -> str:
        return f"{self.offset}-{self.check:08x}-{self.logged}"

    def read(self, run: Run) -> list[Event]:
        """Return the next events of a run; of a long history not every logged line.

        Raises
        ------
        HiddenstateError
            If the history cannot be read.
        """
        events, self.offset, self.check = run.history_from(self.offset, self.check, PIECE)
        kept: list[Event] = []
        for event in events:
            if event["event"] != "log":
                kept.append(event)
                continue
            spacing = 1
            while self.logged >= MANY * spacing:
                spacing *= 2
            if self.logged % spacing == 0 or "test_accuracy" in event or "test_mse" in event:
                kept.append(event)
            self.logged += 1
        return kept


class RunNews:
    """What is new in a run since a page was told.

    Parameters
    ----------
    index : RunIndex
    run : str
        Number of the run.
    place : Place
        How far the page has read its history.
    """

    def __init__(self, index: RunIndex, run: str, place: Place) -> None:
        self._index, self._id, self._place = index, run, place
        self._told: dict[str, Any] = {}

    def messages(self) -> Iterator[bytes]:
        """Yield a message for each kind of news, as bytes of the stream."""
        try:
            run = self._index.run(self._id)
        except HiddenstateError as error:
            yield from self._changed("run", {"status": "gone", "problem": str(error)})
            return
        file = _file(run)
        if self._was_replaced(run):
            yield self._reset()
        while True:
            before = self._place.offset
            try:
                events = self._place.read(run)
            except HiddenstateError as error:
                yield from self._changed("problem", {"problem": str(error)})
                break
            if _file(run) != file:  # the run was resumed while it was read
                file = _file(run)
                yield self._reset()
                continue
            if self._place.offset == before:
                break
            yield message("lines", events, str(self._place))
        yield from self._changed("snapshots", snapshots(run.path))
        yield from self._changed("run", state(run))

    def _reset(self) -> bytes:
        self._place, self._told = Place(), {}
        return message("reset", {})

    def _was_replaced(self, run: Run) -> bool:
        """Whether the page has read another history: the run was resumed, or is another one."""
        offset = self._place.offset
        if not offset:
            return False
        end = f'"{self._place.check:08x}"}}\n'.encode()
        try:
            with open_regular(run.path / "history.jsonl") as stream:
                stream.seek(max(offset - len(end), 0))
                line = stream.read(min(len(end), offset))
        except (OSError, HiddenstateError):
            return True
        # A line of the formats 1 and 2 has no checksum, nor has one that is damaged.
        return not line.endswith(b"\n") or (_CHECKED.fullmatch(line) is not None and line != end)

    def _changed(self, kind: str, value: Mapping[str, Any]) -> Iterator[bytes]:
        if self._told.get(kind) != value:
            self._told[kind] = value
            yield message(kind, value)


def _file(run: Run) -> int:
    """Return the number of the file of a history; 0 without one."""
    try:
        return (run.path / "history.jsonl").lstat().st_ino
    except OSError:
        return 0


def snapshots(path: Path) -> dict[str, list[int]]:
    """Return the updates after which there are snapshots, and weights."""
    return {
        "snapshots": [int(each.stem) for each in numbered(path / "snapshots")],
        "weights": [int(each.stem) for each in numbered(path / "weights")],
    }


def state(run: Run) -> dict[str, Any]:
    """Return how a run stands."""
    journal = run.lines_from_end("journal.jsonl")
    entry = next((each for each in journal if each), {})
    lines = run.lines_from_end("history.jsonl")
    last = next(lines, {})
    starts = [each for each in run.journal() if each["event"] == "start"]
    # While a run waits nothing but requests are added.
    waiting = itertools.islice(itertools.chain([last], lines), MANY)
    requests = list(itertools.takewhile(lambda each: each.get("event") == "control", waiting))
    failed = entry.get("event") == "failed"
    return {
        "status": status_of(run.path, last, [entry]),
        "paused": is_paused(requests[::-1]),
        "total_steps": starts[-1].get("total_steps") if starts else None,
        "why": printable(entry.get("why", "unknown"), 400) if failed else None,
        "seconds": entry.get("seconds"),
        "has_model": (run.path / "model.safetensors").is_file(),
        "final": run.has_final_arrays,
    }


def message(kind: str, value: object, place: str | None = None) -> bytes:
    """Return an event of the stream."""
    head = f"id: {place}\n" if place else ""
    text = json.dumps(value, separators=(",", ":"))
    return f"{head}event: {kind}\ndata: {text}\n\n".encode()


class Stream:
    """An answer that goes on for as long as its page is open.

    Parameters
    ----------
    index : RunIndex
    watchers : Watchers
    processes : Processes
    run : str
        Number of the run that the page shows; empty if it shows none.
    place : str
        The id of the last message that the page has.
    """

    open = 0

    def __init__(
        self, index: RunIndex, watchers: Watchers, processes: Processes, run: str, place: str
    ) -> None:
        self._index, self._watchers, self._processes = index, watchers, processes
        self._run = run
        self._news = RunNews(index, run, Place(place)) if run else None
        self._listed: object = None
        self._told: object = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Send what is new until the page leaves."""
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        Stream.open += 1
        left = asyncio.get_running_loop().create_task(_until_left(receive))
        try:
            await self._go(send, left)
        except TimeoutError:  # a slow reader
            pass
        finally:
            Stream.open -= 1
            left.cancel()

    async def _go(self, send: Send, left: "asyncio.Task[None]") -> None:
        woken = asyncio.Event()
        run = self._watchers.of(self._index.path(self._run)) if self._run else self._watchers.list
        with (
            self._watchers.list.listen(woken),
            self._processes.signal.listen(woken),
            run.listen(woken),
        ):
            await _send(send, b"retry: 500\n\n")
            await self._watchers.list.ready()  # what changes from now on is noticed
            await run.ready()
            while not left.done():
                woken.clear()
                pieces = self._pieces()  # from a disk that may be slow: other pages go on
                while piece := await asyncio.to_thread(next, pieces, b""):
                    await _send(send, piece)
                    if left.done():
                        return
                waiting = asyncio.get_running_loop().create_task(woken.wait())
                done, _ = await asyncio.wait(
                    (waiting, left), timeout=BEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                if not done:
                    await _send(send, b": still here\n\n")
                await asyncio.sleep(PAUSE_SECONDS)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the messages that are due."""
        if self._news is not None:
            try:
                yield from self._news.messages()
            except (OSError, HiddenstateError) as error:  # moved between two looks
                yield message("problem", {"problem": str(error)})
        if self._watchers.list.turn != self._listed:
            self._listed = self._watchers.list.turn
            yield message("runs", {})
        told = [described(each, self._index) for each in self._processes.all()]
        if told != self._told:
            self._told = told
            yield message("processes", told)


def described(process: Process, index: RunIndex) -> dict[str, Any]:
    """Return what a page shows of a command that the studio started."""
    return {
        "id": process.id,
        "command": process.command,
        "words": process.words[0],
        "started": process.started,
        "code": process.code,
        "run": trained_by(process, index),
        "line": _last_words(process),
    }


def trained_by(process: Process, index: RunIndex) -> str | None:
    """Return the number of the run that a command trains or trained, once it is there."""
    if process.run is None and process.trains and not process.sought:
        ended = process.code is not None  # then this is the last look
        index.refresh()
        for run in index.ids()[:20]:
            try:
                if writer_of(index.path(run), process.started) == process.number:
                    process.run = run
                    break
            except UnknownRunError:
                continue
        process.sought = ended
    return process.run


def _last_words(process: Process) -> str:
    """Return the last line that a command printed to stderr, or its error."""
    lines = process.errors().strip().splitlines() if process.code else []
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or [""])[-1][:500]


async def _send(send: Send, data: bytes) -> None:
    sent = send({"type": "http.response.body", "body": data, "more_body": True})
    await asyncio.wait_for(sent, SLOW_SECONDS)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
