"""Forks that share the tests run each of them once."""

import os
import signal
import time
from itertools import chain, islice, zip_longest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from tests import warm
from tests.forks import LONGEST, Shares, shared


@pytest.mark.parametrize("sizes", [(16, 17, 17), (0, 1, 1), (1,), (6, 1)])
def test_each_test_is_taken_once_whoever_is_slow(sizes: tuple[int, ...]) -> None:
    shares = Shares(sizes)
    slow = shares.of(0)
    taken = [next(slow)]
    for numbers in zip_longest(*map(shares.of, range(1, len(sizes)))):
        taken += [number for number in numbers if number is not None]
    assert sorted([*taken, *slow]) == list(range(sum(sizes)))


def test_a_share_is_divided_between_files_and_within_the_last_one() -> None:
    shares = Shares((20, 0), (0, 3, 8, 19))
    first, second = shares.of(0), shares.of(1)
    assert [next(first), next(second)] == [0, 8]
    assert [*islice(first, 7)] == [1, 2, 3, 4, 5, 6, 7]
    assert [next(first), next(second), next(first)] == [19, 9, 14]


def test_the_longest_files_are_begun_first() -> None:
    names = sorted([*(f"tests/{name}" for name in LONGEST[:5]), "tests/a.py", "tests/scale/c.py"])
    assert all((Path(__file__).parent / name).is_file() for name in LONGEST)
    items: list[Any] = [SimpleNamespace(path=Path(name)) for name in names for _ in range(2)]
    parts = shared(items, 3)
    assert sorted(map(id, chain(*parts))) == sorted(map(id, items))
    for part in parts:
        longest = [item.path.as_posix().endswith(LONGEST) for item in part]
        assert longest[0]
        assert longest == sorted(longest, reverse=True)


def test_none_is_taken_after_a_stop() -> None:
    shares = Shares((4, 5))
    shares.clear()
    assert not [*shares.of(0), *shares.of(1)]


SUITE = """
import os, signal, warnings
from concurrent.futures import ProcessPoolExecutor
import pytest

POOL = ProcessPoolExecutor(1)

@pytest.mark.parametrize("n", range(9))
def test_some(n):
    if n == 4:
        print("of four")
        warnings.warn("odd", type("Own", (UserWarning,), {}))
    assert n != 4

def test_ends():
    os.kill(os.getpid(), signal.SIGKILL)

def test_after(tmp_path):
    assert tmp_path.parent.name.startswith("fork-")
    assert POOL.submit(int).result() == 0  # and its process is left to the end
"""

ENDLESS = """
import time
from pathlib import Path
import pytest

@pytest.fixture
def place(request):
    number = request.node.callspec.params["n"]
    Path(f"began-{number}").touch()
    yield
    Path(f"ended-{number}").touch()

@pytest.mark.parametrize("n", range(2))
def test_some(n, place):
    time.sleep(600)
"""


def test_a_fork_that_ends_fails_its_test_alone(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(SUITE)
    words = ("-m", "pytest", "-p", "tests.forks", "--rootdir", ".", "--junitxml", "of.xml")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "COLUMNS": "99"}
    done = warm.run([*words, "--basetemp", "base", "test_it.py"], tmp_path, environment)
    assert "2 failed, 9 passed, " in done.stdout
    for text in ("the fork that ran it ended with -9", "of four", "UserWarning: Own: odd"):
        assert text in done.stdout
    suite = ElementTree.parse(tmp_path / "of.xml").getroot()[0]
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["11", "2", "0"]
    done = warm.run([*words, "--lf", "-x", "-s", "-k", "4 or after"], tmp_path, environment)
    assert "1 failed" in done.stdout
    assert "of four" in done.stdout
    assert "stopping after 1 failures" in done.stdout


def test_ctrl_c_ends_the_forks_with_their_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(ENDLESS)
    words = ["-m", "pytest", "-p", "tests.forks", "-p", "no:cacheprovider", "--rootdir", "."]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    started = warm.Program(words, tmp_path, tmp_path / "out", environment)
    while started.poll() is None and len([*tmp_path.glob("began-*")]) < 2:
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    assert started.wait(60) == 2
    assert "KeyboardInterrupt" in started.text()
    assert len([*tmp_path.glob("ended-*")]) == 2
