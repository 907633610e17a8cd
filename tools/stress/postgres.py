"""Runs a PostgreSQL cluster of its own in a temporary folder, and ends it."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

USER = "hidden"
DATABASE = "postgres"
PASSWORD = "p@ss/word?7#%"
"""It has characters that a URL must escape, and is searched for in what is written and printed."""

SECRETS = (PASSWORD, quote(PASSWORD, safe=""))
"""The password as it is, and as a URL has it."""

WAIT = 90.0
"""Seconds within which a server starts or ends."""


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the newest version; None without one."""
    found = shutil.which("initdb")
    real = Path(found).resolve() if found else None  # initdb may be a link, and the others not
    if real and real.with_name("postgres").exists():
        return real.parent
    places = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(places, key=lambda path: float(path.parent.name), default=None)


def why_not() -> str | None:
    """Return why no cluster can be started here; None if one can."""
    if programs() is None:
        return "requires PostgreSQL: initdb is neither in PATH nor in /usr/lib/postgresql"
    if os.geteuid() == 0 and (_account() is None or not shutil.which("setpriv")):
        return "PostgreSQL does not run as root: requires the account postgres and setpriv"
    return None


def _account() -> pwd.struct_passwd | None:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return None


class Cluster:
    """A server with one database, which it creates in a temporary folder.

    It writes without fsync: it survives being killed, and not a loss of power. `close` removes it.

    Parameters
    ----------
    host : str
        The address that it listens on.
    port : int, optional
        By default one that is free on `host` in this network namespace.
    before : sequence of str
        Words before each command: what runs it in another network namespace.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int | None = None, before: Sequence[str] = ()
    ) -> None:
        self.host, self.port, self.before = host, port or _free_port(host), tuple(before)
        bin_folder = programs()
        assert bin_folder is not None, why_not()
        self._programs = bin_folder
        # The folder is outside of that of a test, which only its own account enters.
        self.folder = Path(tempfile.mkdtemp(prefix="hiddenstate-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._create()
            self.start()
        except BaseException:
            self.close()
            raise

    def url(
        self, database: str = DATABASE, password: str | None = PASSWORD, port: int | None = None
    ) -> str:
        """Return the address of a database for `--storage`; None leaves the password out."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        return f"postgresql://{USER}{secret}@{self.host}:{port or self.port}/{database}"

    def create(self, database: str) -> str:
        """Create an empty database, in place of one of this name; return its address."""
        for sql in (f"DROP DATABASE IF EXISTS {database} (FORCE)", f"CREATE DATABASE {database}"):
            self.query(sql)
        return self.url(database)

    def _create(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        account = _account()
        if os.geteuid() == 0 and account:
            for path in (self.folder, secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        words = ("-U", USER, "-A", "scram-sha-256", f"--pwfile={secret}", "--no-sync")
        command = self._words("initdb", "-D", self._data, *words, "-E", "UTF8", "--locale=C")
        done = subprocess.run(command, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"initdb ended with {done.returncode}: {done.stderr}")
        with (self.folder / "data" / "pg_hba.conf").open("a") as access:
            access.write("host all all samenet scram-sha-256\n")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _words(self, program: str, *words: str) -> list[str]:
        """Return a command; as root, one that runs as the account that PostgreSQL has."""
        account = _account() if os.geteuid() == 0 else None
        other = (
            [
                shutil.which("setpriv") or "setpriv",
                f"--reuid={account.pw_uid}",
                f"--regid={account.pw_gid}",
                "--clear-groups",
            ]
            if account
            else []
        )
        return [*self.before, *other, str(self._programs / program), *words]

    def start(self) -> None:
        """Start the server, also after it was killed, and wait until it answers."""
        settings = {
            "listen_addresses": self.host,
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "60",
            # a session whose host is gone gives its locks back within seconds, and one that never
            # said who it is, the shared memory
            "authentication_timeout": "5s",
            "tcp_user_timeout": "20s",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        until = time.monotonic() + WAIT
        while True:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._words("postgres", "-D", self._data, *options),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                )
            while self._process.poll() is None and time.monotonic() < until:
                if self._answers():
                    return
                time.sleep(0.05)
            # After a kill, the processes of its sessions still leave the shared memory.
            if time.monotonic() > until:
                log_text = (self.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"PostgreSQL did not start: {log_text[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        words = ("-h", str(self.folder), "-p", str(self.port), "-q", "-t", "1")
        return subprocess.run(self._words("pg_isready", *words), cwd="/").returncode == 0

    def query(self, sql: str, database: str = DATABASE) -> list[list[str]]:
        """Run a statement over the local socket; return the rows as text."""
        words = ("-h", str(self.folder), "-p", str(self.port), "-U", USER, "-d", database)
        done = subprocess.run(
            self._words("psql", "-w", "-X", "-q", "-A", "-t", "-F", "\t", *words, "-c", sql),
            capture_output=True,
            text=True,
            env={**os.environ, "PGPASSWORD": PASSWORD},
            cwd="/",
        )
        if done.returncode:
            raise RuntimeError(f"psql ended with {done.returncode}: {done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def kill(self) -> None:
        """End the server as a crash does, with every process of its sessions."""
        if self._process is not None:
            for pid in (*_children(self._process.pid), self._process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End the server and remove its folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # ends the sessions too
            try:
                self._process.wait(WAIT)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _children(pid: int) -> list[int]:
    """Return the processes that a process started, where /proc lists them."""
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster on the loopback address for as long as the context lasts."""
    running = Cluster()
    try:
        yield running
    finally:
        running.close()
