"""The backward pass of pages, in node: of every cell, layer and step the gradient is that of small
changes of the row."""

import json
import shutil
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.python.file import packed
from hiddenstate.models.meaning import program_of
from hiddenstate.web.joining import joined, ordered
from tests.contract.models import KINDS
from tests.contract.reference import case_of
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

MODULES = ("packed", "fixed", "stem", "lru", "stem_gradients", "lru_gradients", "why", "occlusion")

NAMES = [name for name in KINDS if not name.startswith("autoencoder")]

DRIVER = """
const ended = (steps) => {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
};
const checked = ({ program, row, way, outputs }) => Array.from({ length: outputs }, (_, chosen) => {
  const explain = explained(unpacked(program), chosen);
  const x = row.map((step) => Float64Array.from(step));
  const near = (by) => x.map((step, t) => step.map((v, i) => v + by * way[t][i]));
  const moved = (by) => ended(explain(near(by)))[0];
  const [value, back] = ended(explain(x));
  const made = ended(back());
  const along = made.reduce((sum, d, t) => sum + d.reduce((s, v, i) => s + v * way[t][i], 0), 0);
  return [value, along, (moved(1e-5) - moved(-1e-5)) / 2e-5];
});
console.log(JSON.stringify(ASKED.map(checked)));
"""


def in_node(asked: list[dict[str, Any]], driver: str) -> Any:
    """Return what a script prints of what it is asked."""
    code = joined(ordered(f"web/{name}.js" for name in MODULES))
    return answer_of_node(f"{code}\nconst ASKED = {json.dumps(asked)};\n{driver}")


def test_every_gradient_is_that_of_small_changes() -> None:
    asked, values = [], []
    random = np.random.default_rng(0)
    for name in NAMES:
        case = case_of(name)
        program = program_of(case.model)
        row = program.kept(case.whole.X[:1].astype(np.float64))[0]
        way = random.normal(size=row.shape)
        answers = program.predict(case.whole.X[:1].astype(np.float64))
        if program.companions:  # what answers beside the nets has no gradient
            values.append(None)
        elif program.kind.has_classes:
            p = answers["probabilities"][0]
            values.append(np.log(p) - np.log1p(-p))
        else:
            values.append(answers["y"][0].reshape(-1, program.n_outputs)[-1])
        asked.append(
            {
                "program": packed(program, ("<f4",)),
                "row": row.tolist(),
                "way": way.tolist(),
                "outputs": program.n_outputs,
            }
        )
    for name, value, found in zip(NAMES, values, in_node(asked, DRIVER), strict=True):
        own, along, changed = np.array(found).T
        if value is not None:
            np.testing.assert_allclose(own, value, rtol=1e-6, atol=1e-6, err_msg=name)
        scale = max(1e-3, np.abs(changed).max())
        np.testing.assert_allclose(along / scale, changed / scale, atol=2e-6, err_msg=name)
