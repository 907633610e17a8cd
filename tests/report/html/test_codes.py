"""The plot of codes in a report: every moment, row and reconstruction."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.report.facts import RunFacts
from hiddenstate.report.html import codes
from hiddenstate.runs import Run
from hiddenstate.views.timeline import Timeline
from tests.conftest import write_digits
from tests.report.html.test_page import opened
from tests.report_html import train


def plot_data(run: Run) -> codes.CodeData:
    data = codes.code_data(RunFacts(run), Timeline(run))
    assert data is not None
    return data


def unpacked(data: codes.CodeData) -> np.ndarray[Any, Any]:
    shape = (len(data["steps"]), data["points"], data["axes"])
    whole = np.frombuffer(base64.b64decode(data["codes"]), "<u2").reshape(shape)
    low, high = np.array(data["low"]), np.array(data["high"])
    return low + whole / 65535 * (high - low)


def test_the_plot_has_the_codes_of_every_moment(runs: dict[str, Run]) -> None:
    timeline, data = Timeline(runs["autoencode"]), plot_data(runs["autoencode"])
    assert data["steps"] == timeline.steps
    codes_read, span = unpacked(data), np.array(data["high"]) - np.array(data["low"])
    for moment, step in enumerate(timeline.steps):
        real = timeline.moment(step).arrays["code"]
        assert (np.abs(codes_read[moment] - real) <= span / 65535).all()
        assert (np.array(data["from"][moment]) <= real.min(axis=0)).all()
        assert (np.array(data["to"][moment]) >= real.max(axis=0)).all()


def test_the_plot_has_rows_reconstructions_and_errors(runs: dict[str, Run]) -> None:
    timeline, data = Timeline(runs["autoencode"]), plot_data(runs["autoencode"])
    rows = data["rows"]
    packed = np.frombuffer(base64.b64decode(rows["bytes"]), "u1")
    both = packed[: 2 * rows["n"] * rows["width"]].reshape(2, rows["n"], rows["width"]) / 255
    original, rebuilt = timeline.static_arrays["code_row"], timeline.final_arrays["code_rebuilt"]
    np.testing.assert_allclose(both[0], original, atol=0.002)
    np.testing.assert_allclose(both[1], rebuilt, atol=0.002)
    final, numbers = timeline.final_arrays, range(rows["n"])
    np.testing.assert_allclose(rows["errors"], final["code_error"][: rows["n"]], rtol=1e-3)
    places = [(numbers.index(n), k) for k, n in enumerate(final["worst"]) if n in numbers]
    assert places
    for place, k in places:  # one meaning: as the loss counts them, of scaled numbers
        assert final["code_error"][place] == pytest.approx(final["worst_error"][k], rel=1e-5)
    assert rows["picture"] == (8, 8)
    assert data["names"] == ["0", "1", "2"]
    assert data["classes"] == timeline.static_arrays["code_label"].tolist()


def test_moments_and_points_are_thinned_to_the_limits(
    runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = plot_data(runs["autoencode"])
    monkeypatch.setattr(codes, "MAX_CODES_BYTES", 3 * 2 * whole["points"] * whole["axes"])
    some = plot_data(runs["autoencode"])
    assert len(some["steps"]) == 3
    assert some["steps"][0] == whole["steps"][0]
    assert some["steps"][-1] == whole["steps"][-1]
    monkeypatch.setattr(codes, "MAX_POINTS", 7)
    few = plot_data(runs["autoencode"])
    assert (few["points"], few["left_out"]) == (7, whole["points"] - 7)


@pytest.mark.usefixtures("coarse")
@pytest.mark.parametrize(("size", "axes"), [(1, 1), (2, 2), (5, 3)])
def test_codes_of_any_size_are_plotted(tmp_path: Path, size: int, axes: int) -> None:
    data = str(write_digits(tmp_path / "digits"))
    values = {"data": data, "code_size": size, "max_steps": 4, "n_scattered": 9}
    run = train("autoencode", values, tmp_path)
    plot = plot_data(run)
    assert (plot["size"], plot["axes"], plot["points"]) == (size, axes, 9)
    assert ("the first three are drawn" in opened(run).text) == (size > 3)


@pytest.mark.usefixtures("coarse")
def test_rows_without_labels_and_other_than_pictures(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(60, 700)))
    run = train("autoencode", {"data": str(tmp_path / "rows.npy"), "max_steps": 4}, tmp_path)
    data = plot_data(run)
    assert data["classes"] is None
    assert data["rows"]["picture"] is None
    assert data["rows"]["width"] == codes.MAX_NUMBERS
    assert opened(run).faults == []


def test_the_channels_of_a_row_are_kept_apart(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(40, 20, 3)) * [1, 10, 100]
    np.savez(tmp_path / "windows.npz", X=rows)
    run = train("autoencode", {"data": str(tmp_path / "windows.npz"), "max_steps": 4}, tmp_path)
    drawn = plot_data(run)["rows"]
    assert (drawn["channels"], drawn["width"]) == (3, 60)
    assert drawn["names"] == ["channel 0", "channel 1", "channel 2"]
    packed = np.frombuffer(base64.b64decode(drawn["bytes"]), "u1").reshape(-1, 3) / 255
    original = Timeline(run).static_arrays["code_row"].reshape(-1, 3)
    for channel in range(3):
        near = np.corrcoef(packed[: len(original), channel], original[:, channel])[0, 1]
        assert near > 0.999


@pytest.mark.usefixtures("coarse")
def test_a_run_without_codes_has_no_plot(tmp_path: Path) -> None:
    data = str(write_digits(tmp_path / "digits"))
    run = train("autoencode", {"data": data, "n_scattered": 0, "max_steps": 4}, tmp_path)
    read = opened(run)
    assert "plot" not in read.attributes("id")
    assert len(read.scripts) == 1
