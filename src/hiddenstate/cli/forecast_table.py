"""Prints forecasts on a terminal: for each series a chart of its history and what follows, and a
table of the steps."""

import math
import os
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from hiddenstate.cli.findings import encodable
from hiddenstate.cli.output import say, table
from hiddenstate.errors import count

if TYPE_CHECKING:
    from hiddenstate.inference.fans import Fan, Fans
    from hiddenstate.inference.outlook import Outlook

WIDEST, LINES = 100, 9
"""Most columns of a chart, and its lines."""

NARROWEST = 40
"""Fewest columns of a terminal that a chart is drawn in."""

MOST_STEPS = 60
"""Most steps of a series that are listed."""


def say_forecast(group: str, outlook: "Outlook") -> None:
    """Print the forecasts of the first series on a terminal, of a group of a sweep with its name
    first."""
    from hiddenstate.inference.fans import fans_of

    fans, width = fans_of(outlook), min(get_terminal_size((80, 24)).columns, WIDEST)
    for number, fan in enumerate(fans["series"]):
        for target in range(len(fans["targets"])):
            if number or target or group:
                say("")
            name = ", ".join(filter(None, (group, fan["name"], fans["targets"][target])))
            if width >= NARROWEST and encodable("\N{BRAILLE PATTERN DOTS-1}─"):
                _say_chart(fans, fan, target, name, width)
            else:
                say(name)
            _say_steps(fans, fan, target, outlook, width)
    if (rest := fans["n_series"] - len(fans["series"])) > 0:
        say(f"{rest:,} more series; --output FILE has all")
    trained = outlook.forecaster.trained
    if trained < fans["horizon"]:
        steps = count(fans["horizon"] - trained, "step")
        say(f"the last {steps} of each series read earlier forecasts as values (recursive)")


def _say_steps(fans: "Fans", fan: "Fan", target: int, outlook: "Outlook", width: int) -> None:
    """Print a line for each step: its time, the forecast and the intervals that fit."""
    unit = fans["units"][target]
    times = fan["times"][len(fan["past"][target]) :][:MOST_STEPS]
    known = outlook.prediction().columns.get("time")
    own = known is not None and times[0] in map(str, known.tolist())
    ahead, written = fan["ahead"], _written(fan["ahead"], target)
    columns = [["time" if own else "step", *times]]
    columns.append([f"forecast ({unit})" if unit else "forecast", *written["y"]])
    for level in fans["levels"]:
        ends = (written[f"{end}_{100 * level:g}"] for end in ("lower", "upper"))
        cells = [f"{low} … {high}" if low else "" for low, high in zip(*ends, strict=True)]
        columns.append([f"{100 * level:g} %", *cells])
    columns = [column[: len(times) + 1] for column in columns]
    while len(columns) > 2 and sum(2 + max(map(len, column)) for column in columns) > width:
        columns.pop()
    head, *rows = zip(*columns, strict=True)
    table(head, rows, numbers=1)
    if (rest := len(ahead["y"][target]) - len(times)) > 0:
        say(f"{count(rest, 'more step')}; --output FILE has all")


def _written(ahead: "dict[str, list[list[float | None]]]", target: int) -> dict[str, list[str]]:
    """Return the values of a target with as many decimals as give the largest three digits."""
    from hiddenstate.metrics.units import quantity

    most = max(abs(v) for each in ahead.values() for v in each[target] if v is not None)
    places = 2 - math.floor(math.log10(most)) if most else 0

    def text(value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:,.{max(places, 0)}f}" if -6 <= places <= 6 else quantity(value)

    return {name: [text(value) for value in each[target]] for name, each in ahead.items()}


def _say_chart(fans: "Fans", fan: "Fan", target: int, name: str, width: int) -> None:
    """Draw the last known values, the forecast and the ends of its widest interval."""
    import numpy as np

    from hiddenstate.inference.fans import error_in_words
    from hiddenstate.views.terminal import panels, shapes
    from hiddenstate.views.terminal.canvas import Canvas, printed
    from hiddenstate.views.terminal.colors import GREY, PREDICTION, TARGET, color_depth
    from hiddenstate.views.terminal.learning import upright

    H = fans["horizon"]
    n = min(len(fan["past"][target]), max(3 * H, width))
    past = np.array(fan["past"][target][-n:], float)
    names = ["y", *(f"{e}_{100 * max(fans['levels']):g}" for e in ("lower", "upper"))]
    names = names if fans["levels"] else ["y"]
    ahead = [np.array([past[-1], *fan["ahead"][name][target]], float) for name in names]
    canvas = Canvas.blank(width, LINES, color_depth(os.environ))
    error = error_in_words(fan["errors"][target], fans["units"][target])
    body = panels.titled(canvas, name, error)
    steps = np.arange(n + H, dtype=float)
    values = np.concatenate([past, *ahead])
    values = values[np.isfinite(values)]
    span = (0.0, float(n + H - 1), float(values.min()), float(values.max()))
    plot = panels.axes(body, span, (fan["times"][-n - H], fan["times"][-1]))
    upright(plot, n - 1, span)
    for end in ahead[1:]:
        shapes.graph(plot, steps[n - 1 :], end, span, GREY, second=True)
    shapes.graph(plot, steps[:n], past, span, TARGET)
    shapes.graph(plot, steps[n - 1 :], ahead[0], span, PREDICTION)
    for line in printed(canvas):
        click.echo(line, color=True)
