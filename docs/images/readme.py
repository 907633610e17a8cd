"""Make the film at the top of the README: `python readme.py`.

It trains `hiddenstate autoencode` and shows the command with the lines that it prints, and beside
them the codes of the test digits, from noise to clumps.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from hiddenstate.runs import Run
from hiddenstate.views import style
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
GROUND, INK, FAINT, PROMPT = "#101418", "#d7dde3", "#8a949e", "#7ee787"


def main() -> None:
    """Train, draw each frame, write `readme.gif`."""
    with tempfile.TemporaryDirectory() as folder:
        line = [sys.executable, "-m", "hiddenstate", "autoencode", "--log-every", "20"]
        line += ["--view", "off", "--name", "film", "--runs-dir", folder]
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        timeline = Timeline(Run(Path(folder) / "film"))
        frames = [frame(timeline, number) for number in range(TYPING + TRAINING + 1)]
    save(frames, HERE / "readme.gif")


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
    ends = np.concatenate([np.asarray(frames[k]) for k in (TYPING, len(frames) // 2, -1)])
    palette = Image.fromarray(ends).quantize(128, Image.Quantize.MAXCOVERAGE)
    first, *rest = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in frames]
    times = [FRAME] * (len(frames) - 1) + [FRAME * REST]
    first.save(path, save_all=True, append_images=rest, duration=times, loop=0, optimize=True)


if __name__ == "__main__":
    main()
