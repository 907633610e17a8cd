"""Addresses of databases: what is refused, and that a password is never shown."""

import contextlib
import importlib
from pathlib import Path

import pytest

from hiddenstate.errors import MachineError, MissingExtraError, OptionError
from hiddenstate.scale.tune import storage
from hiddenstate.scale.tune.storage import Patience, StudyGoneError, connect, parse_address

SECRET = "hunter2"


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


def test_an_unreachable_database_is_one_line_without_the_password(tmp_path: Path) -> None:
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


def test_waits_out_failures_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    said: list[str] = []
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.4
        return now

    monkeypatch.setattr("time.monotonic", clock)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
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
        "no answer; trying again",
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
