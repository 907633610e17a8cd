"""No text of the studio, of a report or of an exported page covers another or is cut, whatever the
data: on a phone and on wide screens, in both languages and themes. Texts on canvases are those that
their pens wrote.

Each data set is shown on some of the pages, sizes, languages and themes, which are chosen in turn;
with HIDDENSTATE_LAYOUT=all in the environment on all of them, with all that is folded open.
"""

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hiddenstate.export import export_model
from hiddenstate.inference.inputs import open_model
from hiddenstate.report import write_report
from hiddenstate.runs import Run
from tests.odd_tables import ODD
from tests.studio.conftest import Browser

OpenPage = Callable[..., Browser]

RECORD = Path(__file__).with_name("layout_record.js").read_text("utf-8")
"""Makes each canvas keep what is written on it, with its place."""

FAULTS = Path(__file__).with_name("layout_faults.js").read_text("utf-8")
"""Returns the texts that are cut, or that cover another."""

OPENED = "() => { for (const each of document.querySelectorAll('details')) each.open = true; }"

SIZES = ((390, 5200), (1280, 3600), (1600, 3600))
"""Width and height: all of a page is in the window, so that all of its pictures are drawn."""

ALL = os.environ.get("HIDDENSTATE_LAYOUT") == "all"

LOOKS = list(itertools.product(SIZES, ("light", "dark")))

PAGES = ("studio", "compare", "report", "export")

SHOWN = {"studio": 3, "compare": 10, "report": 10, "export": 5}
"""Of so many pages one is looked at."""


def turns(place: int, page: str, language: str) -> list[tuple[tuple[int, int], str]]:
    """Return how a page of the data set at `place` is looked at: sizes and themes."""
    number = PAGES.index(page)
    own = place // 2 + number
    if language == "zh" and page in ("report", "export"):  # these have no other language
        return []
    if ALL:
        return LOOKS
    if (place + number) % SHOWN[page] or (
        page in ("studio", "compare") and language != ("en", "zh")[own % 2]
    ):
        return []
    return [LOOKS[(5 * place + number) % len(LOOKS)]]


def address_of(page: str, name: str, run: Run, folder: Path) -> str:
    """Write the page if it is a file; return its address, or what follows that of the studio."""
    if page == "studio":
        return f"#/run/{name}"
    if page == "compare":
        return f"#/compare/{','.join(sorted(each.name for each in run.path.parent.iterdir())[:4])}"
    if page == "report":
        return write_report(run).as_uri()
    model, _ = open_model(str(run.path), folder)
    export_model(model, "html", folder / f"{name}.html", run=run)
    return (folder / f"{name}.html").as_uri()


@pytest.mark.usefixtures("coarse", "blank")
@pytest.mark.parametrize("page", PAGES)
def test_no_text_is_cut_or_covers_another(
    page: str, odd_run: Callable[[str], Run], open_page: OpenPage, tmp_path: Path
) -> None:
    wanted = [
        (language, name, turns(place, page, language))
        for language in ("en", "zh")
        for place, name in enumerate(ODD)
    ]
    wanted = [each for each in wanted if each[2]]
    runs = {name: odd_run(name) for _, name, _ in wanted}
    addresses = {name: address_of(page, name, run, tmp_path) for name, run in runs.items()}
    (tmp_path / "runs").symlink_to(next(iter(runs.values())).path.parent)
    browsers: dict[str, Browser] = {}
    found = []
    for language, name, looks in wanted:
        if language not in browsers:
            browsers[language] = open_page("#/", locale=language)
            browsers[language].page.add_init_script(RECORD)
        browser = browsers[language]
        shown, address = browser.page, addresses[name]
        shown.set_viewport_size(dict(zip(("width", "height"), looks[0][0], strict=True)))
        if address.startswith("#"):
            address = shown.url.partition("#")[0] + address
        shown.goto(address)
        if page in ("studio", "compare"):
            shown.reload()
        if page == "studio":
            shown.wait_for_selector(".panels .picture .note:not(:empty)")
        for size, theme in looks:
            shown.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
            shown.emulate_media(color_scheme=theme)
            if ALL:
                shown.evaluate(OPENED)
                browser.settle()
                shown.evaluate("scrollTo(0, 0)")  # options that are opened move into the window
            browser.settle()
            faults = shown.evaluate(FAULTS)
            found += [f"{name}, {size[0]}, {language}, {theme}: {fault}" for fault in faults]
    for browser in browsers.values():
        browser.page.set_viewport_size(Browser.SIZE)
    assert found == []


@pytest.mark.usefixtures("coarse", "blank")
def test_a_printed_report_is_no_wider_than_its_page(
    odd_run: Callable[[str], Run], open_page: OpenPage
) -> None:
    browser = open_page("#/")
    shown = browser.page
    shown.goto(write_report(odd_run("long_names")).as_uri())
    shown.set_viewport_size({"width": 718, "height": 5200})  # A4 without its margins
    shown.emulate_media(media="print")
    shown.evaluate(OPENED)
    cells = "[...document.querySelectorAll('section th, section td')]"
    least = shown.evaluate(
        "() => Math.min(...[...document.querySelectorAll('#appendix td.t:last-child')]"
        ".map((each) => each.clientWidth))"
    )
    most = shown.evaluate(f"() => Math.max(...{cells}.map((e) => e.getBoundingClientRect().right))")
    browser.page.emulate_media(media="screen")
    browser.page.set_viewport_size(Browser.SIZE)
    assert most <= 718
    assert least > 200  # sentences, which are no column of single words
