"""What the pages of autoencoders and regressions show, and answer, is what the nets say."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hiddenstate.engines import make_predictor
from hiddenstate.runs import Run
from hiddenstate.system.typing import Array
from tests.studio.conftest import DRAWN

RunOf = Callable[[str], Run]
OpenPage = Callable[..., Any]

PICTURE = """(canvas) => {
  const small = new OffscreenCanvas(8, 8).getContext("2d");
  const dense = window.devicePixelRatio;
  const [width, height] = [canvas.width / dense, canvas.height / dense];
  const side = Math.min(width, height - 20);
  small.drawImage(canvas, (width - side) / 2 * dense, (height - 20 - side) / 2 * dense,
    side * dense, side * dense, 0, 0, 8, 8);
  return Array.from(small.getImageData(0, 0, 8, 8).data);
}"""


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", text)]


def wait_for(page: Any, selector: str, text: str) -> str:
    """Wait until an element says something; return all of it."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
        arg=[selector, text],
    )
    return str(page.text_content(selector))


def predictor_of(run: Run) -> Any:
    return make_predictor(run.model(), "cpu", 1)


def slide(page: Any, step: int) -> None:
    page.locator(".player input").fill(str(step))


def test_codes_are_those_of_the_net_and_of_the_moment(run_of: RunOf, open_page: OpenPage) -> None:
    run = run_of("autoencode")
    page = open_page("#/run/autoencode-1").page
    wait_for(page, ".decoded .weights", "weights of the end")
    steps = [int(path.stem) for path in run.snapshot_paths()]
    step = steps[len(steps) // 2]
    slide(page, step)
    kept = max(int(path.stem) for path in run.weights_paths() if int(path.stem) <= step)
    wait_for(page, ".decoded .weights", f"weights after update {kept}")
    code = run.snapshot(run.snapshot_paths()[steps.index(step)])["code"][0]
    page.wait_for_function(
        """(code) => {
          const found = document.querySelector(".decoded .note").textContent.match(/code (.*?) ·/);
          return found && found[1].split(", ").every((n, i) => Math.abs(n - code[i]) < 0.02);
        }""",
        arg=[float(number) for number in code],
    )

    # Rows and codes of the end.
    slide(page, steps[-1])
    wait_for(page, ".decoded .weights", "weights of the end")
    page.focus(".cloud canvas")
    page.keyboard.press("n")
    said = wait_for(page, ".decoded .note", "test row 1")
    row = run.static_arrays[0]["code_row"][1:2]
    predictor = predictor_of(run)
    code = predictor.encode(row)
    error = np.mean((predictor.decode(code)[0] - row[0] / 255) ** 2)
    found = numbers(said.split("code")[1])
    assert found[:-1] == pytest.approx(code[0], abs=0.006)
    assert found[-1] == pytest.approx(error, rel=2e-3)

    page.keyboard.press("d")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function(
        "() => !document.querySelector('.decoded .note').textContent.includes('row 1')"
    )
    sliders = page.locator(".decoded .numbers input")
    moved = np.array([[float(sliders.nth(n).input_value()) for n in range(sliders.count())]])
    assert np.abs(moved - code).max() > 0.01
    expected = predictor.decode(moved.astype(np.float32))[0]
    page.evaluate(DRAWN)
    pixels = np.array(page.eval_on_selector(".decoded canvas", PICTURE)).reshape(64, 4)
    assert np.corrcoef(255 - pixels[:, 0], expected)[0, 1] > 0.99

    # What is pasted is encoded.
    row = run.static_arrays[0]["code_row"][2:3]
    page.click("text=Paste or drop your own")
    page.fill(".given textarea", ",".join(map(str, row[0].tolist())))
    page.click(".given button:text-is('Use')")
    said = wait_for(page, ".decoded .note", "your row")
    assert numbers(said.split("code")[1])[:-1] == pytest.approx(
        predictor_of(run).encode(row)[0], abs=0.006
    )
    page.fill(".given textarea", "1,2,3")
    page.click(".given button:text-is('Use')")
    page.wait_for_selector(".given .bad:has-text('a line has 3 numbers')")

    # A class is filtered with its button.
    colored = """(canvas) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4) {
        const part = data.slice(i, i + 3);
        count += Math.max(...part) - Math.min(...part) > 40 && data[i + 3] > 200;
      }
      return count;
    }"""
    before = page.eval_on_selector(".cloud canvas", colored)
    page.click(".legend button:text-is('none')")
    page.evaluate(DRAWN)
    assert page.eval_on_selector(".cloud canvas", colored) < before / 2


UNITS = """async (details) => {
  const { Held, nameOf } = await import("/assets/studio/static/series.js");
  const plot = { target: [1, 2, NaN], prediction: [2, 4, 1], baseline: [4, 5, 1] };
  const store = { details, layer: "" };
  const said = Held.prototype.summary.call({ plot, store, target: 1 });
  return [nameOf(store, 0), nameOf(store, 1), said];
}"""


def answer_to(run: Run, series: Array) -> Array:
    """The outputs of a net whose state goes on through a series (n,)."""
    outputs, _ = predictor_of(run).forward(series.astype(np.float32)[None, :, None], {})
    return np.asarray(outputs)[0, :, 0]


def test_the_input_of_a_regression_is_answered_and_bent(run_of: RunOf, open_page: OpenPage) -> None:
    run = run_of("regress")
    page = open_page("#/run/regress-1").page
    page.locator(".bend").scroll_into_view_if_needed()
    said = wait_for(page, ".bend .note", "mean squared error")
    time = np.pi * np.arange(100) / 10  # a window of ten steps is half a period
    answer = answer_to(run, np.sin(time))
    last, error = numbers(said.split("steps:")[1])
    assert last == pytest.approx(answer[-1], rel=2e-3)
    assert error == pytest.approx(np.mean((answer - np.cos(time)) ** 2), rel=2e-3)

    page.locator(".bend .dials input").nth(1).fill("0.5")
    halved = answer_to(run, 0.5 * np.sin(time))[-1]
    page.wait_for_function(
        "(last) => Math.abs(document.querySelector('.bend .note').textContent.match("
        "/steps: (-?[0-9.e-]+)/)[1] - last) < 1e-3",
        arg=float(halved),
    )
    page.focus(".bend canvas")
    page.keyboard.press("ArrowRight")
    before = page.text_content(".bend .note")
    page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "(before) => document.querySelector('.bend .note').textContent !== before", arg=before
    )
    page.locator(".bend select").nth(1).select_option("windows")
    assert page.text_content(".bend .note") != before

    # Windows arrive with the slider.
    paths = run.snapshot_paths()
    steps = [int(path.stem) for path in paths]
    wait_for(page, ".series .note", "mean squared error")
    slide(page, steps[1])
    shots = [run.snapshot(path) for path in paths[:2]]
    errors = np.concatenate([(s["prediction"] - s["target"]).ravel() ** 2 for s in shots])
    page.wait_for_function(
        "(error) => Math.abs(document.querySelector('.series .note').textContent.match("
        "/: (-?[0-9.e-]+)/)[1] / error - 1) < 2e-3",
        arg=float(errors.mean()),
    )
    details = {
        "shown": {"targets": ["a", "b"]},
        "targets": [{"name": "a", "unit": ""}, {"name": "b", "unit": "EUR"}],
        "baseline": {"drawn": "the last value"},
        "options": [{"name": "horizon", "value": 7}],
    }
    assert page.evaluate(UNITS, details) == [
        "a",
        "b (EUR)",
        "off by ± 1.5 EUR on average, 7 steps ahead; the last value: ± 3 EUR",
    ]
