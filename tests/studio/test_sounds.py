"""The page of a run on sounds: what is heard, dropped and drawn."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hiddenstate
from hiddenstate.data.readers.wav import open_wav
from hiddenstate.runs import Run
from hiddenstate.studio.gate import HEADERS
from tests.data.readers.test_sounds import wav
from tests.export.html.test_sounds import PLAYED
from tests.studio.conftest import Browser

CLASSES = ("a bell far away", "dog", "wind")


@pytest.fixture
def heard(
    open_page: Callable[..., Browser], odd_run: Callable[[str], Run], tmp_path: Path
) -> Browser:
    """The page of a run on sounds."""
    shutil.copytree(odd_run("sounds").path, tmp_path / "runs" / "sounds")
    browser = open_page("#/run/sounds", locale="en")
    browser.page.wait_for_selector(".reading .note:not(:empty)")
    return browser


def test_a_sound_is_played_with_its_reading_and_loaded_only_then(heard: Browser) -> None:
    page = heard.page
    asked = [address.rpartition("/")[2] for address in heard.asked]
    assert not {"listen.js", "own_sound.js", "waves"} & set(asked)
    with page.expect_response("**/arrays/waves"):
        page.locator("button.listen").first.click()
    assert "decided after" in str(page.locator(".reading .note").first.text_content())
    hand = page.locator(".hand")
    hand.locator(".answer", has_text=re.compile("dog|wind|bell")).wait_for()
    parts = [".hand button.round", ".hand output", ".hand .listen"]
    assert page.evaluate(PLAYED, parts) >= 2
    assert hand.locator("output").text_content() == "0.20 s of 0.20 s"


def test_a_sound_that_is_dropped_has_the_answer_of_predict(heard: Browser, tmp_path: Path) -> None:
    page, path = heard.page, tmp_path / "new.wav"
    path.write_bytes(wav(np.sin(np.arange(1900) / 7) / 3))
    run = Run(Path("runs/sounds"))
    framing = run.static_arrays[1].sound
    assert framing is not None
    right = hiddenstate.load(run.path).predict_proba(framing.read(open_wav(path))[None])[0]
    page.keyboard.press("Tab")
    hand = page.locator(".hand")
    hand.locator("input[type=file]").set_input_files(path)
    hand.locator("option", has_text="new.wav").wait_for(state="attached")
    top = int(right.argmax())
    hand.locator(".said p", has_text=f"{100 * right[top]:.2f} % sure").wait_for()
    assert hand.locator(".answer").text_content() == CLASSES[top]
    (tmp_path / "two.wav").write_bytes(wav(np.zeros((900, 2))))
    hand.locator("input[type=file]").set_input_files(tmp_path / "two.wav")
    problem = hand.locator("[role=alert]")
    problem.get_by_text("two.wav").wait_for()
    assert problem.text_content() == (
        "two.wav cannot be read: it has 2 channels, expected 1; convert it: ffmpeg -i IN.wav -ac "
        "1 OUT.wav"
    )


def test_the_page_plays_what_it_made_and_nothing_from_elsewhere() -> None:
    policy = dict(HEADERS)[b"content-security-policy"].decode()
    assert "media-src" not in policy  # none: sounds are played from memory
    assert "default-src 'none'" in policy
    assert b"microphone=()" in dict(HEADERS)[b"permissions-policy"]
