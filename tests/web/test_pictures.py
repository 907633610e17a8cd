"""What the pictures of pages write, and where: their scripts, run in node with a recording pen."""

import json
import shutil
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.python.file import packed
from hiddenstate.web.joining import joined, ordered
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

PEN = """
const document = { documentElement: {} };
const getComputedStyle = () => ({ getPropertyValue: (name) => name });
const texts = [], lines = [], strokes = new Set();
const pen = new Proxy({ canvas: { clientWidth: 400 } }, {
  get: (own, name) => (name in own ? own[name] : name === "measureText"
    ? (text) => ({ width: 6 * text.length }) : name === "fillText"
      ? (text, x, y) => texts.push({ text, x, y, color: own.fillStyle, align: own.textAlign })
      : name === "stroke" ? () => strokes.add(own.strokeStyle)
        : name === "lineTo" || name === "moveTo" ? (x, y) => lines.push([x, y]) : () => {}),
});
"""


def drawn(modules: list[str], script: str) -> Any:
    """Return the texts that a script writes with `pen`, and the points of its lines."""
    code = joined(ordered(f"web/{name}.js" for name in modules))
    return answer_of_node(
        f"{PEN}{code}\n{script}\n"
        "console.log(JSON.stringify({ texts, lines, strokes: [...strokes] }));"
    )


