"""What the server sends of a run."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hiddenstate
from hiddenstate.export.target import source_of
from hiddenstate.studio.details import program
from tests.export.models import random_model

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
