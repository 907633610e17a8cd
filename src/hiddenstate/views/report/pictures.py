"""A run's figures as pictures inside the page, drawn once a theme."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hiddenstate.views import style
from hiddenstate.views.scene import Scene

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

DOTS = 176
"""Dots an inch: sharp on screens of twice the usual density."""

COLORS = 256
"""Colours of a picture file; a third of the bytes of one with all of them."""

CAPTIONS = {
    "example": "The first training rows that were shown, with their labels.",
    "signals": "What goes in and what is to come out, before training.",
    "learning": "The loss of the batches and its mean since the line before, and what was measured "
    "on held-out rows while learning.",
    "predictions": "The first held-out rows: what the net says above, the truth below.",
    "confusion": "Lines are the truth, columns what the net said, of all test rows.",
    "decision": "Rows are read step by step. The probability of each class after every step read, "
    "as of a row that ends there, and the hidden state h at that step.",
    "worst": "The held-out rows the net was furthest wrong on.",
    "tracking": "Each window was predicted before it was learnt from; of many windows both ends.",
    "error": "How far the predictions are from the targets.",
    "hidden": "Each line is a hidden unit, each column a step: its value from -1 to 1.",
    "portrait": "The hidden state along its first two principal components.",
    "reconstructions": "The first held-out rows above, built again from their codes below.",
    "codes": "Each held-out row where its code lies, named by its label.",
    "grid": "What the decoder makes of codes on an even square through the codes' main plane.",
    "walk": "What the decoder makes of codes on the straight way between the codes of two rows.",
}
"""What a figure shows, by its name."""


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
        """What it shows."""
        return CAPTIONS.get(self.name, "")


def draw_pictures(scene: Scene) -> dict[str, Picture]:
    """Every figure of the run as it stands, by name."""
    from hiddenstate.views.gallery import drawings

    drawn: dict[str, Picture] = {}
    frame = scene.frame()
    for theme in style.THEMES:
        with style.theme(theme):
            for name, draw in drawings(scene, frame).items():
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
    from PIL import Image

    assert isinstance(figure, Figure)
    FigureCanvasAgg(figure)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="png", dpi=DOTS, bbox_inches="tight", pad_inches=0.04)
    with Image.open(raw) as image:
        width, height = (max(1, round(96 * pixels / DOTS)) for pixels in image.size)
        few = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
        few.save(small, format="png", optimize=True)
    return small.getvalue(), width, height
