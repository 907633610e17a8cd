"""A run's figures as files in its `figures/` folder."""

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hiddenstate.runs import Run
from hiddenstate.runs.writer import write_figure
from hiddenstate.views import style
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Timeline


def save_figures(run: Run, suffix: str = "png", theme: str = "light") -> list[Path]:
    """Draw every figure `run` has and write each to `figures/NAME.suffix`; return the paths.

    Parameters
    ----------
    run : Run
    suffix : {"png", "svg", "pdf"}
    theme : {"light", "dark"}

    Raises
    ------
    MachineError
        If a file cannot be written.
    """
    timeline = Timeline(run)
    written = []
    with style.theme(theme):
        for name, draw in drawings(timeline, timeline.moment()).items():
            figure = draw(None)
            assert isinstance(figure, Figure)
            FigureCanvasAgg(figure)
            data = io.BytesIO()
            figure.savefig(data, format=suffix)
            written.append(write_figure(run, f"{name}.{suffix}", data.getvalue()))
    return written
