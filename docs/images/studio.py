"""Make the film and the two pictures of `docs/studio.md`: `python studio.py`.

It needs the extra `studio`, playwright and chromium. The film shows a table dropped on the page,
training on it, and the codes that form; each of its frames is a screenshot of the page.
"""

import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from palette import palette_of
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
SIZE = {"width": 1280, "height": 840}
SHOWN = (1000, 656)
FRAME = 125
"""Milliseconds that a frame stays, unless it is a pause."""
PAUSE = 1100
MOMENTS = 28
"""Frames of the codes that form."""
DROP = """(text) => {
  const data = new DataTransfer();
  data.items.add(new File([text], "digits.csv"));
  for (const name of ["dragenter", "drop"]) {
    const about = { dataTransfer: data, bubbles: true, cancelable: true };
    document.dispatchEvent(new DragEvent(name, about));
  }
}"""
MOVE = """([at, of]) => {
  const range = document.querySelector(".player input[type=range]");
  range.value = Math.round(range.max * (at / of) ** 2);
  range.dispatchEvent(new Event("input"));
}"""


def table() -> str:
    """Return the small digits of scikit-learn as a table with a column of labels."""
    digits = load_digits()
    head = ",".join([*(f"pixel_{k // 8}_{k % 8}" for k in range(64)), "label"])
    rows = np.column_stack([digits.data * 255 / 16, digits.target]).astype(int)
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)])


class Film:
    """Frames that are screenshots of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.times: list[int] = []

    def take(self, time: int = FRAME) -> None:
        """Add what the page shows."""
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        self.frames.append(picture.resize(SHOWN, Image.Resampling.LANCZOS))
        self.times.append(time)

    def save(self, path: Path) -> None:
        """Write the film as a GIF whose frames share their colors."""
        palette = palette_of([self.frames[k] for k in (0, 1, -1)], 240)
        first, *rest = [
            each.quantize(palette=palette, dither=Image.Dither.NONE) for each in self.frames
        ]
        first.save(
            path, save_all=True, append_images=rest, duration=self.times, loop=0, optimize=True
        )


def act(page: Page) -> Film:
    """Drop the table, train on it, and move through the time of the run."""
    film = Film(page)
    page.wait_for_selector(".starter")
    page.wait_for_timeout(1000)
    film.take(PAUSE)
    page.evaluate(DROP, table())
    page.wait_for_selector(".job")
    page.wait_for_timeout(500)
    film.take(PAUSE)
    page.locator("button.job", has_text="autoencode").click()
    page.wait_for_timeout(500)
    film.take(PAUSE // 2)
    page.screenshot(path=HERE / "studio-home.png")
    page.locator("form.train button[type=submit]").click()
    page.wait_for_selector(".status.done", timeout=120_000)
    page.wait_for_selector("text=Nearest in code space")
    page.wait_for_timeout(1500)
    for moment in range(MOMENTS + 1):
        page.evaluate(MOVE, [moment, MOMENTS])
        page.wait_for_timeout(700)
        film.take(PAUSE if moment == MOMENTS else FRAME)
    page.screenshot(path=HERE / "studio-codes.png")
    return film


def main() -> None:
    """Start the studio in a new folder, act, and write the film."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        command = [sys.executable, "-m", "hiddenstate", "studio", "--no-browser"]
        pipe: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "cwd": folder}
        with subprocess.Popen(command, **pipe) as studio:
            address = re.search(r"http\S+", studio.stdout.readline())
            browser = play.chromium.launch(executable_path=sys.argv[1] if sys.argv[1:] else None)
            page = browser.new_page(viewport=SIZE)
            page.goto(address[0])
            act(page).save(HERE / "studio.gif")
            browser.close()
            studio.terminate()
    for picture in HERE.glob("studio-*.png"):
        small = Image.open(picture).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        palette = palette_of([small], 200)
        small.quantize(palette=palette, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    main()
