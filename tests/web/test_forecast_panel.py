"""What a page writes about a forecast, and at its axis."""

import json
import shutil

import pytest

from hiddenstate.web.joining import joined, ordered
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

WITHOUT_PAGE = """
const every = () => new Proxy(function () {}, { apply: every, construct: every,
  get: (made, name) => name === Symbol.toPrimitive ? () => 0 : made[name] ?? every(),
  set: (made, name, value) => { made[name] = value; return true; } });
const elements = [];
for (const name of ["Option", "ResizeObserver", "requestAnimationFrame"])
  globalThis[name] = every();
globalThis.document = every();
globalThis.Node = class {};
globalThis.Text = String;
document.createElement = () => {
  const element = every();
  element.append = (...parts) => { element.textContent = parts.join(""); };
  elements.push(element);
  return element;
};
"""
"""A page that takes everything and shows nothing."""


@pytest.mark.parametrize(
    ("horizon", "ahead", "earlier"),
    [
        (1, "1 step ahead", "40 earlier forecasts, of"),
        (3, "1 to 3 steps ahead", "40 earlier forecasts of each step ahead, of"),
    ],
)
def test_how_far_ahead_forecasts_are_is_written_for_one_step_too(
    horizon: int, ahead: str, earlier: str
) -> None:
    off = {"own": 3.0, "other": 4.0, "simple": "the last value", "steps": 1}
    fan: dict[str, object] = {
        "name": "",
        "times": list("123456"),
        "seconds": None,
        "past": [[1, 2, 3]],
    }
    fan |= {"held": [[None] * 3], "held_from": 3, "ahead": {"y": [[4] * horizon]}, "errors": [off]}
    fans: dict[str, object] = {
        "targets": ["sold"],
        "units": ["EUR"],
        "horizon": horizon,
        "levels": [0.8],
        "held_out": True,
    }
    fans |= {"n_series": 1, "counts": [40, 40], "assumed": [], "series": [fan]}
    texts = answer_of_node(
        f"{WITHOUT_PAGE}{joined(ordered(['web/forecast_panel.js']))}\n"
        f"forecastPanel(every(), {{ fans: {json.dumps(fans)} }});\n"
        "console.log(JSON.stringify(elements.map((each) => each.textContent)));"
    )
    texts = [text for text in texts if isinstance(text, str)]
    error = (
        f"sold: off by ± 3 EUR on average in the held-out part, {ahead}; the last value: ± 4 EUR."
    )
    assert error in texts
    assert any(earlier in text for text in texts)


def test_numbers_of_steps_at_an_axis_are_round() -> None:
    numbers = [
        [str(round(start + k * by, 2)) for k in range(90)] for start, by in ((37, 1), (0, 0.02))
    ]
    asked = [[numbers[0], 3, 70, 10], [numbers[1], 0, 70, 5], [[*"abcdef"], 0, 4, 2]]
    found = answer_of_node(
        f"{joined(ordered(['web/time_marks.js']))}\n"
        f"console.log(JSON.stringify({json.dumps(asked)}.map((each) => stepMarks(...each))));"
    )
    assert found[0] == [[k - 37, str(k)] for k in range(40, 127, 10)]
    assert [text for _, text in found[1]] == ["0", "0.5", "1", "1.5"]
    assert found[2] == [[1, "b"], [4, "e"]]
