"""The rows that compared runs all show, and what each answers.

They are made in node, with as much of a document as the scripts make elements with.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.studio.details import pack
from hiddenstate.system.typing import Arrays

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="requires node")

SCRIPT = Path(hiddenstate.__file__).parent / "studio" / "static" / "compare_rows.js"

DOCUMENT = """
globalThis.Node = class { children = []; };
globalThis.Text = class extends Node { constructor(text) { super(); this.text = text; } };
const element = () => Object.assign(new Node(), {
  setAttribute() {}, addEventListener() {}, getContext: () => ({}), querySelector: element,
  append(...added) { this.children.push(...added); for (const each of added) each.onload?.(); },
});
globalThis.localStorage = { getItem: () => "en" };
globalThis.document = Object.assign(element(), {
  createElement: element, head: element(), documentElement: element() });
globalThis.window = { matchMedia: element, addEventListener() {} };
globalThis.fetch = async (path) => {
  const [, , , id, , which] = path.split("/");
  const decoded = () => Uint8Array.from(Buffer.from(RUNS[id][which], "base64")).buffer;
  return { ok: true, json: async () => RUNS[id].details, arrayBuffer: async () => decoded() };
};
const textOf = ({ text, children }) => text ?? children.map(textOf).filter(Boolean).join(" ");
"""


def run_of(shown: dict[str, Any], fixed: Arrays, now: Arrays) -> dict[str, Any]:
    """Return what the server sends of a run."""
    arrays = {"static": fixed, "7": now}
    sent = {which: base64.b64encode(pack(each)).decode() for which, each in arrays.items()}
    return {"details": {"snapshots": [7], "status": "running", "shown": shown}, **sent}


def together(*runs: dict[str, Any]) -> Any:
    """Return the texts of the cells of each row; None if there is no table."""
    code = f"""
        const RUNS = {json.dumps(runs)};
        {DOCUMENT}
        import({json.dumps(str(SCRIPT))}).then(async ({{ rowsTogether }}) => {{
          const made = await rowsTogether(RUNS.map((run, id) => ({{ id }})), () => new Text("run"));
          const rows = made && made.element.children[1].children[0].children[2].children;
          console.log(JSON.stringify(rows && rows.map((row) => row.children.map(textOf))));
        }});"""
    done = subprocess.run(["node", "-"], input=code, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def floats(*values: Any) -> Any:
    return np.array(values, np.float32)


def test_rows_of_classifiers_have_the_class_that_each_run_is_surest_of() -> None:
    fixed = {"shown": np.zeros((2, 3, 1), np.float32), "shown_label": np.array([0, 1])}
    answers = floats((0.9, 0.1), (0.8, 0.2)), floats((0.4, 0.6), (0.3, 0.7))
    runs = [run_of({"classes": ["a", "b"]}, fixed, {"probability": each}) for each in answers]
    assert together(*runs) == [["a", "a 90 %", "b 60 %"], ["b", "a 80 %", "b 70 %"]]
    other = run_of({"classes": ["a", "b"]}, {**fixed, "shown_label": np.array([1, 1])}, {})
    assert together(runs[0], other) is None


def test_rows_of_autoencoders_have_the_error_of_pictures() -> None:
    """That of numbers depends on how each run scales them."""
    rows = np.full((2, 4), 100, np.uint8)
    for original, error in ((rows, "error 0.04"), (rows.astype(np.float32), "")):
        made = (original, original + original.dtype.type(51))
        runs = [
            run_of({"picture": [2, 2]}, {"original": original}, {"reconstruction": each})
            for each in made
        ]
        none = error and "error 0"
        assert together(*runs) == [["1", none, error], ["2", none, error]]


def test_rows_of_regressors_have_how_far_off_each_run_is() -> None:
    target = floats((1, 2, np.nan, 4), (0, 0, 0, 0))
    name = np.zeros((2, 40), np.int32)
    name[:, 0] = ord("s"), ord("u")
    fixed = {"held_target": target, "held_name": name, "held_of": np.array([[0, 0], [1, 1]])}
    made = [{"held_prediction": target + np.float32(off)} for off in (0, 0.5)]
    runs = [run_of({"targets": ["x", "y"]}, fixed, each) for each in made]
    assert together(*runs) == [["s, x", "± 0", "± 0.5"], ["u, y", "± 0", "± 0.5"]]


def test_windows_of_a_signal_have_a_row_for_each_target() -> None:
    target = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    now = {"time": np.arange(6, dtype=np.float32).reshape(2, 3), "target": target}
    runs = [run_of({}, {}, {**now, "prediction": target + floats(0, off)}) for off in (1, 2)]
    assert together(*runs) == [["target 1", "± 0", "± 0"], ["target 2", "± 1", "± 2"]]
