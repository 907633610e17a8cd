"""No text of the studio, of a report or of an exported page covers another or is cut, whatever the
data: on a phone and on wide screens, in both languages and themes. Texts on canvases are those that
their pens wrote."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.export import export_model
from hiddenstate.inference.inputs import open_model
from hiddenstate.report import write_report
from hiddenstate.runs import Run
from tests.report_html import train
from tests.studio.conftest import DRAWN, Browser

OpenPage = Callable[..., Browser]

RECORD = Path(__file__).with_name("layout_record.js").read_text("utf-8")
"""Makes each canvas keep what is written on it, with its place."""

FAULTS = Path(__file__).with_name("layout_faults.js").read_text("utf-8")
"""Returns the texts that are cut, or that cover another."""

SIZES = ((390, 5200), (1280, 3600), (1600, 3600))
"""Width and height: all of a page is in the window, so that all of its pictures are drawn."""


def write_table(path: Path, columns: dict[str, Any]) -> str:
    rows = zip(*columns.values(), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def big_numbers(folder: Path) -> None:
    time = np.arange(160)
    wave = np.sin(time / 9)
    columns = {
        "minute": time,
        "pressure_at_the_inlet_pa": (101325 + 900 * wave).round(1),
        "molar_mass": (1.2e6 + 4e5 * np.cos(time / 9)).round(),
        "leak_mol_s": 1e-6 * (1 + 0.3 * wave),
    }
    data = write_table(folder / "polymer.csv", columns)
    target = ("molar_mass", "leak_mol_s")
    train(
        "regress", {"data": data, "target": target, "hidden_size": 4, "epochs": 1}, folder / "runs"
    )


def many_classes(folder: Path) -> None:
    words = "standing sitting_and_relaxing lying_down climbing_stairs waist_bends_forward "
    words += "frontal_elevation_of_arms knees_bending_crouching jogging nordic_walking ironing "
    kinds = (words + "jump cycling running vacuum_cleaning walking").split()
    time, random = np.arange(12), np.random.default_rng(0)
    waves = [np.sin(time * (k % 15 + 1) / 8) + random.normal(0, 0.1, 12) for k in range(120)]
    columns: dict[str, Any] = {f"t{at}": np.round([wave[at] for wave in waves], 3) for at in time}
    columns["activity"] = [kinds[k % 15] for k in range(120)]
    data = write_table(folder / "acts.csv", columns)
    train(
        "classify",
        {"data": data, "label": "activity", "hidden_size": 4, "epochs": 1},
        folder / "runs",
    )


def many_columns(folder: Path) -> None:
    random = np.random.default_rng(0)
    names = "alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids hue "
    names += "nonflavanoid_phenols proanthocyanins color_intensity proline sulphates density "
    names += "od280_od315_of_diluted_wines citric_acid residual_sugar chlorides volatile_acidity "
    shared = random.normal(size=(80, 2))
    columns = {
        name: (10**k % 7 + shared[:, k % 2] * 10 ** (k % 5)).round(3)
        for k, name in enumerate(names.split())
    }
    data = write_table(folder / "wine.csv", columns)
    train("autoencode", {"data": data, "code_size": 2, "epochs": 1}, folder / "runs")


@pytest.mark.parametrize(
    ("job", "make"),
    [("regress", big_numbers), ("classify", many_classes), ("autoencode", many_columns)],
)
def test_no_text_is_cut_or_covers_another(
    job: str, make: Callable[[Path], None], open_page: OpenPage, tmp_path: Path, coarse: None
) -> None:
    make(tmp_path)
    run = Run(tmp_path / "runs" / f"{job}-1")
    model, _ = open_model(str(run.path), tmp_path)
    export_model(model, "html", tmp_path / "model.html", run=run)
    browsers: list[Browser] = []
    files = [write_report(run).as_uri(), (tmp_path / "model.html").as_uri()]
    for language, themes in (("en", ("light", "dark", "light")), ("zh", ("dark", "light", "dark"))):
        browser = open_page("#/", locale=language)
        browsers.append(browser)
        page = browser.page
        page.add_init_script(RECORD)
        page.goto(f"{page.url.partition('#')[0]}#/run/{job}-1")
        page.reload()
        page.wait_for_selector(".panels .picture .note:not(:empty)")
        for (width, height), theme in zip(SIZES, themes, strict=True):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            browser.settle()
            page.evaluate(DRAWN)
            assert page.evaluate(FAULTS) == [], (job, language, width, theme)
    for address in files:  # these have no other language
        page.goto(address)
        for (width, height), theme in zip(SIZES, themes, strict=True):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=theme)
            page.evaluate(DRAWN)
            assert page.evaluate(FAULTS) == [], (job, address, width)
    for browser in browsers:
        browser.page.set_viewport_size(Browser.SIZE)
