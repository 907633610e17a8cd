"""Kills the studio while it is watched, floods it, and lets it run for long."""

import http.client
import random
import socket
import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hiddenstate.runs import Run
from tools.stress.processes import Outcome
from tools.stress.visitor import Served, Visitor

OPTIONS = {"hidden_size": 8, "n_evaluated": 0, "threads": 1, "log_every": 5}

REFUSED_MS = 5.0
"""A refusal should take no longer, in the median."""


@contextmanager
def studio(folder: Path) -> Iterator[Visitor]:
    """Serve a studio, and visit it."""
    folder.mkdir(parents=True, exist_ok=True)
    served = Served(folder)
    try:
        yield Visitor(served)
    finally:
        served.close()


def kills(folder: Path, n: int, seed: int) -> Outcome:
    """Kill the studio `n` times while it watches runs that it started.

    Each run ends as one that nobody watched, and a page that connects again to the next studio from
    its place has missed no line.
    """
    outcome, drawn = Outcome(), random.Random(seed)
    options = {**OPTIONS, "max_steps": 3000}
    alone = _train(folder / "alone", options)
    place = folder / "watched"
    killed = 0
    while killed < n:
        with studio(place) as visitor:
            name = _started(visitor, options)
        lines: list[Any] = []
        last = ""
        while killed < n:
            with studio(place) as visitor:
                until = time.monotonic() + drawn.uniform(0.02, 0.4)
                for kind, value, number in visitor.events(f"run={name}", last):
                    outcome.expect(kind != "reset", f"{name}: the stream began anew")
                    if kind == "lines":
                        lines, last = lines + value, number
                    if time.monotonic() > until or (lines and lines[-1]["event"] == "end"):
                        break
                visitor.served.kill()
                killed += 1
            if lines and lines[-1]["event"] == "end":
                break
        run = Run(place / "runs" / name)
        while run.status() == "running":
            time.sleep(0.1)
        if lines and lines[-1]["event"] == "end":
            outcome.expect(lines == run.history(), f"{name}: a page missed lines")
        for file in ("model.safetensors", "history.jsonl"):
            same = (run.path / file).read_bytes() == (alone / file).read_bytes()
            outcome.expect(same, f"{name}: {file} is not as of a run that nobody watched")
        outcome.counts["runs"] += 1
    outcome.done = killed
    return outcome


def _train(folder: Path, options: dict[str, Any]) -> Path:
    with studio(folder) as visitor:
        name = _started(visitor, options)
    run = Run(folder / "runs" / name)
    while run.status() == "running":
        time.sleep(0.1)
    return run.path


def _started(visitor: Visitor, options: dict[str, Any]) -> str:
    """Train; return the name of the run."""
    process = visitor.post("/api/train", {"job": "classify", "options": options})
    for kind, value, _ in visitor.events():
        if kind == "processes":
            own = next(each for each in value if each["id"] == process["id"])
            if own["run"]:
                return str(own["run"])
    raise AssertionError("the stream ended")


def rude(folder: Path, n: int) -> Outcome:
    """Flood a studio: silent connections, slow heads and bodies, huge bodies, and refusals.

    It answers a page all the while.
    """
    outcome = Outcome()
    with studio(folder) as visitor:
        port = visitor.served.port

        def answers(what: str) -> None:
            begun = time.monotonic()
            try:
                visitor.get("/api/studio")
            except OSError as error:
                outcome.expect(False, f"{what}: {error}")
            outcome.expect(time.monotonic() - begun < 5, f"{what}: a page waited for 5 s")
            outcome.done += 1

        silent = [_connection(port) for _ in range(n)]
        answers(f"{n} silent connections")
        for each in silent:
            each.close()
        slow = [_connection(port) for _ in range(100)]
        for letter in b"GET /api/studio HTTP/1.1":
            for each in slow:
                _sent(each, bytes([letter]))
        answers("100 slow heads")
        for each in slow:
            each.close()
        head = (
            f"POST /api/inspect HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {visitor.cookie}\r\n"
            f"X-Hiddenstate: {visitor.secret}\r\nContent-Type: application/json\r\n"
        )
        bodies = [_connection(port) for _ in range(50)]
        for each in bodies:
            _sent(each, f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        answers("50 slow bodies")
        for each in bodies:
            each.close()
        huge = _connection(port)
        _sent(huge, f"{head}Content-Length: 1000000000\r\n\r\n".encode() + bytes(10**6))
        answers("a huge body")
        huge.close()
        for junk in (b"\x00" * 10**5, b"GET / HTTP/9\r\n\r\n", b"A" * 10**6, b"\r\n" * 10**4):
            odd = _connection(port)
            _sent(odd, junk)
            odd.close()
            answers("bytes that are no request")
        took = sorted(_refusal(port) for _ in range(200))
        outcome.counts["refusal, us"] = round(1e6 * took[100])
        outcome.expect(1000 * took[100] <= REFUSED_MS, f"a refusal took {1000 * took[100]:.1f} ms")
        readers = [threading.Thread(target=_stuck, args=(visitor,)) for _ in range(20)]
        for reader in readers:
            reader.start()
        answers("20 readers of the stream that take nothing")
        for reader in readers:
            reader.join()
        answers("after them")
    return outcome


def _connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def _sent(connection: socket.socket, data: bytes) -> None:
    """Send what the other side still takes."""
    try:
        connection.sendall(data)
    except OSError:  # it was cut off, as it should be
        return


def _refusal(port: int) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    begun = time.perf_counter()
    connection.request("GET", "/api/runs")
    refused = connection.getresponse().status == 401
    took = time.perf_counter() - begun
    connection.close()
    return took if refused else float("inf")


def _stuck(visitor: Visitor) -> None:
    with _connection(visitor.served.port) as reader:
        head = (
            f"GET /api/stream HTTP/1.1\r\nHost: {visitor.host}\r\nCookie: {visitor.cookie}\r\n\r\n"
        )
        _sent(reader, head.encode())
        time.sleep(2)


def soak(folder: Path, n: int) -> Outcome:
    """Open and leave pages of a run for `n` minutes; memory and open files stay as they are."""
    outcome = Outcome()
    with studio(folder) as visitor:
        name = _started(visitor, {**OPTIONS, "epochs": 100_000})
        served, before = visitor.served, (0, 0)
        until = time.monotonic() + 60 * n
        while time.monotonic() < until:
            for kind, _, _ in visitor.events(f"run={name}"):
                if kind == "run":
                    break
            try:
                run = visitor.get(f"/api/runs/{name}")
                for which in ("static", *run["snapshots"][-2:]):
                    visitor.get(f"/api/runs/{name}/arrays/{which}", raw=True)
                for step in run["weights"][-1:]:
                    visitor.get(f"/api/runs/{name}/program/{step}", raw=True)
            except urllib.error.HTTPError as error:
                outcome.expect(False, f"{error.url}: {error.code}")
            outcome.done += 1
            if outcome.done == 30:  # what is loaded when first used is there by now
                before = served.memory(), served.descriptors()
            time.sleep(0.5)
        after = served.memory(), served.descriptors()
        visitor.post(f"/api/runs/{name}/request", {"do": "stop"})
        outcome.counts["MiB"] = after[0] // 1024
        if before[0]:
            outcome.expect(after[0] < 1.05 * before[0] + 4096, f"{before[0]} to {after[0]} KiB")
            outcome.expect(after[1] <= before[1] + 3, f"{before[1]} to {after[1]} open files")
    return outcome
