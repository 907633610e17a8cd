"""Draw the pictures of this folder that come from runs of the program, and write the pages of
`docs/pages`: `python make.py`.

The script trains each run again, with seed 0 unless the command says otherwise, and draws its
figures in the light theme: here with the words of the program, and in `docs/zh/images` with the
words of the table in `docs/zh/glossary.md`, for which Noto Sans CJK must be installed. The other
pictures in the folder come from `benchmarks/`.
"""

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path
from unittest.mock import patch

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from hiddenstate.cli import main as command_line
from hiddenstate.runs import Run
from hiddenstate.views import style
from hiddenstate.views.catalog import Draw, drawings
from hiddenstate.views.figures import forecast, layout
from hiddenstate.views.timeline import Timeline

HERE = Path(__file__).parent

CHINESE = HERE.parent / "zh" / "images"

WORDS = HERE.parent / "zh" / "glossary.md"
"""The page with the table of the words on figures: a row for each, English and Chinese."""

COLLAPSED = "autoencode --lr 0.1 --max-steps 300"
LOST = "regress --windows 5000 --seed 1 --lr-schedule constant --eps 1e-8 --clip 1e9 --log-every 50"

PICTURES = {
    "classify": {
        "classify-learning": "learning",
        "classify-decision": "decision",
        "classify-confusion": "confusion",
        "classify-worst": "worst",
    },
    "classify --lr 1 --max-steps 300": {"classify-lr-high": "learning"},
    "regress": {
        "regress-tracking": "tracking",
        "regress-error": "error",
        "regress-hidden": "hidden",
        "regress-portrait": "portrait",
    },
    "regress --no-stateful": {"regress-reset": "tracking"},
    "regress --lr 0.2": {"regress-lr-high": "tracking"},
    LOST: {"regress-lost": "learning"},
    "autoencode": {
        "autoencode-reconstructions": "reconstructions",
        "autoencode-learning": "learning",
        "autoencode-codes": "codes",
        "autoencode-grid": "grid",
        "autoencode-walk": "walk",
    },
    COLLAPSED: {
        "autoencode-collapsed": "reconstructions",
        "autoencode-collapsed-codes": "codes",
    },
}
"""The pictures made by each command, and the figure of the run that each one shows."""

FORECAST = ("regress", "regress-forecast")
"""The tutorial with a forecast on a file that it makes, and the picture of the forecast."""

PAGES = {"classify": "digits", "regress": "waves", "autoencode": "codes"}
"""The page that the model of a command is exported to."""


def hiddenstate(*arguments: str) -> str:
    """Run the program and return its stdout."""
    command = [sys.executable, "-m", "hiddenstate", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def table() -> dict[str, str]:
    """Return the words of figures in English and in Chinese; `{n}` stands for a number.

    The page has `[n]`, since braces at the end of a cell are attributes of it on the site.
    """
    text = WORDS.read_text("utf-8").replace("[", "{").replace("]", "}")
    rows = text.partition("| English | 中文 |\n")[2].splitlines()[1:]
    cells = [row.strip("| ").split(" | ") for row in rows if row.startswith("| ")]
    return {english.strip(): chinese.strip() for english, chinese in cells}


def pattern_of(english: str) -> str:
    """Return the expression that a text of the table matches, with its numbers as groups."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[\\d.,-]+)", re.escape(english))


def in_chinese(text: str, words: dict[str, str], used: set[str]) -> str:
    """Return a text of a figure in Chinese, and note in `used` which row of `words` has it.

    Raises
    ------
    KeyError
        If no row has it. Texts without letters, and powers of ten, need none.
    """
    if not re.search("[A-Za-z]", text) or text.startswith("$\\mathdefault{"):
        return text
    for english, chinese in words.items():
        match = re.fullmatch(pattern_of(english), text)
        if match:
            used.add(english)
            return chinese.format(**match.groupdict())
    raise KeyError(f"{WORDS.name} has no row for the words {text!r}")


def drawn_in_chinese(draw: Draw, words: dict[str, str], used: set[str]) -> Figure:
    """Draw a figure, and replace all of its words; the layout stays as it is."""
    translated = partial(in_chinese, words=words, used=used)
    outlines = layout.glyphs  # short texts are drawn as outlines

    def glyphs(text: str, *place: float) -> object:
        return outlines(translated(text), *place)

    with patch.object(layout, "glyphs", glyphs):
        figure = draw(None)
    for text in figure.findobj(Text):
        text.set_text(translated(text.get_text()))
    return figure


def png_of(figure: Figure) -> bytes:
    """Return a figure as a PNG of 256 colours; a letter that no font has is an error."""
    FigureCanvasAgg(figure)
    data, small = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")
        figure.savefig(data, format="png")
    picture = Image.open(data).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def keep(name: str, draw: Draw, words: dict[str, str], used: set[str]) -> None:
    """Write a picture in both languages."""
    with style.theme("light"):
        (HERE / f"{name}.png").write_bytes(png_of(draw(None)))
        (CHINESE / f"{name}.png").write_bytes(png_of(drawn_in_chinese(draw, words, used)))


def draw_forecast(words: dict[str, str], used: set[str]) -> None:
    """Run the commands of a tutorial on its file, and keep the figure of the forecast."""
    job, picture = FORECAST
    text = (HERE.parent / "en" / f"{job}.md").read_text("utf-8")
    (block,) = (
        each for each in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S) if ".csv" in each
    )
    train, ask = re.findall(r"^\$ hiddenstate (.*\.csv.*|forecast (?!.*backtest).*)$", text, re.M)[
        :2
    ]
    drawn = []

    def recorded(*what: list[forecast.Fan] | str) -> Figure:
        drawn.append(what)
        return forecasts(*what)

    forecasts = forecast.forecasts
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        exec(block, {})
        hiddenstate(*shlex.split(train), "--view", "off")
        with patch.object(forecast, "forecasts", recorded), contextlib.suppress(SystemExit):
            command_line([*shlex.split(ask), "--output", "out.csv", "--figure", "out.png"])
    keep(picture, lambda on: forecasts(*drawn[0]), words, used)
    print(f"{picture} of `hiddenstate {ask}`")


def draw(run: Run, pictures: dict[str, str], words: dict[str, str], used: set[str]) -> None:
    """Write the pictures of a run in both languages."""
    timeline = Timeline(run)
    draws = drawings(timeline, timeline.moment())
    for name, shown in pictures.items():
        keep(name, draws[shown], words, used)


def main() -> None:
    """Train each run in a temporary folder; keep its pictures and its page."""
    words, used = table(), set[str]()
    CHINESE.mkdir(exist_ok=True)
    for command, pictures in PICTURES.items():
        with tempfile.TemporaryDirectory() as folder:
            job = shlex.split(command)
            hiddenstate(*job, "--view", "off", "--runs-dir", folder)
            run = Path(folder, f"{job[0]}-1")
            draw(Run(run), pictures, words, used)
            print(f"{', '.join(pictures)} of `hiddenstate {command}`")
            if command in PAGES:
                page = HERE.parent / "pages" / f"{PAGES[command]}.html"
                to = ("--to", "html", "--output", str(page), "--force")
                print(hiddenstate("export", str(run), *to))
    draw_forecast(words, used)
    if set(words) - used:
        raise SystemExit(f"on no figure: {', '.join(sorted(set(words) - used))}")


if __name__ == "__main__":
    main()
