"""The page of a model: its answers, what it loads, and what it shows of a run."""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hiddenstate.config import make_config
from hiddenstate.data.prepare.encoding import Encoding
from hiddenstate.errors import DataError
from hiddenstate.export import export_model
from hiddenstate.export.html import node
from hiddenstate.export.html import page as page_module
from hiddenstate.export.html.page import TARGET
from hiddenstate.export.html.view import _flags, view_data
from hiddenstate.export.python.model import unpacked
from hiddenstate.export.target import Source, source_of
from hiddenstate.export.trial import difference, scale_of
from hiddenstate.inference.inputs import open_model
from hiddenstate.models.fitted import FittedModel
from hiddenstate.models.net import Net
from hiddenstate.runs import Run
from hiddenstate.web.joining import joined
from tests.conftest import write_digits
from tests.contract.integers import in_integers
from tests.contract.models import model_of
from tests.export.models import random_model
from tests.export.scripts import answer_of_node
from tests.export.test_forecasts import HORIZON, LATER, SHOPS, shops_options
from tests.report_html import HOSTILE, Page, hashed, train, write_hostile

MOST_CODE = 72_000
"""Bytes of the scripts of a page."""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def worst(source: Source) -> tuple[float, str]:
    """Return the largest difference of the page's answers, and what computed them."""
    contents = TARGET.build(source)
    trials = source.trials
    largest, computed_by = 0.0, ""
    for trial in trials:
        run = TARGET.run(source, contents, trial)
        computed_by = run.computed_by
        largest = max(largest, trial.difference(run.answers))
        assert (trial.stream is None) == (run.stream is None)
        if trial.stream is not None and run.stream is not None:
            largest = max(largest, difference(run.stream, trial.stream))
    return largest / scale_of(source.model, trials), computed_by


@pytest.mark.parametrize(
    ("share", "most", "stored", "alone"),
    [
        (0.0, 0, 1, "one of its 3 networks alone"),
        (0.0, page_module.MOST_SILENT, 3, "the network alone"),
        (0.5, 0, 3, "the network alone"),
    ],
)
def test_large_members_that_do_not_count_are_left_out(monkeypatch, share, most, stored, alone):
    model = random_model(5, job="classify", convolutions=share, members=3, stem=True, steps=11)
    monkeypatch.setattr(page_module, "MOST_SILENT", most)
    source = source_of(model, "m", "float32")
    made = Page(TARGET.build(source)[".html"].decode())
    assert len(data(made)["program"]["nets"]) == stored
    assert f"a share of {share:.0%} in the answer" in made.text
    assert f" {alone} " in " ".join(made.text.split())
    silent = "classify: fixed convolutions; the network ("
    head = "classify: the network (" if share else silent
    assert head in made.text
    assert (" 3 members) and fixed convolutions" in made.text) is bool(share)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    largest, computed_by = worst(source)
    assert largest < 1e-9
    assert computed_by.startswith("numpy")


@needs_node
def test_the_tables_of_the_scripts_have_the_kinds_that_are_declared() -> None:
    tables = "STEPS, LAYERS, CELLS, COMPANIONS"
    names = ("steps", "cells", "net", "stem", "integers", "lru", "fixed")
    code = joined([f"web/{name}.js" for name in names])
    code += f"\nconsole.log([{tables}].flatMap(Object.keys).join());"
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    kinds = {kind if isinstance(kind, str) else kind.__name__ for kind in TARGET.kinds or ()}
    assert sorted(done.stdout.strip().split(",")) == sorted(kinds)


@needs_node
def test_a_difference_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node, "program_text", lambda page: TEXT(page).replace("1-z", "1.001-z"))
    with pytest.raises(DataError, match=r"nothing was written: an answer differs .* by node"):
        export_model(random_model(1, job="classify", cell="gru"), "html", tmp_path / "m.html")
    assert not list(tmp_path.iterdir())


TEXT = node.program_text


