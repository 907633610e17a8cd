"""The page of a classifier of sounds: what is opened, drawn and played."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.data.readers.wav import open_wav
from hiddenstate.export import export_model
from hiddenstate.export.html.view import view_data
from hiddenstate.export.target import source_of
from hiddenstate.inference.inputs import open_model
from hiddenstate.runs import Run
from hiddenstate.views.timeline import Timeline
from tests.data.readers.test_sounds import wav
from tests.report_html import train

PLAYED = """([play, text, listen]) => new Promise((done) => {
  const [button, words] = [play, text].map((name) => document.querySelector(name));
  const seen = new Set();
  let began = false;
  new MutationObserver(() => {
    const playing = button.classList.contains("playing");
    if (began && !playing) done(seen.size);
    began ||= playing;
  }).observe(button, { attributes: true });
  new MutationObserver(() => seen.add(words.textContent)).observe(words, { childList: true });
  document.querySelector(listen).click();
})"""
"""Plays a sound to its end, and returns how many moments were shown."""

CLASSES = ("a bell far away", "dog", "wind")


@pytest.fixture(scope="module")
def page(chromium: Any, odd_run: Callable[[str], Run], tmp_path_factory: Any) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("page")
    run = odd_run("sounds")
    model, _ = open_model(str(run.path), folder)
    export_model(model, "html", folder / "s.html", run=run)
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.goto((folder / "s.html").as_uri())
    yield page
    page.close()


def shares(page: Any) -> dict[str, str]:
    lines = page.locator("#bars li").evaluate_all(
        "(all) => all.map((each) => [each.children[0].textContent, each.children[2].textContent])"
    )
    return dict(lines)


def test_a_sound_that_is_opened_has_the_answer_of_predict(page, odd_run, tmp_path):
    path = tmp_path / "new.wav"
    path.write_bytes(wav(np.sin(np.arange(1900) / 7) / 3))
    run = odd_run("sounds")
    framing = run.static_arrays[1].sound
    assert framing is not None
    right = hiddenstate.load(run.path).predict_proba(framing.read(open_wav(path))[None])[0]
    page.set_input_files("#file", path)
    page.locator("#which option", has_text="Your new.wav").wait_for(state="attached")
    assert shares(page) == {n: f"{100 * p:.2f} %" for n, p in zip(CLASSES, right, strict=True)}
    assert page.locator("#moment-text").text_content() == "0.23 s of 0.23 s"
    (tmp_path / "fast.wav").write_bytes(wav(np.sin(np.arange(1900) / 7), rate=44100))
    before = shares(page)
    page.set_input_files("#file", tmp_path / "fast.wav")
    page.get_by_text("fast.wav cannot be read").wait_for()
    assert page.locator("#problem").text_content() == (
        "fast.wav cannot be read: 44,100 samples a second, expected 8,000; resample it: ffmpeg -i "
        "IN.wav -ar 8000 OUT.wav."
    )
    assert shares(page) == before


def test_a_tone_that_is_drawn_changes_the_answer_and_can_be_undone(page: Any) -> None:
    page.select_option("#which", index=1)
    before = shares(page)
    page.click("#clear")
    silent = shares(page)
    assert silent != before
    box = page.locator("#reading").bounding_box()
    page.mouse.move(box["x"] + 90, box["y"] + 90)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 220)
    page.mouse.up()
    drawn = shares(page)
    assert drawn != silent
    page.locator("#reading").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert shares(page) != drawn
    page.click("#again")
    assert shares(page) == before


def test_the_place_moves_while_a_sound_is_played_and_ends_with_it(page: Any) -> None:
    page.select_option("#which", index=1)
    page.keyboard.press("Tab")
    assert page.evaluate(PLAYED, ["#play", "#moment-text", "#listen"]) >= 2
    assert page.locator("#moment-text").text_content() == "0.20 s of 0.20 s"
    assert page.locator("#problem").text_content() == ""


def test_codes_of_sounds_are_drawn_on_as_spectrograms(
    odd_run: Callable[[str], Run], chromium: Any, tmp_path: Path
) -> None:
    data = str(odd_run("sounds").config.data.data)
    options = {"data": data, "frame": 80, "bands": 8, "max_steps": 2}
    run = train("autoencode", options, tmp_path)
    assert Timeline(run).form.pixels(np.zeros(160)).shape == (8, 20)
    view = view_data(replace(source_of(run.model(), "m", "float32"), run=run))
    assert len(view["low"]) == len(view["high"]) == 160
    export_model(run.model(), "html", tmp_path / "codes.html", run=run)
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.goto((tmp_path / "codes.html").as_uri())
    facts = page.locator("#row-facts")
    before = facts.text_content()
    page.locator("#decoded").focus()
    page.keyboard.press("Space")
    page.locator("#row-facts").filter(has_not_text=before).wait_for()
    (tmp_path / "new.wav").write_bytes(wav(np.sin(np.arange(1900) / 7) / 3))
    page.set_input_files("#sound", tmp_path / "new.wav")
    page.locator("#which option", has_text="Your sound 1").wait_for(state="attached")
    page.close()
