"""What the first screen of the report replays is what the run's snapshots hold."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.report.facts import RunFacts
from hiddenstate.report.html import live
from hiddenstate.runs import Run
from hiddenstate.views.timeline import Timeline
from tests.conftest import write_digits
from tests.report_html import train


def replay(run: Run) -> Any:
    data = live.live_data(Timeline(run), RunFacts(run).classes)
    assert data is not None
    return data


def numbers(text: str, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)


def values(data: Any, name: str, *shape: int) -> np.ndarray[Any, Any]:
    """The numbers of a signal; NaN for missing ones."""
    whole = numbers(data[name], "<u2", shape)
    share = np.where(whole == live.MISSING, np.nan, whole / (live.MISSING - 1))
    return data["low"] + share * (data["high"] - data["low"])


def test_rows_have_their_probabilities_at_every_moment(tmp_path: Path) -> None:
    digits = str(write_digits(tmp_path / "digits"))
    options = {"data": digits, "hidden_size": 4, "max_steps": 6, "log_every": 1}
    run = train("classify", options, tmp_path)
    data, timeline = replay(run), Timeline(run)
    assert data["steps"] == [1, 2, 3, 4, 5, 6]
    assert data["losses"] == [event["mean_loss"] for event in timeline.moment().history]
    assert (data["split"], data["names"], data["picture"]) == ("test", ["0", "1", "2"], (8, 8))
    assert data["truth"] == timeline.static_arrays["shown_label"].tolist()
    chances = numbers(data["chances"], "|u1", (6, 10, 3)) / 255
    for place, step in enumerate(data["steps"]):
        real = timeline.moment(step).arrays["probability"]
        np.testing.assert_allclose(chances[place], real, atol=1 / 255)
    rows = numbers(data["rows"], "|u1", (10, 8, 8)) / 255
    np.testing.assert_allclose(rows, timeline.static_arrays["shown"], atol=1 / 255)


def test_rows_of_unequal_length_end_where_they_end(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["id,a,b,kind"]
    for row in range(30):
        for _ in range(4 + row % 5):
            a, b = random.normal(size=2)
            lines.append(f"r{row},{a:.3f},{100 * b:.3f},{'uv'[row % 2]}")
    (tmp_path / "long.csv").write_text("\n".join(lines) + "\n")
    options = {"data": str(tmp_path / "long.csv"), "label": "kind", "hidden_size": 3, "epochs": 2}
    run = train("classify", options, tmp_path)
    data = replay(run)
    shown = Timeline(run).static_arrays["shown"]
    ends = np.isfinite(shown).all(axis=2).sum(axis=1)
    assert data["lengths"] == ends.tolist()
    assert len(set(data["lengths"])) > 1
    rows = numbers(data["rows"], "|u1", (len(ends), data["length"], 2))
    form = Timeline(run).form
    for row, real, end in zip(rows, shown, ends, strict=True):
        wanted = np.rint(255 * np.clip(form.shares(real)[:end], 0, 1))  # as in the figures
        np.testing.assert_array_equal(row[:end], wanted)
    assert not data["quantities"]


def test_rows_without_time_are_quantities_around_their_means(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["width,height,weight,kind"]
    for row in range(40):
        width, height, weight = random.normal(size=3) + 4 * (row % 2)
        lines.append(f"{width:.3f},{100 * height:.3f},{weight:.3f},{'uv'[row % 2]}")
    (tmp_path / "wide.csv").write_text("\n".join(lines) + "\n")
    options = {"data": str(tmp_path / "wide.csv"), "hidden_size": 3, "epochs": 2}
    run = train("classify", options, tmp_path)
    data, timeline = replay(run), Timeline(run)
    assert (data["quantities"], data["length"], data["channels"]) == (True, 1, 3)
    rows = numbers(data["rows"], "|u1", (8, 3))
    shares = [timeline.form.shares(row)[0] for row in timeline.static_arrays["shown"]]
    np.testing.assert_allclose(rows / 255, shares, atol=1 / 255)


def test_a_signal_of_windows_grows_by_its_windows(runs: dict[str, Run]) -> None:
    run = runs["regress"]
    data, arrays = replay(run), Timeline(run).moment().arrays
    assert data["unit"] == "window"
    assert data["ends"] == [10 * window for window in range(1, 13)]
    np.testing.assert_allclose(values(data, "target", 120), arrays["target"].reshape(-1), atol=1e-3)
    guess = arrays["prediction"].reshape(-1)
    inside = (guess > data["low"]) & (guess < data["high"])
    np.testing.assert_allclose(values(data, "prediction", 120)[inside], guess[inside], atol=1e-3)


def test_a_forecast_has_the_predictions_of_each_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal = "\n".join(["load", *(f"{np.sin(t / 3):.4f}" for t in range(120))])
    (tmp_path / "signal.csv").write_text(signal + "\n")
    options = {"data": str(tmp_path / "signal.csv"), "target": ("load",), "horizon": 1}
    run = train("regress", options | {"hidden_size": 4, "max_steps": 5, "log_every": 1}, tmp_path)
    data, timeline = replay(run), Timeline(run)
    n, static = len(data["time"]), timeline.static_arrays
    ahead = np.isfinite(static["held_time"][0])
    assert data["held"] == n - ahead.sum() > 0
    target = static["held_target"][0, ahead].reshape(-1)
    np.testing.assert_allclose(values(data, "target", n)[data["held"] :], target, atol=1e-3)
    drawn = values(data, "prediction", len(data["steps"]) + data["alone"], n)
    assert data["alone"]  # beside a linear path
    for place, step in enumerate(data["steps"]):
        real = timeline.moment(step).arrays["held_prediction"][0, ahead].reshape(-1)
        expected = np.clip(real, data["low"], data["high"])
        np.testing.assert_allclose(drawn[place, data["held"] :], expected, atol=1e-3)
    monkeypatch.setattr(live, "MAX_BYTES", 3 * 2 * 7)
    few = replay(run)
    assert len(few["steps"]) == 2 < len(data["steps"])
    assert (few["steps"][0], few["steps"][-1]) == (data["steps"][0], data["steps"][-1])


def test_a_run_with_one_moment_is_not_replayed(tmp_path: Path) -> None:
    digits = str(write_digits(tmp_path / "digits"))
    run = train("classify", {"data": digits, "hidden_size": 3, "max_steps": 1}, tmp_path)
    assert live.live_data(Timeline(run), RunFacts(run).classes) is None
