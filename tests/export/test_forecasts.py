"""What exports of a run of a forecast hold: all steps, intervals, and the times they are for."""

import base64
import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from hiddenstate.cli.forecast import figure_of
from hiddenstate.export import export_model
from hiddenstate.export.present import Present, present_of
from hiddenstate.inference.fans import error_in_words, fans_of
from hiddenstate.inference.outlook import Outlook
from hiddenstate.runs import Run
from hiddenstate.studio.details import view
from hiddenstate.studio.forecasts import forecast
from hiddenstate.views import style
from tests.conftest import Cli
from tests.export.scripts import imported, run_file
from tests.report_html import Page

OPTIONS = ("--id", "shop", "--time", "day", "--target", "sales", "--future", "promotion")
SHOPS = {"Oslo": (60, 300), "Zürich": (52, 4000)}
HORIZON, LATER, GAP = 3, 5, 55


def shops(path: Path) -> None:
    """Write two shops of unequal length, with days on which promotions are known ahead."""
    random, lines = np.random.default_rng(1), ["shop,day,promotion,sales"]
    for shop, (n, level) in SHOPS.items():
        for k in range(-n, LATER):
            promotion = int(random.random() < 0.2)
            noise = np.exp(0.1 * random.normal())
            value = level * (1 + 0.4 * promotion) * (1.5 if k % 7 == 5 else 1) * noise
            day = date(2024, 3, 1) + timedelta(days=k)
            lines.append(f"{shop},{day},{promotion},{'' if k >= 0 else round(value, 2)}")
    path.write_text("\n".join(lines) + "\n")


def shops_options(path: Path) -> dict[str, Any]:
    """Write the shops, and return the options of a run of them."""
    shops(path)
    words = {"id": "shop", "time": "day", "target": ("sales",), "future": ("promotion",)}
    return {"data": str(path), **words, "horizon": HORIZON, "max_steps": 3, "log_every": 3}


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


@pytest.mark.usefixtures("coarse", "blank")
def test_the_python_file_forecasts_and_dates_as_the_command(cli: Cli, tmp_path: Path) -> None:
    shops(tmp_path / "shops.csv")
    done = cli("regress", "shops.csv", *OPTIONS, "--horizon", HORIZON, "--max-steps", 3)
    assert done.code == 0, done.err
    wanted = table(cli("forecast", "last", "--horizon", HORIZON).out)
    done = cli("export", "last", "--to", "python", "--output", "m.py")
    assert done.code == 0, done.err
    assert "no interval" not in done.err
    found = run_file(tmp_path / "m.py", "--forecast", tmp_path / "shops.csv")
    rows = table(found.stdout)
    assert [row["time"] for row in rows] == [row["time"] for row in wanted]
    assert [row["series"] for row in rows] == [row["series"] for row in wanted]
    numbers = [name for name in wanted[0] if name.startswith("sales")]
    assert len(numbers) == 5
    for row, right in zip(rows, wanted, strict=True):
        assert [float(row[n]) for n in numbers] == pytest.approx(
            [float(right[n]) for n in numbers], rel=1e-5
        )
    answers = table(run_file(tmp_path / "m.py", tmp_path / "shops.csv").stdout)
    assert answers[-1]["time"] == "2024-02-29"
    assert answers[-1]["target_time"] == "2024-03-03"
    assert float(answers[-1]["sales"]) == pytest.approx(float(wanted[-1]["sales"]), rel=1e-5)
    lines = (tmp_path / "shops.csv").read_text().splitlines()
    last = max(i for i, line in enumerate(lines) if not line.endswith(","))
    lines[last] = ",".join([*lines[last].split(",")[:-1], "0"])
    (tmp_path / "zero.csv").write_text("\n".join(lines) + "\n")
    refused = run_file(tmp_path / "m.py", "--forecast", tmp_path / "zero.csv").stderr
    said = cli("forecast", "last", "zero.csv").err.partition("zero.csv: ")[2]
    assert said.startswith("series ")
    assert refused.partition("zero.csv: ")[2].strip() in said
    run = Run(next((tmp_path / "runs").iterdir()))
    shown = json.loads(forecast(run))
    assert shown["program"]["ahead"]["levels"] == [0.8, 0.95]
    assert [each["name"] for each in shown["forecast"]["known"]] == ["promotion"]
    fans = shown["forecast"]["fans"]
    assert [each["name"] for each in fans["series"]] == list(SHOPS)
    assert fans["series"][0]["ahead"]["y"][0] == pytest.approx(
        [float(row["sales"]) for row in wanted[:HORIZON]]
    )
    bent = json.loads(view(run, None))  # begins with the own last steps, which have logarithms
    rows_of_run = numbers_of(bent["rows"])
    assert rows_of_run.shape[2] == len(bent["columns"])
    assert rows_of_run[0, -1, 0] == pytest.approx(fans["series"][0]["past"][0][-1])
    assert (np.array(bent["low"])[0] > 0) & (rows_of_run[0, :, 0].min() > bent["low"][0])
    assert cli("report", "last").code == 0
    report = Page((run.path / "report.html").read_text("utf-8"))
    data = next(text for given, text in report.scripts if given.get("id") == "forecast-data")
    assert json.loads(data) == json.loads(json.dumps(fans_of(outlook_of_run(run))))
    assert "fan" in report.attributes("id")
    done = cli("export", "last", "--to", "c", "--output", "m.h")
    header = (tmp_path / "m.h").read_text()
    assert "#define M_HORIZON 3 " in header
    assert ("1 x 32, which does not answer" in header) is not run.model().network_counts
    assert "that of _run is for 3 steps after the last one of x" in " ".join(header.split())
    assert "M_INTERVALS 2" in header


