"""Draws the figures of a run as pictures for the page, wide and narrow, once for each theme."""

import base64
import io
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hiddenstate.views import style
from hiddenstate.views.themes import THEMES
from hiddenstate.views.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS = 176
"""Dots per inch: sharp on screens of twice the usual resolution."""

CSS_DOTS = 96
"""CSS pixels per inch."""

MARGIN = 4
"""Pixels around the drawing."""

COLORS = 256
"""Colours of a picture file, which has a third of the bytes of one with all colours."""

NARROW = 3.4
"""Inches of the space that a phone leaves for a figure."""

VARIANTS = tuple((theme, width) for theme in THEMES for width in ("wide", "narrow"))
"""Theme and width of each drawing of a figure."""

SHADES = 16
"""Colours of a text from the ground to its ink, which makes its edges smooth."""

SPANNING = 720
"""CSS pixels from which a figure is too wide for half of the page."""

TALL = 1.2
"""Height of a narrow drawing, in its widths, from which it is printed as on a wide screen."""


@dataclass(frozen=True)
class Image:
    """A picture as a `data:` address, with its size on screen in CSS pixels."""

    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Picture:
    """A figure in each theme, without its heading, which is text of the page.

    Parameters
    ----------
    name : str
        Name of the figure.
    title, note : str
        Its heading.
    names : str
        Sentences with the full names of what it shows.
    about : str
        What it does not say itself.
    is_error : bool
        Whether it shows where the network is wrong.
    images : dict of Image
        By theme and width, as in `VARIANTS`.
    """

    name: str
    title: str
    note: str
    names: str = ""
    about: str = ""
    is_error: bool = False
    images: dict[tuple[str, str], Image] = field(default_factory=dict)

    @property
    def caption(self) -> str:
        """What the figure shows, in sentences."""
        first, rest = self.note[:1], self.note[1:]
        named = "_" in self.note.partition(" ")[0]  # a column, whose name stays as it is
        note = f"{first if named else first.upper()}{rest}." if self.note else ""
        return f"{self.about} {note}".strip()

    @property
    def spoken(self) -> str:
        """What to say in place of the figure."""
        return " ".join(part for part in (f"{self.title}: {self.caption}", self.names) if part)

    @property
    def spans(self) -> bool:
        """Whether the figure needs the whole width of the page."""
        return max(image.width for image in self.images.values()) >= SPANNING

    @property
    def is_tall(self) -> bool:
        """Whether its narrow drawing is too high for half of a printed page."""
        narrow = (image for (_, width), image in self.images.items() if width == "narrow")
        return any(image.height > TALL * image.width for image in narrow)


def draw_pictures(timeline: Timeline) -> dict[str, Picture]:
    """Draw every figure of the run as it is now; return the pictures by name."""
    from hiddenstate.views.catalog import drawings
    from hiddenstate.views.figures.layout import page_width
    from hiddenstate.views.pictures import PICTURES

    pictures: dict[str, Picture] = {}
    moment = timeline.moment()
    for theme, width in VARIANTS:
        with style.theme(theme), page_width(NARROW if width == "narrow" else math.inf):
            for name, draw in drawings(timeline, moment).items():
                figure = draw(None)
                title, note = _take_heading(figure)
                about = PICTURES[timeline.kind.answers][name]
                names = about.in_words(timeline, moment)
                words = title or name, note, names, about.caption, about.is_error
                drawn = pictures.setdefault(name, Picture(name, *words))
                drawn.images[theme, width] = _image(figure, about.rows and timeline.form.in_color)
    return pictures


def _take_heading(figure: "Figure") -> tuple[str, str]:
    """Remove the title of a figure and the note under it, and return them."""
    texts = figure.texts[:2]
    for text in texts:
        text.set_visible(False)
    title, note, *_ = [text.get_text().replace(r"\$", "$") for text in texts] + ["", ""]
    return title, note


def _image(figure: "Figure", in_color: bool = False) -> Image:
    """Return a figure without its margins as a PNG of few colours; `in_color` if it shows
    pictures in colour, whose colours are not those of its texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image as Pixels
    from PIL import ImageChops

    FigureCanvasAgg(figure)
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, format="raw", dpi=DOTS)
    size = int(figure.get_figwidth() * DOTS), int(figure.get_figheight() * DOTS)
    image = Pixels.frombytes("RGBA", size, raw.getvalue()).convert("RGB")
    empty = Pixels.new("RGB", image.size, image.getpixel((0, 0)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    image = image.crop(
        (
            max(left - MARGIN, 0),
            max(top - MARGIN, 0),
            min(right + MARGIN, image.width),
            min(bottom + MARGIN, image.height),
        )
    )
    width, height = (max(1, round(CSS_DOTS * pixels / DOTS)) for pixels in image.size)
    few = image.quantize(COLORS, dither=Pixels.Dither.NONE)
    if in_color:
        palette, shades = Pixels.new("P", (1, 1)), _shades_of_texts()
        frequent = image.quantize(COLORS - len(shades) // 3, dither=Pixels.Dither.NONE)
        palette.putpalette([*shades, *(frequent.getpalette() or ())])
        few = image.quantize(palette=palette, dither=Pixels.Dither.NONE)
    few.save(small, format="png", optimize=True)
    source = "data:image/png;base64," + base64.b64encode(small.getvalue()).decode()
    return Image(source, width, height)


def _shades_of_texts() -> list[int]:
    """Return the colours of texts of the theme, each as three numbers from 0 to 255."""
    from matplotlib.colors import to_rgb

    now = style.now()
    ground, inks = to_rgb(now.ground), [to_rgb(now.ink), to_rgb(now.muted)]
    return [
        round(255 * (paper + (part - paper) * shade / (SHADES - 1)))
        for ink in inks
        for shade in range(SHADES)
        for paper, part in zip(ground, ink, strict=True)
    ]
