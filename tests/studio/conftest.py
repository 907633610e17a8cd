"""The studio in one process, as a server of its own, and in a browser."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tools.stress.visitor import Served

from hiddenstate.runs import Run
from hiddenstate.studio.app import Studio, make_app
from hiddenstate.studio.processes import Processes, _Child
from hiddenstate.studio.serve import listen, server_of
from hiddenstate.studio.session import Session
from hiddenstate.system.interpreter import python_command, python_environment
from tests import warm


@dataclass
class Reply:
    """What the studio answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Fork(warm.Program):
    """A command of the studio, as a fork of a process that has imported what it needs."""

    def __init__(self, studio: Processes, words: list[str], files: list[Any]) -> None:
        at = [Path(f"/proc/{os.getpid()}/fd/{file.fileno()}") for file in files]
        variables = python_environment({"NO_COLOR": "1", "COLUMNS": "100"})
        super().__init__(words, studio._folder, at[0], variables, at[1], Path(os.devnull))

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def forked(studio: Processes, module: str, *words: str, waits: bool = False) -> Any:
    """Start a command of the studio, in place of `Processes._spawned`."""
    if waits:
        return SPAWNED(studio, module, *words, waits=waits)
    files: list[Any] = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    return _Child(Fork(studio, python_command("-m", module, *words)[1:], files), *files)  # type: ignore[arg-type]


SPAWNED = Processes._spawned

pytest.MonkeyPatch().setattr(Processes, "_spawned", forked)


def end_commands(studio: Studio) -> None:
    """End what a studio in this process started, and close what it has open."""
    studio.processes.dismiss()
    for process in studio.processes.all():
        process._child.process.kill()
        process._child.process.wait()
        process.close()


@dataclass
class Client:
    """Sends requests to a studio in this process, as bytes of which any can be wrong."""

    studio: Studio
    loop: asyncio.AbstractEventLoop
    renewed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        session = self.studio.session
        self.app = make_app(self.studio, lambda: self.renewed.append("new"))
        self.good: dict[str, str] = {
            "host": session.authority,
            "cookie": f"{session.cookie_name}={session.cookie}",
        }
        self.acting = {
            **self.good,
            "origin": session.origin,
            "x-hiddenstate": session.secret,
            "content-type": "application/json",
        }

    def send(
        self,
        method: str,
        path: bytes | str,
        headers: Any = None,
        body: bytes = b"",
        query: bytes = b"",
        kind: str = "http",
    ) -> Reply:
        """Send one request; `headers` is a mapping, or pairs."""
        pairs = self.good if headers is None else headers
        pairs = list(pairs.items()) if isinstance(pairs, dict) else list(pairs)
        raw = path if isinstance(path, bytes) else path.encode()
        scope = {
            "type": kind,
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw.decode("utf-8", "replace"),
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": [(n.lower().encode("latin-1"), v.encode("latin-1")) for n, v in pairs],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", self.studio.session.port),
        }
        return asyncio.run_coroutine_threadsafe(self._answer(scope, body), self.loop).result(60)

    async def _answer(self, scope: dict[str, Any], body: bytes) -> Reply:
        sent: list[Any] = []
        left = asyncio.Event()
        asked = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if asked:
                return asked.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and message.get("more_body"):
                left.set()  # of a stream the first message is enough

        await self.app(scope, receive, send)
        if sent and sent[0]["type"] != "http.response.start":
            return Reply(0, {}, b"")
        pairs = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in sent[0]["headers"]
        ]
        return Reply(sent[0]["status"], dict(pairs), b"".join(m.get("body", b"") for m in sent[1:]))

    def get(self, path: str, query: str = "") -> Reply:
        """Ask as a page does."""
        return self.send("GET", path, query=query.encode())

    def post(self, path: str, value: object = None, **changes: str) -> Reply:
        """Act as a page does, with some headers changed."""
        body = json.dumps({} if value is None else value).encode()
        headers = {**self.acting, "content-length": str(len(body)), **changes}
        return self.send("POST", path, headers, body)


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop in a thread of its own: the browser has one in this thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def client(
    tmp_path: Path,
    trained: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    loop: asyncio.AbstractEventLoop,
) -> Iterator[Client]:
    """A studio in this process, in a folder with one run."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained("classify"), tmp_path / "runs" / "classify-1")
    (tmp_path / "rows.csv").write_text("a,b,label\n1,2,x\n3,4,y\n" * 20)
    client = Client(Studio(Session("127.0.0.1", 8765), Path("runs")), loop)
    yield client
    end_commands(client.studio)


@pytest.fixture
def run(client: Client) -> Run:
    """The run of that studio."""
    return client.studio.index.run("classify-1")


Serve = Callable[..., Served]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts studios; each ends with the test."""
    served: list[Served] = []

    def start(*words: str, folder: Path = tmp_path) -> Served:
        served.append(Served(folder, *words))
        return served[-1]

    yield start
    for each in served:
        each.close()


