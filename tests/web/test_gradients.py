"""The backward pass of pages, in node: of every cell, layer and step the gradient is that of small
changes of the row."""

import json
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hiddenstate.export.python.file import packed
from hiddenstate.inference.why import Explainer
from hiddenstate.models.meaning import program_of
from hiddenstate.program.order import step_of
from hiddenstate.program.rows import carry_forward
from hiddenstate.program.steps import Fill
from hiddenstate.web.joining import joined, ordered
from tests.conftest import needs_kernels
from tests.contract.forecasts import MODELS, source
from tests.contract.integers import OTHERS, WITH_BOTH, in_integers
from tests.contract.models import KINDS
from tests.contract.reference import case_of
from tests.contract.test_ahead import series_for
from tests.export.scripts import answer_of_node

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")

BESIDE = ("stem", "lru", "fixed", "stem_gradients", "lru_gradients", "occlusion")
WHOLE = ("integers", "integer_gradients")
MODULES = ("packed", *BESIDE, *WHOLE, "why_odds", "why_answer", "why_ahead")

NAMES = [name for name in KINDS if not name.startswith(("autoencoder", "wide"))]

IN_INTEGERS = [name for name in (*WITH_BOTH, *OTHERS) if name in NAMES]
"""Those whose gradients are also asked of them in integers, which have those of the weights that
the integers stand for."""

KERNELS = (
    "rnn relu",
    "lru, stem of members",
    "mingru",
    "mask, both directions",
    "quantiles",
    "lags of inputs, every step",
    "by window, all parts",
    "fixed convolutions, stem",
    "fixed convolutions alone",
)
"""Those whose reasons are compared with the kernels' own."""

DRIVER = """
const ended = (steps) => {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
};
const checked = ({ outputs, ...asked }) => Array.from({ length: outputs }, (_, chosen) => (
  checkedOf(asked, chosen)));
const checkedOf = ({ program, row, way, place }, chosen) => {
  const own = unpacked(program);
  const forecast = place !== undefined;
  const explain = forecast ? forecastExplained(own, place, chosen) : explained(own, chosen);
  const x = row.map((step) => Float64Array.from(step));
  const near = (by) => x.map((step, t) => step.map((v, i) => v + by * way[t][i]));
  const moved = (by) => ended(explain(near(by)))[0];
  const [value, back] = ended(explain(x));
  const made = ended(back());
  const along = made.reduce((sum, d, t) => sum + d.reduce((s, v, i) => s + v * way[t][i], 0), 0);
  return [value, along, (moved(1e-5) - moved(-1e-5)) / 2e-5];
};
console.log(JSON.stringify(ASKED.map(checked)));
"""


def in_node(asked: list[dict[str, Any]], driver: str) -> Any:
    """Return what a script prints of what it is asked."""
    code = joined(ordered(f"web/{name}.js" for name in MODULES))
    return answer_of_node(f"{code}\nconst ASKED = {json.dumps(asked)};\n{driver}")


def test_every_gradient_is_that_of_small_changes() -> None:
    asked, values = [], []
    random = np.random.default_rng(0)
    names = [*NAMES, *IN_INTEGERS]
    for place, name in enumerate(names):
        case = case_of(name)
        whole = in_integers(case.model) if place >= len(NAMES) else case.model
        program = program_of(replace(whole, integer=None))
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
                "program": packed(program_of(whole), ("<f4",)),
                "row": row.tolist(),
                "way": way.tolist(),
                "outputs": program.n_outputs,
            }
        )
    found = in_node(asked, DRIVER)
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        own, along, changed = np.array(found[place]).T
        close = 5e-4 if place >= len(NAMES) else 1e-6  # biases have 12 bits in a FastGRNN
        if value is not None:
            np.testing.assert_allclose(own, value, rtol=close, atol=close, err_msg=name)
        scale = max(1e-3, np.abs(changed).max())
        rounding = 1e-10 * np.abs(own).max() / scale  # of the answers, for such small changes
        limit = 2e-6 + rounding
        np.testing.assert_allclose(along / scale, changed / scale, atol=limit, err_msg=name)


def test_the_gradient_of_every_forecast_is_that_of_small_changes() -> None:
    asked, values = [], []
    random = np.random.default_rng(0)
    for name in MODELS:
        program = source(name).program
        X = series_for(source(name), program.window + program.horizon - 1)[:1].astype(np.float64)
        values += list(program.forecast(X)["y"][0])
        fill = step_of(program.steps, Fill)
        row = program.kept(carry_forward(X) if fill is not None and fill.forward else X)[0]
        way = random.normal(size=row.shape)
        own = packed(program, ("<f4",))
        common = {"program": own, "row": row.tolist(), "way": way.tolist()}
        asked += [
            {**common, "outputs": program.n_outputs, "place": place}
            for place in range(program.horizon)
        ]
    for step, found in zip(values, in_node(asked, DRIVER), strict=True):
        own, along, changed = np.array(found).T
        np.testing.assert_allclose(own, step, rtol=1e-6, atol=1e-6)
        scale = max(1e-3, np.abs(changed).max())
        np.testing.assert_allclose(along / scale, changed / scale, atol=2e-6)


REASONS = """
const reasons = ({ program, row, mean, chosen }) => {
  const [x, b] = [row, mean].map((rows) => rows.map((step) => Float64Array.from(step)));
  const { shares, ...found } = ended(whyOf(unpacked(program), x, b, chosen));
  return { ...found, shares: shares.map((step) => Array.from(step)) };
};
console.log(JSON.stringify(ASKED.map(reasons)));
"""


@needs_kernels
def test_reasons_are_those_of_the_kernels() -> None:
    asked, wanted = [], []
    random = np.random.default_rng(1)
    for name in KERNELS:
        case = case_of(name)
        program = program_of(case.model)
        row = program.kept(case.whole.X[:1].astype(np.float64))[0]
        mean = random.normal(size=(1, row.shape[1])) / 4
        chosen = program.n_outputs - 1
        found = Explainer(case.model, mean).why(row, chosen)
        wanted.append(found)
        asked.append(
            {
                "program": packed(program, ("<f4",)),
                "row": row.tolist(),
                "mean": mean.tolist(),
                "chosen": chosen,
            }
        )
    start = DRIVER.partition("const checked")[0]
    for name, why, found in zip(KERNELS, wanted, in_node(asked, start + REASONS), strict=True):
        size = max(abs(why.answer - why.base), np.abs(why.attributions).max())
        shares = np.array(found["shares"])
        np.testing.assert_allclose(shares / size, why.attributions / size, atol=1e-9, err_msg=name)
        assert found["points"] == why.points
        assert found["gradients"] == why.share
        np.testing.assert_allclose(found["missing"], why.missing, atol=1e-9)
        if why.share == 1:
            sums = found["value"] - found["base"] - shares.sum()
            limit = 1e-4 * max(1, abs(why.answer - why.base))
            assert abs(sums) < limit, name
