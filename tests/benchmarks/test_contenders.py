"""Each installed contender of `benchmarks/speed.py` trains, evaluates and scores."""

import importlib
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hiddenstate.data.prepare.batches import Batches
from hiddenstate.datasets import load_mnist

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def contenders() -> Iterator[Any]:
    """The package as the scripts import it, with few digits."""
    sys.path.insert(0, BENCHMARKS)
    data: Any = importlib.import_module("contenders.data")

    def few(**options: bool) -> Any:
        d = load_mnist(**options)
        train, test = 2000, 200
        return data.Digits(d.X[:train], d.y[:train], d.X_test[:test], d.y_test[:test])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "load_mnist", few)
        patch.setattr(data, "rows", lambda step: Batches(2000, data.BATCH).rows(step))
        yield importlib.import_module("contenders")
    data.digits.cache_clear()
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
