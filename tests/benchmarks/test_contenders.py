"""Each contender of `benchmarks/speed.py` that is installed takes two steps and is scored."""

import importlib
import math
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def contenders() -> Iterator[Any]:
    """The package, imported as the scripts import it, with few test rows to be scored on."""
    sys.path.insert(0, BENCHMARKS)
    data: Any = importlib.import_module("contenders.data")
    every, n = data.digits, 200

    @cache
    def some(flat: bool = False) -> Any:
        rows = every(flat)
        return rows._replace(X_test=rows.X_test[:n], y_test=rows.y_test[:n])

    data.digits = some
    try:
        yield importlib.import_module("contenders")
    finally:
        data.digits = every
        sys.path.remove(BENCHMARKS)


@pytest.mark.parametrize("job", ["classify", "regress", "autoencode"])
def test_each_learns(contenders: Any, job: str, capsys: pytest.CaptureFixture[str]) -> None:
    entries = contenders.CONTENDERS[job]
    there = contenders.wanted(entries, "")
    left_out = capsys.readouterr().out.splitlines()
    assert len(there) + len(left_out) == len(entries)
    assert all("is not installed" in line or "no engine" in line for line in left_out)
    for entry in there:
        kind = entry.load()
        kind.imports(entry.options)
        contender = kind(threads=1, **entry.options)
        first, last = contender.train(0, 1), contender.train(1, 12)
        assert last < first, entry.name
        contender.look()
        if job != "regress":
            assert math.isfinite(contender.score()), entry.name
