"""Make the two films of the studio and the pictures of `docs/studio.md`: `python studio.py`.

It needs the extra `studio`, playwright and chromium. A film shows a table dropped on the page,
training on it, and the codes that form; the other the sales of two shops, and their forecast, which
bends with prices. Each frame is a screenshot of the page.
"""

import datetime
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
SHOWN, TINY = (1000, 656), (500, 328)
FRAME = 125
"""Milliseconds that a frame stays, unless it is a pause."""
PAUSE = 1100
MOMENTS = 28
"""Frames of the codes that form."""
BENT = (0.89, 0.955), 0.965
"""From where to where prices are drawn, in widths of the forecast, and how low, in heights."""
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const event of ["dragenter", "drop"]) {
    const about = { dataTransfer: data, bubbles: true, cancelable: true };
    document.dispatchEvent(new DragEvent(event, about));
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


def shops() -> str:
    """Return the sales of two shops, day by day, with a price that is now and then lower."""
    random = np.random.default_rng(3)
    lines = ["shop,day,price,sales"]
    for shop, usual in (("Lyon", 320), ("Turin", 190)):
        for t in range(500):
            day = datetime.date(2024, 7, 1) + datetime.timedelta(t)
            price = 2.9 if t // 5 % 6 == 2 or random.random() < 0.03 else 3.9
            week = 0.25 * np.sin(2 * np.pi * (day.weekday() + 1) / 7)
            year = 0.12 * np.sin(2 * np.pi * t / 365)
            sales = usual * (1 + week + year + 0.5 * (3.9 - price)) * np.exp(random.normal(0, 0.06))
            lines.append(f"{shop},{day},{price},{sales:.0f}")
    return "\n".join(lines)


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


def drop(page: Page, name: str, text: str) -> Film:
    """Drop a table on the first page; return the film that begins so."""
    film = Film(page)
    page.wait_for_selector(".starter")
    page.wait_for_timeout(1000)
    film.take(PAUSE)
    page.evaluate(DROP, [name, text])
    page.wait_for_selector(".job")
    page.wait_for_timeout(1500)
    film.take(PAUSE)
    return film


def bend(page: Page) -> Film:
    """Train on the shops, and draw lower prices for the days ahead."""
    film = drop(page, "shops.csv", shops())
    page.locator("button.job", has_text="regress").click()
    page.get_by_label(re.compile("--horizon")).fill("14")
    page.get_by_label("price", exact=True).check()
    page.wait_for_timeout(500)
    film.take(PAUSE)
    page.locator("form.train button[type=submit]").click()
    for _ in range(10):
        page.wait_for_timeout(900)
        film.take(3 * FRAME)
    page.wait_for_selector(".status.done", timeout=180_000)
    page.mouse.move(400, 600)
    page.mouse.wheel(0, 1)
    canvas = page.locator(".forecast canvas")
    canvas.wait_for(timeout=60_000)
    page.wait_for_timeout(2000)
    film.take(PAUSE)
    box = canvas.bounding_box() or {}
    low = box["y"] + BENT[1] * box["height"]
    page.mouse.move(box["x"] + BENT[0][0] * box["width"], low)
    page.mouse.down()
    for share in np.linspace(*BENT[0], 16):
        page.mouse.move(box["x"] + share * box["width"], low, steps=3)
        page.wait_for_timeout(400)
        film.take(FRAME)
    page.mouse.up()
    page.wait_for_timeout(800)
    film.take(2 * PAUSE)
    return film


def form_codes(page: Page) -> Film:
    """Train on the digits, and move through the time of the run."""
    film = drop(page, "digits.csv", table())
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
            form_codes(page).save(HERE / "studio.gif")
            page.goto(address[0].partition("?")[0])
            bend(page).save(HERE / "own-data.gif")
            browser.close()
            studio.terminate()
    for picture in HERE.glob("studio-*.png"):
        small = Image.open(picture).convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS)
        palette = palette_of([small], 200)
        small.quantize(palette=palette, dither=Image.Dither.NONE).save(picture, optimize=True)
    tiny = (
        Image.open(HERE / "studio-codes.png").convert("RGB").resize(TINY, Image.Resampling.LANCZOS)
    )
    tiny = tiny.quantize(palette=palette_of([tiny], 128), dither=Image.Dither.NONE)
    tiny.save(HERE / "readme-studio.png", optimize=True)


if __name__ == "__main__":
    main()