@pytest.mark.parametrize("name", ["lstm", "autoencoder of pixels"])
def test_a_page_says_that_its_net_computes_in_integers(name: str) -> None:
    model = in_integers(model_of(name), 8)
    page = Page(TARGET.build(source_of(model, "m", "int8"))[".html"].decode())
    text = " ".join(page.text.split())
    weights = sum(array.size for array in model.params.values() if array.ndim > 1)
    assert ", in integers" in text
    assert f": weights in {weights:,} bytes, biases and scales in " in text
    assert "integers: weights of 8 bits, inputs and state of 8, sums of 32" in text
    assert ("of the same net in floats" in text) is (name == "lstm")
    assert ".terms dd{" in page.source


def test_the_same_model_gives_the_same_bytes() -> None:
    first, second = (TARGET.build(source_of(random_model(5), "m", "float32")) for _ in range(2))
    assert first == second


def coder(n: int, scale: float = 1.0) -> FittedModel:
    """Return an autoencoder of rows of `n` pixels."""
    config = make_config(
        "autoencode", {"encoder_sizes": [64], "code_size": 2, "output_activation": "sigmoid"}
    ).model
    net = Net("autoencode", config, n, n)
    params = {name: array * scale for name, array in net.initial(0, "float32").items()}
    transform = replace(random_model(1, job="autoencode").transform, pixels=True, columns=None)
    return FittedModel(net, params, None, (n,), False, replace(transform, scaling=None))


@pytest.mark.parametrize(("n", "weights"), [(784, "float16"), (64, None)])
def test_weights_of_large_autoencoders_are_rounded(tmp_path, n, weights):
    report = export_model(coder(n), "html", tmp_path / "m.html")
    kind = "u003cf2" in (tmp_path / "m.html").read_text("utf-8")
    assert kind == (weights is not None)
    assert report.difference < 1e-9
    if weights is None:
        assert report.change is None
    else:
        assert report.change is not None
        assert 1e-7 < report.change < 0.01


def test_weights_that_float16_cannot_hold_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--weights float16: nothing .* use --weights float32"):
        export_model(coder(784, 1e7), "html", tmp_path / "m.html")
    assert not list(tmp_path.iterdir())


def houses_options(path: Path) -> dict[str, Any]:
    """Write a table of houses, a row each, and return the options of a run of them."""
    random = np.random.default_rng(0)
    lines = ["area_m2,rooms,district,price_eur"]
    for area in random.uniform(40, 200, 60):
        price = 3000 * area + 20_000 * random.normal()
        lines.append(f"{area:.1f},{area // 30:.0f},{'hills' if area > 120 else 'port'},{price:.0f}")
    path.write_text("\n".join(lines) + "\n")
    inputs = ("area_m2", "rooms", "district")
    words = {"data": str(path), "target": ("price_eur",), "input": inputs, "layout": "features"}
    return {**words, "hidden_size": 4, "epochs": 1}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, odd_run: Callable[[str], Run]) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    digits = {"data": str(write_digits(folder / "digits")), "log_every": 5, "max_steps": 10}
    hostile = {"data": str(write_hostile(folder / "hostile.csv")), "hidden_size": 4, "epochs": 1}
    hostile["convolutions"] = True
    return {
        "pictures": train("classify", digits | {"hidden_size": 4}, folder),
        "codes": train("autoencode", digits, folder),
        "waves": train("regress", {"windows": 6, "hidden_size": 4}, folder),
        "signals": train("classify", hostile, folder),
        "sounds": odd_run("sounds"),
        "forecasts": train("regress", shops_options(folder / "shops.csv"), folder),
        "forms": train("regress", houses_options(folder / "houses.csv"), folder),
    }


