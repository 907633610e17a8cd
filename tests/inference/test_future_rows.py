"""Forecasts with columns that are known ahead: trained, read from rows or a file, and refused."""

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.errors import UntrustedFileError
from hiddenstate.export.export import export_model
from hiddenstate.export.present import present_of
from hiddenstate.inference.fans import fans_of
from hiddenstate.inference.future_rows import LaterValues
from hiddenstate.models.fitted import load_model, model_from_facts
from hiddenstate.runs import Run
from hiddenstate.studio.details import program

OFF = ("--view", "off", "--threads", "1")
ROLES = ("--target", "sales", "--id", "shop", "--time", "date", "--horizon", 2)
KNOWN = ("--future", "price,holiday")


def write(folder: Path, n: int = 110, after: int = 6) -> Path:
    """Two shops, whose sales follow a price and holidays; `after` rows without sales."""
    random, lines = np.random.default_rng(0), []
    for shop in ("a", "b"):
        price = 10 - 3.0 * (random.random(n + after) < 0.3)
        holiday = random.random(n + after) < 0.15
        level = 100 + np.cumsum(0.1 * random.normal(size=n + after))
        sales = level - 6 * (price - 10) + 25 * holiday
        for i in range(n + after):
            cells = [np.datetime64("2024-01-01") + np.timedelta64(i, "D"), shop]
            cells += ["north" if shop == "a" else "south", price[i], "yes" if holiday[i] else "no"]
            lines.append([*map(str, cells), f"{sales[i]:.3f}" if i < n else ""])
    path = folder / "own.csv"
    head = "date,shop,region,price,holiday,sales"
    path.write_text("\n".join([head, *map(",".join, lines), ""]))
    return path


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def filtered(path: Path, name: str, keep) -> Path:
    head, *lines = path.read_text().splitlines()
    out = path.parent / name
    out.write_text("\n".join([head, *filter(keep, lines), ""]))
    return out


def train(cli, path: Path, *more: object) -> dict:
    done = cli("regress", path, *ROLES, *OFF, "--max-steps", 40, "--json", *more)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_values_ahead_are_used_by_the_path_and_by_the_net(cli, tmp_path):
    path = write(tmp_path)
    known = filtered(path, "known.csv", lambda line: not line.endswith(","))
    without = train(cli, known)["test_mse"]
    assert train(cli, path, *KNOWN)["test_mse"] < 0.01 * without
    alone = train(cli, path, *KNOWN, "--no-linear", "--max-steps", 400)["test_mse"]
    assert alone < 0.1 * without
    done = cli("figures", "last")
    assert done.code == 0, done.err


def test_rows_without_a_target_and_a_file_give_the_same_forecast(cli, tmp_path):
    path = write(tmp_path)
    train(cli, path, *KNOWN)
    own = cli("forecast", "last", "--horizon", 6, "--level", "80")
    assert own.code == 0, own.err
    rows = rows_of(own.out)
    assert [row["time"] for row in rows[:6]] == [f"2024-04-{20 + i}" for i in range(6)]
    assert [row["method"] for row in rows[:3]] == ["direct", "direct", "recursive"]
    given = rows_of(path.read_text())
    ahead = [row for row in given if not row["sales"]]
    for row, given_row in zip(rows, ahead, strict=True):
        expected = 100 - 6 * (float(given_row["price"]) - 10) + 25 * (given_row["holiday"] == "yes")
        assert float(row["sales"]) == pytest.approx(expected, abs=5)
    known = filtered(path, "known.csv", lambda line: not line.endswith(","))
    after = filtered(path, "after.csv", lambda line: line.endswith(","))
    as_data = cli("forecast", "last", path, "--horizon", 6, "--level", "80")
    for future in (after, path):
        done = cli("forecast", "last", known, "--future", future, "--horizon", 6, "--level", "80")
        assert done.code == 0, done.err
        assert done.out == as_data.out
    scores = json.loads(cli("forecast", "last", "--backtest", 5, "--horizon", 3, "--json").out)
    assert scores["scores"]["hiddenstate"]["mase"] < 0.1 * scores["scores"]["last value"]["mase"]
    predicted = rows_of(cli("predict", "last", path).out)
    assert float(predicted[-1]["sales"]) == pytest.approx(float(rows[7]["sales"]), rel=1e-5)
    evaluated = json.loads(cli("evaluate", "last", known, "--json").out)
    assert evaluated["mse"] < 5


