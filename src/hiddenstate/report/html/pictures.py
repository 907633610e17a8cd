"""Draws the figures of a run as pictures for the page, once for each theme."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiddenstate.views import style
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

DOTS = 176
"""Dots per inch: sharp on screens of twice the usual resolution."""

MARGIN = 4
"""Pixels around the drawing."""

COLORS = 256
"""Colours of a picture file, which has a third of the bytes of one with all colours."""

CAPTIONS = {
    "learning": "The losses of single batches, their mean since the previous logged line, and the "
    "evaluations on other rows during training.",
    "predictions": "The predicted label is above each row.",
    "confusion": "All test rows.",
    "decision": "Rows are read step by step; the probabilities are those if the row ended there.",
    "hidden": "Each line is a hidden unit, each column a step.",
}
"""What a figure does not say itself, by its name."""


@dataclass(frozen=True)
class Picture:
    """A figure in each theme, without its heading, which is text of the page.

    Parameters
    ----------
    name : str
        Name of the figure.
    title, note : str
        Its heading.
    sources : dict of str
        `data:` addresses by theme.
    width, height : int
        Size on screen in CSS pixels.
    """

    name: str
    title: str
    note: str
    sources: dict[str, str]
    width: int
    height: int

    @property
    def caption(self) -> str:
        """What the figure shows, in sentences."""
        note = f"{self.note[:1].upper()}{self.note[1:]}." if self.note else ""
        return f"{CAPTIONS.get(self.name, '')} {note}".strip()


def draw_pictures(timeline: Timeline) -> dict[str, Picture]:
    """Draw every figure of the run as it is now; return the pictures by name."""
    from hiddenstate.views.catalog import drawings

    pictures: dict[str, Picture] = {}
    moment = timeline.moment()
    for theme in style.THEMES:
        with style.theme(theme):
            for name, draw in drawings(timeline, moment).items():
                figure = draw(None)
                title, note = _take_heading(figure)
                data, width, height = _png(figure)
                source = "data:image/png;base64," + base64.b64encode(data).decode()
                before = pictures[name].sources if name in pictures else {}
                sources = {**before, theme: source}
                pictures[name] = Picture(name, title or name, note, sources, width, height)
    return pictures


def _take_heading(figure: "FigureBase") -> tuple[str, str]:
    """Remove the title of a figure and the note under it, and return them."""
    texts = figure.texts[:2]
    for text in texts:
        text.set_visible(False)
    title, note, *_ = [text.get_text().replace(r"\$", "$") for text in texts] + ["", ""]
    return title, note


def _png(figure: "FigureBase") -> tuple[bytes, int, int]:
    """Return a figure without its margins as a PNG of few colours, and its size on screen."""
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
