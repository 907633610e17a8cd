"""A studio that runs as a process of its own, for `studio.py`."""

import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from hiddenstate.system.interpreter import python_command

COMMAND = python_command("-m", "hiddenstate")


class Studio:
    """A studio that runs as a process, and a visitor who has its cookie."""

    def __init__(self, folder: Path) -> None:
        begun = time.perf_counter()
        words = [*COMMAND, "studio", "--no-browser"]
        self.process = subprocess.Popen(
            words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found
        self.address = found[0]
        self.origin = self.address.partition("/?")[0]
        port = int(self.origin.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
        self.seconds = time.perf_counter() - begun

    @cached_property
    def cookie(self) -> str:
        """The cookie, for which the token is exchanged once."""
        with urllib.request.urlopen(self.address, timeout=60) as answer:
            return str(answer.headers["Set-Cookie"]).partition(";")[0]

    def get(self, path: str, **headers: str) -> bytes:
        """Ask as a page does."""
        request = urllib.request.Request(
            self.origin + path, headers={"Cookie": self.cookie, **headers}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body: bytes = answer.read()
        return body

    def memory(self) -> float:
        """MiB of memory in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def close(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@contextmanager
def studio(folder: Path) -> Iterator[Studio]:
    """Run a studio in a folder, or take the one that runs there."""
    if folder in RUNNING:
        yield RUNNING[folder]
        return
    served = RUNNING[folder] = Studio(folder)
    try:
        yield served
    finally:
        del RUNNING[folder]
        served.close()


RUNNING: dict[Path, Studio] = {}
"""The studio of each folder that has one."""