def test_a_picture_of_what_follows_assumes_what_is_not_in_the_data(cli, tmp_path):
    known = filtered(write(tmp_path), "known.csv", lambda line: not line.endswith(","))
    train(cli, known, "--future", "price,holiday,date", "--calendar", "weekdays")
    run = Run(next((tmp_path / "runs").iterdir()))
    present, why = present_of(run.model(), run)
    assert present is not None, why
    fans = fans_of(present.outlook)
    assert {name for name, _ in fans["assumed"]} == {"price", "holiday"}
    (last,) = {
        line.split(",")[3] for line in known.read_text().splitlines() if "2024-04-19,a" in line
    }
    for number, fan in enumerate(fans["series"]):
        assert fan["times"][-2:] == ["2024-04-20", "2024-04-21"]
        assert np.isfinite(np.array(fan["ahead"]["y"], float)).all()
        later = present.outlook.forecaster.after[number]
        weekdays = later[:, -7:]
        assert weekdays.argmax(axis=1).tolist() == [5, 6]
        assert number or dict(fans["assumed"])["price"] > 1 or later[0, 0] == float(last)
    refused = cli("forecast", "last")
    assert refused.code == 2
    assert "no rows after the last target" in refused.err


def test_values_go_on_as_a_season_ago_where_that_is_nearer_than_the_last_one():
    day = np.sin(np.arange(96) / 24 * 2 * np.pi)
    walk = np.cumsum(np.random.default_rng(3).normal(size=96))
    values = LaterValues(np.stack([day, walk], axis=1), np.array([[9.0, 8.0]]), 26)
    assert values.error([0], 24) < values.error([0], 1)
    assert values.error([1], 24) > values.error([1], 1)
    values.repeat([0], 24)
    values.repeat([1], 1)
    wanted = [9.0, *day[73:], 9.0, day[73]]
    assert values.values[:, 0].tolist() == wanted
    assert values.values[:, 1].tolist() == [8.0] * 26


def test_what_does_not_continue_the_series_is_refused(cli, tmp_path):
    path = write(tmp_path)
    train(cli, path, *KNOWN)
    known = filtered(path, "known.csv", lambda line: not line.endswith(","))
    after = filtered(path, "after.csv", lambda line: line.endswith(","))
    text = after.read_text()
    head, *lines = text.splitlines()
    without_b = "\n".join([head, *(line for line in lines if ",b," not in line), ""])
    begun_late = "\n".join([head, *(line for line in lines if "04-20" not in line), ""])
    cell = "\n".join(
        [head, *(",".join([*line.split(",")[:3], "", "no", ""]) for line in lines), ""]
    )
    cases = {
        "gap": (text.replace("2024-04-21,a", "2024-05-21,a"), "step 2 after the last target of"),
        "series": (without_b, "no rows of series b, which is to be forecast"),
        "column": (text.replace("price", "prize"), "did you mean prize"),
        "value": (text.replace(",no,", ",maybe,"), "'maybe' is not in the training data"),
        "cell": (cell, "price is missing at 2024-04-20"),
        "late": (begun_late, "is at 2024-04-21, expected 2024-04-20"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / f"{name}.csv").write_text(content)
        done = cli("forecast", "last", known, "--future", f"{name}.csv", "--horizon", 4)
        assert (done.code, done.out) == (2, ""), name
        assert message in done.err, name
        assert done.err.count("\n") == 1
    done = cli("forecast", "last", known, "--horizon", 2)
    assert "no rows after the last target of series a at 2024-04-19, expected 2" in done.err
    done = cli("forecast", "last", path, "--horizon", 9)
    assert "6 rows after the last target of series a" in done.err
    assert "use --horizon 6" in done.err
    done = cli("predict", "last", "-", "--stream")
    assert done.code == 2
    assert "stream: " in done.err
    train(cli, known, "--calendar", "none")
    done = cli("forecast", "last", "--future", after, "--horizon", 2)
    assert "the model reads no columns known ahead" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--future", "prise"), "no column prise (--future); did you mean price"),
        (("--future", "sales"), "column sales is both --target and --future"),
        (("--future", "date"), "date is not among the inputs"),
        (("--static", "holiday"), "holiday changes in series a"),
        (("--future", "price", "--stateful"), "add --no-stateful"),
    ],
)
def test_columns_that_cannot_be_known_ahead_are_refused(words, message, cli, tmp_path):
    done = cli("regress", write(tmp_path, after=0), *ROLES, *OFF, *words)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "runs").exists()


def test_a_future_without_a_horizon_is_refused(cli, tmp_path):
    roles = ("--target", "sales", "--id", "shop", "--time", "date")
    done = cli("regress", write(tmp_path), *roles, "--future", "price", *OFF)
    assert "--future: applies only to forecasts; add --horizon 1" in done.err


