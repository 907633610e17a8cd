"""The report: one page without links, for any run and any names in its data."""

import base64
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hiddenstate.errors import DivergedError, MachineError
from hiddenstate.report import write_report
from hiddenstate.report.html import pictures
from hiddenstate.runs import Run
from hiddenstate.system.lock import take_lock
from hiddenstate.views.catalog import drawings
from hiddenstate.views.timeline import Moment, Timeline
from hiddenstate.web import tags
from tests.conftest import make_coarse, write_digits
from tests.report_html import HOSTILE, Page, hashed, train

GOLDEN = Path(__file__).parents[2] / "golden"
LIMIT = 3_000_000
PHONE = 390 - 2 * (16 + 16 + 1)
"""CSS pixels between the margins of a page that is 390 wide."""


def opened(run: Run) -> Page:
    return Page(write_report(run).read_text("utf-8"))


@pytest.fixture(scope="module")
def pages(runs: dict[str, Run]) -> dict[str, Page]:
    """The page of each run, its pictures coarse and without marks."""
    with pytest.MonkeyPatch.context() as patch:
        make_coarse(patch)
        patch.setattr("matplotlib.figure.Figure.draw", lambda figure, renderer: None)
        return {name: opened(runs[name]) for name in EVERY}


EVERY = ["classify", "autoencode", "regress", "forecast", "hostile", "hostile codes"]


@pytest.mark.parametrize("name", EVERY)
def test_a_page_is_valid_and_loads_nothing(pages: dict[str, Page], name: str) -> None:
    read = pages[name]
    assert read.faults == []
    assert read.source.startswith("<!doctype html>\n<html lang=")
    ids = read.attributes("id")
    assert len(ids) == len(set(ids))
    for link in read.attributes("href"):
        assert link == "data:," or link.removeprefix("#") in ids
    for source in read.attributes("src"):
        assert source.startswith("data:image/png;base64,")
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        assert set(" ".join(read.attributes(attribute)).split()) <= set(ids)
    for tag, given in read.elements:
        assert not [key for key in given if key.startswith("on") or key == "style"], tag
        assert tag not in ("iframe", "object", "embed", "form", "base", "video", "audio")
        if tag == "button":
            assert given["type"] == "button"
        if tag == "img":
            assert {"width", "height", "alt"} <= set(given)
    assert "http://" not in "".join(read.styles)
    assert "url(" not in "".join(read.styles)


