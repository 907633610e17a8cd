"""The sets that nets in integers are measured on."""

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.test_scripts import BENCHMARKS


def test_people_train_or_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import integers

    recordings = np.empty(10, object)
    for row in range(10):
        recordings[row] = np.full((3 + row, 2), float(row))
    own = {"X": recordings, "y_labels": ["PEN", "ROW"], "y": np.arange(10) % 2}
    own["subject"] = np.arange(10, 0, -1)
    np.save(tmp_path / "own.npy", np.array(own, object), allow_pickle=True)
    path = integers.watch_files(tmp_path / "own.npy", tmp_path)
    train, test = (
        p.read_text().partition("@data\n")[2].split() for p in (path, tmp_path / "watch_TEST.ts")
    )
    assert [line[0] for line in train] == list("3456789")
    assert test == ["0,0,0:0,0,0:PEN", "1,1,1,1:1,1,1,1:ROW", "2,2,2,2,2:2,2,2,2,2:PEN"]
