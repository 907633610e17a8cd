"""A studio that runs as a process, and a visitor who has its cookie and its second secret."""

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tools.stress.processes import COMMAND, ENVIRONMENT


class Served:
    """A studio that runs as a process of its own.

    Parameters
    ----------
    folder : Path
        Where it is started.
    *words : str
        Further words of the command.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [*COMMAND, "studio", "--no-browser", *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self.process.stdout.read()
        self.address = found[0]

    @property
    def origin(self) -> str:
        """The address without the token."""
        return self.address.split("/?")[0]

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.origin.rpartition(":")[2])

    def memory(self) -> int:
        """Return the KiB of memory in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def descriptors(self) -> int:
        """Return how many files and connections are open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it as Ctrl-C does, and wait for it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()


class Visitor:
    """A browser without a screen.

    Parameters
    ----------
    served : Served or Session
        The studio, which may be in this process.
    """

    def __init__(self, served: Any) -> None:
        self.served = served
        with urllib.request.urlopen(served.address, timeout=60) as answer:
            self.cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
        self.host = served.origin.removeprefix("http://")
        page = self.get("/", raw=True).decode()
        self.secret = page.partition('name="hiddenstate" content="')[2].partition('"')[0]

    def get(self, path: str, raw: bool = False) -> Any:
        """Return what a path answers: bytes, or what its JSON holds."""
        request = urllib.request.Request(self.served.origin + path, headers={"Cookie": self.cookie})
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        return body if raw else json.loads(body)

    def post(self, path: str, value: object) -> Any:
        """Act, and return the answer."""
        headers = {
            "Cookie": self.cookie,
            "X-Hiddenstate": self.secret,
            "Content-Type": "application/json",
        }
        data = json.dumps(value).encode()
        request = urllib.request.Request(self.served.origin + path, data, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def events(self, query: str = "", place: str = "") -> Iterator[tuple[str, Any, str]]:
        """Yield what the stream says: kind, value, and place."""
        connection = HTTPConnection(self.host, timeout=60)
        headers = {"Cookie": self.cookie, **({"Last-Event-ID": place} if place else {})}
        connection.request("GET", f"/api/stream?{query}", headers=headers)
        answer = connection.getresponse()
        try:
            kind = data = number = ""
            while line := answer.fp.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data = value
                elif name == "id":
                    number = value
                elif not line.strip() and kind:
                    yield kind, json.loads(data), number
                    kind = data = number = ""
        finally:
            connection.close()
