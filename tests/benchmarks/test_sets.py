"""The made sets of benchmarks/sets.py keep the values that were listed before any measurement."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("CylinderBellFunnel", 37896.855440),
        ("ControlCharts", 5074551.183246),
        ("TwoPatterns", 162294.639716),
        ("Waveform", 20312.914761),
    ],
)
def test_a_made_set_keeps_its_values(name: str, total: float, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    import sets

    own = sets.TWELVE[name]
    train, test = own.make()
    assert (len(train[0]), len(test[0])) == (own.rows, own.test_rows)
    weights = 1 + np.arange(len(train[0][0])) / 10  # so that the order of steps counts
    sums = [label * float(weights @ row[:, 0]) for row, label in zip(*train, strict=True)]
    assert sum(sums) == pytest.approx(total, rel=1e-9)