def test_static_text_and_a_calendar_do_not_end_a_forecast(cli, tmp_path):
    path = write(tmp_path, after=4)
    more = ("--static", "region", "--calendar", "weekday", "--future", "date")
    train(cli, path, *more)
    model = Run(tmp_path / "runs/regress-1").model()
    assert model.transform.names == ("sales", "region", "date")
    assert model.net.n_features == 1 + 2 + 2 + 2
    assert cli("forecast", "last", "--horizon", 4, "--level", "none").code == 0
    known = filtered(path, "known.csv", lambda line: not line.endswith(","))
    rows, continued = (
        cli("forecast", "last", data, "--horizon", 4, "--level", "none").out
        for data in (path, known)
    )
    assert continued == rows
    train(cli, known, "--static", "region", "--calendar", "none")
    done = cli("forecast", "last", "--horizon", 8, "--level", "none")
    assert len(rows_of(done.out)) == 16
    assert cli("export", "last", "--to", "python").code == 0
    train(cli, known, "--calendar", "weekday")
    done = cli("forecast", "last", "--horizon", 8)
    assert "(date); train with --horizon 8, or with --future date if it is known ahead" in done.err


def test_an_exported_model_is_given_the_later_values_and_forecasts_the_same(cli, tmp_path):
    path = write(tmp_path)
    train(cli, path, *KNOWN, "--calendar", "none")
    run = Run(tmp_path / "runs/regress-1")
    model, window = run.model(), run.config.data.window
    export_model(model, "python", tmp_path / "exported", run=run)
    spec = importlib.util.spec_from_file_location("exported", tmp_path / "exported.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    columns = module.model.about["columns"]
    assert "price +2" in columns
    rows = [row for row in rows_of(path.read_text()) if row["shop"] == "a"]
    last = next(i for i, row in enumerate(rows) if not row["sales"]) - 1

    def value(name: str, at: int) -> float:
        name, _, later = name.partition(" +")
        row = rows[at + int(later or 0)]
        column, is_text, text = name.partition("=")
        return float(row[column] == text) if is_text else float(row[column])

    X = [[value(name, at) for name in columns] for at in range(last - window + 1, last + 1)]
    made = rows_of(cli("forecast", "last", "--horizon", 2, "--level", "none").out)
    ours = next(float(row["sales"]) for row in made if row["ahead"] == "2" and row["series"] == "a")
    assert module.model.predict(np.array([X]))["y"].item() == pytest.approx(ours, rel=1e-5)
    assert json.loads(program(run, None))["n_moved"] == len(model.transform.known.ahead)


def test_members_of_a_forecast_are_averaged_and_their_spread_is_shown(cli, tmp_path):
    path = filtered(write(tmp_path), "known.csv", lambda line: not line.endswith(","))
    results = train(cli, path, "--members", 2, "--calendar", "none")
    assert results["members_low"] <= results["members_high"]
    done = cli("forecast", "last", "--horizon", 3, "--level", "80", "--figure", "fan.png")
    assert done.code == 0, done.err
    for row in rows_of(done.out):
        low, middle, high = (
            float(row[f"sales{end}"]) for end in ("_members_low", "", "_members_high")
        )
        assert low <= middle * (1 + 1e-6)
        assert middle <= high * (1 + 1e-6)
    assert cli("forecast", "last", "--horizon", 2, "--backtest", 3).code == 0
    assert cli("export", "last", "--to", "python").code == 0


def test_a_model_file_whose_known_columns_do_not_fit_is_refused(cli, tmp_path):
    train(cli, write(tmp_path), *KNOWN)
    path = tmp_path / "runs/regress-1/model.safetensors"
    model = load_model(path)[0]
    facts, arrays = model.facts(), model.arrays()
    for name, value in (("future", ["prise"]), ("future", ["sales"]), ("static", ["price"])):
        reading = {**facts["preparation"]["reading"], name: value}
        changed = {**facts, "preparation": {**facts["preparation"], "reading": reading}}
        with pytest.raises(UntrustedFileError, match="future or static"):
            model_from_facts(changed, arrays, "m")
    effects = "preparation/lag_effects"
    for wrong in (arrays[effects][:, :-1], arrays[effects] * np.nan):
        with pytest.raises(UntrustedFileError, match="linear: "):
            model_from_facts(facts, {**arrays, effects: wrong}, "m")


def test_inspect_names_static_columns_and_those_known_ahead(cli, tmp_path):
    path = write(tmp_path)
    known = filtered(path, "known.csv", lambda line: not line.endswith(","))
    done = cli("inspect", known, *ROLES)
    assert "left out (static; an input with --static)" in done.out
    done = cli("inspect", path, *ROLES, *KNOWN, "--static", "region")
    for words in ("input, static", "input, known ahead", "12 steps at the end of 2 series"):
        assert words in done.out
    assert "--missing" not in done.out
    assert "--future price,holiday --static region" in done.out


def dated(path: Path, days: list[str], head: str = "date,price,sales", known: int = 0) -> Path:
    """A series whose sales follow a price; the last days, after `known` of them, have none."""
    lines = [head]
    for i, day in enumerate(days):
        price = 10 - 3 * (i % 5 == 2)
        sales = "" if known and i >= known else f"{40 - 2 * price + i % 7}"
        lines.append(f"{day},{price},{sales}"[: None if "sales" in head else -len(sales) - 1])
    path.write_text("\n".join([*lines, ""]))
    return path


def test_dates_of_a_file_are_compared_though_a_day_of_the_history_is_missing(cli, tmp_path):
    days = [str(np.datetime64("2024-01-01") + np.timedelta64(i, "D")) for i in range(90)]
    dated(tmp_path / "own.csv", days[:60] + days[61:])
    options = ("--target", "sales", "--horizon", 1, "--future", "price")
    more = ("--window", 8, "--calendar", "none", *OFF, "--max-steps", 5)
    assert cli("regress", "own.csv", *options, *more).code == 0

    def forecast(*days: str):
        dated(tmp_path / "after.csv", [*days], "date,price")
        return cli("forecast", "last", "--future", "after.csv", "--horizon", 3, "--level", "none")

    written = ["31.03.2024", "01.04.2024", "02.04.2024"]
    done = forecast("30.03.2024", *written)  # rows up to the last day are left out
    assert [row["time"] for row in rows_of(done.out)] == written, done.err
    refused = {
        ("2031-05-01", "2031-05-02", "2031-05-03"): "2031-05-01, expected 2024-03-31",
        ("2024-03-31", "2024-04-02", "2024-04-03"): "2024-04-02, expected 2024-04-01",
        ("7", "8", "9"): "times such as 7 cannot be compared with the last target, which is at",
    }
    for given, message in refused.items():
        done = forecast(*given)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
        assert done.err.count("\n") == 1
    dated(tmp_path / "own.csv", [day for i, day in enumerate(days) if i % 7 in (0, 1, 4)])
    assert cli("regress", "own.csv", *options, *more).code == 0
    done = forecast("2024-03-31", "2024-04-02", "2024-04-09")
    assert [row["time"] for row in rows_of(done.out)] == ["2024-03-31", "2024-04-02", "2024-04-09"]
    assert "the series has no regular step, so its times are only known to be later" in done.err


def test_missing_days_are_filled_by_the_recipe_and_read_alike_ever_after(cli, tmp_path):
    days = [str(np.datetime64("2024-01-01") + np.timedelta64(i, "D")) for i in range(120)]
    dated(tmp_path / "own.csv", days[:60] + days[63:], known=110)
    options = ("--target", "sales", "--horizon", 1, "--future", "price", "--window", 8)
    done = cli("regress", "own.csv", *options, *OFF, "--max-steps", 5)
    assert "3 of 120 days are missing: filled in (--every day --missing forward)" in done.err
    config = json.loads((tmp_path / "runs/regress-1/config.json").read_text())["config"]
    assert (config["data"]["every"], config["data"]["missing"]) == ("day", "forward")
    named = ("--every", "day", "--missing", "forward")
    assert cli("regress", "own.csv", *options, *OFF, "--max-steps", 5, *named).code == 0
    weights = [tmp_path / f"runs/regress-{k}/model.safetensors" for k in (1, 2)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert cli("verify", "regress-1", "--steps", 2).code == 0
    assert cli("evaluate", "regress-1", "own.csv").code == 0
    own, given = (cli("forecast", "regress-1", *data, "--level", "none", "--horizon", 7).out
                  for data in ((), ("own.csv",)))  # fmt: skip
    assert own == given
    assert [row["time"] for row in rows_of(own)] == days[113:]
    rows = rows_of(cli("predict", "regress-1", "own.csv").out)
    assert [row["row"] for row in rows if row["time"] in days[59:64]] == ["59", "", "", "", "60"]
    text = (tmp_path / "own.csv").read_text()
    (tmp_path / "own.csv").write_text(text.replace(f"{days[115]},", "2024-07-01,"))
    done = cli("forecast", "regress-1", "own.csv", "--level", "none", "--horizon", 7)
    assert f"step 3 after the last target is at {days[116]}, expected {days[115]}" in done.err
    dated(tmp_path / "own.csv", [day for i, day in enumerate(days) if i % 6])
    done = cli("regress", "own.csv", *options, *OFF, "--max-steps", 5)
    assert "19 of 119 days are missing, the first 2024-01-07; --every day fills" in done.err