@pytest.fixture(scope="module")
def pages(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    folder = tmp_path_factory.mktemp("pages")
    for kind, run in runs.items():
        model, _ = open_model(str(run.path), folder)
        export_model(model, "html", folder / f"{kind}.html", run=run)
    return {kind: Page((folder / f"{kind}.html").read_text("utf-8")) for kind in runs}


KINDS = ["pictures", "codes", "waves", "signals", "sounds", "forecasts", "forms"]


def data(page: Page) -> Any:
    return json.loads(next(text for given, text in page.scripts if "type" in given))


def with_model(page: Page, script: str) -> str:
    """Return a script after those of a page, with its data and its model."""
    own = next(text for given, text in page.scripts if "type" not in given)
    made = "const model = new Model(unpacked(DATA.program));"
    return f"{own}\nconst DATA = {json.dumps(data(page))};\n{made}\n{script}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_valid_and_loads_nothing(pages: dict[str, Page], kind: str) -> None:
    page = pages[kind]
    assert page.faults == []
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        assert set(" ".join(page.attributes(attribute)).split()) <= set(ids)
    assert page.attributes("src") == []
    for tag, given in page.elements:
        assert not [key for key in given if key.startswith("on") or key == "style"], tag
        assert tag not in ("iframe", "object", "embed", "form", "base", "img")
        if tag == "button":
            assert given["type"] == "button"
        if tag == "canvas":
            assert {"aria-label", "role"} <= set(given)
    scripts = [text for given, text in page.scripts if "type" not in given]
    assert page.policy == {
        "default-src": ["'none'"],
        "img-src": ["data:"],
        "style-src": [hashed(page.styles[0])],
        "script-src": [hashed(text) for text in scripts],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    code = "\n".join(scripts)
    for word in ("eval(", "Function(", "fetch(", "XMLHttp", "import(", "http", "localStorage"):
        assert word not in code
    assert len(code.encode()) <= MOST_CODE


@needs_node
@pytest.mark.parametrize("kind", KINDS)
def test_the_scripts_parse_together(pages: dict[str, Page], kind: str, tmp_path: Path) -> None:
    scripts = [text for given, text in pages[kind].scripts if "type" not in given]
    (tmp_path / "page.js").write_text("\n".join(scripts))
    done = subprocess.run(["node", "--check", tmp_path / "page.js"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_what_the_scripts_look_for(pages: dict[str, Page], kind: str) -> None:
    page = pages[kind]
    code = "\n".join(text for given, text in page.scripts if "type" not in given)
    looked_for = set(re.findall(r'byId\("([\w-]+)"\)', code))
    made = {"numbers", "fields"}
    assert looked_for <= set(page.attributes("id")) | made
    found = data(page)
    assert found["view"]["kind"] == kind
    assert found["about"]["model_sha256"] in page.text


def test_rows_of_the_run_are_shown_as_the_model_reads_them(pages, runs):
    view = data(pages["pictures"])["view"]
    assert view["picture"] == [8, 8]
    packed = view["rows"]
    rows = np.frombuffer(base64.b64decode(packed["base64"]), packed["dtype"])
    static = runs["pictures"].static_arrays[0]
    np.testing.assert_array_equal(
        rows.reshape(packed["shape"]), static["shown"][: len(view["labels"])]
    )
    assert view["labels"] == static["shown_label"][: len(view["labels"])].tolist()
    codes = data(pages["codes"])["view"]
    assert codes["picture"] == [8, 8]
    assert codes["codes"]["shape"][1] == 3
    assert len(codes["code_labels"]) == codes["codes"]["shape"][0]


@needs_node
def test_the_page_of_a_forecast_opens_at_the_present_of_its_series(pages: dict[str, Page]) -> None:
    """It computes what it shows first, from the last steps of the series, without a complaint."""
    page = pages["forecasts"]
    view = data(page)["view"]["forecast"]
    fans = view["fans"]
    assert [each["name"] for each in fans["series"]] == list(SHOPS)
    assert [each["name"] for each in view["known"]] == ["promotion"]
    assert fans["targets"] == ["sales"]
    for fan in fans["series"]:
        assert fan["times"][-HORIZON - 1 :: HORIZON] == ["2024-02-29", "2024-03-03"]
        days = np.array(fan["seconds"]) // 86_400
        assert days[-1] == np.datetime64("2024-03-03", "D").astype(int)
        assert (np.diff(days) == 1).all()
        assert 0 < fan["held_from"] < len(fan["past"][0])
        assert fan["errors"][0]["own"] > 0
        assert sum(each is not None for each in fan["held"][0]) > LATER
    script = """
        const { ends, sizes, known } = DATA.view.forecast;
        const rows = ends.map((each) => {
          const values = numbersOf(each), [n, width] = each.shape;
          return Array.from({ length: n }, (_, t) => values.slice(t * width, (t + 1) * width));
        });
        const before = rows.map((each, i) => forecastOf(model, each, sizes[i]));
        rows[0][rows[0].length - 1][known[0].feature] += 1;
        const after = forecastOf(model, rows[0], sizes[0]);
        const plain = (all) => Object.fromEntries(
          Object.entries(all).map(([name, each]) => [name, each.map((y) => y[0])]));
        console.log(JSON.stringify([before.map(plain), plain(after)]));
    """
    shown, bent = answer_of_node(with_model(page, script))
    for found, fan in zip(shown, fans["series"], strict=True):
        assert found.keys() == fan["ahead"].keys()
        for name, values in found.items():
            np.testing.assert_allclose(values, fan["ahead"][name][0], rtol=1e-4)
    assert bent["y"][:-1] == shown[0]["y"][:-1]
    assert abs(bent["y"][-1] / shown[0]["y"][-1] - 1) > 1e-6


def test_a_point_of_a_forecast_that_is_touched_is_explained(
    pages: dict[str, Page], chromium: Any, tmp_path: Path
) -> None:
    """In a sentence, at the time of the point, and as a tint."""
    path = tmp_path / "f.html"
    path.write_text(pages["forecasts"].source, "utf-8")
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    page.goto(path.as_uri())
    canvas = page.locator("canvas.fan")
    before = canvas.evaluate("(canvas) => canvas.toDataURL()")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] - 11, "y": 60})
    words = page.locator("#why-text", has_text="Raises it most: ")
    words.wait_for()
    assert "sales, 2024-03-03. " in words.text_content()
    assert canvas.evaluate("(canvas) => canvas.toDataURL()") != before
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.locator("#why-text", has_text="sales, 2024-03-02. ").wait_for()
    page.close()


@needs_node
def test_the_page_of_rows_of_one_step_has_a_field_for_each_column(pages, runs):
    page = pages["forms"]
    view = data(page)["view"]
    form = view["form"]
    area, rooms, district = form["fields"]
    assert (area["name"], area["unit"], area["words"]) == ("area_m2", "m²", None)
    assert 40 <= area["low"] < area["high"] <= 200
    assert (rooms["whole"], area["whole"]) == (True, False)
    assert (district["words"], district["features"]) == (["hills", "port"], [2, 3])
    assert view["units"][view["targets"][0]] == "EUR"
    results = runs["forms"].results()
    assert results is not None
    assert form["off"][0]["mean"] == pytest.approx(results["target_1_mae"])
    assert form["off"][0]["half"] > form["off"][0]["mean"]
    first = (runs["forms"].path.parent / "houses.csv").read_text().splitlines()[1].split(",")
    assert form["truths"][0] == [float(first[3])]
    script = """
        const { rows } = DATA.view.form;
        const row = numbersOf(rows).slice(0, rows.shape[1]), before = Array.from(row);
        const y = model.predict([row]).y[0][0];
        row[0] += 50;
        console.log(JSON.stringify([before, y, model.predict([row]).y[0][0]]));
    """
    row, y, larger = answer_of_node(with_model(page, script))
    assert row == [float(first[0]), float(first[1]), *((1, 0) if first[2] == "hills" else (0, 1))]
    assert np.isfinite(y)
    assert larger != y
    alone = view_data(source_of(runs["forms"].model(), "model", "float32"))["form"]
    assert alone is not None
    assert not alone["own"]
    assert alone["fields"][2]["words"] == ["hills", "port"]
    assert alone["off"] == [None]


def test_a_field_with_letters_is_named_and_each_target_has_curves(chromium, tmp_path):
    model = random_model(
        3, job="regress", features=2, outputs=2, steps=1, missing="error", output="last", **PLAIN
    )
    about: Any = {"columns": ("temp_c", "ph"), "targets": ("mass_kg", "leak_mol_s")}
    transform = replace(model.transform, **about, reading={"layout": "features"})
    model = replace(model, transform=transform)
    path = tmp_path / "form.html"
    path.write_bytes(TARGET.build(source_of(model, "m", "float32"))[".html"])
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.get_by_label("Target of the curves").select_option("leak_mol_s")
    first = page.evaluate(PICTURE)
    page.get_by_label("Target of the curves").select_option("mass_kg")
    assert page.evaluate(PICTURE) != first
    page.locator("#why").click()
    field = page.get_by_label("temp_c", exact=False).first
    problem, curves = page.locator("#problem"), page.locator("#effects")
    for text, said in [
        ("abc", 'The model cannot read this: temp_c: "abc" is not a number.'),
        ("", "The model cannot read this: temp_c is empty, and the model knows no missing values."),
        ("1e1", ""),
    ]:
        field.fill(text)
        field.dispatch_event("change")
        assert problem.text_content() == said
        assert (curves.get_attribute("class") or "") == ("unread" if said else "")
    page.locator("#why-text", has_text="it most: temp_c, 10 °C").wait_for()
    page.locator(".row-field .adds i").first.wait_for()
    page.close()


PLAIN: Any = dict.fromkeys(("pixels", "linear", "change", "stem", "stateful"), False)

PICTURE = "document.getElementById('effects').toDataURL()"


def test_names_in_data_reach_the_page_as_text(pages: dict[str, Page]) -> None:
    classes = data(pages["signals"])["view"]["classes"]
    assert len(classes) == len(HOSTILE)
    assert any("<script>" in name for name in classes)
    assert "alert(1)" not in "".join(text for given, text in pages["signals"].scripts if not given)
    assert not any("\u202e" in name for name in classes)


def test_a_model_alone_has_no_rows_and_the_ranges_of_its_scaling() -> None:
    model = random_model(4, job="regress", missing="mean", linear=False, pixels=False, stem=False)
    page = Page(TARGET.build(source_of(model, "m", "float32"))[".html"].decode())
    view = data(page)["view"]
    scaling = model.transform.scaling
    assert scaling is not None
    np.testing.assert_allclose(view["low"], scaling[0] - 2.5 / scaling[1])
    assert view["rows"] is None
    assert view["codes"] is None


def test_a_made_series_has_one_hour_and_one_weekday_at_each_step() -> None:
    """Those of the columns known ahead are as many steps later as the forecast."""
    date = Encoding("date", calendar=("hours", "weekdays"))
    columns = ["sales", *date.features, *(f"{name} +3" for name in date.features)]
    facts: Any = {"columns": columns, "encodings": [date.facts()], "horizon": 3}
    value, *flags = _flags(facts, len(columns))
    assert value is None
    series = np.array([[int(flag) for flag in each or ""] for each in flags]).T
    steps = np.arange(len(series))
    hour, weekday, later_hour, later_weekday = np.split(series, [24, 31, 55], axis=1)
    for group in (hour, weekday, later_hour, later_weekday):
        assert (group.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(hour.argmax(1), steps % 24)
    np.testing.assert_array_equal(weekday.argmax(1), steps // 24 % 7)
    np.testing.assert_array_equal(later_hour[:-3], hour[3:])
    np.testing.assert_array_equal(later_weekday[:-3], weekday[3:])


@pytest.mark.parametrize(("name", "most"), [("digits", 210_000), ("codes", 720_000)])
def test_the_pages_of_the_documentation_are_small_and_right(name: str, most: int) -> None:
    path = Path(__file__).parents[3] / "docs" / "pages" / f"{name}.html"
    assert path.stat().st_size <= most
    found = data(Page(path.read_text("utf-8")))
    rows = found["view"]["rows"]
    pixels = np.frombuffer(base64.b64decode(rows["base64"]), np.uint8).reshape(rows["shape"])
    answers = unpacked(found["program"]).predict(pixels)
    if name == "digits":
        assert (answers["class"] == found["view"]["labels"]).sum() >= 9
    else:
        assert answers["error"].mean() < 0.05


def stored_weights(page: Page) -> set[str]:
    """Return the types of the weights of convolutions."""
    layers = [layer for net in data(page)["program"]["nets"] for layer in net]
    return {each["weight"]["dtype"] for each in layers if each["part"] == "Convolution"}


def test_convolutions_take_4_bytes_a_number() -> None:
    model = random_model(7, job="classify", stem=True, members=3)
    page = Page(TARGET.build(source_of(model, "m", "float32"))[".html"].decode())
    assert stored_weights(page) == {"<f4"}


@needs_node
def test_convolutions_are_rounded_after_their_normalisation_is_folded_in(tmp_path: Path) -> None:
    model = random_model(7, job="classify", stem=True, members=3)
    report = export_model(model, "html", tmp_path / "m.html", weights="float16")
    assert report.difference < 1e-9
    assert report.change is not None
    assert stored_weights(Page((tmp_path / "m.html").read_text("utf-8"))) == {"<f2"}
