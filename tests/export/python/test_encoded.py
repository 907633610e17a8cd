"""An exported Python file reads dates and text as `hiddenstate predict` does, and times ahead."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.data.prepare.transform import Transform
from hiddenstate.export.python.command import series_of
from hiddenstate.export.python.encoded import read_columns
from hiddenstate.export.python.table import read_csv
from hiddenstate.export.target import facts_of
from hiddenstate.inference.inputs import read_ahead, read_new_data
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net

HORIZON = 3


def model_of(calendar: tuple[str, ...], order: str | None = None) -> FittedModel:
    """A model of a load, a text and the calendar of a date, which is known ahead."""
    encodings = (Encoding("colour", values=("blue", "red")), Encoding("at", calendar=calendar))
    columns = ("load", *encodings[0].features, *encodings[1].features)
    reading = {"layout": "long", "id": "plant", "time": "at", "future": ("at",), "dates": order}
    transform = Transform(
        columns=columns,
        targets=("load",),
        encodings=encodings,
        reading={**reading, "target": ("load",), "horizon": HORIZON},
    )
    width = len(columns) + len(encodings[1].features)
    net = Net("regress", make_config("regress", {"hidden_size": 2}).model, width, 1, "last")
    return FittedModel(net, net.initial(1, "float32"), row_shape=(4, width), transform=transform)


def months(i: int) -> datetime:
    return datetime(2019 + i // 12, i % 12 + 1, 28)


def working_days(i: int) -> datetime:
    return datetime(2024, 1, 1) + timedelta(days=i // 5 * 7 + i % 5)


def hours(i: int) -> datetime:
    return datetime(2024, 2, 28, 1) + timedelta(hours=i)


CASES: dict[str, tuple[Callable[[int], datetime], str, tuple[str, ...], str | None]] = {
    "hours with a zone": (hours, "%Y-%m-%dT%H:%M:%S+05:30", ("hour", "yearday", "hours"), None),
    "hours": (hours, "%Y-%m-%d %H:%M", ("hour", "weekday", "hours", "weekdays"), None),
    "working days": (working_days, "%d.%m.%Y", ("weekdays", "months"), "dmy"),
    "digits": (working_days, "%Y%m%d", ("weekday", "weekdays"), None),
    "months": (months, "%Y-%m-%d", ("month", "months"), None),
}


def write(path: Path, at: Callable[[int], datetime], form: str, n: int = 40) -> list[Any]:
    random = np.random.default_rng(0)
    lines = [
        [plant, at(i).strftime(form), f"{random.normal():.3f}", ("red", "blue", "")[i % 3], "7"]
        for i in range(n)
        for plant in ("A", "B")
    ]
    text = "\n".join(map(",".join, [["plant", "at", "load", "colour", "note"], *lines]))
    path.write_text(text, "utf-8")
    return lines


@pytest.mark.parametrize("case", CASES)
def test_the_features_are_those_of_predict(case: str, tmp_path: Path) -> None:
    at, form, calendar, order = CASES[case]
    model, path = model_of(calendar, order), tmp_path / "rows.csv"
    write(path, at, form)
    data = read_new_data(model, str(path), {}, False).train
    expected, _ = read_ahead(model, data, path.name)
    about = facts_of(model)
    about["preparation"]["missing"] = "mean"
    rows, ids = read_csv(str(path), about)
    series = [steps for _, steps in series_of(rows, ids)]
    assert expected.lengths is None
    np.testing.assert_allclose(series, expected.X, rtol=0, atol=1e-6)
    assert read_columns(about) == ["load", "colour", "at"]


@pytest.mark.parametrize(
    ("of", "by", "message"),
    [
        (",red,", ",pink,", r"rows\.csv:2:colour: 'pink' is not in the training data; known"),
        (",red,", ",,", r"rows\.csv:2:colour=blue: missing or not finite"),
        ("2024-02-28 01:00", "soon", "cannot order the lines by at"),
        (
            "load,colour",
            "load,color",
            r"rows\.csv: no column colour; it has plant, at, load, color, note$",
        ),
    ],
)
def test_a_bad_cell_is_refused(of: str, by: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write(path, hours, "%Y-%m-%d %H:%M")
    path.write_text(path.read_text("utf-8").replace(of, by), "utf-8")
    with pytest.raises(ValueError, match=message):
        read_csv(str(path), facts_of(model_of(("hours",))))


def test_times_without_a_regular_step_have_no_calendar_ahead(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    write(path, lambda i: hours(i * i), "%Y-%m-%d %H:%M")
    about = facts_of(model_of(("hours",)))
    about["preparation"]["missing"] = "mean"
    with pytest.raises(ValueError, match="at: its times have no regular step"):
        read_csv(str(path), about)
