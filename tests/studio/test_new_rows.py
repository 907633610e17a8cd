"""Answers for files of new rows: the commands, and the table in a browser."""

import csv
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import hiddenstate
from hiddenstate.errors import OptionError
from hiddenstate.studio import commands

RUN = Path("runs/regress-1")


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("predict", {"data": "new.csv"}, "predict runs/regress-1 new.csv"),
        ("predict", {"data": "a b", "proba": True}, "predict runs/regress-1 a b --proba"),
        ("forecast", {}, "forecast runs/regress-1"),
        (
            "forecast",
            {"data": "new.csv", "future": "known.csv", "horizon": 3},
            "forecast runs/regress-1 new.csv --future known.csv --horizon 3",
        ),
    ],
)
def test_the_commands_that_answer(command, options, words):
    asked = commands.about_run(command, RUN, {**options, "output": "answers.csv"})
    drawn = " --figure answers.json" if command == "forecast" else ""
    assert " ".join(asked) == f"{words} --output answers.csv{drawn}"


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("predict", {"horizon": 3}),
        ("predict", {"runs_dir": "x"}),
        ("forecast", {"horizon": 0}),
        ("forecast", {"horizon": "3"}),
        ("forecast", {"figure": "x.png"}),
    ],
)
def test_other_options_are_refused(command, options):
    with pytest.raises(OptionError):
        commands.about_run(command, RUN, {**options, "output": "answers.csv"})


def test_answers_are_written_beside_the_files_of_the_page(client, tmp_path):
    body = {"command": "predict", "options": {"data": "rows.csv", "output": "elsewhere.csv"}}
    told = client.post("/api/runs/classify-1/command", body).json
    assert told["command"].endswith(
        "runs/classify-1 rows.csv --output runs/uploads/classify-1-answers-rows.csv"
    )
    body = {"command": "predict", "options": {"data": "../rows.csv"}}
    assert client.post("/api/runs/classify-1/command", body).status == 422


def test_a_file_of_rows_is_answered_in_the_page(open_page, trained, tmp_path):
    shutil.copytree(trained("classify"), tmp_path / "runs" / "classify-1")
    digits = np.random.default_rng(0).random((5, 8, 8))
    np.save(tmp_path / "digits.npy", digits)
    browser = open_page("#/run/classify-1")
    page = browser.page
    page.locator(".ask > summary").click()
    page.set_input_files(".new-rows input[type=file]", str(tmp_path / "digits.npy"))
    page.locator(".new-rows .note[role=status]:empty").wait_for(state="attached")
    page.click(".new-rows button.main")
    rows = page.locator(".new-rows tbody tr")
    rows.first.wait_for()
    model = hiddenstate.load(tmp_path / "runs" / "classify-1")
    shown = [row.split("\t") for row in rows.all_inner_texts()]
    assert [row[1] for row in shown] == [str(label) for label in model.predict(digits)]
    wrote = next((tmp_path / "runs" / "uploads").glob("*.csv"))
    with wrote.open(newline="") as stream:
        head, *lines = csv.reader(stream)
    assert page.locator(".new-rows thead th").all_inner_texts() == head
    assert len(lines) == len(shown)
    np.testing.assert_allclose(
        np.array([row[2:] for row in shown], float), model.predict_proba(digits), atol=1e-3
    )
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.locator(".new-rows thead th").last.is_visible()
    page.set_viewport_size(browser.SIZE)


def test_a_page_reads_the_data_of_a_run_only_where_files_may_be_read(client, tmp_path, monkeypatch):
    places = client.studio.places

    def why(data):
        reading = SimpleNamespace(data=SimpleNamespace(data=data, test=None, answers=None))
        return places.why_closed(SimpleNamespace(config=reading))

    assert [why(data) for data in (None, "-", "rows.csv", str(tmp_path / "rows.csv"))] == [""] * 4
    (tmp_path / "link.csv").symlink_to("/etc/hostname")
    for data in ("/etc/hostname", "../rows.csv", "link.csv", "gone.csv"):
        assert why(data).startswith("the data of the run is not read here: ")
    monkeypatch.setattr("hiddenstate.studio.places.MAX_READ", 10)
    assert why("rows.csv").startswith("the data is larger than ")