def test_a_model_without_a_run_has_no_intervals_and_says_so(cli: Cli, tmp_path: Path) -> None:
    cells = [str(k % 5) if k != GAP else "" for k in range(60)]
    (tmp_path / "v.csv").write_text(
        "t,v_kWh\n" + "".join(f"{k},{v}\n" for k, v in enumerate(cells))
    )
    words = ("--time", "t", "--horizon", 2, "--window", 6, "--missing", "forward")
    done = cli("regress", "v.csv", *words, "--max-steps", 3)
    assert done.code == 0, done.err
    run = Run(next((tmp_path / "runs").iterdir()))
    report = export_model(run.model(), "python", tmp_path / "m")
    assert report.note.startswith("no intervals")
    answers: dict[str, Any] = imported(tmp_path / "m.py").forecast(np.ones((1, 9, 1)))
    assert {name: each.shape for name, each in answers.items()} == {"y": (1, 2, 1)}
    with pytest.raises(ValueError, match="has 1 step"):
        imported(tmp_path / "m.py").forecast(np.ones((1, 1, 1)))
    present, _ = present_of(run.model(), run)
    assert present is not None
    fans = fans_of(present.outlook)
    (fan,) = fans["series"]
    later = ["60", "61"]  # without times, steps are numbered
    assert fan["seconds"] is None
    assert fan["times"][-2:] == later
    assert np.isfinite(np.array(fan["held"][0][fan["held_from"] + 2 :], float)).all()
    error = fan["errors"][0]
    assert error is not None
    assert error["simple"] == "the value of 5 steps ago"
    assert error["other"] == 0  # the values that are known
    assert error_in_words(error, fans["units"][0]).endswith("± 0 kWh")
    with style.theme():
        texts = [text.get_text() for text in drawn(present).findobj(Text)]
    assert "v_kWh" in texts
    assert "60" in texts
    assert error_in_words(error, fans["units"][0]) in texts
    assert '""' not in texts
    (tmp_path / "v.csv").unlink()
    present, note = present_of(run.model(), run)
    assert present is None
    assert "v.csv" in note


def outlook_of_run(run: Run) -> Outlook:
    present, _ = present_of(run.model(), run)
    assert present is not None
    return present.outlook


def numbers_of(packed: Any) -> Any:
    flat = np.frombuffer(base64.b64decode(packed["base64"]), packed["dtype"])
    return flat.reshape(packed["shape"])


def drawn(present: Present) -> Figure:
    figure: Figure = figure_of(present.outlook)
    return figure


@pytest.mark.parametrize(
    ("cells", "later"),
    [
        (["2024-01-30", "2024-01-31"], ["2024-02-01", "2024-02-02"]),
        (["2024-01", "2024-02", "2024-03"], ["2024-04", "2024-05"]),
        (["30.12.24", "31.12.24"], ["01.01.25", "02.01.25"]),
        (["12/30/2024 23:30", "12/31/2024 00:30"], ["12/31/2024 01:30", "12/31/2024 02:30"]),
        (
            ["2024-01-01T22:00:00.000+0100", "2024-01-01T23:00:00.000+0100"],
            ["2024-01-02T00:00:00.000+0100", "2024-01-02T01:00:00.000+0100"],
        ),
        (["5", "7", "9"], ["11", "13"]),
        (["2024-01-01", "2024-01-09", "2024-01-10", "2024-01-13"], ["", ""]),
    ],
)
def test_times_go_on_as_they_are_written(cells: list[str], later: list[str]) -> None:
    from hiddenstate.export.python.encoded import cells_after

    about: Any = {"decimal": ".", "thousands": None, "dates": None, "columns": [], "id": []}
    if cells[0] == "30.12.24":
        about["dates"] = "dmy"
    assert cells_after(cells, 2, "t", about) == later


def test_each_note_of_an_export_has_a_line(cli: Cli, tmp_path: Path) -> None:
    run = Path(__file__).parents[1] / "golden" / "v3" / "regress"
    done = cli("export", run, "--to", "html", "--output", tmp_path / "page.html")
    assert done.code == 0
    notes = [line for line in done.err.splitlines() if not line.startswith("largest")]
    assert [note.partition(" ")[0] for note in notes] == ["no", "the"]
