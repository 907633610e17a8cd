"""The page of the cells is what the source says."""

import pytest
from tools import cells_page

from hiddenstate.export.export import target_named
from hiddenstate.program.cells import CELLS


def test_the_page_has_every_equation_as_it_stands_in_the_source() -> None:
    page = cells_page.PAGE.read_text("utf-8")
    assert page == cells_page.text(), "run python -m tools.cells_page"


@pytest.mark.parametrize(
    ("title", "target"), [("ONNX", "onnx"), ("C99", "c"), ("JavaScript", "html")]
)
def test_what_has_no_equation_on_the_page_is_refused(title: str, target: str) -> None:
    path, cut = next((path, cut) for name, path, _, cut in cells_page.LANGUAGES if name == title)
    shown = [name for name, cell in CELLS.items() if cells_page.equation(cell, path, cut)]
    assert shown == [name for name in CELLS if target_named(target).has(name)]