def box_of(text: Any) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a text."""
    width = 6 * len(text["text"])
    left = text["x"] - (width if text["align"] == "right" else 0)
    return left, text["y"] - 9, left + width, text["y"] + 1


def apart(texts: list[Any]) -> bool:
    """Return whether no two texts are over one another."""
    boxes = [box_of(text) for text in texts]
    return not any(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        for k, a in enumerate(boxes)
        for b in boxes[:k]
    )


@pytest.mark.parametrize(
    ("ends", "upright"), [([0.5, 0.5], False), ([0.98, 0.02], True), ([0.47, 0.53], False)]
)
def test_names_of_probabilities_are_apart_and_where_no_line_is(
    ends: list[float], upright: bool
) -> None:
    chances = [0.2, 0.8, *ends]
    reading = {"trace": {"chances": chances}, "upright": upright, "classes": ["fusion", "normal"]}
    found = drawn(
        ["reading_picture"],
        "const look = (kind) => ({ color: `color ${kind}`, width: 2, named: true });\n"
        f"chanceLines(pen, [50, 20, 240, 90], {{ ...{json.dumps(reading)}, look }}, 2);",
    )
    names = [text for text in found["texts"] if len(text["text"]) > 1]
    assert sorted((name["text"], name["color"]) for name in names) == [
        ("fusion", "color 0"),
        ("normal", "color 1"),
    ]
    assert apart(names)
    for name in names:
        left, top, _, _ = box_of(name)
        for x, y in found["lines"]:
            assert y <= top if upright else x <= left


@pytest.mark.parametrize("tall", [120, 320])
def test_names_and_ends_of_six_lanes_are_apart_and_above_the_lines(tall: int) -> None:
    channels: dict[str, Any] = {
        "columns": [f"gyro_{k}" for k in range(6)],
        "low": [-139.25] * 6,
        "high": [1_118_171.5] * 3 + [124.3] * 3,
    }
    series = [[(-1) ** t * 100] * 6 for t in range(30)]
    found = drawn(
        ["signal"],
        f"const channels = {json.dumps(channels)}, series = {json.dumps(series)};\n"
        f"const lanes = lanesOf(channels, series, [46, 0, 300, {tall}], 0);\n"
        "drawLanesRead(pen, lanes, channels, series, () => 'ink', 30);",
    )
    assert {name.split("  ")[0] for name in channels["columns"]} <= {
        text["text"].split("  ")[0] for text in found["texts"]
    }
    assert apart(found["texts"])
    for text in found["texts"]:
        left, top, right, bottom = box_of(text)
        assert left >= 0
        assert not any(left < x < right and top < y < bottom for x, y in found["lines"])


def test_a_row_of_one_step_is_drawn() -> None:
    reading = {"trace": {"chances": [0.25, 0.75]}, "classes": ["a", "b"]}
    found = drawn(
        ["signal", "reading_picture"],
        "drawLane(pen, [40, 0, 300, 30], [0.5], [0, 1], 'ink');\n"
        "const look = () => ({ color: 'ink', width: 2, named: true });\n"
        f"chanceBars(pen, [40, 60, 300, 90], {{ ...{json.dumps(reading)}, look }}, 1);",
    )
    np.testing.assert_allclose(found["lines"], [[40, 15], [340, 15]])
    assert [text["text"] for text in found["texts"]] == ["a", "b"]


def test_a_held_out_part_names_what_is_predicted() -> None:
    plot: dict[str, Any] = {"from": 0, "to": 9, "low": 0, "high": 2e6, "most": 1e6, "gap": 2}
    plot |= {"dates": False, "time": "minute", "name": "price (EUR)", "border": 5}
    plot |= {name: [1e6 + k for k in range(10)] for name in ("target", "prediction")}
    plot["times"] = list(range(10))
    words = {"held": "held out", "washout": "", "error": "prediction - target"}
    call = f"drawPlot(pen, 400, 300, {json.dumps(plot)}, null, {json.dumps(words)});"
    found = drawn(["series_plot"], call)
    texts = found["texts"]
    assert {"price (EUR)", "minute", "2,000,000"} <= {text["text"] for text in texts}
    assert apart([text for text in texts if text["align"] == "left"])
    assert "--wrong" not in found["strokes"]  # errors have the colour of predictions
    assert {"--target", "--prediction"} <= set(found["strokes"])


def test_what_is_bent_first_is_the_end_of_the_own_series() -> None:
    rows = packed(np.arange(1000.0).reshape(1, 500, 2), ("<f4",))
    script = f"""
    const bending = Object.create(Bending.prototype);
    Object.assign(bending, {{ view: {{ rows: {json.dumps(rows)} }}, setDials() {{}} }});
    bending.model = {{ program: {{ window: 7 }} }};
    bending.take = (series, made) => texts.push(series.length, [...series.at(-1)], made);
    bending.begin();"""
    assert drawn(["bending"], script)["texts"] == [400, [998, 999], False]


def test_pixels_are_red_green_and_blue_or_go_from_paper_to_ink() -> None:
    """A canvas has four bytes a pixel: the last says that it is opaque."""
    code = joined(ordered(["web/pen.js"]))
    pixels = answer_of_node(
        "const document = { documentElement: {} };\n"
        "const getComputedStyle = () => ({ getPropertyValue: (name) => (name === '--ink' "
        "? '#000000' : '#ffffff') });\n"
        f"{code}\n"
        "let seen = null;\n"
        "const createImageData = (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) });\n"
        "const putImageData = (image) => { seen = [...image.data]; };\n"
        "const context = { createImageData, putImageData };\n"
        "const paint = (shape, values) => {\n"
        "  paintPixels({ getContext: () => context }, shape, values);\n"
        "  return seen;\n"
        "};\n"
        "console.log(JSON.stringify([paint([1, 2], [0, 255]), "
        "paint([1, 2, 3], [1, 2, 3, 254, 300, -1])]));"
    )
    assert pixels == [
        [255, 255, 255, 255, 0, 0, 0, 255],
        [1, 2, 3, 255, 254, 255, 0, 255],
    ]


def test_the_steps_that_count_most_are_where_shares_are_large() -> None:
    shares = [[0.1, -0.2], [0.1, -3], [0.2, 4], [1, 5], [0.1, 4], [3, 0.5], [0.1, 0]]
    script = f"""const shares = {json.dumps(shares)};
    texts.push(spanOf(shares, 1, false), spanOf(shares, -1, false), spanOf(shares, 1, true));
    texts.push(spanOf([[0]], 1, false));"""
    assert drawn(["why_picture"], script)["texts"] == [
        {"channel": 1, "from": 2, "to": 4},
        {"channel": 1, "from": 1, "to": 1},
        {"channel": 0, "from": 2, "to": 5},
        None,
    ]
