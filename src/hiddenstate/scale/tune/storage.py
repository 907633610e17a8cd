"""Where a study lives: the address of its database, a connection that waits out failures."""

import os
import random
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hiddenstate.errors import MachineError, OptionError, did_you_mean, printable
from hiddenstate.scale.tune.database_errors import (
    cause_of,
    failures,
    hint_for,
    is_gone,
    is_other_file,
    may_pass,
)
from hiddenstate.system.extras import require

T = TypeVar("T")

DATABASE = "study.sqlite3"
"""File of the database in the folder of a study that names no other."""

PATIENCE = 600.0
"""Seconds that a worker tries to reach a database again before it gives up."""

START_PATIENCE = 60.0
"""Seconds that a worker that starts waits for a database, which may be starting too."""

CONNECT_SECONDS = 10
"""Seconds after which a connection that does not come about, or is silent, counts as failed."""

FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0
"""Seconds before the second attempt, and between later ones."""

RACES = 3
"""How often another worker may make the tables first."""

SCHEMES = ("sqlite", "postgresql")


class StudyGoneError(MachineError):
    """A database that no longer holds the study."""


@dataclass(frozen=True)
class Address:
    """Where a study lives.

    Parameters
    ----------
    url : str
        For SQLAlchemy, with the password if it has one; never written or printed.
    shown : str
        The same without a password.
    path : Path, optional
        The file of an SQLite database.
    """

    url: str
    shown: str
    path: Path | None = None

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse_address(text: str | None, folder: Path) -> Address:
    """Return the address of `--storage`; without it, a file in the folder of the study.

    Raises
    ------
    OptionError
        If it is no URL of a supported database. No part of a password is in the message.
    MissingExtraError
        If the driver is not installed.
    """
    require("optuna", "hiddenstate tune")
    if text is None:
        return _sqlite(folder / DATABASE)
    scheme, colon, rest = text.partition("://")
    expected = "expected postgresql://USER@HOST/DATABASE or sqlite:///FILE"
    if not colon:
        raise OptionError(f"--storage: no URL; {expected}")
    scheme = {"postgres": "postgresql", "postgresql+psycopg": "postgresql"}.get(scheme, scheme)
    if scheme not in SCHEMES:
        nearest = did_you_mean(scheme, SCHEMES)
        raise OptionError(
            f"--storage: {printable(scheme, 30)}: unsupported database{nearest or f'; {expected}'}"
        )
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2:
            raise OptionError("--storage: expected sqlite:///FILE, with three slashes")
        return _sqlite(Path(os.path.abspath(os.path.expanduser(rest[1:]))))
    return _postgresql(rest, expected)


def _sqlite(path: Path) -> Address:
    path = path.absolute()
    if path.is_dir():
        raise OptionError(f"--storage: {printable(path)}: is a folder; name a file")
    if "?" in str(path):  # SQLAlchemy takes what follows for options, and would use another file
        raise OptionError(
            f"--storage: {printable(path)}: a path with ? cannot be in the URL of a database; use "
            "--storage sqlite:///FILE with a path without it"
        )
    return Address(f"sqlite:///{path}", f"sqlite:///{path}", path)


def _postgresql(rest: str, expected: str) -> Address:
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        raise OptionError(f"--storage: cannot be read; {expected}") from None
    if rest.count("@") > 1 or "@" in (url.host or ""):
        raise OptionError("--storage: has two @; write one in a password as %40")
    if not url.database:
        raise OptionError(f"--storage: names no database; {expected}")
    require("psycopg", "a study in PostgreSQL")
    open_ones = _connection_options()
    unknown = [name for name in url.query if name not in open_ones]
    if unknown:
        nearest = did_you_mean(unknown[0], open_ones)
        raise OptionError(
            f"--storage: {printable(unknown[0], 40)}: PostgreSQL has no such connection "
            f"option{nearest}"
        )
    query = {name: value for name, value in url.query.items() if open_ones[name]}
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    shown = bare.render_as_string()
    return Address(url.render_as_string(hide_password=False), printable(shown, 2000))


def _connection_options() -> dict[str, bool]:
    """Return the options of a PostgreSQL connection, and whether each may be shown."""
    from psycopg import pq

    defaults = pq.Conninfo.get_defaults()
    return {each.keyword.decode(): not each.dispchar for each in defaults}


