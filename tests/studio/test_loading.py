"""What the page of a run loads: what is touched comes when a reader comes near it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import hiddenstate
from hiddenstate.runs import Run
from hiddenstate.studio.assets import load_assets
from tests.studio.conftest import Browser

RunOf = Callable[[str], Run]
OpenPage = Callable[..., Browser]

MOST = 150_000
"""Bytes of scripts and style before anything is touched."""

LATER = {
    "classify": ("own_row.js", "unit.js", "own_picture.js", "pad.js", "net.js", "downloads.js"),
    "regress": ("bending.js", "text_input.js", "net.js", "table.js", "downloads.js"),
    "autoencode": ("own_codes.js", "pad.js", "table.js", "downloads.js"),
}

FILLED = """() => {
  const box = (each) => each.getBoundingClientRect();
  const [desk, curves] = [".desk", ".side"].map((name) => box(document.querySelector(name)));
  const panels = [...document.querySelectorAll(".panels > :not([hidden])")].map(box);
  const area = [curves, ...panels].reduce((sum, each) => sum + each.width * each.height, 0);
  return [area / (desk.width * desk.height), curves.bottom - panels[0].bottom];
}"""
"""The share of the page that pictures fill, and how much the column of the curves is longer."""


def loaded(browser: Browser) -> list[str]:
    """Return the names of the scripts and styles that were asked for."""
    names = [Path(address).name for address in browser.asked if "/assets/" in address]
    return [name for name in names if name.endswith((".js", ".css"))]


def size_of(browser: Browser) -> int:
    """Return the bytes of the scripts and styles that were asked for."""
    assets = load_assets()
    paths = {each.partition("/assets/")[2] for each in browser.asked if "/assets/" in each}
    return sum(len(assets[path].body) for path in paths)


@pytest.mark.parametrize(("job", "language"), [("regress", "en"), ("autoencode", "zh")])
def test_little_is_loaded_until_something_is_touched(
    job: str, language: str, run_of: RunOf, open_page: OpenPage
) -> None:
    run_of(job)
    browser = open_page(f"#/run/{job}-1", locale=language)
    page = browser.page
    page.wait_for_selector(".panels .picture .note:not(:empty)")
    assert 80_000 < size_of(browser) <= MOST
    assert not set(loaded(browser)) & {*LATER[job], "why.js", "why_picture.js"}
    foreign = "classify" if job != "classify" else "codes"
    other = "classify" if job != "classify" else "autoencode"
    for name in ("home.css", "away.css", f"{foreign}.css", f"zh_{other}.js", "zh_away.js"):
        assert name not in loaded(browser)
    share, longer = page.evaluate(FILLED)
    assert share > 0.9
    assert abs(longer) < 1
    assert ("zh_frame.js" in loaded(browser)) == (language == "zh")

    with page.expect_response(f"**/{LATER[job][0]}"):
        page.keyboard.press("Tab")
    page.click(".take > summary")
    page.wait_for_selector(".take form")
    while set(LATER[job]) - set(loaded(browser)):
        page.wait_for_event("request")


def test_a_script_has_at_most_500_lines() -> None:
    package = Path(hiddenstate.__file__).parent
    long = [path for path in package.rglob("*.js") if path.read_text("utf-8").count("\n") > 500]
    assert long == []


def test_the_page_of_a_sound_is_as_small_in_chinese(
    odd_run: Callable[[str], Run], open_page: OpenPage, tmp_path: Path
) -> None:
    shutil.copytree(odd_run("sounds").path, tmp_path / "runs" / "sounds")
    browser = open_page("#/run/sounds", locale="zh")
    browser.page.wait_for_selector(".reading .note:not(:empty)")
    assert 100_000 < size_of(browser) <= MOST
