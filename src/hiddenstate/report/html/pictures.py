"""A run's figures as pictures inside the page, drawn once a theme."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiddenstate.views import style
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

DOTS = 176
"""Dots an inch: sharp on screens of twice the usual density."""

MARGIN = 4
"""Pixels left around what is drawn."""

COLORS = 256
"""Colours of a picture file; a third of the bytes of one with all of them."""

CAPTIONS = {
    "learning": "The loss of the batches and its mean since the line before, and what was measured "
    "on other rows while learning.",
    "predictions": "Above each row what the net says.",
    "confusion": "Lines are the truth, columns what the net said, of all test rows.",
    "decision": "Rows are read step by step: the probability of each class after every step, as of "
    "a row that ends there, and the hidden state at that step.",
    "hidden": "Each line is a hidden unit, each column a step.",
    "portrait": "The hidden state along its first two principal components.",
}
"""What is not said on a figure itself, by its name."""


@dataclass(frozen=True)
class Picture:
    """A figure in each theme; its heading is taken off it, to be text of the page.

    Parameters
    ----------
    name : str
        The figure's.
    title, note : str
        Its heading.
    sources : dict of str
        `data:` addresses by theme.
    width, height : int
        On screen, in CSS pixels.
    """

    name: str
    title: str
    note: str
    sources: dict[str, str]
    width: int
    height: int

    @property
    def caption(self) -> str:
        """What it shows, in sentences."""
        note = f"{self.note[:1].upper()}{self.note[1:]}." if self.note else ""
        return f"{CAPTIONS.get(self.name, '')} {note}".strip()


def draw_pictures(timeline: Timeline) -> dict[str, Picture]:
    """Every figure of the run as it stands, by name."""
    from hiddenstate.views.catalog import drawings

    drawn: dict[str, Picture] = {}
    moment = timeline.moment()
    for theme in style.THEMES:
        with style.theme(theme):
            for name, draw in drawings(timeline, moment).items():
                figure = draw(None)
                title, note = _take_heading(figure)
                data, width, height = _png(figure)
                source = "data:image/png;base64," + base64.b64encode(data).decode()
                before = drawn[name].sources if name in drawn else {}
                sources = {**before, theme: source}
                drawn[name] = Picture(name, title or name, note, sources, width, height)
    return drawn


def _take_heading(figure: "FigureBase") -> tuple[str, str]:
    """The figure's title and the note under it, which it shows no more."""
    found = figure.texts[:2]
    for text in found:
        text.set_visible(False)
    title, note, *_ = [text.get_text().replace(r"\$", "$") for text in found] + ["", ""]
    return title, note


def _png(figure: "FigureBase") -> tuple[bytes, int, int]:
    """A figure without its margins as a PNG of few colours, with its size on screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image, ImageChops

    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=DOTS)
    with Image.open(raw) as opened:
        image = opened.convert("RGB")
    empty = Image.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    image = image.crop(
        (max(left - MARGIN, 0), max(top - MARGIN, 0), right + MARGIN, bottom + MARGIN)
    )
    width, height = (max(1, round(96 * pixels / DOTS)) for pixels in image.size)
    few = image.quantize(COLORS, dither=Image.Dither.NONE)
    few.save(small, format="png", optimize=True)
    return small.getvalue(), width, height
