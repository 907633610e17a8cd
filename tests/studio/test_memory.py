"""The picture of complex states in a browser."""

from pathlib import Path
from typing import Any

from tests.conftest import ENGINES, QUIET, Cli
from tests.studio.conftest import Browser


def test_states_are_drawn_and_read_out_one_by_one(cli: Cli, open_page: Any) -> None:
    own = ("--cell", "lru", "--states", 3, "--layers", 2, "--hidden-size", 4, *QUIET)
    assert cli("regress", "--max-steps", 8, "--engine", ENGINES[-1], *own).code == 0
    browser: Browser = open_page("#/run/regress-1")
    page = browser.page
    page.wait_for_selector(".memory canvas")
    canvas, note = page.locator(".memory canvas"), page.locator(".memory .note")
    assert canvas.get_attribute("aria-label").startswith("states: 6, which reach ")
    assert note.text_content().startswith("states: 6, median reach: ")
    canvas.focus()
    page.keyboard.press("End")
    assert note.text_content().startswith("layer 2, state ")
    page.keyboard.press("Home")
    assert note.text_content().startswith("layer 1, state ")


def test_the_states_of_streams_are_read_out(cli: Cli, open_page: Any, tmp_path: Path) -> None:
    lines = [f"{name},{t % 7},{t % 7 / 2}" for name, n in (("a", 40), ("b", 60)) for t in range(n)]
    (tmp_path / "two.csv").write_text("\n".join(["id,u,y", *lines]) + "\n")
    own = ("--id", "id", "--target", "y", "--stateful", "--window", 10, "--hidden-size", 4, *QUIET)
    assert cli("regress", tmp_path / "two.csv", "--epochs", 2, *own).code == 0
    page = open_page("#/run/regress-1").page
    canvas = page.get_by_label("2 of 2 streams after update")
    canvas.wait_for()
    canvas.focus()
    page.keyboard.press("End")
    page.get_by_text("stream b: 4 windows read").wait_for(state="attached")
