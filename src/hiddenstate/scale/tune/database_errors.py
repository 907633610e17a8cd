"""Errors of a database: which of them may pass, and what helps against the others."""

import re
import sqlite3
from collections.abc import Iterator

from hiddenstate.errors import printable

PASSING_SQLITE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CONSTRAINT,  # two workers that write one row, as PostgreSQL's class 23
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_SCHEMA,
}
"""Primary codes of SQLite's errors that end with what another process does."""

PASSING_POSTGRESQL = ("08", "23", "40", "53200", "53300", "55006", "55P03", "57", "25P03")
"""Beginnings of SQLSTATE codes: lost connections, conflicts of transactions, a server that is
starting, stopping or overloaded."""

FINAL_CONNECTIONS = re.compile(
    r"password|authentication|pg_hba|role .* does not exist|database .* does not exist"
    r"|permission denied|certificate|does not support|invalid (port|connection|sslmode)",
    re.IGNORECASE,
)
"""Why a server refuses a connection for good; libpq gives these errors no code."""

HINTS = {
    sqlite3.SQLITE_FULL: "free space on its disk, and run the same command again",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable",
    sqlite3.SQLITE_CORRUPT: "",
    sqlite3.SQLITE_NOTADB: "",
    sqlite3.SQLITE_IOERR: "check its disk",
    "53100": "free space on the disk of the server, and run the same command again",
}
"""What helps, by code; what is empty is rebuilt from the runs, see `hint_for`."""


def failures() -> tuple[type[Exception], ...]:
    """Return the types of the errors of a database."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return (StorageInternalError, SQLAlchemyError)


def cause_of(error: BaseException) -> BaseException:
    """Return the driver's own error."""
    *_, last = _causes(error)
    return last


def code_of(error: BaseException) -> int | str | None:
    """Return SQLite's primary code, or PostgreSQL's SQLSTATE; None without one."""
    cause = cause_of(error)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return None if code is None else int(code) & 0xFF
    state = getattr(cause, "sqlstate", None)
    return state if isinstance(state, str) else None


def is_gone(error: BaseException) -> bool:
    """Whether the tables of a study, or its database, are not there."""
    code = code_of(error)
    if isinstance(code, str):
        return code in ("42P01", "3D000")
    return bool(re.search("no such table|database .* does not exist", str(cause_of(error))))


def is_other_file(error: BaseException) -> bool:
    """Whether a file is no database of SQLite."""
    return code_of(error) == sqlite3.SQLITE_NOTADB


def may_pass(error: BaseException) -> bool:
    """Whether the same call may work later, without anybody's help."""
    code = code_of(error)
    if isinstance(code, int):
        return code in PASSING_SQLITE
    if isinstance(code, str):
        return code.startswith(PASSING_POSTGRESQL)
    return not FINAL_CONNECTIONS.search(str(cause_of(error)))


def hint_for(error: BaseException, path: object) -> str:
    """Return what helps against an error that does not pass; empty if that is unknown.

    Parameters
    ----------
    error : Exception
    path : str or None
        The file of an SQLite database.
    """
    hint = HINTS.get(code_of(error) or 0)
    if hint == "":
        return (
            f"move {printable(path)} away; the same command rebuilds the study from the run folders"
        )
    return hint or ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = getattr(following, "orig", None) or following.__cause__
