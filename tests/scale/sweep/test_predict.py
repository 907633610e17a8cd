"""A whole sweep predicts and forecasts as the lone runs of its groups do; one model comes out."""

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hiddenstate import load, load_sweep, sweep
from hiddenstate.cli.sweep_models import forecast_groups
from hiddenstate.config import make_config
from hiddenstate.errors import OptionError
from hiddenstate.inference import fans
from hiddenstate.runs import Run
from hiddenstate.scale.sweep.groups import read_groups
from hiddenstate.scale.sweep.models import SweepModels
from hiddenstate.scale.sweep.start import open_sweep
from hiddenstate.scale.sweep.store import SweepFolder
from tests.scale.sweep.conftest import train_here

VALUES = {"time": "t", "target": ("y",), "input": ("y",), "horizon": 2, "max_steps": 4}


def lines_of(numbers, n=60):
    return [f"{t},{np.sin(t / 3 + numbers):.4f}" for t in range(n)]


@pytest.fixture
def forecasters(tmp_path, monkeypatch):
    """The folder of a sweep of three good groups and a bad one, in the default place."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{line},{site}" for site in (1, 2, 3) for line in lines_of(site)]
    (tmp_path / "sales.csv").write_text("\n".join(["t,y,site", *rows, "0,1,4"]) + "\n", "utf-8")
    folder = tmp_path / "runs" / "sales-by-site"
    train_here(open_sweep(tmp_path / "sales.csv", ("site",), "regress", VALUES, folder))
    return folder


def rows_in(text):
    return list(csv.DictReader(io.StringIO(text)))


def alone(cli, tmp_path, site):
    """A lone run of one group."""
    folder = tmp_path / f"only-{site}"
    folder.mkdir(exist_ok=True)
    (folder / "sales.csv").write_text("\n".join(["t,y", *lines_of(site)]) + "\n", "utf-8")
    options = ["--time", "t", "--target", "y", "--input", "y", "--horizon", 2, "--max-steps", 4]
    done = cli("regress", folder / "sales.csv", *options, "--name", f"only-{site}", "--view", "off")
    assert done.code == 0, done.err
    return f"only-{site}", folder / "sales.csv"


def test_forecasts_are_those_of_lone_runs(cli, forecasters, tmp_path):
    whole = cli("forecast", "sales-by-site", "--horizon", 3, "--level", "50")
    assert whole.code == 0, whole.err
    assert "4: no model: failed: " in whole.err
    name, _ = alone(cli, tmp_path, 2)
    lone = rows_in(cli("forecast", name, "--horizon", 3, "--level", "50").out)
    own = [row for row in rows_in(whole.out) if row.pop("site") == "2"]
    assert own == lone
    records = SweepFolder(forecasters).records()
    part = Run(tmp_path / "runs" / name).results()["net_part"]
    assert [records[(site,)].outcome.net_part for site in "24"] == [part, None]
    assert len(rows_in(whole.out)) == 9


def test_a_terminal_shows_the_forecasts_of_the_first_groups(forecasters, monkeypatch, capsys):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(fans, "MOST_SERIES", 2)
    places = forecasters, None, None, "", False, None, [0.5]
    forecast_groups(*places, future=None, device="auto", threads=1, reading={})
    shown = capsys.readouterr().out
    lines = [line.strip() for line in shown.splitlines()]
    assert [line.split()[0] for line in lines if ", y" in line] == ["1,", "2,"]
    assert sum(line.startswith(("time", "step")) for line in lines) == 2
    assert lines[-1] == "1 more group; --output FILE has all"


def test_each_group_has_the_intervals_that_its_own_steps_allow(cli, forecasters, tmp_path):
    rows = [
        f"{line},{site}" for site, n in ((1, 60), (2, 5), (3, 60)) for line in lines_of(site, n)
    ]
    path = tmp_path / "new.csv"
    path.write_text("\n".join(["t,y,site", *rows]) + "\n", "utf-8")
    done = cli("forecast", "sales-by-site", path, "--horizon", 10)
    assert done.code == 0, done.err
    assert "note: 1 group without all intervals: 2: no interval 4 to 10 steps ahead" in done.err
    empty = [(row["site"], row["ahead"]) for row in rows_in(done.out) if row["y_upper_95"] == ""]
    assert empty == [("2", f"{ahead}") for ahead in range(4, 11)]


def test_a_group_that_cannot_be_forecast_is_refused_or_left_out(cli, forecasters, tmp_path):
    rows = [
        f"{line},{site}" for site, n in ((1, 60), (2, 1), (3, 60)) for line in lines_of(site, n)
    ]
    path = tmp_path / "new.csv"
    path.write_text("\n".join(["t,y,site", *rows]) + "\n", "utf-8")
    refused = cli("forecast", "sales-by-site", path, "--horizon", 10)
    assert refused.code == 2
    assert "2: new.csv: series 0 has 1 step" in refused.err
    done = cli("forecast", "sales-by-site", path, "--horizon", 10, "--skip-unknown")
    assert done.code == 0, done.err
    assert {row["site"] for row in rows_in(done.out)} == {"1", "3"}
    assert "note: 1 group left out: 2: new.csv: series 0 has 1 step" in done.err


def test_predictions_are_those_of_lone_runs(cli, forecasters, tmp_path):
    whole = cli("predict", "sales-by-site", "sales.csv", "--skip-unknown")
    assert whole.code == 0, whole.err
    name, path = alone(cli, tmp_path, 3)
    lone = rows_in(cli("predict", name, path).out)
    own = [row for row in rows_in(whole.out) if row.pop("site") == "3"]
    # Rows are counted in the whole table.
    assert [int(row.pop("row")) - 120 for row in own] == [int(row.pop("row")) for row in lone]
    assert own == lone


def test_groups_without_a_model_are_refused_with_their_reason(refuse, forecasters):
    (forecasters.parents[1] / "new.csv").write_text(
        "\n".join(["t,y,site", *(f"{line},{s}" for s in (1, 9) for line in lines_of(s))]), "utf-8"
    )
    error = refuse(2, "predict", "sales-by-site", "new.csv")
    assert "1 of 2 groups have no model: 9 (is not in the sweep, or not trained yet)" in error
    assert "--skip-unknown" in error


def test_an_error_in_a_group_names_it(refuse, forecasters):
    (forecasters.parents[1] / "new.csv").write_text("t,y,site\n0,1,1\n1,x,1\n", "utf-8")
    assert refuse(2, "predict", "sales-by-site", "new.csv").startswith("error: 1: new.csv:3:y: 'x'")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["predict", "sales-by-site"], "keeps no test rows; pass DATA"),
        (["predict", "sales-by-site", "sales.csv", "--proba"], "only for classifiers"),
        (["forecast", "sales-by-site", "--figure", "x.png"], "--extract GROUP FILE"),
        (["predict", "sales-by-site", "sales.csv", "--output", "sales.csv"], "is an input"),
    ],
)
def test_what_a_sweep_does_not_do_is_refused(refuse, forecasters, words, error):
    assert error in refuse(2, *words)


def test_a_changed_table_has_to_be_named(refuse, forecasters):
    with (forecasters.parents[1] / "sales.csv").open("a", encoding="utf-8") as stream:
        stream.write("1,1,4\n")
    assert "pass it as DATA" in refuse(2, "forecast", "sales-by-site")


def test_a_group_comes_out_as_an_ordinary_model_file(cli, forecasters, tmp_path):
    name, path = alone(cli, tmp_path, 1)
    done = cli("sweep", "sales-by-site", "--extract", "1", "one.safetensors")
    assert done.code == 0, done.err
    whole = (tmp_path / "runs" / name / "model.safetensors").read_bytes()
    assert (tmp_path / "one.safetensors").read_bytes() == whole
    assert cli("predict", "one.safetensors", path).code == 0


def test_python_reads_estimators_and_results(forecasters, tmp_path):
    made = load_sweep(forecasters)
    assert list(made) == ["1", "2", "3"]
    assert (len(made), made.by) == (3, ("site",))
    assert [row["status"] for row in made.results].count("failed") == 1
    SweepModels(SweepFolder(forecasters))
    path = tmp_path / "model.safetensors"
    path.write_bytes(SweepModels(SweepFolder(forecasters)).model_bytes(("2",)))
    X = np.zeros((1, made[2].model_.row_shape[0], 1))
    np.testing.assert_array_equal(made[2].predict(X), load(path).predict(X))
    with pytest.raises(KeyError, match="group 4 failed"):
        made["4"]
    columns = made.forecast(2, level=())
    assert columns["site"].tolist() == ["1", "1", "2", "2", "3", "3"]
    assert set(made.predict(tmp_path / "sales.csv", skip_unknown=True)) >= {"site", "row", "y"}


def test_a_group_of_zeros_keeps_its_model_in_a_table_without_words(tmp_path):
    rows = [f"{line},{site}" for site in ("A", "7", "007") for line in lines_of(len(site))]
    (tmp_path / "sales.csv").write_text("\n".join(["t,y,site", *rows]) + "\n", "utf-8")
    made = open_sweep(tmp_path / "sales.csv", ("site",), "regress", VALUES, tmp_path / "sweep")
    train_here(made)
    new = tmp_path / "new.csv"
    new.write_text("\n".join(["t,y,site", *(f"{line},007" for line in lines_of(3))]), "utf-8")
    found = load_sweep(tmp_path / "sweep").forecast(horizon=2, table=new, level=())
    assert found["site"].tolist() == ["007", "007"]


def test_a_date_names_the_same_group_whatever_dates_are_beside_it(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    days = np.array(["2026-01-01T00:00", "2026-01-01T12:00"], "M8[us]")
    keys = []
    for n in (1, 2):
        table = pa.table({"day": days[:n], "y": np.arange(float(n))})
        parquet.write_table(table, tmp_path / f"{n}.parquet")
        options = make_config("regress", {"data": "x.csv", "target": ("y",)}, together=False).data
        keys.append(read_groups(tmp_path / f"{n}.parquet", options, ("day",), "regress").keys)
    assert keys[0] == keys[1][:1]


def test_a_group_of_several_columns_is_named_by_all_its_values(cli, refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sites = ('"Oslo, NO",x', '"a,b",c', 'a,"b,c"')
    rows = [f"{line},{site}" for k, site in enumerate(sites) for line in lines_of(k)]
    (tmp_path / "sales.csv").write_text("\n".join(["t,y,site,part", *rows]) + "\n", "utf-8")
    folder = tmp_path / "runs" / "two"
    train_here(open_sweep(tmp_path / "sales.csv", ("site", "part"), "regress", VALUES, folder))
    done = cli("sweep", "two", "--extract", "Oslo, NO,x", "oslo.safetensors")
    assert done.code == 0, done.err
    expected = "expected 2 values, of site, part, got Lima"
    assert expected in refuse(2, "sweep", "two", "--extract", "Lima", "x.safetensors")
    ambiguous = "a,b,c may be site=a,b, part=c or site=a, part=b,c"
    assert ambiguous in refuse(2, "sweep", "two", "--extract", "a,b,c", "x.safetensors")
    with pytest.raises(KeyError, match="expected 2 values"):
        load_sweep(folder)["Lima"]


def test_a_frame_in_the_place_of_a_path_is_named(forecasters, tmp_path):
    frame = pd.DataFrame({"site": ["1"], "t": [0], "y": [1.0]})
    made = load_sweep(forecasters)
    for call in (
        lambda: made.predict(frame),
        lambda: made.forecast(2, frame),
        lambda: sweep(frame, "site", "regress", tmp_path / "new"),
    ):
        with pytest.raises(
            TypeError, match=r"^table: expected the path .* got DataFrame; .*to_csv"
        ):
            call()
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("regres", {}, "job: expected .* got regres; did you mean regress"),
        ("regress", {"teach": "answers.npy"}, "a sweep of regress has no such option"),
        ("regress", {"hiden_size": 3}, "hiden_size: .* no such option; did you mean hidden_size"),
    ]
    for job, options, words in wrong:
        with pytest.raises(OptionError, match=words):
            sweep(tmp_path / "sales.csv", "site", job, tmp_path / "new", **options)
    assert not (tmp_path / "new").exists()
