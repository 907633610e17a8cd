"""The whole tour by keyboard alone: data, training, controls, touch, export, comparison."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hiddenstate.runs import Run
from tests.studio.conftest import Browser

OpenPage = Callable[..., Browser]

FOCUSED = """([selector, text]) => {
  const element = document.activeElement;
  const { width, height } = element.getBoundingClientRect();
  if (element !== document.body && !(width && height)) throw new Error(element.outerHTML);
  return element.matches(selector) && element.textContent.includes(text);
}"""


class Hands:
    """A reader who has no pointer."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def go_to(self, selector: str, text: str = "") -> None:
        """Press Tab until an element has the focus; whatever gets it on the way can be seen."""
        for _ in range(250):
            if self.page.evaluate(FOCUSED, [selector, text]):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {selector} {text}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def enter(self, selector: str, text: str = "") -> None:
        """Press Enter on an element."""
        self.go_to(selector, text)
        self.press("Enter")

    def wait_for(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([selector, text]) => [...document.querySelectorAll(selector)]"
            ".some((each) => each.textContent.includes(text))",
            arg=[selector, text],
            timeout=120_000,
        )


def test_everything_can_be_done_with_the_keys(
    open_page: OpenPage, tmp_path: Path, trained: Callable[[str], Path]
) -> None:
    shutil.copytree(trained("classify"), tmp_path / "runs" / "classify-1")
    lines = ["id,t,x,kind"]
    for row in range(60):
        lines += [f"{row},{t},{(row % 3 + 1) * t % 7},{'abc'[row % 3]}" for t in range(12)]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    page = open_page().page
    hands = Hands(page)

    # Data, and what is in it.
    hands.go_to("#path")
    page.keyboard.type("rows.csv")
    hands.press("Enter")
    hands.wait_for(".found h1", "rows.csv")
    hands.enter(".net > summary", "The network")
    for name, value in (("epochs", "5000"), ("hidden_size", "4"), ("members", "1")):
        hands.go_to(f"#first-{name}")
        page.keyboard.type(value)
    hands.go_to(".go button.main", "Train")
    hands.wait_for(".go code", "--members=1")
    hands.press("Enter")

    # The controls of the run.
    hands.wait_for(".kind", "rows.csv")
    hands.wait_for(".card .verdict", "✓")
    hands.enter(".controls button", "Pause")
    hands.wait_for(".head .status", "paused")
    moment = page.locator(".player .moment")
    before = moment.text_content()
    hands.go_to(".controls button", "One step")
    hands.press("Space")
    page.wait_for_function(
        "(before) => document.querySelector('.player .moment').textContent !== before", arg=before
    )
    hands.go_to(".rate input")
    hands.press("Control+a")
    page.keyboard.type("0.002")
    hands.press("Enter")
    hands.wait_for(".command code", "hiddenstate ctl runs/classify-2 lr 0.002")
    hands.enter(".controls button", "Go on")
    hands.wait_for(".head .status", "running")
    hands.enter(".controls button", "Finish")
    hands.wait_for(".head .status", "done")
    history = Run(tmp_path / "runs" / "classify-2").history()
    asked = [line["do"] for line in history if line["event"] == "control"]
    assert asked == ["pause", "step", "lr", "go", "stop"]
    hands.wait_for(".command code", "hiddenstate classify")  # not the request that ended it

    # The slider: the first moment, and the way back.
    hands.go_to(".player input")
    hands.press("Home")
    hands.wait_for(".player .moment", "update 0 of")
    hands.press("ArrowRight")
    hands.wait_for(".player .moment", "update 1 of")
    hands.press("End")

    # A row that is bent, and a hidden unit.
    hands.wait_for(".weights", "trained model")
    hands.go_to("canvas.lanes")
    said = page.locator(".said p").text_content()
    for _ in range(6):  # one step of a row need not change what a net says that is sure
        hands.press("ArrowRight", *["ArrowUp"] * 12)
    page.wait_for_function(
        "(said) => document.querySelector('.said p').textContent !== said", arg=said
    )
    hands.go_to(".hand .reading canvas")
    hands.press("ArrowRight", "ArrowRight")
    hands.wait_for(".hand .reading .note", "step 2 of")
    hands.press("ArrowDown")
    hands.wait_for(".unit .note", "highest")
    hands.wait_for(".hand .reading .note", "after step 2")

    # An export.
    hands.enter(".take > summary")
    hands.go_to(".take input[type=radio]")
    hands.press(*["ArrowDown"] * 5)
    assert page.locator(".take input[value=python]").is_checked()
    hands.enter(".take form button", "Export")
    hands.wait_for(".take .files", ".py")
    assert list(tmp_path.rglob("*.py"))

    # The comparison.
    hands.enter("nav a", "Runs")
    for name in ("classify-2", "classify-1"):
        hands.wait_for(".listed", name)
        hands.go_to(f".listed input[aria-label='Choose {name}']")
        hands.press("Space")
    hands.enter(".tools-bar a, .tools-bar button", "Compare 2")
    hands.wait_for("h1", "2 runs side by side")
    hands.go_to(".together canvas")