WAYS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(")
"""What no script of a page does, so that data reaches it only as inert text."""


@pytest.mark.parametrize("name", ["classify", "autoencode"])
def test_the_policy_allows_only_the_pages_own_style_and_script(
    pages: dict[str, Page], name: str, tmp_path: Path
) -> None:
    read = pages[name]
    (script,) = (text for given, text in read.scripts if "type" not in given)
    (style,) = read.styles
    assert read.policy == {
        "default-src": ["'none'"],
        "img-src": ["data:"],
        "style-src": [hashed(style)],
        "script-src": [hashed(script)],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    before = read.source.index("Content-Security-Policy")
    assert before < read.source.index("<style>") < read.source.index("<script")
    assert not [way for way in (*WAYS, "localStorage") if way in script]
    if node := shutil.which("node"):
        (tmp_path / "page.js").write_text(script)
        done = subprocess.run([node, "--check", tmp_path / "page.js"], capture_output=True)
        assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", EVERY)
def test_every_figure_is_in_the_page_once(
    runs: dict[str, Run], pages: dict[str, Page], name: str
) -> None:
    shown = [given.get("id", "") for tag, given in pages[name].elements if tag == "figure"]
    expected = [f"figure-{figure}" for figure in drawings(*now(runs[name]))]
    assert sorted(id_ for id_ in shown if id_.startswith("figure-")) == sorted(expected)


def test_figures_are_drawn_in_both_themes_for_screens_and_phones(
    runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {name: draw for name, draw in drawings(*now(runs["classify"])).items() if name in FEW}
    monkeypatch.setattr("hiddenstate.views.catalog.drawings", lambda *_: few)
    images = [given for tag, given in opened(runs["classify"]).elements if tag == "img"]
    assert len(images) == len(FEW) * len(pictures.VARIANTS)
    bright = []
    for number, image in enumerate(images):
        data = base64.b64decode(image["src"].partition(",")[2])
        with Image.open(io.BytesIO(data)) as drawn:
            shades = np.asarray(drawn.convert("L"))
            assert np.ptp(shades) > 30, "a blank picture"
            assert drawn.size[0] > int(image["width"])  # sharp on screens of high resolution
            if number < len(pictures.VARIANTS):
                bright.append(bool(shades[1, 1] > 128))
    assert bright == [True, True, False, False]
    assert max(int(i["width"]) for i in images if i["class"] == "narrow") <= PHONE


FEW = ("learning", "predictions")


def now(run: Run) -> tuple[Timeline, Moment]:
    return (timeline := Timeline(run)), timeline.moment()


def test_without_scripts_the_codes_are_a_picture_without_controls(pages: dict[str, Page]) -> None:
    shown = {given.get("id"): given for _, given in pages["autoencode"].elements}
    assert "hidden" in shown["plot"]
    assert "hidden" in shown["theme"]
    assert "hidden" not in shown["figure-codes"]
    for name in ("classify", "regress"):
        shown = {given.get("id"): given for _, given in pages[name].elements}
        assert "hidden" in shown["live"]


def test_hostile_labels_are_shown_as_text(pages: dict[str, Page]) -> None:
    for name in ("hostile", "hostile codes"):
        read = pages[name]
        assert "<script>alert" not in read.source
        assert "\u202e" not in read.source
        assert "<script>alert(1)</script>" in read.text
        assert "\\u202egnp.exe" in read.text
        assert 'a\\nb "q"' in read.text
    [inert] = [text for given, text in read.scripts if given.get("type") == "application/json"]
    assert "<" not in inert  # the plot has them unchanged
    names = json.loads(inert)["names"]
    assert HOSTILE[0] in names
    assert len(names) == len(HOSTILE)


def test_json_in_a_page_cannot_close_an_element() -> None:
    hostile = "</script><!--<script>&\u2028"
    inert = tags.inert_json({hostile: [hostile]})
    assert not set("<>&\u2028") & set(inert)
    assert json.loads(inert) == {hostile: [hostile]}


def test_a_page_has_the_result_its_baseline_data_network_and_options(
    runs: dict[str, Run], pages: dict[str, Page]
) -> None:
    run, text = runs["classify"], pages["classify"].text
    accuracy = run.results()["test_accuracy"]
    assert all(part in text for part in ("(120, 8, 8)", "(rnn): GRU(8, 4, num_layers=2"))
    assert all(part in text for part in ("--hidden-size 4 64", "--log-every 5 50"))
    assert all(
        part in text for part in (run.data_fact("fingerprint"), run.record["engine"]["version"])
    )
    for job in ("classify", "regress", "autoencode"):
        for name in runs[job].config.flat():
            assert ("--" * (name != "data") + name.replace("_", "-")) in pages[job].text
    assert f"{100 * accuracy:.2f} % of 30 test rows correct" in text
    assert "Without a network, always predicting the most frequent class reached 33.33 %" in text
    assert "principal components reached" in pages["autoencode"].text
    assert (
        "the mean absolute error of the linear path, which answers alone, is"
        in pages["forecast"].text
    )


@pytest.mark.usefixtures("coarse", "blank")
def test_an_interrupted_run_shows_how_to_resume_it(tmp_path: Path) -> None:
    values = {"data": str(write_digits(tmp_path / "digits")), "log_every": 5}
    run = train("autoencode", values, tmp_path, steps=3)
    assert run.status() == "interrupted"
    read = opened(run)
    assert read.faults == []
    assert "The run was interrupted" in read.text
    assert f"hiddenstate resume {run.path}" in read.text
    assert "hiddenstate predict" not in read.text
    assert "AutoencoderNet(" in read.text  # from the arrays of the checkpoint


@pytest.mark.usefixtures("coarse", "blank")
def test_a_diverged_run_shows_its_error(tmp_path: Path) -> None:
    with pytest.raises(DivergedError):
        train("regress", {"lr": 1e30, "windows": 20, "optimizer": "sgd"}, tmp_path)
    read = opened(Run(tmp_path / "regress-1"))
    assert read.faults == []
    assert "Error: training diverged in epoch 0" in read.text


@pytest.mark.usefixtures("coarse", "blank")
def test_a_run_in_progress_is_described_so_far(runs: dict[str, Run], tmp_path: Path) -> None:
    shutil.copytree(runs["classify"].path, tmp_path / "run")
    history = tmp_path / "run" / "history.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    history.write_text("".join(lines[:2]) + lines[2][:20])
    (tmp_path / "run" / "model.safetensors").unlink()
    with take_lock(tmp_path / "run"):
        text = opened(Run(tmp_path / "run")).text
    assert "The run is in progress" in text
    made = json.loads(lines[1])["step"] + 1
    assert f"after step {made}, the latest logged" in text


@pytest.mark.usefixtures("coarse", "blank")
@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.glob("v*")))
def test_runs_of_older_versions_have_a_page(version: str, tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / version / "regress", tmp_path / "run")
    read = opened(Run(tmp_path / "run"))
    assert read.faults == []
    assert "Target and prediction" in read.text or "tracking" in "".join(read.attributes("id"))


def removed(path: Path) -> None:
    shutil.rmtree(path / "snapshots")


def truncated(path: Path) -> None:
    for file in (path / "model.safetensors", *(path / "snapshots").iterdir()):
        file.write_bytes(file.read_bytes()[:-9])


def empty(path: Path) -> None:
    for name in ("history.jsonl", "journal.jsonl"):
        (path / name).write_text("")


@pytest.mark.usefixtures("coarse", "blank")
@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *[("classify", removed), ("autoencode", removed), ("autoencode", truncated)],
        *[("regress", truncated), ("classify", empty), ("regress", empty)],
    ],
)
def test_missing_and_damaged_files_are_reported_and_the_rest_is_shown(
    runs: dict[str, Run], tmp_path: Path, harm: Callable[[Path], None], name: str
) -> None:
    shutil.copytree(runs[name].path, tmp_path / "run")
    harm(tmp_path / "run")
    read = opened(Run(tmp_path / "run"))
    assert read.faults == []
    assert "All options" in read.text
    if harm is truncated:
        assert "model.safetensors: " in read.text
        assert re.search(r"snapshots/\d+\S*: ", read.text)


