"""What answers a forecast, and the forecast, in the report and the model card."""

import shlex
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from hiddenstate.data.prepare.linear_path import Group
from hiddenstate.export.present import present_of
from hiddenstate.inference.fans import fans_of
from hiddenstate.inference.rolled import rolled
from hiddenstate.report.facts import RunFacts
from hiddenstate.report.forecast import answer, forecast_table, parts, weights
from hiddenstate.runs import Run
from tests.conftest import Cli, answer_to

OFF = ("--view", "off", "--threads", "1", "--max-steps", 20)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two shops, 90 days of each."""
    folder, random = tmp_path_factory.mktemp("shops"), np.random.default_rng(0)
    lines = ["shop,day,sales"]
    for shop, level in (("A", 20), ("B", 300)):
        for t in range(90):
            sales = level * (1 + 0.3 * np.sin(t * 2 * np.pi / 7) + 0.05 * random.normal())
            lines.append(f"{shop},{date(2024, 1, 1) + timedelta(t)},{sales:.2f}")
    (folder / "shops.csv").write_text("\n".join(lines) + "\n")
    words = shlex.split("--target sales --id shop --time day --horizon 3 --calendar none")
    words += ["--runs-dir", str(folder / "runs")]
    done = answer_to("regress", folder / "shops.csv", *words, *OFF)
    assert done.code == 0, done.err
    return folder


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures without marks: what they show is tested in tests/views."""
    monkeypatch.setattr("matplotlib.figure.Figure.draw", lambda figure, renderer: None)


def test_the_report_and_the_card_list_each_step_with_its_date(made: Path, cli: Cli) -> None:
    run = Run(made / "runs/regress-1")
    assert cli("report", run.path).code == 0
    card, page = ((run.path / name).read_text("utf-8") for name in ("README.md", "report.html"))
    section = card.split("## The forecast\n")[1].split("\n## ")[0]
    assert "What answers: " in section
    head = "| series | step | time | ahead | sales | sales lower 80 | sales upper 80 |"
    lines = section.split(head)[1].splitlines()[2:8]
    days = ["2024-03-31", "2024-04-01", "2024-04-02"]
    assert [[cell.strip() for cell in line.split("|")][3] for line in lines] == 2 * days
    assert all(day in page for day in days)
    for by, names in (("steps ahead", "123"), ("series", "AB")):
        title = f"sales: MASE (mean absolute error) by {by}"
        rows = section.split(f"{title}:\n\n")[1].split("\n\n")[0].splitlines()
        assert "| hiddenstate | last value | value of a week ago | ridge |" in rows[0]
        assert [row.split("|")[1].strip() for row in rows[2:]] == list(names)
        assert title in page
    assert "Weights of the linear path" in page


def test_without_its_data_a_report_says_why_it_lists_no_forecast(made, cli, tmp_path) -> None:
    data = made / "shops.csv"
    data.rename(tmp_path / "away.csv")
    try:
        done = cli("report", made / "runs/regress-1")
    finally:
        (tmp_path / "away.csv").rename(data)
    assert done.code == 0
    assert done.err.startswith("note: the report has no table of forecasts: ")
    assert "sales lower 80" not in (made / "runs/regress-1/README.md").read_text("utf-8")


def test_weights_and_parts_come_from_the_run_folder(made: Path) -> None:
    facts = RunFacts(Run(made / "runs/regress-1"))
    (table,) = weights(facts, 2)
    assert table.title.startswith("What sales")
    kinds = [row[0] for row in table.rows]
    assert (kinds[:3], kinds[-1]) == (["its own past"] * 3, "constant")
    assert table.rows[2][1].endswith(" more")
    facts.results["net_share"] = 0.0
    assert parts(facts) is None
    assert answer(facts)[0].endswith("nothing, by a rolling origin in the training rows.")
    facts.results["net_share"] = 0.5
    facts.final_arrays["series_part"] = np.array([[0.25], [0.5]])
    shares = parts(facts)
    assert shares is not None
    assert [(row[0][-1], row[1]) for row in shares.rows] == [("A", "25 %"), ("B", "50 %")]


def test_what_columns_are_worth_is_said(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group("promotion known ahead", 12.1, 15.3).facts()
    monkeypatch.setattr(Run, "data_record", lambda run: {"groups": [group]})
    facts = RunFacts(Run(made / "runs/regress-1"))
    assert answer(facts)[1:] == ["promotion known ahead: error 12.1 with it, 15.3 without."]


def test_a_long_table_of_forecasts_is_cut() -> None:
    rows = [("A", 1, "direct", 1.23456789)] * 500
    head = ["series", "ahead", "method", "y_eur_lower_80"]
    table = forecast_table(head, iter(rows), 500)
    assert table.title == "The forecast: the first 400 of 500 rows"
    assert table.head == ("series", "ahead", "y_eur lower 80")  # of one method
    assert table.first_number == 1
    assert table.rows[0] == ("A", "1", "1.2346")
    both = forecast_table(head, iter([*rows[:1], ("A", 2, "recursive", 1.0)]), 2)
    assert [row[2] for row in both.rows] == ["direct", "recursive"]


def test_panels_score_the_forecasts_of_the_tables(made: Path) -> None:
    run = Run(made / "runs/regress-1")
    present, _ = present_of(run.model(), run)
    assert present is not None
    table = rolled(present.outlook).steps.by_series()
    for row, fan in zip(table, fans_of(present.outlook)["series"], strict=True):
        error = fan["errors"][0]
        assert error is not None
        assert row["mae"]["hiddenstate"] == pytest.approx(error["own"])
        name = error["simple"].removeprefix("the ")
        assert row["mae"][name] == pytest.approx(error["other"])
