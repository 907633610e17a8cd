"""Make the film and the small pictures of the README: `python readme.py`.

The film shows `hiddenstate autoencode` with the lines that it prints, and beside them the codes of
the test digits, from noise to clumps. The pictures need the extra `series`, playwright and
chromium.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from palette import palette_of
from PIL import Image, ImageDraw, ImageFont

from hiddenstate.runs import Run
from hiddenstate.views import style
from hiddenstate.views.drawers import decision
from hiddenstate.views.figures import codes
from hiddenstate.views.timeline import Timeline

HERE = Path(__file__).parent
COMMAND = "hiddenstate autoencode"
SIZE = (960, 460)
LEFT = 470
"""Width of the terminal at the left, in pixels."""
FRAME = 80
"""Milliseconds that a frame stays."""
TYPING, TRAINING, REST = 12, 56, 18
"""Frames of each part: seven seconds in all."""
SMALL, DENSE = (800, 540), 190
"""Size of a small picture, which is shown at less than half of it, and its dots an inch."""
SHOWN = {"forecast": "canvas.fan", "page": "[aria-labelledby=reading-title]"}
"""The parts of exported pages that are shown."""
GROUND, INK, FAINT, PROMPT = "#101418", "#d7dde3", "#8a949e", "#7ee787"


def main() -> None:
    """Train, draw each frame, write `readme.gif` and the small pictures."""
    with tempfile.TemporaryDirectory() as folder:
        small_pictures(Path(folder))
        run(folder, "autoencode", "--log-every", "20", "--view", "off", "--name", "film")
        timeline = Timeline(Run(Path(folder) / "film"))
        frames = [frame(timeline, number) for number in range(TYPING + TRAINING + 1)]
    save(frames, HERE / "readme.gif")


def run(folder: str | Path, *words: str) -> None:
    """Run a command of the program in a folder."""
    line = [sys.executable, "-m", "hiddenstate", *words, "--runs-dir", "."]
    quiet = subprocess.DEVNULL
    subprocess.run(line, check=True, stdout=quiet, stderr=quiet, cwd=folder)


def small_pictures(folder: Path) -> None:
    """Write a picture each of a digit, sensors, a forecast, codes and an exported page."""
    from aeon.datasets import load_basic_motions
    from playwright.sync_api import sync_playwright
    from statsmodels.datasets import co2

    X, y = load_basic_motions(split="train")
    np.savez(folder / "motions.npz", X=X.transpose(0, 2, 1), y=y.astype(str))
    months = co2.load_pandas().data.resample("MS").mean().interpolate()
    months.to_csv(folder / "co2.csv", index_label="month")
    run(folder, "classify", "--view", "off", "--name", "digits")
    streamable = ("--streamable", "--view", "off", "--name", "motions")
    run(folder, "classify", "motions.npz", *streamable)
    monthly = ("co2.csv", "--time", "month", "--target", "co2", "--horizon", "24")
    run(folder, "regress", *monthly, "--view", "off", "--name", "co2")
    run(folder, "export", "co2", "--to", "html", "--output", "co2.html")
    for name, path, row in (("digit", "digits", 1), ("sensor", "motions", 2)):
        timeline = Timeline(Run(folder / path))
        figure = Figure(figsize=(SMALL[0] / DENSE, row * SMALL[1] / DENSE), dpi=DENSE)
        decision(timeline, timeline.moment(), figure, row)
        figure.savefig(folder / f"{name}.png")
        picture = Image.open(folder / f"{name}.png")
        top = (row - 1) * (SMALL[1] + 48)  # below the axis of the first row
        picture.crop((0, top, SMALL[0], row * SMALL[1])).save(folder / f"{name}.png")
        small(folder / f"{name}.png", name)
    size = {"width": 700, "height": 800}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport=size, device_scale_factor=1.5)
        pages = {"forecast": folder / "co2.html", "page": HERE.parent / "pages" / "digits.html"}
        for name, path in pages.items():
            page.goto(path.as_uri())
            page.wait_for_selector("canvas")
            page.wait_for_timeout(1500)
            page.evaluate("document.querySelector('.top').hidden = true")
            page.locator(SHOWN[name]).first.screenshot(path=folder / f"{name}.png")
            small(folder / f"{name}.png", name)
        browser.close()


def small(path: Path, name: str) -> None:
    """Write a picture on a white ground as `readme-NAME.png`."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail(SMALL, Image.Resampling.LANCZOS)
    ground = Image.new("RGB", SMALL, "white")
    ground.paste(picture, tuple((a - b) // 2 for a, b in zip(SMALL, picture.size, strict=True)))
    data = io.BytesIO()
    reduced = ground.quantize(palette=palette_of([ground], 128), dither=Image.Dither.NONE)
    reduced.save(data, "PNG", optimize=True)
    (HERE / f"readme-{name}.png").write_bytes(data.getvalue())


def frame(timeline: Timeline, number: int) -> Image.Image:
    """Return a frame: the terminal, and the codes of its moment."""
    picture = Image.new("RGB", SIZE, GROUND)
    write(ImageDraw.Draw(picture), timeline, number)
    picture.paste(cloud(timeline, number), (LEFT, 0))
    return picture


def step_at(timeline: Timeline, number: int) -> float:
    """Return the step that a frame shows; most happens early."""
    return 1 + (timeline.steps[-1] - 1) * max(0.0, (number - TYPING) / TRAINING) ** 4


def write(draw: ImageDraw.ImageDraw, timeline: Timeline, number: int) -> None:
    """Write the command as it is typed, then a line of the run for each frame since."""
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 17)
    typed = COMMAND[: round(len(COMMAND) * min(1.0, (number + 1) / (TYPING - 2)))]
    draw.text((24, 28), "$", font=font, fill=PROMPT)
    draw.text((46, 28), typed, font=font, fill=INK)
    if number < TYPING:
        return
    shown = range(TYPING, number + 1)
    steps = sorted({int(step_at(timeline, each)) // 20 * 20 for each in shown})
    logged = {event["step"]: event for event in timeline.moment().history}
    for row, event in enumerate([logged[step] for step in steps if step in logged][-13:]):
        text = f"Epoch: {event['epoch']:2d} | train loss: {event['mean_loss']:.4f}"
        draw.text((24, 66 + 28 * row), text, font=font, fill=FAINT)


def cloud(timeline: Timeline, number: int) -> Image.Image:
    """Return the picture of the codes, turned a little from frame to frame."""
    arrays, names = timeline.between(step_at(timeline, number)).arrays, timeline.class_names
    labels, limits = timeline.static_arrays["code_label"], timeline.limits.codes
    width = SIZE[0] - LEFT
    with style.theme("dark"):
        figure = Figure(figsize=(width / 100, SIZE[1] / 100), dpi=100, facecolor=GROUND)
        canvas = FigureCanvasAgg(figure)
        codes(arrays["code"], labels, names, figure=figure, limits=limits)
        for text in figure.texts:
            text.set_visible(False)
        (axes,) = figure.axes
        axes.set_position((-0.08, -0.06, 1.16, 1.12))
        axes.view_init(elev=22, azim=-75 + 0.5 * number)
        axes.set_facecolor(GROUND)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_ticklabels([])
            axis.label.set_visible(False)
        canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])


def save(frames: list[Image.Image], path: Path) -> None:
    """Write the frames as a GIF that stays on the last one for a while."""
    palette = palette_of([frames[k] for k in (TYPING, len(frames) // 2, -1)], 128)
    first, *rest = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in frames]
    times = [FRAME] * (len(frames) - 1) + [FRAME * REST]
    first.save(path, save_all=True, append_images=rest, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main()