@pytest.mark.usefixtures("coarse", "blank")
def test_if_a_page_cannot_be_written_the_old_one_stays(
    runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_report(runs["regress"]).read_bytes()

    def full(*arguments: Any, **more: Any) -> None:
        raise MachineError("no space")

    monkeypatch.setattr("hiddenstate.runs.writer.write_atomically", full)
    with pytest.raises(MachineError, match="no space"):
        write_report(runs["regress"])
    assert (runs["regress"].path / "report.html").read_bytes() == before


@pytest.mark.usefixtures("coarse", "blank")
def test_the_same_folder_gives_the_same_page(runs: dict[str, Run]) -> None:
    first = write_report(runs["autoencode"]).read_bytes()
    assert write_report(Run(runs["autoencode"].path)).read_bytes() == first


def assert_small_if_drawn_in_all_variants(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the largest of the variants alone, which counts as often as there are any."""
    n = len(pictures.VARIANTS)
    monkeypatch.setattr(pictures, "VARIANTS", (("light", "wide"),))
    page = opened(run)
    images = [len(source) for source in page.attributes("src")]
    figures = [each for each in page.attributes("id") if each.startswith("figure-")]
    assert len(images) == len(figures) > 0
    assert len(page.source) + (n - 1) * sum(images) < LIMIT


@pytest.mark.parametrize(
    ("job", "values"),
    [
        ("classify", {"max_steps": 3, "n_evaluated": 200}),
        ("regress", {}),
        ("autoencode", {"max_steps": 120, "log_every": 1}),
    ],
)
def test_a_page_of_the_bundled_data_is_under_three_megabytes(
    tmp_path: Path, job: str, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_small_if_drawn_in_all_variants(train(job, values, tmp_path), monkeypatch)


def test_a_page_of_many_long_rows_is_under_three_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "long.npz", X=random.normal(size=(5000, 300)))
    values = {"data": str(tmp_path / "long.npz"), "n_scattered": 5000, "max_steps": 30}
    run = train("autoencode", values | {"log_every": 1}, tmp_path)
    assert_small_if_drawn_in_all_variants(run, monkeypatch)


PRINTED_HALF, PRINTED = 349, 718
"""CSS pixels of half of a printed page, and of all of it."""


@pytest.mark.usefixtures("blank")
def test_printed_pictures_are_large_enough_to_be_read(
    runs: dict[str, Run], pages: dict[str, Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = re.findall(r"([^{}\s]*) img\{max-height:([\d.]+)cm", pages["classify"].styles[0])
    highest = {kind: float(high) * 96 / 2.54 for kind, high in limits}
    monkeypatch.setattr(pictures, "DOTS", 48)
    monkeypatch.setattr(pictures, "VARIANTS", (("light", "wide"), ("light", "narrow")))
    drawn = pictures.draw_pictures(Timeline(runs["classify"]))
    assert drawn["predictions"].is_tall
    for name, picture in drawn.items():
        kind = ".span" if picture.spans else ".tall" if picture.is_tall else ".figure"
        image = picture.images["light", "narrow" if kind == ".figure" else "wide"]
        room = PRINTED_HALF if kind == ".figure" else PRINTED
        scale = min(room / image.width, highest[kind] / image.height)
        assert scale > 0.6, name  # of the size on a screen


def test_a_caption_that_begins_with_a_column_leaves_its_name_as_it_is() -> None:
    captions = (pictures.Picture("a", "A", note).caption for note in ("molar_mass ± 2", "all rows"))
    assert list(captions) == ["molar_mass ± 2.", "All rows."]
