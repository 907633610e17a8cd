"""What the server sends of a run."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.export.python.model import unpacked
from hiddenstate.export.target import source_of
from hiddenstate.runs import Run
from hiddenstate.studio.details import WAVE_PARTS, arrays_of, details, program, view
from tests.export.models import random_model
from tests.report_html import train

SCRIPTS = Path(hiddenstate.__file__).parent / "web"


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_a_page_computes_companions_by_what_the_server_says_of_them(monkeypatch):
    model = random_model(3, job="classify", steps=12, convolutions=0.5, missing=None)
    source: Any = source_of(model, "m", "float32")
    monkeypatch.setattr("hiddenstate.studio.details._source", lambda run, step: source)
    run: Any = None
    sent = program(run, None).decode()
    (beside,) = json.loads(sent)["companions"]
    assert beside["title"] == "fixed convolutions"
    rows = np.random.default_rng(0).normal(size=(12, source.program.n_features))
    names = ("net", "packed", "reading", "stem", beside["script"])
    paths = [f"import({json.dumps(str(SCRIPTS / f'{name}.js'))})" for name in names]
    code = f"""
        Promise.all([{",".join(paths)}]).then(([{{ Model }}, {{ unpacked }}, {{ traceOf }}]) => {{
          const trace = traceOf(new Model(unpacked({sent})), {json.dumps(rows.tolist())});
          console.log(JSON.stringify(trace.probabilities.map((p) => [...p])));
        }});"""
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout)
    for t in (4, 12):
        expected = source.program.predict(rows[None, :t])["probabilities"][0]
        np.testing.assert_allclose(answers[t - 1], expected, atol=1e-5)


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_the_step_that_decides_is_found_between_the_steps_that_are_read(tmp_path: Path) -> None:
    code = f"""
        import({json.dumps(str(SCRIPTS / "reading.js"))}).then(({{ traceOf }}) => {{
          const found = [1, 29, 96].map((decided) => {{
            const sure = (n) => [n < decided, n >= decided].map(Number);
            const predict = (row) => ({{ probabilities: sure(row.length), states: [] }});
            const model = {{ streams: false, program: {{ nets: [], companions: [] }}, predict }};
            const {{ probabilities }} = traceOf(model, Array(97).fill([0]), 6);
            return probabilities.map(([, late]) => late).indexOf(1) + 1;
          }});
          console.log(JSON.stringify(found));
        }});"""
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1, 29, 96]


def test_the_input_of_a_forecast_begins_with_the_end_of_its_own_series(tmp_path: Path) -> None:
    """The model reads logarithms, which a wave around 0 has none of."""
    sales = (5000 * (1 + 0.2 * np.sin(np.arange(90) * 2 * np.pi / 7))).round(1)
    days = np.arange("2024-01-01", "2024-03-31", dtype="datetime64[D]")
    lines = [f"{day},{sale}" for day, sale in zip(days, sales, strict=True)]
    data = tmp_path / "sales.csv"
    data.write_text("\n".join(["date,sales", *lines]))
    small = {"hidden_size": 4, "epochs": 1, "calendar": ("weekdays",)}
    run = train("regress", {"data": str(data), "target": "sales", "horizon": 3} | small, tmp_path)
    shown = unpacked(json.loads(view(run, None)))
    assert shown["rows"].shape == (1, len(days), len(shown["columns"]))
    np.testing.assert_allclose(shown["rows"][0, :, 0], sales, rtol=1e-6)
    assert 0 < shown["low"][0] < sales.min() < sales.max() < shown["high"][0] < 2 * sales.max()
    assert set(shown["low"][1:]) == {0}
    assert set(shown["high"][1:]) == {1}


CHINESE = """
globalThis.localStorage = { getItem: () => "zh" };
Object.defineProperty(globalThis, "navigator", { value: { language: "zh" }, configurable: true });
globalThis.document = { documentElement: {} };
const { all, file } = JSON.parse(process.argv[1]);
import(file).then(({ resultOf, intervalOf, scoresOf }) => {
  const row = { score_text: "a\u00a05; b\u00a06; 3 more", more: 3 };
  const scores = [row, { score_text: "5", more: 0 }].map(scoresOf);
  console.log(JSON.stringify([scores, ...all.map((each) => {
    const main = each.results.find(({ name }) => name === each.headline) || each.results[0];
    return [resultOf(each, main), intervalOf(main.within)];
  })]));
});
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_the_result_of_a_run_is_written_in_chinese(trained: Callable[[str], Path]) -> None:
    every = [details(Run(trained(job)), "1") for job in ("classify", "regress", "autoencode")]
    file = Path(hiddenstate.__file__).parent / "studio" / "static" / "result.js"
    given = json.dumps({"all": every, "file": str(file)}, default=str)
    command = ["node", "--input-type=module", "-e", CHINESE, given]
    done = subprocess.run(command, capture_output=True, check=True).stdout
    scores, *results = json.loads(done)
    assert scores == ["a\N{NO-BREAK SPACE}5; b\N{NO-BREAK SPACE}6; 另有 3 个", "5"]
    for found, (text, interval) in zip(every, results, strict=True):
        assert not interval or interval.startswith("95 % 置信区间")
        names = {word for of in found["targets"] for word in re.findall("[a-zA-Z]+", of["name"])}
        assert set(re.findall("[a-zA-Z]{3,}", text)) <= names | {"MASE"}
        assert found["baseline"].get("text", "") in text


AXIS = """
globalThis.localStorage = { getItem: () => null };
Object.defineProperty(globalThis, "navigator", { value: { language: "en" }, configurable: true });
globalThis.document = { documentElement: {} };
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "" });
import(process.argv[1]).then(({ drawCurves }) => {
  const get = (_, name) => (name === "measureText" ? () => ({ width: 20 }) : () => {});
  const points = [[1, 0.975], [2, 0.978]];
  const { y } = drawCurves(new Proxy({}, { get, set: () => true }), 400, 200, {
    curves: [{ name: "score", color: "red", width: 1, points }], end: 2, at: null, share: true });
  console.log((y(0.975) - y(0.978)) / 200);
});
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="requires node")
def test_shares_that_hardly_differ_fill_little_of_their_axis() -> None:
    file = str(Path(hiddenstate.__file__).parent / "studio" / "static" / "curves.js")
    command = ["node", "--input-type=module", "-e", AXIS, file]
    assert float(subprocess.run(command, capture_output=True, check=True).stdout) < 0.06


def test_a_page_gets_the_ends_of_sounds_first_and_their_samples_on_demand(
    odd_run: Callable[[str], Run],
) -> None:
    run = odd_run("sounds")
    waves, sent = run.static_arrays[0]["wave"], arrays_of(run, "static")
    assert "wave" not in sent
    assert "wave_ends" in sent
    ends = sent["wave_ends"]
    assert ends.dtype == np.uint8
    assert ends.shape == (len(waves), WAVE_PARTS, 2)
    assert (ends[:, :, 0].min(axis=1) == waves.min(axis=1)).all()
    assert (ends[:, :, 1].max(axis=1) == waves.max(axis=1)).all()
    assert (arrays_of(run, "waves")["wave"] == waves).all()
    assert details(run, "1")["shown"]["sound"]["bands"] == 8
