"""Each installed contender of `benchmarks/speed.py` trains, evaluates and scores."""

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
    """The package as the scripts import it, with few test rows to score."""
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
def test_each_contender_reduces_its_loss(
    contenders: Any, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = contenders.CONTENDERS[job]
    installed = contenders.wanted(entries, "")
    skipped = capsys.readouterr().out.splitlines()
    assert len(installed) + len(skipped) == len(entries)
    assert all("is not installed" in line or "no engine" in line for line in skipped)
    for entry in installed:
        kind = entry.load()
        kind.imports(entry.options)
        contender = kind(threads=1, **entry.options)
        first, last = contender.train(0, 1), contender.train(1, 12)
        assert last < first, entry.name
        contender.evaluate()
        if job != "regress":
            assert math.isfinite(contender.score()), entry.name
