"""An MLflow server for the tests of all processes, and an address of it that can be shut."""

import contextlib
import fcntl
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

START_SECONDS = 240


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


class Server:
    """An MLflow server on this machine, with a database and a folder of artifacts."""

    def __init__(self, port, group):
        self.port, self._group = port, group
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def started(cls, folder):
        """Start one, and wait until it answers."""
        port, store = free_port(), f"sqlite:///{folder}/runs.sqlite?timeout=120"
        # What `mlflow server` starts, and how it hands over its options.
        words = ["--host", "127.0.0.1", "--port", str(port), "mlflow.server.fastapi_app:app"]
        options = {
            "_MLFLOW_SERVER_FILE_STORE": store,
            "_MLFLOW_SERVER_REGISTRY_STORE": store,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", *words],
                cwd=folder,
                env=os.environ | options,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        server, end = cls(port, process.pid), time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/health"):
                return server
            if process.poll() is not None:
                break
            time.sleep(0.1)
        server.end()
        pytest.fail(f"the MLflow server did not start: {(folder / 'log').read_text()[-2000:]}")

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._group, signal.SIGKILL)


@contextlib.contextmanager
def shared(folder):
    """The server of all processes that share a folder: the first starts it, the last ends it."""
    folder.mkdir(exist_ok=True)
    place = folder / "address"
    with (folder / "users").open("ab") as users, (folder / "turn").open("ab") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not place.exists():
            started = Server.started(folder)
            place.write_text(f"{started.port} {started._group}")
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        server = Server(*map(int, place.read_text().split()))
        try:
            yield server
        finally:
            fcntl.flock(turn, fcntl.LOCK_EX)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                place.unlink()
                server.end()


class Gate:
    """An address that leads to a server while it is open; nobody listens there while it is shut."""

    def __init__(self, port):
        self._target, self.port = port, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._listening, self._sockets = None, []

    @property
    def is_open(self):
        return self._listening is not None

    def open(self):
        gate = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with socket.create_connection(("127.0.0.1", gate._target)) as there:
                    gate._sockets += [self.request, there]
                    back = threading.Thread(target=pass_on, args=(there, self.request), daemon=True)
                    back.start()
                    pass_on(self.request, there)
                    back.join()

        class Listening(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

        self._listening = Listening(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True).start()

    def shut(self):
        self._listening.shutdown()
        self._listening.socket.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening, self._sockets = None, []


def pass_on(source, target):
    """Copy what arrives at one connection to another, until either ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
