"""Forecasts of whole paths: their steps, dates, intervals and scores from earlier origins."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.prepare import missing
from hiddenstate.data.readers import arrays
from hiddenstate.inference import forecast
from hiddenstate.metrics.forecasts import interval_scores, symmetric_percentage_error
from hiddenstate.program import ahead
from tests.cli.test_output import Terminal

OFF = ("--view", "off", "--threads", "1", "--max-steps", 1)


def write(path: Path, ids: int = 1, n: int = 150) -> Path:
    lines = ["month,shop,sales"]
    for k in range(ids):
        random = np.random.default_rng(k)
        t = np.arange(n)
        values = 10 ** (k % 3) * np.exp(
            3 + 0.3 * np.sin(t * np.pi / 6) + 0.1 * random.normal(size=n)
        )
        lines += [f"{2010 + i // 12}-{i % 12 + 1:02d},s{k},{v:.6g}" for i, v in enumerate(values)]
    path.write_text("\n".join(lines) + "\n")
    return path


def trained(cli, path: Path, horizon: int, *more: object) -> None:
    options = ("--target", "sales", "--time", "month", "--id", "shop", "--horizon", horizon)
    done = cli("regress", path, *options, *more, *OFF)
    assert done.code == 0, done.err


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_path_is_dated_on_and_says_which_steps_are_direct(cli, tmp_path):
    trained(cli, write(tmp_path / "own.csv"), 3)
    done = cli("forecast", "last", "--horizon", 8, "--level", 80)
    assert done.code == 0, done.err
    rows = rows_of(done.out)
    assert [row["time"] for row in rows] == [f"2022-{month:02d}" for month in range(7, 13)] + [
        "2023-01",
        "2023-02",
    ]
    assert [row["method"] for row in rows] == ["direct"] * 3 + ["recursive"] * 5
    assert [int(row["step"]) for row in rows] == list(range(150, 158))
    for row in rows:
        assert float(row["sales_lower_80"]) < float(row["sales"]) < float(row["sales_upper_80"])
    assert "held-out steps" in done.err
    last = rows_of(cli("predict", "last", "own.csv").out)[-1]
    assert float(rows[2]["sales"]) == pytest.approx(float(last["sales"]), rel=1e-5)


def test_a_large_series_is_forecast_in_parts_as_a_whole(cli, tmp_path, monkeypatch):
    values = np.random.default_rng(0).normal(size=(300, 3)).cumsum(axis=0)
    np.save(tmp_path / "own.npy", values.astype(np.float32))
    options = ("--horizon", 1, "--window", 6, "--no-stateful", "--season", "none")
    assert cli("regress", "own.npy", *options, *OFF).code == 0
    ways = (("--horizon", 3), ("--backtest", 5))
    whole = [cli("forecast", "last", "own.npy", *way).out for way in ways]
    for module in (arrays, forecast):
        monkeypatch.setattr(module, "PIECE", 60)
    monkeypatch.setattr(missing, "SCAN_BYTES", 60)
    monkeypatch.setattr(ahead, "AT_ONCE", 60)
    assert [cli("forecast", "last", "own.npy", *way).out for way in ways] == whole
    assert all(whole)


@pytest.mark.parametrize(
    ("times", "later"),
    [
        ([f"{k + 1:02d}{1 + k // 28:02d}2024" for k in range(28)], ["29012024", "30012024"]),
        ([f"1{k + 1:02d}2024" for k in range(30)], ["1312024", "2012024"]),  # 01312024
        ([f"{(k + 4) % 24:02d}:00" for k in range(42)], ["22:00", "23:00", "00:00", "01:00"]),
        ([f"{k // 4 % 24}:{k % 4 * 15:02d}:00" for k in range(40)], ["10:00:00", "10:15:00"]),
        (
            [f"2024-01-{1 + k // 24:02d}T{k % 24:02d}" for k in range(47)],
            ["2024-01-02T23", "2024-01-03T00"],
        ),
    ],
)
def test_dates_without_marks_and_times_of_day_go_on(times, later, cli, tmp_path):
    lines = [f"{time},{k % 5}" for k, time in enumerate(times)]
    (tmp_path / "own.csv").write_text("\n".join(["time,v", *lines, ""]))
    options = ("--target", "v", "--horizon", 1, "--window", 6)
    assert cli("regress", "own.csv", *options, *OFF).code == 0
    done = cli("forecast", "last", "--horizon", len(later), "--level", "none")
    assert [row["time"] for row in rows_of(done.out)] == later
    assert "unknown" not in done.err


def test_a_gap_in_a_series_is_refused_with_its_place(cli, tmp_path):
    path = write(tmp_path / "own.csv", ids=2)
    trained(cli, path, 1)
    lines = path.read_text().splitlines()
    lines[200] = lines[200].rpartition(",")[0] + ","
    path.write_text("\n".join([*lines, ""]))
    done = cli("forecast", "last", path, "--horizon", 2)
    assert done.code == 2
    where = "own.csv: 1 value is missing or not finite, the first in series s1, step 49"
    assert where in done.err


@pytest.mark.parametrize("missing", ["forward", "mean"])
def test_infinity_is_a_gap_where_the_model_fills_gaps(missing, cli, tmp_path):
    path = write(tmp_path / "own.csv")
    lines = path.read_text().splitlines()
    for name, cell in (("gap", ""), ("inf", "-inf")):
        other = list(lines)
        for row in (31, 140):
            other[row] = lines[row].rpartition(",")[0] + f",{cell}"
        (tmp_path / f"{name}.csv").write_text("\n".join(other) + "\n")
    answers = []
    for name in ("gap", "inf"):
        trained(cli, tmp_path / f"{name}.csv", 2, "--missing", missing, "--name", name)
        for data in ("gap", "inf"):
            done = cli("forecast", name, tmp_path / f"{data}.csv", "--horizon", 2)
            assert done.code == 0, done.err
            answers.append(done.out)
    assert answers == [answers[0]] * 4
    assert "nan" not in answers[0]


def test_a_gap_at_the_start_of_a_window_has_the_value_before_it(cli, tmp_path):
    t = np.arange(120)
    lines = [f"{i},{'' if i in (40, 117) else f'{50 + i / 2 + np.sin(i):.3f}'}" for i in t]
    (tmp_path / "gaps.csv").write_text("\n".join(["t,y", *lines, ""]))
    options = ("--horizon", 1, "--window", 3, "--missing", "forward", *OFF)
    cli("regress", "gaps.csv", "--target", "y", *options)
    forecast = cli("forecast", "last", "--horizon", 1, "--level", "none").out.splitlines()[-1]
    predicted = cli("predict", "last", "gaps.csv").out.splitlines()[-1]
    expected = float(predicted.split(",")[-1])
    assert float(forecast.split(",")[-1]) == pytest.approx(expected, rel=1e-6)


def test_a_forecast_without_dates_says_why(cli, tmp_path):
    days = [k * k for k in range(30)]
    lines = [f"{day},{k % 5}" for k, day in enumerate(days)]
    (tmp_path / "own.csv").write_text("\n".join(["time,v", *lines, ""]))
    assert cli("regress", "own.csv", "--horizon", 1, "--window", 6, *OFF).code == 0
    for n, words in ((1, "time of 1 forecast beyond the data is"), (2, "times of 2 forecasts")):
        done = cli("forecast", "last", "--horizon", n, "--level", "none")
        assert f"note: own.csv: the {words}" in done.err
        assert all(row["time"] == "" for row in rows_of(done.out))
    assert "the time of 1 forecast beyond" in cli("predict", "last", "own.csv").err


def test_a_terminal_shows_a_chart_and_a_table_and_a_pipe_gets_csv(cli, tmp_path, monkeypatch):
    path = write(tmp_path / "own.csv")
    trained(cli, path, 2)
    csv_text = cli("forecast", "last").out
    assert len(rows_of(csv_text)) == 2  # as many steps as the model was trained for
    assert cli("forecast", "last", "--horizon", 2).out == csv_text
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(io, "StringIO", Terminal)
    shown = cli("forecast", "last", "--horizon", 4).out.splitlines()
    assert shown[0].startswith("s0, sales ─")
    assert "off by ±" in shown[0]
    assert any(sign >= "\N{BRAILLE PATTERN DOTS-14}" for line in shown[:9] for sign in line)
    head, *lines = shown[9:]
    assert head.split() == ["time", "forecast", "80", "%", "95", "%"]
    first = lines[0].split()
    assert first[0] == rows_of(csv_text)[0]["time"]
    assert float(first[1]) == pytest.approx(float(rows_of(csv_text)[0]["sales"]), rel=0.01)
    assert lines[4].startswith("the last 2 steps of each series read earlier forecasts")
    assert cli("forecast", "last", "--format", "csv").out == csv_text
    monkeypatch.setenv("COLUMNS", "36")
    name, head, *lines = cli("forecast", "last").out.splitlines()
    assert name == "s0, sales"
    assert head.split() == ["time", "forecast", "80", "%"]
    assert max(map(len, lines)) <= 36


def test_many_series_have_a_path_each_in_their_own_scale(cli, tmp_path):
    path = write(tmp_path / "own.csv", ids=6)
    trained(cli, path, 1)
    done = cli("forecast", "last", "--horizon", 4, "--figure", "fan.png", "--json")
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    assert [row["series"] for row in rows] == [f"s{k}" for k in range(6) for _ in range(4)]
    assert cli("forecast", "last", "--horizon", 4, "--figure", "fan.json").code == 0
    drawn = json.loads((tmp_path / "fan.json").read_text())["series"]
    assert [fan["ahead"]["y"][0][0] for fan in drawn] == [row["sales"] for row in rows[::4]]
    widths = [row["sales_upper_95"] - row["sales_lower_95"] for row in rows[::4]]
    assert 5 < widths[1] / widths[0] < 20
    assert 50 < widths[2] / widths[0] < 200
    assert (tmp_path / "fan.png").stat().st_size > 10_000
    lines = path.read_text().splitlines()
    lines[-5] = lines[-5].rpartition(",")[0] + ",0"
    path.write_text("\n".join(lines) + "\n")
    refused = cli("forecast", "last", path, "--level", "none").err
    assert "own.csv: series s5, step 145 has a value of 0 or less" in refused
    refused = cli("predict", "last", path).err
    assert "own.csv: series s5, step 145, column sales has a value of 0 or less" in refused


def test_intervals_cover_what_they_say_in_a_backtest(cli, tmp_path):
    trained(cli, write(tmp_path / "own.csv", ids=40), 1, "--test-fraction", 0.4)
    done = cli("forecast", "last", "--horizon", 3, "--backtest", 20, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["paths"] == 40 * 20
    assert found["held_out"] is True
    plain = {"last value", "value of a year ago", "linear path", "ridge"}
    assert set(found["scores"]) == {"hiddenstate", *plain}
    for scores in found["scores"].values():
        assert scores["coverage"]["80"] == pytest.approx(0.8, abs=0.03)
        assert scores["coverage"]["95"] == pytest.approx(0.95, abs=0.03)
    own, naive = found["scores"]["hiddenstate"], found["scores"]["value of a year ago"]
    assert own["mase"] < 0.9 * naive["mase"]
    assert own["smape"] < naive["smape"]
    assert own["pinball"]["80"] < naive["pinball"]["80"]
    table = cli("forecast", "last", "--horizon", 3, "--backtest", 20).out
    assert "800 forecasts of 3 steps each, in 40 series" in table


def test_few_earlier_forecasts_give_wide_intervals_and_none_give_empty_cells(cli, tmp_path):
    path = write(tmp_path / "own.csv", n=72)
    trained(cli, path, 12)
    done = cli("forecast", "last", "--horizon", 12)
    assert done.code == 0, done.err
    assert "14 earlier forecasts of each step ahead, of held-out steps" in done.err
    assert "no interval" not in done.err
    rows = rows_of(done.out)
    widths = [float(row["sales_upper_95"]) - float(row["sales_lower_95"]) for row in rows]
    assert widths == pytest.approx(sorted(widths), rel=1e-6)
    assert widths[-1] > 1.5 * widths[0]
    table = cli("forecast", "last", "--horizon", 12, "--backtest", 2).out
    assert len(table.splitlines()[1].split("\t")) == 7
    # Too few rows to judge forecasts of all steps.
    path.write_text("\n".join(path.read_text().splitlines()[:19]) + "\n")
    done = cli("forecast", "last", path, "--horizon", 12, "--figure", "fan.png")
    assert done.code == 0, done.err
    assert "note: no interval 10 to 12 steps ahead: the steps of DATA are too few" in done.err
    reads = "note: own.csv: the series has fewer steps than the 30 that a forecast"
    assert reads in done.err
    empty = [row["ahead"] for row in rows_of(done.out) if row["sales_lower_95"] == ""]
    assert empty == [f"{ahead}" for ahead in range(10, 13)]
    done = cli("forecast", "last", path, "--horizon", 12, "--json")
    assert [row["sales_upper_80"] for row in json.loads(done.out)][9:] == [None] * 3


def test_what_cannot_be_forecast_is_refused(cli, tmp_path):
    trained(cli, write(tmp_path / "own.csv"), 1)
    for words, message in (
        (("--level", "0"), "--level: expected percents between 0 and 100"),
        (("--level", "x"), "--level: expected percents between 0 and 100"),
        (("--figure", "fan.bmp"), "--figure: expected a name that ends in .png"),
        (("--horizon", "40", "--backtest", "1"), "--backtest: no held-out step of a series is"),
    ):
        done = cli("forecast", "last", *words)
        assert done.code == 2
        assert message in done.err


def test_models_that_do_not_forecast_are_refused(cli, tmp_path, tiny_idx):
    assert cli("classify", tiny_idx, "--max-steps", 1, *OFF).code == 0
    done = cli("forecast", "last")
    assert (done.code, "a classify model does not forecast" in done.err) == (2, True)
    cli("regress", "--windows", 3, "--view", "off")
    done = cli("forecast", "last")
    assert (done.code, "--horizon" in done.err or "DATA" in done.err) == (2, True)
    t = np.arange(150)
    text = "a,b\n" + "".join(f"{np.sin(x / 3):.5f},{np.cos(x / 3):.5f}\n" for x in t)
    (tmp_path / "two.csv").write_text(text)
    cli("regress", "two.csv", "--target", "a", "--input", "a,b", "--horizon", 2, *OFF)
    assert cli("forecast", "last", "--horizon", 2, "--level", "none").code == 0
    done = cli("forecast", "last", "--horizon", 3, "--level", "none")
    assert "inputs that are not forecast (b); train with --horizon 3, or" in done.err
    assert "or with --future b if it is known ahead" in done.err
    cli("regress", "two.csv", "--target", "a", "--input", "b", "--horizon", 2, *OFF)
    done = cli("forecast", "last", "--horizon", 2, "--level", "none")
    assert "does not read the values of its targets (a); train one that has them" in done.err


# --- the numbers


def test_interval_scores_and_percentage_errors_are_those_of_their_definitions() -> None:
    low, high, actual = np.zeros(4), np.ones(4), np.array([0.5, 2.0, -1.0, np.nan])
    covered, loss = interval_scores(low, high, actual, 0.8)
    np.testing.assert_array_equal(covered, [1, 0, 0, np.nan])
    expected = [(0.05 + 0.05) / 2, (0.2 + 0.9) / 2, (0.9 + 0.2) / 2, np.nan]
    np.testing.assert_allclose(loss, expected)
    assert symmetric_percentage_error(np.array([1.0, 0]), np.array([3.0, 0])) == pytest.approx(50)
