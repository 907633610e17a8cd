"""Addresses of databases: what is refused, and that a password is never shown."""

import contextlib
import importlib
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from hiddenstate.errors import MachineError, MissingExtraError, OptionError
from hiddenstate.scale.tune import storage
from hiddenstate.scale.tune.storage import Patience, StudyGoneError, connect, parse_address

SECRET = "hunter2"

Clock = Callable[[], float]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that goes on by 0.4 s whenever it is read, so that nothing waits."""
    ticks = count(1)

    def read() -> float:
        return 0.4 * next(ticks)

    shown = SimpleNamespace(monotonic=read, sleep=lambda seconds: None)
    for module in ("storage", "study"):  # other threads keep their clock
        monkeypatch.setattr(f"hiddenstate.scale.tune.{module}.time", shown)
    return read


@pytest.mark.parametrize(
    "url",
    [
        "studies.db",
        "mysql://ada@db/studies",
        f"mongodb://ada:{SECRET}@db/studies",
        f"postgresql://ada:{SECRET}@db",
        f"postgresql://ada:{SECRET}@x@db/studies",
        f"postgresql://ada:{SECRET}@db:port/studies",
        f"postgresql://ada@db/studies?pwd={SECRET}",
        "sqlite:///what?/x.db",
        "sqlite:///",
        "sqlite://here.db",
        "",
    ],
)
def test_refuses_what_is_no_address_of_a_supported_database(url: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^--storage: ") as error:
        parse_address(url, tmp_path)
    assert SECRET not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_password_is_only_in_the_address_itself(tmp_path: Path) -> None:
    more = "".join(f"&{name}={SECRET}" for name in ("password", "sslpassword", "scram_client_key"))
    url = f"postgresql://ada:{SECRET}@db:5433/studies?sslmode=require{more}"
    address = parse_address(url, tmp_path)
    assert SECRET in address.url
    assert address.url.startswith("postgresql+psycopg://")
    assert address.shown == "postgresql://ada@db:5433/studies?sslmode=require"
    assert SECRET not in repr(address)


def test_an_unreachable_database_is_one_line_without_the_password(
    tmp_path: Path, clock: Clock
) -> None:
    address = parse_address(f"postgresql://ada:{SECRET}@127.0.0.1:1/studies", tmp_path)
    with pytest.raises(MachineError) as error:
        connect(address, 10, 60)
    text = str(error.value)
    assert text.startswith("--storage postgresql://ada@127.0.0.1:1/studies: ")
    assert "\n" not in text
    assert SECRET not in text


def test_a_host_that_can_have_no_address_is_one_line(tmp_path: Path) -> None:
    address = parse_address(f"postgresql://ada:{SECRET}@a..b/studies", tmp_path)
    with pytest.raises(MachineError, match="label empty") as error:
        connect(address, 10, 60)
    assert SECRET not in str(error.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database" * 100)
    address = parse_address(f"sqlite:///{tmp_path}/x.db", tmp_path)
    with pytest.raises(MachineError, match="not a database; name another file"):
        connect(address, 10, 60)


def test_braces_in_a_path_are_no_template(tmp_path: Path) -> None:
    folder = tmp_path / "a{b}"
    folder.mkdir()
    connect(parse_address(None, folder), 10, 60)
    assert (folder / storage.DATABASE).is_file()


@pytest.mark.parametrize("package", ["optuna", "psycopg"])
def test_a_missing_extra_is_named(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def missing(name: str) -> object:
        if name == package:
            raise ModuleNotFoundError(name=name)
        return real(name)

    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(MissingExtraError, match=r"\[tune\]"):
        parse_address("postgresql://ada@db/studies", tmp_path)


def test_waits_out_failures_and_says_so_once(tmp_path: Path, clock: Clock) -> None:
    from sqlalchemy.exc import OperationalError

    said: list[str] = []
    calls = 0

    def call(value: int) -> int:
        nonlocal calls
        calls += 1
        if calls < 6:
            raise OperationalError("SELECT", {}, Exception("server closed the connection"))
        return value

    address = parse_address(None, tmp_path)
    assert Patience(address, said.append)(call, 7) == 7
    assert [line.partition(": ")[2].partition(",")[0] for line in said] == [
        "no answer; trying again (server closed the connection)",
        "answers again",
    ]


def test_gives_up_when_asked_to_stop_and_when_the_study_is_gone(tmp_path: Path) -> None:
    from sqlalchemy.exc import OperationalError

    def fails(text: str) -> None:
        raise OperationalError("SELECT", {}, Exception(text))

    address = parse_address(None, tmp_path)
    with pytest.raises(MachineError, match="no answer"):
        Patience(address, print, lambda: True)(fails, "timeout")
    with pytest.raises(StudyGoneError, match="rebuilds it from the run folders"):
        Patience(address, print)(fails, "no such table: studies")
    with contextlib.suppress(ImportError):
        assert Patience(address, print).attempt(fails, "timeout") is None


def sqlite_error(code: int, text: str) -> Exception:
    """An error of SQLite as SQLAlchemy passes it on."""
    from sqlalchemy.exc import OperationalError

    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return OperationalError("SELECT", {}, error)


def postgresql_error(state: str | None, text: str) -> Exception:
    """Likewise of PostgreSQL."""
    from sqlalchemy.exc import OperationalError

    error = Exception(text)
    error.sqlstate = state  # type: ignore[attr-defined]
    return OperationalError("SELECT", {}, error)


FINAL = [
    (sqlite_error(sqlite3.SQLITE_CORRUPT, "database disk image is malformed"), "rebuilds the"),
    (sqlite_error(sqlite3.SQLITE_CORRUPT | 1 << 8, "malformed"), "rebuilds the study"),
    (sqlite_error(sqlite3.SQLITE_NOTADB, "file is not a database"), "rebuilds the study"),
    (sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"), "is full; free space"),
    (sqlite_error(sqlite3.SQLITE_IOERR | 3 << 8, "disk I/O error"), "disk I/O error; check"),
    (sqlite_error(sqlite3.SQLITE_READONLY, "attempt to write a readonly database"), "writable"),
    (postgresql_error("53100", "could not extend file: no space left"), "free space"),
    (postgresql_error("42501", "permission denied for table studies"), "denied"),
    (postgresql_error("25006", "cannot execute INSERT in a read-only transaction"), "read-only"),
    (postgresql_error(None, "FATAL:  password authentication failed for user"), "password"),
]


@pytest.mark.parametrize(("error", "words"), FINAL, ids=lambda value: str(value)[-40:])
def test_an_error_that_does_not_pass_ends_at_once(
    error: Exception, words: str, tmp_path: Path, clock: Clock
) -> None:
    calls, said = [], []

    def call() -> None:
        calls.append(1)
        raise error

    address = parse_address(None, tmp_path)
    with pytest.raises(MachineError, match=words) as raised:
        Patience(address, said.append)(call)
    assert str(raised.value).startswith(f"{address.shown}: ")
    assert len(calls) == 1
    assert not said


@pytest.mark.parametrize(
    "error",
    [
        sqlite_error(sqlite3.SQLITE_BUSY, "database is locked"),
        sqlite_error(sqlite3.SQLITE_LOCKED | 1 << 8, "database table is locked"),
        sqlite_error(sqlite3.SQLITE_CONSTRAINT | 8 << 8, "UNIQUE constraint failed"),
        postgresql_error(None, "connection failed: Connection refused"),
        postgresql_error("57P03", "the database system is starting up"),
        postgresql_error("53300", "too many connections"),
        postgresql_error("40P01", "deadlock detected"),
    ],
    ids=str,
)
def test_an_error_that_passes_is_waited_out(error: Exception, tmp_path: Path, clock: Clock) -> None:
    answers = iter([error, error, None])

    def call() -> int:
        answer = next(answers)
        if answer is not None:
            raise answer
        return 7

    assert Patience(parse_address(None, tmp_path), print)(call) == 7


def test_a_table_that_is_gone_is_known_in_every_language(tmp_path: Path) -> None:
    def call() -> None:
        raise postgresql_error("42P01", "Relation »studies« existiert nicht")

    with pytest.raises(StudyGoneError, match="rebuilds it"):
        Patience(parse_address(None, tmp_path), print)(call)


class Starting:
    """Takes the place of Optuna's storage while its database is starting."""

    engine = None

    def __init__(self, errors: list[Exception]) -> None:
        self.errors, self.calls = errors, 0

    def __call__(self, *arguments: object, **options: object) -> "Starting":
        self.calls += 1
        if self.errors:
            raise self.errors.pop()
        return self


def test_a_worker_that_starts_waits_a_minute_for_its_database(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = parse_address(f"postgresql://ada:{SECRET}@db/studies", tmp_path)
    said: list[str] = []
    soon = Starting([postgresql_error(None, f"refused {SECRET}") for _ in range(5)])
    monkeypatch.setattr("optuna.storages.RDBStorage", soon)
    assert connect(address, 10, 60, tell=said.append) is soon
    assert "no answer; trying again (refused ***)" in said[0]
    assert "answers again" in said[1]

    never = Starting([postgresql_error(None, "Connection refused") for _ in range(1000)])
    monkeypatch.setattr("optuna.storages.RDBStorage", never)
    began = clock()
    with pytest.raises(MachineError, match="refused; is it running"):
        connect(address, 10, 60)
    assert 60 < clock() - began < 80
    assert never.calls > 5

    never.calls = 0
    with pytest.raises(MachineError):
        connect(address, 10, 60, interrupted=lambda: True)
    wrong = Starting([postgresql_error(None, "password authentication failed")])
    monkeypatch.setattr("optuna.storages.RDBStorage", wrong)
    with pytest.raises(MachineError, match="set PGPASSWORD"):
        connect(address, 10, 60)
    assert (never.calls, wrong.calls) == (1, 1)
