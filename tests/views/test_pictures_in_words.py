"""The alternative texts of figures have the full names of what they show."""

import numpy as np
import pytest

from hiddenstate.runs import Run
from hiddenstate.views.pictures import PICTURES
from hiddenstate.views.timeline import Timeline
from tests.report_html import train

NAMES = ("walking_up_the_stairs_of_the_old_tower", "walking_down_the_stairs_of_the_old_tower")
COLUMNS = ("acceleration_of_the_left_wrist", "acceleration_of_the_right_wrist")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("names")
    random = np.random.default_rng(0)
    lines = [",".join([*COLUMNS, "kind"])]
    for row in range(40):
        values = random.normal(size=2)
        lines.append(f"{values[0]:.3f},{values[1]:.3f},{NAMES[row % 2]}")
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")
    return train("classify", {"data": str(folder / "rows.csv"), "epochs": 3}, folder)


@pytest.mark.parametrize("name", ["predictions", "worst", "example", "confusion", "curves"])
def test_the_full_names_are_said(run: Run, name: str) -> None:
    timeline = Timeline(run)
    picture = PICTURES["classes"][name]
    words = picture.in_words(timeline, timeline.moment())
    assert any(label in words for label in NAMES)
    assert (COLUMNS[1] in words) == (not picture.classes)


def test_a_wrong_prediction_is_said_with_the_true_label(run: Run) -> None:
    timeline = Timeline(run)
    moment = timeline.moment()
    moment.arrays["worst_label"], moment.arrays["worst_chosen"] = np.array([0]), np.array([1])
    first, second = timeline.class_names
    words = PICTURES["classes"]["worst"].in_words(timeline, moment)
    assert f"{second} instead of {first}." in words


@pytest.mark.usefixtures("coarse")
def test_the_page_has_them(run: Run) -> None:
    from hiddenstate.report import write_report

    page = write_report(run).read_text("utf-8")
    assert page.count(f"Channels: {', '.join(COLUMNS)}.") == len(
        {"predictions", "worst", "example"}
    )
