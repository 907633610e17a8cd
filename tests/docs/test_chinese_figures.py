"""The Chinese pages show figures with Chinese words, all from one table."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from hiddenstate.runs import Run
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "zh").glob("*.md"))
JOBS = ("classify", "regress", "autoencode")


@pytest.fixture(scope="module")
def make() -> ModuleType:
    """`docs/images/make.py`, which draws the figures of the tutorials."""
    spec = importlib.util.spec_from_file_location("make", DOCS / "images" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures(make: ModuleType) -> set[str]:
    return {name for of in make.PICTURES.values() for name in of} | {make.FORECAST[1]}


def test_pictures_of_chinese_pages_are_those_that_the_script_draws_in_chinese(
    pictures: set[str],
) -> None:
    links = {
        link
        for page in PAGES
        for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text("utf-8"))
    }
    assert links <= {f"images/{name}.png" for name in pictures}


def test_the_script_has_drawn_every_picture_in_both_languages(pictures: set[str]) -> None:
    assert {path.stem for path in (DOCS / "zh" / "images").iterdir()} == pictures
    for name in pictures:
        english, chinese = (DOCS / at / f"{name}.png" for at in ("images", "zh/images"))
        assert chinese.stat().st_size < 150_000
        assert english.read_bytes() != chinese.read_bytes()


@pytest.mark.parametrize("job", JOBS)
def test_axes_and_legends_of_every_figure_are_translated(
    job: str, make: ModuleType, run_of: Callable[[str], Run]
) -> None:
    words, used = make.table(), set[str]()
    timeline = Timeline(run_of(job))
    draws = drawings(timeline, timeline.moment())
    commands = [command for command in make.PICTURES if command.split()[0] == job]
    for name in {shown for command in commands for shown in make.PICTURES[command].values()}:
        for axes in draws[name](None).axes:
            legend = axes.get_legend_handles_labels()[1]
            for text in (axes.get_xlabel(), axes.get_ylabel(), *legend):
                make.in_chinese(text, words, used)
    assert used


def test_words_that_the_table_does_not_have_are_refused(make: ModuleType) -> None:
    words, used = make.table(), set[str]()
    assert make.in_chinese("mean of 10", words, used) == "10 个的平均"
    assert used == {"mean of {k}"}
    with pytest.raises(KeyError, match="no row for the words 'validation loss'"):
        make.in_chinese("validation loss", words, used)
