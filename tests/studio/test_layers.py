"""The page of a run shows the answers of the model, and at a click those of its network alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.html.page import TARGET
from hiddenstate.export.target import source_of
from hiddenstate.report import write_report
from hiddenstate.runs import Run
from hiddenstate.studio.details import arrays_of
from tests.export.models import random_model
from tests.report_html import train
from tests.studio.conftest import Browser
from tests.test_one_answer import ALONE, waves

OpenPage = Callable[..., Browser]
SHOWN = "() => document.querySelector('.layers [aria-pressed=true]')"


def without_network(run: Run, which: str) -> dict[str, Any]:
    """Return the arrays that a run of release 0.5 has."""
    new = ("net_", "probability", "decision") if which == "final" else ("net_",)
    return {name: a for name, a in arrays_of(run, which).items() if not name.startswith(new)}


@pytest.mark.usefixtures("cli")
def test_a_page_shows_one_answer_and_at_a_click_the_network(
    tmp_path: Path, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: Any = {"convolutions": True, "hidden_size": 3, "members": 2, "epochs": 3}
    options |= {"recipe": "classic", "log_every": 2, "layout": "wide", "data": waves(tmp_path)}
    run = train("classify", options, tmp_path / "runs")
    chances = arrays_of(run, "final")["net_probability"]
    truth = run.static_arrays[0]["shown_label"]
    page = open_page("#/run/classify-1", locale="en").page
    page.wait_for_function(SHOWN)
    page.wait_for_selector(".card .verdict:not(:empty)")
    assert page.locator(".layers").inner_text().startswith("Answered by fixed convolutions;")
    assert page.locator(".verdict.wrong").count() == 0
    assert "✗" not in page.inner_text(".panels")
    page.click("text=the network alone")
    right = int((chances.argmax(axis=1) == truth).sum())
    said = f"{right} of 10 rows shown are right at this moment, by the network alone"
    page.wait_for_selector(f"text={said}")
    assert page.locator(".verdict.wrong").count() == 10 - right > 0
    page.evaluate("document.querySelector('.hand').scrollIntoView()")  # it may be drawn anew
    page.wait_for_selector("text=read with the network alone")
    sure = f"{int(100 * np.sort(chances[0])[-1])}."  # percent
    page.wait_for_selector(f".said p:has-text('{sure}')")
    page.click("text=the model")
    page.wait_for_selector("text=read with the trained model")
    page.wait_for_selector(".verdict.wrong", state="detached")
    page.wait_for_selector(".panels:has-text('✗')", state="detached")
    monkeypatch.setattr("hiddenstate.studio.app.arrays_of", without_network)
    page.reload()
    page.wait_for_selector("text=This run has pictures of the network alone.")
    assert page.locator(".layers button:visible").count() == 0

    monkeypatch.setattr("hiddenstate.report.html.page.draw_pictures", lambda timeline: {})
    page.goto(write_report(run).as_uri())
    for button, n, by in (("model", 10, "the model"), ("network", right, ALONE)):
        page.click(f"#live-{button}")
        said = f"{n} of 10 test rows are right at this moment, by {by}. "
        assert page.inner_text("#live-note").startswith(said)
        assert page.locator(".verdict.wrong").count() == 10 - n
    page.locator("#live-moment").fill("0")
    assert page.inner_text("#live-note").count(f", by {ALONE}. ") == 1
    assert page.locator(".layers button:disabled").count() == 2


def test_an_exported_page_switches_where_it_has_both(tmp_path: Path, open_page: OpenPage) -> None:
    model = random_model(3, job="classify", steps=12, convolutions=0.5, members=2, missing=None)
    source = source_of(model, "m", "float32")
    (content,) = TARGET.build(source).values()
    (tmp_path / "page.html").write_bytes(content)
    page = open_page("#/", locale="en").page
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector("#bars li")
    buttons = page.locator("#layers button")
    assert buttons.first.is_visible()
    said = [page.inner_text("#bars")]
    buttons.nth(1).click()
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    said.append(page.inner_text("#bars"))
    buttons.first.click()
    assert page.inner_text("#bars") == said[0] != said[1]
