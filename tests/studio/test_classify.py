"""The page of a classify run in a browser: what it shows, what is touched, what is taken away."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hiddenstate import load
from hiddenstate.runs import Run
from tests.report_html import train
from tests.studio.conftest import Browser

RunOf = Callable[[str], Run]
OpenPage = Callable[..., Browser]

READ_ALL = """async (digits) => {
  const { pixelsOf } = await import("/assets/web/pad.js");
  const { Model } = await import("/assets/web/net.js");
  const { unpacked } = await import("/assets/web/packed.js");
  const program = await (await fetch("/api/runs/classify-1/program/final")).json();
  const model = new Model(unpacked(program));
  return digits.map((digit) => {
    const side = Math.sqrt(digit.length);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(side, side);
    const paint = (color) => {
      digit.forEach((value, at) => image.data.set([...color(value), 255], 4 * at));
      pen.putImageData(image, 0, 0);
    };
    paint((value) => [value, 255 - value, 7]);
    const colors = pixelsOf(canvas, [side, side, 3]);
    paint((value) => [value, value, value]);
    const values = pixelsOf(canvas, [side, side]);
    const rows = Array.from({ length: side }, (_, t) => values.slice(t * side, (t + 1) * side));
    const chances = [...model.predict(rows).probabilities];
    return { values: [...values], colors: [...colors], chances };
  });
}"""

NOTHING = "\N{EN DASH}"
"""What stands in the place of an answer."""

NUMBERS_OFFERED = """async (options) => {
  const { takings } = await import("/assets/studio/static/downloads.js");
  const details = { options, exports: {}, uses: [], command: null, python: null };
  const store = { details, state: { has_model: true }, addEventListener() {} };
  return takings(store, () => {}, () => {})[1].querySelectorAll("option").length;
}"""

ANSWERED = f"""() => {{
  const answer = document.querySelector(".answer");
  return answer !== null && answer.textContent !== "{NOTHING}";
}}"""

PIXEL = """([place, x, y]) => {
  const canvas = document.querySelector(place);
  const dense = window.devicePixelRatio;
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, -x * dense, -y * dense);
  return [...pen.getImageData(0, 0, 1, 1).data];
}"""


@pytest.fixture
def run(run_of: RunOf) -> Run:
    return run_of("classify")


@pytest.fixture
def shown(run: Run, open_page: OpenPage) -> Any:
    page = open_page("#/run/classify-1").page
    page.wait_for_selector(".card .verdict:not(:empty)")
    page.locator(".hand").scroll_into_view_if_needed()
    page.wait_for_function(ANSWERED)
    return page


def wait_for(page: Any, place: str, words: str) -> None:
    """Wait until an element holds some words."""
    page.wait_for_function(
        "([place, words]) => document.querySelector(place).textContent.includes(words)",
        arg=[place, words],
    )


def verdicts(page: Any) -> list[str]:
    return [text.split()[1] for text in page.locator(".card .verdict").all_text_contents()]


def chosen(run: Run, place: int) -> list[str]:
    chances = run.snapshot(run.snapshot_paths()[place])["probability"]
    return [str(run.model().classes[kind]) for kind in chances.argmax(1)][:10]


def go_to(page: Any, step: int) -> None:
    """Move the time slider."""
    page.locator(".player input").evaluate(
        "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input')); }", step
    )


def test_rows_errors_and_pictures_are_those_of_the_moment(shown: Any, run: Run) -> None:
    end = run.final_arrays()
    assert verdicts(shown) == chosen(run, -1)
    matrix = end["confusion"]
    note = shown.locator(".confusion .note")
    assert note.text_content().startswith(f"{np.trace(matrix)} of {matrix.sum()} test rows are")
    assert shown.locator(".worst li:not(.none)").count() == len(end["worst"])

    # At the pointer, the picture of a row says what was most probable by then.
    shown.hover(".reading canvas >> nth=0", position={"x": 60, "y": 150})
    words = shown.locator(".reading .note").first.text_content()
    row, share = re.match(r"row (\d) of 8: \w+, ([\d.]+) %", words).groups()
    shares = {**run.snapshot(run.snapshot_paths()[-1]), **end}["decision"][0, int(row) - 1]
    assert f"{100 * shares.max():.2f}" == share

    go_to(shown, 1)
    expected = " ".join(chosen(run, 0))
    shown.wait_for_function(
        "(words) => [...document.querySelectorAll('.card .verdict')]"
        ".map((each) => each.textContent.split(' ')[1]).join(' ') === words",
        arg=expected,
    )

    # The confusion matrix is read with the keys.
    go_to(shown, int(run.snapshot_paths()[-1].stem))
    wait_for(shown, ".confusion .note", "test rows are")
    canvas = shown.locator(".confusion canvas")
    canvas.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowRight"):  # the first selects the first cell
        shown.keyboard.press(key)
    words = shown.locator(".confusion .note").text_content()
    assert f": {matrix[1, 1]} of {matrix[1].sum()}" in words
    # What is right has the accent, at the start of the diagonal.
    red, green, blue, opaque = shown.evaluate(PIXEL, [".confusion canvas", 27, 28])
    assert matrix[0, 0] > 0
    assert opaque > 0
    assert blue > green > red

    # Pictures have the colours of the theme at once.
    bright = sum(shown.evaluate(PIXEL, [".reading canvas", 3, 24])[:3])
    shown.get_by_role("button", name="Dark", exact=True).click()
    shown.wait_for_function(
        f"(bright) => Math.abs(({PIXEL})(['.reading canvas', 3, 24])[0] - bright / 3) > 100",
        arg=bright,
    )


def test_pictures_are_read_as_the_model_reads_them(shown: Any, run: Run) -> None:
    digits = run.static_arrays[0]["shown"]
    model = load(run.path / "model.safetensors")
    found = shown.evaluate(READ_ALL, digits.reshape(len(digits), -1).tolist())
    assert [each["values"] for each in found] == digits.reshape(len(digits), -1).tolist()
    colors = np.stack([digits, 255 - digits, np.full_like(digits, 7)], axis=-1)
    assert [each["colors"] for each in found] == colors.reshape(len(digits), -1).tolist()
    np.testing.assert_allclose(
        [each["chances"] for each in found], model.predict_proba(digits), atol=1e-5
    )

    # A row of the run, and an image of the reader.
    shown.locator(".choices button").nth(4).click()
    answer = shown.locator(".answer")
    label, share = model.predict(digits)[4], model.predict_proba(digits)[4].max()
    shown.wait_for_function(
        "() => document.querySelector('.steps output').textContent === 'row 8 of 8'"
    )
    assert answer.text_content() == str(label)
    assert abs(float(shown.locator(".said p").text_content().split()[0]) - 100 * share) < 0.06

    picture = io.BytesIO()
    Image.fromarray(digits[5]).save(picture, "png")
    file = {"name": "digit.png", "mimeType": "image/png", "buffer": picture.getvalue()}
    shown.locator(".hand input[type=file]").set_input_files(file)
    share = model.predict_proba(digits)[5].max()
    words = f"{100 * share:.2f} % sure"
    wait_for(shown, ".said p", words)

    # A drawing, by pointer and by keys.
    shown.get_by_role("button", name="Clear").click()
    assert shown.locator(".answer").text_content() == NOTHING
    pad = shown.locator("canvas.pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    shown.mouse.move(box["x"] + 30, box["y"] + 30)
    shown.mouse.down()
    shown.mouse.move(box["x"] + 180, box["y"] + 40, steps=5)
    shown.mouse.up()
    shown.wait_for_function(ANSWERED)
    shown.get_by_role("button", name="Clear").click()
    assert shown.locator(".answer").text_content() == NOTHING
    pad.focus()
    for key in ("Space", "ArrowDown", "ArrowDown", "ArrowDown", "Space"):
        shown.keyboard.press(key)
    shown.wait_for_function(ANSWERED)


def test_units_and_earlier_nets_read_the_same_rows(shown: Any, run: Run) -> None:
    canvas = shown.locator(".hand .reading canvas")
    canvas.focus()
    shown.keyboard.press("ArrowRight")
    title = shown.locator(".unit h2")
    assert re.fullmatch(r"What excites unit \d", title.text_content())
    unit = int(title.text_content().split()[-1])
    shown.wait_for_function(
        "() => document.querySelector('.unit .note').textContent.includes('highest')"
    )
    hidden = run.snapshot(run.snapshot_paths()[-1])["hidden"]
    words = shown.locator(".unit canvas").get_attribute("aria-label")
    for row, after, value in re.findall(r"row (\d+) \(\w+\) after row (\d): ([-\d.e]+)", words):
        if int(row) <= len(hidden):
            states = hidden[int(row) - 1, :, unit]
            assert abs(states.max() - float(value)) < 1e-3
            assert states[int(after) - 1] == states.max()

    paths = run.weights_paths()
    shown.locator(".choices button").nth(0).click()
    go_to(shown, int(paths[0].stem))
    wait_for(shown, ".weights", "after update 1")
    chances = run.snapshot(run.snapshot_paths()[0])["probability"][0]
    words = f"{100 * chances.max():.2f} % sure"
    wait_for(shown, ".said p", words)


def test_model_is_taken_away(shown: Any, run: Run, tmp_path: Path) -> None:
    shown.locator(".take > summary").click()
    assert "hiddenstate classify" in shown.locator(".take pre").first.text_content()
    shown.locator(".take input[value=python]").check()
    shown.get_by_role("button", name="Export").click()
    link = shown.locator(".take .files a").first
    link.wait_for()
    with shown.expect_download() as taken:
        link.click()
    text = Path(taken.value.path()).read_bytes()
    assert text == (tmp_path / link.text_content()).read_bytes()
    shown.locator(".take input[value=nam]").check()
    shown.get_by_role("button", name="Export").click()
    problem = shown.locator(".take [role=alert]")
    problem.wait_for()
    assert problem.text_content().startswith("--to nam: ")
    assert "--hidden-size" in shown.locator(".options").first.text_content()
    assert shown.locator(".options").first.locator("tbody th").first.text_content() != "--seed"
    # The weights of a model in integers are stored as they are.
    quantize = {"name": "quantize", "flag": "--quantize", "default": None, "help": "", "unit": ""}
    for value, offered in ((None, 3), ("int8", 0)):
        assert shown.evaluate(NUMBERS_OFFERED, [{**quantize, "value": value}]) == offered


def test_signal_is_bent_and_pasted(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage
) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    lines = ["series,time,x,y,kind"]
    for series in range(40):
        length = int(random.integers(12, 20))
        for step in range(length):
            x = np.sin(step * (0.4 if series % 2 else 1.2)) + 0.1 * random.normal()
            kind = '"<b>bold</b>, a long name of a class"' if series % 2 else "سريع"
            lines.append(f"{series},{step},{x:.4f},{random.normal():.3f},{kind}")
    (tmp_path / "rows.csv").write_text("\n".join(lines), encoding="utf-8")
    words = ("--hidden-size", "5", "--epochs", "4", "--no-convolutions", "--no-stem")
    more = ("--readout", "last", "--no-bidirectional", "--members", "1", "--threads", "1")
    assert cli("classify", "rows.csv", *words, *more, "--view", "off").code == 0
    model = load(tmp_path / "runs" / "classify-1" / "model.safetensors")
    page = open_page("#/run/classify-1", locale="en").page
    page.locator(".hand").scroll_into_view_if_needed()
    page.wait_for_function(ANSWERED)
    assert page.locator("b", has_text="bold").count() == 0
    pasted = [[np.sin(1.2 * step), 0.25 * step] for step in range(9)]
    table = "\n".join(["x,y", *(f"{x},{y}" for x, y in pasted)])
    page.locator(".own summary").click()
    page.locator(".own textarea").fill(table)
    page.locator(".own button").click()
    page.wait_for_function(
        "() => document.querySelector('.steps output').textContent === 'step 9 of 9'"
    )
    chances = model.predict_proba(np.array([pasted]))[0]
    said = f"{100 * chances.max():.2f} % sure"
    wait_for(page, ".said p", said)
    lanes = page.locator("canvas.lanes")
    lanes.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    page.wait_for_function(
        "(words) => !document.querySelector('.said p').textContent.startsWith(words)", arg=said
    )
    page.locator(".own textarea").fill("x,z\n1,2")
    page.locator(".own button").click()
    page.locator(".own .bad").wait_for()


def test_rows_are_read_as_the_model_read_its_data(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage
) -> None:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    numbers = [(k, 900 + 1500 * k + 100 * random.normal()) for k in (0, 1) for _ in range(30)]
    rows = "".join(f"{x:.1f};{k};{'ab'[k]}\n".replace(".", ",") for k, x in numbers)
    Path("rows.csv").write_text(f"x;on;kind\n{rows}")
    words = ("--label", "kind", "--delimiter", ";", "--decimal", ",", "--max-steps", "2")
    assert cli("classify", "rows.csv", *words, "--view", "off").code == 0
    Path("new.csv").write_text("on;x\n1;2.345\n0;1.234,5\n")  # points between thousands
    answered = cli("predict", "classify-1", "new.csv", "--proba", "--format", "json").out
    row = json.loads(answered)[0]
    page = open_page("#/run/classify-1", locale="en").page
    page.locator(".hand").scroll_into_view_if_needed()
    page.wait_for_function(ANSWERED)
    page.locator(".own summary").click()
    page.locator(".own textarea").fill(Path("new.csv").read_text())
    page.locator(".own button").click()
    page.wait_for_function(
        "() => document.querySelector('.hand select option').textContent === 'Your row 1'"
    )
    wait_for(page, ".said p", f"{100 * max(row['p_a'], row['p_b']):.2f} % sure")
    page.locator(".own textarea").fill("x;on\n1.5;1")
    page.locator(".own button").click()
    wait_for(page, ".own .bad", "line 2, column x: expected a number, found 1.5; the decimal mark")


def test_many_columns_are_folded(tmp_path: Path, open_page: OpenPage) -> None:
    random = np.random.default_rng(3)
    rows = [[*random.normal(size=14).round(2), "ab"[k % 2]] for k in range(30)]
    names = [*(f"column {k}" for k in range(14)), "kind"]
    data = tmp_path / "rows.csv"
    data.write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]))
    small = {"layout": "features", "hidden_size": 3, "max_steps": 1, "convolutions": False}
    train("classify", {"data": str(data), **small}, tmp_path / "runs")
    page = open_page("#/run/classify-1", locale="en").page
    page.locator(".hand").scroll_into_view_if_needed()
    page.wait_for_function(ANSWERED)
    assert page.locator(".row-form input[type=range]:visible").count() == 12
    page.locator(".input summary", has_text="2 more columns").click()
    assert page.locator(".row-form input[type=range]:visible").count() == 14
