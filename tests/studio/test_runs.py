"""The list of runs and their comparison, in a browser."""

import os
import shutil
from itertools import pairwise

import pytest

from tests.studio.many import copies

N = 60

METER = """() => {
  const box = (name) => document.querySelector(name).getBoundingClientRect();
  const whole = box(".meter");
  return [box(".meter i").width, box(".meter b").left + 1 - whole.left, whole.width];
}"""
"""Widths of a bar and of its track, and where the mark of the baseline is."""

PICKED = """() => {
  const canvas = document.querySelector(".parallel canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const color = getComputedStyle(document.documentElement).getPropertyValue("--target");
  const own = color.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
  let n = 0;
  for (let at = 0; at < data.length; at += 4) {
    n += own.every((part, k) => data[at + k] === part) && data[at + 3] === 255;
  }
  return n;
}"""
"""How many pixels have the color of the line that is picked."""

APART = """async () => {
  const { apart } = await import("/assets/studio/static/compare.js");
  return apart([50, 51, 52, 0, 99, 98], 0, 100, 15);
}"""


@pytest.fixture(scope="module")
def made(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    copies(trained("classify"), folder, N)
    return folder


@pytest.fixture
def many(made, tmp_path):
    """A folder of its own for the same runs."""
    (tmp_path / "runs").mkdir()
    for path in made.iterdir():
        shutil.copytree(path, tmp_path / "runs" / path.name, copy_function=os.link)
    return tmp_path / "runs"


def names(page):
    return page.locator("tbody th a").all_inner_texts()


def test_a_page_of_many_runs_is_sorted_and_searched(open_page, many):
    browser = open_page("#/runs")
    page = browser.page
    page.wait_for_selector("tbody tr:nth-child(50)")
    assert names(page) == [f"copy-{k:03d}" for k in range(N - 1, N - 51, -1)]
    assert page.inner_text(".pager [role=status]") == "1 to 50 of 60"
    assert page.get_attribute("th[data-sort=started]", "aria-sort") == "descending"
    page.focus("th[data-sort=score] button")
    page.keyboard.press("Enter")
    page.wait_for_selector("th[data-sort=score][aria-sort=descending]")
    page.wait_for_selector("tbody tr:first-child:has-text('copy-000')")
    assert page.inner_text("tbody tr:nth-child(2) .figure") == "99.17 %"
    page.fill("input[type=search]", "hidden_size=8 seed=3")
    page.wait_for_selector("tbody tr:first-child:has-text('copy-003')")
    assert names(page) == ["copy-003", *(f"copy-{k:03d}" for k in range(31, 40, 2))]
    page.fill("input[type=search]", "nothing like it")
    page.click("text=Show all runs")
    page.wait_for_selector("tbody tr:nth-child(50)")

    # The bar of a score has its length, and the mark of the baseline.
    page.fill("input[type=search]", "copy-030")
    page.wait_for_selector("tbody tr:only-child:has-text('copy-030')")
    bar, mark, whole = page.evaluate(METER)
    assert bar / whole == pytest.approx(0.75, abs=0.01)
    text = page.inner_text("tbody .versus").replace("without a network", "").strip()
    assert mark / whole == pytest.approx(float(text.removesuffix(" %")) / 100, abs=0.02)


def test_what_is_chosen_stays_while_the_list_changes_and_is_compared(open_page, many):
    browser = open_page("#/runs")
    page = browser.page
    page.check("tr:has-text('copy-059') input")
    page.click("text=Older")
    page.wait_for_selector("tbody tr:first-child:has-text('copy-009')")
    page.check("tr:has-text('copy-000') input")
    page.click("text=Newer")
    page.wait_for_selector("tbody tr.chosen:has-text('copy-059')")
    page.focus("tbody tr:nth-child(3) a")
    shutil.copytree(many / "copy-000", many / "later")  # a copy keeps its time, and moves no row
    (many / "later" / "config.json").touch()
    page.wait_for_selector(".fresh:not([hidden])")
    assert names(page)[0] == "copy-059"
    assert page.evaluate("document.activeElement.textContent") == "copy-057"
    page.click(".fresh")
    page.wait_for_selector("tbody tr:first-child:has-text('later')")
    page.click("text=Compare 2")
    page.wait_for_url("**/#/compare/copy-059,copy-000")
    page.wait_for_selector("h1:text-is('2 runs side by side')")
    table = page.locator("section:has-text('Options that differ')")
    assert table.locator("tbody th").all_inner_texts() == ["hidden size", "seed"]
    assert table.locator("td strong").all_inner_texts() == ["8", "16", "59", "0"]
    assert page.locator(".scores .figure").all_inner_texts() == ["50.83 %", "100.00 %"]
    words = page.locator("section:has(.scores) > p.note").inner_text()
    assert words == "Best: copy-000. Equal to it within the 95 % intervals: copy-059."
    assert page.locator(".scores .note").all_inner_texts()[0].startswith("95 % interval ")
    assert page.locator(".commands code").count() == 2
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert any("compare.js" in name for name in loaded)
    assert not any("parallel.js" in name for name in loaded)  # it is for more runs


def test_lines_of_many_runs_are_picked_with_keys(open_page, many):
    chosen = ",".join(f"copy-{k:03d}" for k in range(0, 50, 5))
    browser = open_page(f"#/compare/{chosen}")
    page = browser.page
    page.wait_for_selector(".parallel canvas")
    page.focus(".parallel canvas")
    page.keyboard.press("ArrowDown")  # the best
    words = page.inner_text(".parallel .note")
    assert words.startswith("copy-000: hidden size 16, seed 0, test accuracy")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(".scores tr.chosen:has-text('copy-005')")
    assert page.evaluate(PICKED) > 200

    # Names at the ends of lines never meet.
    places = page.evaluate(APART)
    ordered = sorted(places)
    assert all(b - a >= 15 for a, b in pairwise(ordered))
    assert ordered[0] >= 0
    assert ordered[-1] <= 100
    assert places[3] == 0


def test_without_runs_the_page_says_what_will_come(open_page):
    page = open_page("#/runs").page
    page.click("text=Train the first one")
    page.wait_for_selector(".drop h1")