def connect(
    address: Address,
    heartbeat: int,
    grace: int,
    tell: Callable[[str], None] = lambda line: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Any:
    """Return the Optuna storage at an address, with its tables made.

    A server that does not answer is waited for, `START_PATIENCE` seconds long.

    Parameters
    ----------
    address : Address
    heartbeat, grace : int
        Seconds between two signs of life of a trial, and without one until it counts as dead.
    tell : callable
        Called with a line when a server does not answer, and when it does.
    interrupted : callable
        Returns True once the process is asked to stop.

    Raises
    ------
    MachineError
        If it cannot be reached, or holds something else.
    """
    optuna = require("optuna", "hiddenstate tune")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    outage, races = _Outage(address, tell, interrupted), 0
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the heartbeat is experimental
                storage = optuna.storages.RDBStorage(
                    # Optuna formats the URL.
                    address.url.replace("{", "{{").replace("}", "}}"),
                    engine_kwargs=_engine_options(address),
                    heartbeat_interval=heartbeat,
                    grace_period=grace,
                )
            break
        except failures() as error:
            # Of two workers that make the tables at the same time, one fails.
            if (
                re.search("already exists|locked|unique", str(cause_of(error)).lower())
                and races < RACES
            ):
                races += 1
            elif (
                address.path is not None
                or not may_pass(error)
                or outage.seconds > START_PATIENCE
                or interrupted()
            ):
                raise MachineError(_unreachable(address, error)) from None
            outage.wait(_reason(error, address))
        except (RuntimeError, UnicodeError) as error:  # tables of another version, or no host name
            raise MachineError(f"{address.shown}: {printable(error, 300)}") from None
    outage.end()
    if address.path is not None:
        _serialize(storage.engine)
    return storage


def _engine_options(address: Address) -> dict[str, Any]:
    if address.path is not None:
        return {"connect_args": {"timeout": 60}}
    return {
        "pool_size": 2,
        "max_overflow": 2,
        "pool_pre_ping": True,
        "pool_timeout": CONNECT_SECONDS,
        "connect_args": {
            "connect_timeout": CONNECT_SECONDS,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": CONNECT_SECONDS * 1000,
            "application_name": "hiddenstate tune",
        },
    }


def _serialize(engine: Any) -> None:
    """Let each transaction of SQLite lock the database first.

    Python's driver begins a transaction only before a write, so that two workers could both read
    that a trial is free.
    """
    from sqlalchemy import event

    def opened(connection: Any, record: Any) -> None:
        connection.isolation_level = None

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()
    event.listen(engine, "connect", opened)
    event.listen(engine, "begin", begun)


def _unreachable(address: Address, error: BaseException) -> str:
    """Say why a database cannot be used, in one line without a password."""
    reason = _reason(error, address)
    hint = "is it running, and may this machine and user connect?"
    if "password" in reason:
        hint = "set PGPASSWORD, or use a ~/.pgpass file"
    elif address.path is not None:
        hint = hint_for(error, address.path)
        if not hint or (is_other_file(error) and address.path.name != DATABASE):
            hint = "name another file with --storage sqlite:///FILE"
    else:
        hint = hint_for(error, None) or hint
    return f"--storage {address.shown}: {reason}; {hint}"


def _reason(error: BaseException, address: Address) -> str:
    """Return the driver's own words, in one line."""
    text = " ".join(str(cause_of(error)).split())
    for advice in (" Multiple connection attempts", " Is the server running"):
        text = text.partition(advice)[0]
    from sqlalchemy.engine import make_url

    password = make_url(address.url).password
    return printable(text.replace(str(password), "***") if password else text, 250)


class _Outage:
    """The time since a database was called, and what is said of it if that is long.

    Parameters
    ----------
    address : Address
    tell, interrupted : callable
        As for :class:`Patience`.
    """

    def __init__(
        self, address: Address, tell: Callable[[str], None], interrupted: Callable[[], bool]
    ) -> None:
        self._address, self._tell, self._interrupted = address, tell, interrupted
        self._began, self._wait, self._is_lost = time.monotonic(), FIRST_WAIT, False

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began

    def wait(self, reason: str) -> None:
        """Wait before the next attempt, longer each time."""
        if not self._is_lost and self.seconds > 1:
            self._tell(f"{self._address.shown}: no answer; trying again ({reason})")
            self._is_lost = True
        until = time.monotonic() + self._wait * random.uniform(0.75, 1.25)
        self._wait = min(2 * self._wait, LONGEST_WAIT)
        while time.monotonic() < until and not self._interrupted():
            time.sleep(0.05)

    def end(self) -> None:
        """Say that it answers again, if it was said to be lost."""
        if self._is_lost:
            self._tell(f"{self._address.shown}: answers again, after {self.seconds:.0f} s")


class Patience:
    """Calls a database again until it answers.

    Parameters
    ----------
    address : Address
    tell : callable
        Called with a line when the database is lost, and when it is back.
    interrupted : callable
        Returns True once the process is asked to stop.
    seconds : float
        Longest time without an answer.
    """

    def __init__(
        self,
        address: Address,
        tell: Callable[[str], None],
        interrupted: Callable[[], bool] = lambda: False,
        seconds: float = PATIENCE,
    ) -> None:
        self.address, self.interrupted = address, interrupted
        self._tell, self._seconds = tell, seconds

    def __call__(self, call: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Return what `call` returns, once the database answers.

        Raises
        ------
        StudyGoneError
            If the study, or its database, was deleted.
        MachineError
            If the database does not answer for too long, or with an error that does not pass, or
            the process is asked to stop.
        """
        outage = _Outage(self.address, self._tell, self.interrupted)
        while True:
            try:
                result = call(*arguments, **options)
            except failures() as error:
                self._check(error, outage.seconds)
                outage.wait(_reason(error, self.address))
            except KeyError:
                raise StudyGoneError(_gone(self.address)) from None
            else:
                outage.end()
                return result

    def attempt(self, call: Callable[..., T], *arguments: Any, **options: Any) -> T | None:
        """Return what `call` returns, or None if the database does not answer now."""
        try:
            return call(*arguments, **options)
        except failures():
            return None

    def _check(self, error: BaseException, seconds: float) -> None:
        """Raise what ends the attempts."""
        reason = _reason(error, self.address)
        if is_gone(error):
            raise StudyGoneError(_gone(self.address)) from None
        if not may_pass(error):
            hint = hint_for(error, self.address.path)
            raise MachineError("; ".join(filter(None, (f"{self.address.shown}: {reason}", hint))))
        if seconds > self._seconds or self.interrupted():
            raise MachineError(
                f"{self.address.shown}: no answer for {seconds:.0f} s: {reason}"
            ) from None


def _gone(address: Address) -> str:
    return (
        f"{address.shown}: the study is gone from its database; the same command rebuilds it from "
        "the run folders"
    )
