"""The picture of complex states in a browser."""

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
