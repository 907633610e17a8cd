"""Pictures of a report have few colours."""

import base64
import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from hiddenstate.report.html.pictures import _image
from hiddenstate.views import figures, style


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_texts_beside_pictures_in_colour_have_the_colours_of_the_theme(theme: str) -> None:
    """The many colours of pictures take no place of theirs in the palette."""
    rows = np.random.default_rng(0).random((4, 16 * 16 * 3))
    with style.theme(theme):
        now, figure = style.now(), figures.reconstructions(rows, rows, (16, 16, 3))
        source = _image(figure, in_color=True).source
    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as image:
        colors = image.convert("RGB").getcolors() or []
    assert len(colors) <= 256
    found = {color for _, color in colors}
    for text in (now.ground, now.ink, now.muted):
        assert tuple(round(255 * part) for part in to_rgb(text)) in found
