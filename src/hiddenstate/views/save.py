"""Writes the figures of a run into its `figures/` folder."""

import io
from collections.abc import Iterator
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_figure
from hiddenstate.views import style
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline


def save_figures(run: Run, suffix: str = "png", theme: str = "light") -> list[Path]:
    """Draw the figures of `run` and write them to `figures/NAME.suffix`; return the paths.

    Parameters
    ----------
    run : Run
    suffix : {"png", "svg", "pdf"}
    theme : {"light", "dark"}

    Raises
    ------
    UntrustedFileError
        If the file of static arrays is damaged.
    MachineError
        If a file cannot be written.
    """
    return [
        write_figure(run, f"{name}.{suffix}", data)
        for name, data in draw_figures(run, suffix, theme)
    ]


def draw_figures(
    run: Run, suffix: str = "png", theme: str = "light"
) -> Iterator[tuple[str, bytes]]:
    """Draw the figures of `run`, and yield the name and the file of each; write nothing.

    Parameters and errors as :func:`save_figures`.
    """
    timeline = Timeline(run)
    with style.theme(theme):
        for name, draw in drawings(timeline, timeline.moment()).items():
            figure = draw(None)
            FigureCanvasAgg(figure)
            data = io.BytesIO()
            figure.savefig(data, format=suffix)
            yield name, data.getvalue()
