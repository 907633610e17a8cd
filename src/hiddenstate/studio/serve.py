"""Listens on this machine, prints the address, and opens the browser."""

import asyncio
import ipaddress
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from hiddenstate.errors import MachineError, OptionError, printable
from hiddenstate.studio.app import Studio, make_app
from hiddenstate.studio.gate import App
from hiddenstate.studio.session import Session
from hiddenstate.system.sockets import Socket, listener

MAX_CONNECTIONS = 128
"""Connections at once; beyond them the one that has waited longest without a request is ended."""

HEAD_SECONDS = 10.0
"""Longest time from a connection to its first request."""

MAX_HEAD = 16 * 1024
"""Bytes of the head of a request."""


class Connection(H11Protocol):
    """A connection that must send a request soon, one of a limited number."""

    _waiting: "dict[Connection, None]" = {}  # noqa: RUF012  # of all connections, the oldest first
    _open = 0

    def connection_made(self, transport: Any) -> None:
        """Count the connection; end the one that has waited longest if there are too many."""
        super().connection_made(transport)
        Connection._open += 1
        Connection._waiting[self] = None
        if Connection._open > MAX_CONNECTIONS:
            oldest = next(iter(Connection._waiting))
            oldest._end()
        self._timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._end_waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        Connection._open -= 1
        Connection._waiting.pop(self, None)
        self._timer.cancel()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Read requests; the first one ends the wait."""
        super().handle_events()
        if getattr(self, "cycle", None) is not None:
            Connection._waiting.pop(self, None)

    def _end_waiting(self) -> None:
        if self in Connection._waiting:
            self._end()

    def _end(self) -> None:
        Connection._waiting.pop(self, None)
        self.transport.abort()


def listen(host: str, port: int) -> Socket:
    """Return a socket that listens at an address.

    Raises
    ------
    OptionError
        If the host is every address of the machine: a page must be able to name it.
    MachineError
        If another program listens there, or the address is not one of this machine.
    """
    try:
        if ipaddress.ip_address(host).is_unspecified:
            raise OptionError(
                f"--host: expected the one address that browsers will name, got {printable(host)}"
            )
    except ValueError as error:
        if isinstance(error, OptionError):
            raise
    try:
        return listener(host, port)
    except OSError as error:
        raise MachineError(
            f"{printable(host)}:{port}: cannot listen there: {error.strerror or error}; use "
            "another --port, or --port 0 for any that is free"
        ) from None


def server_of(app: App) -> uvicorn.Server:
    """Return a server that answers with `app`, limited as this module says."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=MAX_HEAD,
        )
    )


def serve(
    runs_dir: Path,
    start: Mapping[str, str],
    run: Path | None,
    roots: tuple[Path, ...],
    host: str,
    port: int,
    browse: bool,
    tell: Callable[[str], None],
    waiting: str | None = None,
) -> list[str]:
    """Serve the studio until Ctrl-C.

    Parameters
    ----------
    runs_dir : Path
        The folder of runs.
    start : dict
        What the page opens: `{"data": path}`, `{"run": number}` or nothing.
    run : Path or None
        The folder of a run that lies elsewhere.
    roots : sequence of Path
        Folders whose files may be named.
    host : str
    port : int
        0 for any that is free.
    browse : bool
        Whether to open the browser.
    tell : callable
        Prints a line.
    waiting : str, optional
        The module that waits for a command, so that it starts at once.

    Returns
    -------
    list of str
        The commands that still run.

    Raises
    ------
    OptionError, MachineError
        As :func:`listen`.
    """
    sock = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    session = Session(shown, sock.getsockname()[1])

    def on_old_token() -> None:
        session.renew()
        tell(f"the address was used before; a new one, for one browser: {session.address}")

    studio = Studio(session, runs_dir, start, run, roots, waiting)
    server = server_of(make_app(studio, on_old_token))
    tell(f"studio: {session.address}")
    tell("press Ctrl-C to end it; runs go on")
    if browse:
        webbrowser.open(session.opening())
    try:
        server.run(sockets=[sock])
    except KeyboardInterrupt:
        pass
    finally:
        sock.close()
        studio.processes.dismiss()
    return [process.command for process in studio.processes.running()]