class Stage:
    """An address at which one studio after the other stands, in a thread of this process.

    Pages of one address share the process that draws them, and what it has compiled.
    """

    BLANK = "/blank"
    """A page of this address that asks for nothing."""

    def __init__(self) -> None:
        self.studio: Studio | None = None
        self._app: Any = None
        self._socket = listen("127.0.0.1", 0)
        self.port = self._socket.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self._server = server_of(self)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the studio that stands here, or with nothing."""
        if self._app is not None and scope["path"] != self.BLANK:
            await self._app(scope, receive, send)
            return
        kind = [(b"content-type", b"text/html"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 200, "headers": kind})
        await send({"type": "http.response.body", "body": b"<link rel=icon href='data:,'>"})

    def open(self, waiting: str | None = None) -> Session:
        """Let a new studio stand here, over `runs` of the current folder; return its session."""
        session = Session("127.0.0.1", self.port)
        self.studio = Studio(session, Path("runs"), waiting=waiting)
        self._app = make_app(self.studio, session.renew)
        return session

    def clear(self) -> None:
        """End what the studio started; nothing stands here."""
        studio, self.studio, self._app = self.studio, None, None
        if studio is not None:
            end_commands(studio)

    def close(self) -> None:
        """End the server, though a page of a browser that is still open may read from it."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """An address for one studio after the other."""
    stage = Stage()
    yield stage
    stage.close()


DRAWN = """() => new Promise((drawn) => {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn)));
})"""
"""Waits until what is to be drawn is drawn."""


class Browser:
    """A page of the browser; what its console says, and whom it asks, is kept."""

    SIZE = {"width": 1280, "height": 900}  # noqa: RUF012

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(viewport=self.SIZE, reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.asked: list[str] = []
        self._open: set[Any] = set()
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("response", self._answered)
        self.page.on("request", self._sent)
        for end in ("requestfinished", "requestfailed"):
            self.page.on(end, lambda request: self._open.discard(request))

    def _sent(self, request: Any) -> None:
        self.asked.append(request.url)
        if "/api/stream" not in request.url:  # it ends with the page
            self._open.add(request)

    def _answered(self, answer: Any) -> None:
        if answer.status >= 400:
            self.problems.append(f"{answer.status} {answer.url}")

    def settle(self) -> None:
        """Wait until all that was asked for is answered, and what it leads to, and drawn."""
        n = -1
        while self._open or n < len(self.asked):
            n = len(self.asked)
            self.page.evaluate(DRAWN)

    def clear(self, blank: str) -> None:
        """Forget everything, on a page that asks for nothing."""
        self.page.goto(blank)
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.context.clear_cookies()


@pytest.fixture(scope="session")
def browsers(chromium: Any) -> Callable[..., Browser]:
    """Gives the page with some options of playwright, such as `locale="en"`; each is made once."""

    @cache
    def browser(**options: Any) -> Browser:
        return Browser(chromium, **options)

    return browser


@pytest.fixture
def open_page(
    browsers: Callable[..., Browser], stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Browser]]:
    """Opens a studio in the browser, once in a test: `open_page("#/runs", locale="zh")`."""
    opened: list[Browser] = []

    def start(route: str = "#/", **options: Any) -> Browser:
        monkeypatch.chdir(tmp_path)
        for other in opened:  # its studio ends: a page of it that asks again would be refused
            other.page.goto(stage.origin + stage.BLANK)
        browser = browsers(**options)
        opened.append(browser)
        browser.problems.clear()
        browser.asked.clear()
        session = stage.open()
        if route == "#/":
            browser.page.goto(session.address)
        else:  # without the first page before it
            cookie = {"name": session.cookie_name, "value": session.cookie, "url": session.origin}
            browser.context.add_cookies([cookie])
            browser.page.goto(f"{session.origin}/{route}")
        browser.page.wait_for_selector("main")
        return browser

    yield start
    problems = [problem for browser in opened for problem in browser.problems]
    for browser in opened:
        browser.clear(stage.origin + stage.BLANK)
    stage.clear()
    assert not problems
