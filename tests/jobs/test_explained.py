"""What the answer with the largest error rests on is kept at the end of a run."""

from pathlib import Path

import numpy as np
import pytest

from hiddenstate.inference.why_rows import columns_of
from hiddenstate.jobs import explained
from hiddenstate.views.explained import reasons
from hiddenstate.views.timeline import Timeline
from tests.conftest import needs_kernels
from tests.report_html import train

pytestmark = needs_kernels


def test_the_largest_error_is_explained_by_columns_in_their_own_words(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["area_m2,district,price_eur"]
    for area, place in zip(random.normal(100, 20, 120), random.integers(0, 3, 120), strict=True):
        name = ("north", "south", "old town")[place]
        lines.append(f"{area:.1f},{name},{2000 * area + 50_000 * place:.0f}")
    (tmp_path / "houses.csv").write_text("\n".join(lines) + "\n")
    options = {"data": str(tmp_path / "houses.csv"), "target": "price_eur", "max_steps": 8}
    run = train("regress", {**options, "input": "all"}, tmp_path)
    (each,) = columns_of(run.model())[1:]
    assert each.words == ("north", "old town", "south")
    timeline = Timeline(run)
    now = timeline.moment()
    (reason,) = reasons(timeline, now)
    assert reason.names[0].startswith("area_m2 = ")
    assert reason.names[1].startswith("district = ")
    held = now.arrays
    errors = np.abs(held["held_prediction"][0] - held["held_target"][0])
    made = abs(held["why_answer"][0, 0] - held["why_target"][0])
    assert made == pytest.approx(np.nanmax(errors), rel=1e-4)
    assert reason.unit == "EUR"


def test_of_a_long_series_the_steps_that_the_answer_reads_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "wave.npy", np.sin(np.arange(400.0)))
    options = {"data": str(tmp_path / "wave.npy"), "horizon": 1, "window": 8, "linear": False}
    options |= {"max_steps": 4, "hidden_size": 2}
    whole = Timeline(train("regress", options, tmp_path / "whole"))
    monkeypatch.setattr(explained, "MOST_NUMBERS", 60)
    part = Timeline(train("regress", options, tmp_path / "part"))
    long, short = (each.moment().arrays for each in (whole, part))
    assert short["why"].shape[1] == 8 < long["why"].shape[1]
    for name in ("why", "why_row"):
        np.testing.assert_array_equal(short[name], long[name][:, -8:])
    np.testing.assert_array_equal(short["why_answer"], long["why_answer"])
